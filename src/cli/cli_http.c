#include "cli/cli_http.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/memory.h"

#define CONNECT_SECONDS 10L
#define CALL_SECONDS 120L
/* The API says something every 15 seconds. */
#define SILENT_SECONDS 45L
#define FAULTS_SHOWN 16

struct cli_http {
    CURL *curl;
    char url[CLI_HTTP_URL_SIZE];
    struct buf ca_pem;
    struct secret token;
};

/* What one transfer gathers. */
struct transfer {
    struct buf body;
    char *etag; /* CLI_HTTP_ETAG_SIZE bytes, or NULL */
    cli_http_bytes_fn on_bytes;
    void *context;
    CURL *curl;
    bool is_too_large;
    bool is_ended; /* by the callback */
};

/* https://host[:port], nothing after it but a slash. */
static enum status take_url(struct cli_http *http, const char *url, struct why *why) {
    struct str text = str_from(url);
    if (str_ends_with(text, STR("/"))) {
        text = str_sub(text, 0, text.len - 1);
    }
    bool is_right = str_starts_with(text, STR("https://")) && text.len > 8;
    for (size_t i = 8; i < text.len && is_right; i++) {
        is_right = strchr("/?#@\\ ", text.at[i]) == NULL && (unsigned char)text.at[i] > 0x20;
    }
    if (!is_right || str_to_cstr(text, http->url, sizeof(http->url)) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "url_invalid",
                       "\"%.100s\" is not an address of the API: it has the form "
                       "https://api.example.net:8443",
                       url);
    }
    return STATUS_OK;
}

enum status cli_http_new(const char *url, struct str ca_pem, struct str token,
                         struct cli_http **http, struct why *why) {
    struct cli_http *made = MEMORY_NEW(struct cli_http);
    buf_init(&made->ca_pem, (size_t)1 << 20);
    secret_init(&made->token);
    enum status status = take_url(made, url, why);
    if (status == STATUS_OK && (buf_append_str(&made->ca_pem, ca_pem) != STATUS_OK ||
                                secret_set(&made->token, token) != STATUS_OK)) {
        status = why_set(why, STATUS_TOO_LARGE, "token_too_large",
                         "the token or the root certificates are too large");
    }
    if (status == STATUS_OK) {
        made->curl = curl_easy_init();
        status = made->curl != NULL
                     ? STATUS_OK
                     : why_set(why, STATUS_FAILED, "curl_failed", "libcurl does not start");
    }
    *http = made;
    if (status != STATUS_OK) {
        cli_http_free(http);
    }
    return status;
}

void cli_http_free(struct cli_http **http) {
    if (*http == NULL) {
        return;
    }
    curl_easy_cleanup((*http)->curl);
    buf_fini(&(*http)->ca_pem);
    secret_fini(&(*http)->token);
    memory_free(*http);
    *http = NULL;
}

bool cli_http_trust(struct cli_http *http, struct str ca_pem) {
    if (buf_len(&http->ca_pem) == 0 || str_is_empty(ca_pem)) {
        return false;
    }
    buf_clear(&http->ca_pem);
    return buf_append_str(&http->ca_pem, ca_pem) == STATUS_OK;
}

const char *cli_http_url(const struct cli_http *http) {
    return http->url;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    long status = 0;
    size_t len = size * count;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->on_bytes != NULL && status == 200) {
        transfer->is_ended = !transfer->on_bytes(transfer->context, str_make(bytes, len));
        return transfer->is_ended ? 0 : len;
    }
    if (buf_append(&transfer->body, bytes, len) != STATUS_OK) {
        transfer->is_too_large = true;
        return 0;
    }
    return len;
}

static size_t take_field(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    struct str line = str_make(bytes, size * count);
    struct str name;
    struct str value;
    while (line.len > 0 && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == '\n')) {
        line.len--;
    }
    (void)str_cut(line, ':', &name, &value);
    if (transfer->etag != NULL && str_eq_nocase(name, STR("etag"))) {
        snprintf(transfer->etag, CLI_HTTP_ETAG_SIZE, "%.*s", STR_ARG(str_trim(value)));
    }
    return size * count;
}

/* A list of curl's grows by being made anew. */
static void add_field(struct curl_slist **fields, const char *name, struct str value) {
    struct buf line;
    buf_init(&line, 16384);
    if (buf_printf(&line, "%s: %.*s", name, STR_ARG(value)) == STATUS_OK &&
        buf_append(&line, "", 1) == STATUS_OK) {
        *fields = curl_slist_append(*fields, (const char *)buf_bytes(&line));
    }
    buf_fini_wiped(&line);
}

static struct curl_slist *make_fields(const struct cli_http *http, const char *if_match,
                                      bool has_body) {
    struct curl_slist *fields = NULL;
    if (!secret_is_empty(&http->token)) {
        struct buf value;
        buf_init(&value, 16384);
        (void)!buf_printf(&value, "Bearer %.*s", STR_ARG(secret_str(&http->token)));
        add_field(&fields, "Authorization", buf_str(&value));
        buf_fini_wiped(&value);
    }
    if (if_match != NULL) {
        add_field(&fields, "If-Match", str_from(if_match));
    }
    if (has_body) {
        add_field(&fields, "Content-Type", STR("application/json"));
    }
    return fields;
}

static void wipe_fields(struct curl_slist *fields) {
    for (struct curl_slist *at = fields; at != NULL; at = at->next) {
        secret_wipe(at->data, strlen(at->data));
    }
    curl_slist_free_all(fields);
}

static void set_options(struct cli_http *http, const char *method, const char *path,
                        struct transfer *transfer) {
    CURL *curl = http->curl;
    char url[CLI_HTTP_URL_SIZE + 4096];
    curl_easy_reset(curl);
    snprintf(url, sizeof(url), "%s%s", http->url, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "mezusphere/" MEZUSPHERE_VERSION);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_field);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    if (buf_len(&http->ca_pem) > 0) {
        struct curl_blob blob = {
            .data = (void *)(uintptr_t)buf_bytes(&http->ca_pem),
            .len = buf_len(&http->ca_pem),
            .flags = CURL_BLOB_NOCOPY,
        };
        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
    }
    transfer->curl = curl;
}

static enum status judge_curl(const struct cli_http *http, CURLcode code,
                              const struct transfer *transfer, struct why *why) {
    switch (code) {
    case CURLE_OK:
        return STATUS_OK;
    case CURLE_PEER_FAILED_VERIFICATION:
        return why_set(why, STATUS_UNAVAILABLE, "certificate_untrusted",
                       "the certificate of %.100s is not trusted: name the platform's root with "
                       "--ca-file (the data folder's ca.pem)",
                       http->url);
    case CURLE_WRITE_ERROR:
        if (transfer->is_too_large) {
            return why_set(why, STATUS_FAILED, "answer_too_large",
                           "the answer has more than %zu MiB", CLI_HTTP_BYTES_MAX >> 20);
        }
        return STATUS_END;
    default:
        return why_set(why, STATUS_UNAVAILABLE, "api_unreachable", "%.100s does not answer: %s",
                       http->url, curl_easy_strerror(code));
    }
}

static enum status status_of(long http_status) {
    switch (http_status) {
    case 401:
    case 403:
        return STATUS_DENIED;
    case 404:
        return STATUS_NOT_FOUND;
    case 409:
    case 412:
    case 428:
        return STATUS_CONFLICT;
    case 429:
        return STATUS_UNAVAILABLE;
    default:
        return http_status >= 500 ? STATUS_UNAVAILABLE : STATUS_FAILED;
    }
}

static const char *text_of(const json_t *object, const char *name, const char *fallback) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : fallback;
}

/* Where more than one thing is wrong, one line each. */
static void show_faults(const json_t *problem) {
    const json_t *faults = json_object_get(problem, "errors");
    for (size_t i = 0; i < json_array_size(faults) && i < FAULTS_SHOWN; i++) {
        const json_t *fault = json_array_get(faults, i);
        (void)fprintf(stderr, "  %s: %s\n", text_of(fault, "pointer", ""),
                      text_of(fault, "detail", ""));
    }
}

static enum status judge_answer(long http_status, const json_t *body, struct why *why) {
    if (http_status < 400) {
        return STATUS_OK;
    }
    char standard[32];
    snprintf(standard, sizeof(standard), "HTTP status %ld", http_status);
    const char *title = text_of(body, "title", standard);
    show_faults(body);
    return why_set(why, status_of(http_status), text_of(body, "code", "api_error"), "%s",
                   text_of(body, "detail", title));
}

static enum status parse_answer(const struct transfer *transfer, struct cli_http_answer *answer,
                                struct why *why) {
    const char *type = NULL;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_getinfo(transfer->curl, CURLINFO_CONTENT_TYPE, &type);
    if (buf_len(&transfer->body) > 0 && type != NULL && strstr(type, "json") != NULL) {
        enum status status = json_parse(buf_str(&transfer->body), &answer->body, why);
        if (status != STATUS_OK) {
            return why_set(why, STATUS_FAILED, "answer_malformed",
                           "what answered is not the platform's API: its answer is no JSON");
        }
    }
    enum status status = judge_answer(answer->status, answer->body, why);
    if (status != STATUS_OK) {
        json_decref(answer->body);
        answer->body = NULL;
    }
    return status;
}

enum status cli_http_call(struct cli_http *http, const char *method, const char *path,
                          const json_t *body, const char *if_match, struct cli_http_answer *answer,
                          struct why *why) {
    struct transfer transfer = {.etag = answer->etag};
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    struct curl_slist *fields = make_fields(http, if_match, text != NULL);
    *answer = (struct cli_http_answer){0};
    buf_init(&transfer.body, CLI_HTTP_BYTES_MAX);
    set_options(http, method, path, &transfer);
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT, CALL_SECONDS);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, fields);
    if (text != NULL) {
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, text);
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
    }
    enum status status = judge_curl(http, curl_easy_perform(http->curl), &transfer, why);
    if (status == STATUS_OK) {
        status = parse_answer(&transfer, answer, why);
    }
    if (text != NULL) {
        secret_wipe(text, strlen(text));
        free(text);
    }
    wipe_fields(fields);
    buf_fini_wiped(&transfer.body);
    return status;
}

enum status cli_http_stream(struct cli_http *http, const char *path, const char *last_event_id,
                            cli_http_bytes_fn on_bytes, void *context, struct why *why) {
    struct cli_http_answer answer = {0};
    struct transfer transfer = {.on_bytes = on_bytes, .context = context};
    struct curl_slist *fields = make_fields(http, NULL, false);
    add_field(&fields, "Accept", STR("text/event-stream"));
    if (last_event_id[0] != '\0') {
        add_field(&fields, "Last-Event-ID", str_from(last_event_id));
    }
    buf_init(&transfer.body, CLI_HTTP_BYTES_MAX);
    set_options(http, "GET", path, &transfer);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(http->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(http->curl, CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
    enum status status = judge_curl(http, curl_easy_perform(http->curl), &transfer, why);
    if (status == STATUS_OK) {
        status = parse_answer(&transfer, &answer, why);
        json_decref(answer.body);
    }
    wipe_fields(fields);
    buf_fini(&transfer.body);
    return status == STATUS_OK ? STATUS_END : status;
}

char *cli_http_escape(struct cli_http *http, const char *text) {
    return curl_easy_escape(http->curl, text, 0);
}

void cli_http_escape_free(char *text) {
    curl_free(text);
}
