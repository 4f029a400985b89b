#include "identity/identity_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/memory.h"

#define CONNECT_MS 15000L
#define WHOLE_MS 60000L
#define URL_SIZE 512
/* What a server says of a mail that it will not have, now or ever (RFC 5321 §4.2.3). */
#define REFUSED_FIRST 550
#define REFUSED_LAST 556

enum transport_kind {
    TRANSPORT_FILE,
    TRANSPORT_STARTTLS,
    TRANSPORT_TLS,
};

struct identity_transport {
    enum transport_kind kind;
    bool is_local; /* the server is on this machine */
    char url[URL_SIZE];
    char folder[PATH_MAX];
    char ca_file[PATH_MAX];
    struct secret user;
    struct secret password;
};

/* Options */

static enum status refuse_url(struct why *why, const char *text) {
    return why_set(why, STATUS_INVALID, "mail_url", "--mail: %s", text);
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_host_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr(".-:[]", c) != NULL;
}

/* host, host:port or [v6]:port: nothing of a path, a user or a query. */
static bool is_authority(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\0' || !is_host_byte(text.at[i])) {
            return false;
        }
    }
    return text.len > 0 && text.len < 300;
}

static bool is_local(struct str authority) {
    static const struct str names[] = {STR_INIT("localhost"), STR_INIT("127.0.0.1"),
                                       STR_INIT("[::1]")};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct str rest = str_sub(authority, names[i].len, SIZE_MAX);
        if (str_eq_nocase(str_sub(authority, 0, names[i].len), names[i]) &&
            (str_is_empty(rest) || rest.at[0] == ':')) {
            return true;
        }
    }
    return false;
}

static enum status take_url(struct identity_transport *transport, const char *text,
                            struct why *why) {
    static const struct {
        struct str prefix;
        enum transport_kind kind;
        const char *port;
    } rows[] = {
        {STR_INIT("smtp://"), TRANSPORT_STARTTLS, ":587"},
        {STR_INIT("smtps://"), TRANSPORT_TLS, ":465"},
        {STR_INIT("file:"), TRANSPORT_FILE, ""},
    };
    struct str url = str_from(text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!str_starts_with(url, rows[i].prefix)) {
            continue;
        }
        struct str rest = str_sub(url, rows[i].prefix.len, SIZE_MAX);
        transport->kind = rows[i].kind;
        if (transport->kind == TRANSPORT_FILE) {
            return str_to_cstr(rest, transport->folder, sizeof(transport->folder)) == STATUS_OK &&
                           is_folder(transport->folder)
                       ? STATUS_OK
                       : refuse_url(why, "file: names no folder that is there");
        }
        if (!is_authority(rest)) {
            break;
        }
        bool has_port = strchr(rest.at, ']') != NULL ? strstr(rest.at, "]:") != NULL
                                                     : strchr(rest.at, ':') != NULL;
        transport->is_local = is_local(rest);
        (void)snprintf(transport->url, sizeof(transport->url), "%s%s", text,
                       has_port ? "" : rows[i].port);
        return STATUS_OK;
    }
    return refuse_url(why, "has to be smtp://host[:port], smtps://host[:port] or file:DIR");
}

static void copy_secret(struct secret *to, const struct secret *from) {
    secret_init(to);
    if (from != NULL) {
        *to = *from;
    }
}

enum status identity_transport_new(const struct identity_transport_config *config,
                                   struct identity_transport **out, struct why *why) {
    struct identity_transport *transport = MEMORY_NEW(struct identity_transport);
    copy_secret(&transport->user, config->user);
    copy_secret(&transport->password, config->password);
    enum status status = take_url(transport, config->url, why);
    if (status == STATUS_OK && config->ca_file != NULL &&
        (str_to_cstr(str_from(config->ca_file), transport->ca_file, sizeof(transport->ca_file)) !=
             STATUS_OK ||
         access(config->ca_file, R_OK) != 0)) {
        status = why_set(why, STATUS_INVALID, "mail_ca_file", "--mail-ca-file cannot be read");
    }
    if (status == STATUS_OK && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        status = why_set(why, STATUS_FAILED, "mail_library", "libcurl cannot start");
    }
    *out = transport;
    if (status != STATUS_OK) {
        identity_transport_free(out);
    }
    return status;
}

void identity_transport_free(struct identity_transport **transport) {
    if (*transport == NULL) {
        return;
    }
    secret_fini(&(*transport)->user);
    secret_fini(&(*transport)->password);
    memory_free(*transport);
    *transport = NULL;
}

/* Files */

static enum status fail_file(struct why *why) {
    return why_set(why, STATUS_UNAVAILABLE, "mail_unreachable", "the mail cannot be written: %s",
                   strerror(errno));
}

/* Whole or not at all: whoever watches the folder sees no half mail. */
static enum status write_file(const struct identity_transport *transport, const char *name,
                              struct str message, struct why *why) {
    char path[PATH_MAX + 64];
    char part[PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "%s/%s.eml", transport->folder, name);
    (void)snprintf(part, sizeof(part), "%s/.%s.part", transport->folder, name);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fail_file(why);
    }
    bool is_written = write(fd, message.at, message.len) == (ssize_t)message.len;
    if (!is_written || fsync(fd) != 0 || rename(part, path) != 0) {
        enum status status = fail_file(why);
        (void)unlink(part);
        close(fd);
        return status;
    }
    close(fd);
    return STATUS_OK;
}

/* SMTP */

static size_t read_message(char *to, size_t size, size_t count, void *context) {
    struct str *rest = context;
    size_t len = size * count < rest->len ? size * count : rest->len;
    memcpy(to, rest->at, len);
    *rest = str_sub(*rest, len, SIZE_MAX);
    return len;
}

static int check_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const atomic_bool *is_stopping = context;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return is_stopping != NULL && atomic_load(is_stopping) ? 1 : 0;
}

struct letter {
    struct str rest;
    struct curl_slist *to;
    char from[IDENTITY_EMAIL_SIZE + 2];
    char error[CURL_ERROR_SIZE];
};

static void set_options(CURL *curl, const struct identity_transport *transport,
                        struct letter *letter, const atomic_bool *is_stopping) {
    bool may_be_plain = transport->kind == TRANSPORT_STARTTLS && transport->is_local &&
                        secret_is_empty(&transport->user);
    curl_easy_setopt(curl, CURLOPT_URL, transport->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, may_be_plain ? CURLUSESSL_TRY : CURLUSESSL_ALL);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (transport->ca_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, transport->ca_file);
    }
    if (!secret_is_empty(&transport->user)) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, transport->user.text);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, transport->password.text);
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, letter->from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, letter->to);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
    curl_easy_setopt(curl, CURLOPT_READDATA, &letter->rest);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, is_stopping);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, letter->error);
}

/* That nobody could sign in is the operator's to mend, not the mail's fault. */
static enum status judge(CURL *curl, CURLcode code, const struct letter *letter, struct why *why) {
    long answer = 0;
    const char *text = letter->error[0] != '\0' ? letter->error : curl_easy_strerror(code);
    if (code == CURLE_OK) {
        return STATUS_OK;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    if (answer >= REFUSED_FIRST && answer <= REFUSED_LAST && code != CURLE_LOGIN_DENIED) {
        return why_set(why, STATUS_DENIED, "mail_refused", "the mail server refuses it (%ld): %s",
                       answer, text);
    }
    return answer >= 400 ? why_set(why, STATUS_UNAVAILABLE, "mail_deferred",
                                   "the mail server does not take it now (%ld): %s", answer, text)
                         : why_set(why, STATUS_UNAVAILABLE, "mail_unreachable", "%s", text);
}

enum status identity_transport_send(struct identity_transport *transport, const char *name,
                                    const struct identity_email *from,
                                    const struct identity_email *to, struct str message,
                                    const atomic_bool *is_stopping, struct why *why) {
    if (transport->kind == TRANSPORT_FILE) {
        return write_file(transport, name, message, why);
    }
    struct letter letter = {.rest = message};
    char recipient[IDENTITY_EMAIL_SIZE + 2];
    CURL *curl = curl_easy_init();
    (void)snprintf(letter.from, sizeof(letter.from), "<%s>", from->text);
    (void)snprintf(recipient, sizeof(recipient), "<%s>", to->text);
    letter.to = curl_slist_append(NULL, recipient);
    enum status status = STATUS_UNAVAILABLE;
    if (curl == NULL || letter.to == NULL) {
        status = why_set(why, STATUS_UNAVAILABLE, "mail_unreachable", "too little memory");
    } else {
        set_options(curl, transport, &letter, is_stopping);
        status = judge(curl, curl_easy_perform(curl), &letter, why);
    }
    curl_slist_free_all(letter.to);
    curl_easy_cleanup(curl);
    return status;
}
