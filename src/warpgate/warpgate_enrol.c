#include "warpgate/warpgate_enrol.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "http/h1_client.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "warpgate/warpgate_dial.h"

#define EXCHANGE_MS 30000
#define CONNECT_MS 4000
#define KEY_PEM_BYTES_MAX 1024
#define TRUST_BYTES_MAX ((size_t)2 << 20)
#define BEARER_SIZE (SECRET_MAX + 8)

struct warpgate_enrol {
    struct warpgate_parts *parts;
    const struct warpgate_settings *settings;
    warpgate_enrolled_fn done; /* NULL: told, or cancelled */
    void *context;
    bool is_renewal;
    struct tls_context *tls;
    struct warpgate_dial *dial;
    struct conn *conn; /* from its handshake until it is gone */
    struct h1_client *client;
    struct http_stream *stream;
    struct loop_timer timer; /* the whole exchange; also the deferred report of a failed start */
    struct buf key_pem;
    struct buf request;
    struct buf response;
    unsigned status;
    bool is_ending;
    enum status outcome;
    struct why why;
};

static void free_enrol(struct loop_timer *timer) {
    struct warpgate_enrol *enrol = timer->context;
    struct warpgate_parts *parts = enrol->parts;
    tls_context_unref(&enrol->tls);
    buf_fini_wiped(&enrol->key_pem);
    buf_fini(&enrol->request);
    buf_fini(&enrol->response);
    memory_free(enrol);
    warpgate_parts_drop(parts);
}

/* Goes once nothing refers to it any more: the connection reports its end itself. */
static void end(struct warpgate_enrol *enrol, void (*end_conn)(struct conn *conn)) {
    enrol->done = NULL;
    if (enrol->stream != NULL) {
        http_stream_release(enrol->stream);
        enrol->stream = NULL;
    }
    if (enrol->conn != NULL) {
        end_conn(enrol->conn);
        return;
    }
    if (!enrol->is_ending) {
        enrol->is_ending = true;
        loop_timer_close(&enrol->timer, free_enrol);
    }
}

static void report(struct warpgate_enrol *enrol, enum status status,
                   const struct enrolment_answer *answer) {
    warpgate_enrolled_fn done = enrol->done;
    enrol->done = NULL;
    if (done != NULL) {
        done(enrol->context, status, answer, buf_str(&enrol->key_pem), &enrol->why);
    }
    end(enrol, conn_close);
}

/* Codes that no waiting mends. */
static bool is_final(struct str code) {
    static const struct str codes[] = {STR_INIT("key_unknown"), STR_INIT("key_revoked"),
                                       STR_INIT("key_malformed"), STR_INIT("key_expired"),
                                       STR_INIT("account_expired")};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (str_eq(code, codes[i])) {
            return true;
        }
    }
    return false;
}

/* An RFC 9457 problem, or something that is not the control plane. */
static void report_problem(struct warpgate_enrol *enrol) {
    json_t *tree = NULL;
    struct str code = STR_EMPTY;
    struct str detail = STR_EMPTY;
    if (json_parse(buf_str(&enrol->response), &tree, NULL) == STATUS_OK &&
        json_get_str(tree, "code", &code, NULL) == STATUS_OK) {
        if (json_get_str(tree, "detail", &detail, NULL) != STATUS_OK) {
            detail = STR_EMPTY;
        }
    }
    char slug[sizeof(enrol->why.slug)];
    if (str_is_empty(code) || str_to_cstr(code, slug, sizeof(slug)) != STATUS_OK) {
        (void)snprintf(slug, sizeof(slug), "http_%u", enrol->status);
    }
    enum status status =
        enrol->status == 401 && is_final(code) ? STATUS_DENIED : STATUS_UNAVAILABLE;
    status = why_set(&enrol->why, status, slug, "status %u %.*s", enrol->status,
                     STR_ARG(str_sub(detail, 0, 200)));
    json_decref(tree);
    report(enrol, status, NULL);
}

static void report_answer(struct warpgate_enrol *enrol) {
    json_t *tree = NULL;
    struct enrolment_answer answer;
    enum status status = json_parse(buf_str(&enrol->response), &tree, &enrol->why);
    if (status == STATUS_OK) {
        status = enrolment_answer_read(tree, &answer, &enrol->why);
    }
    report(enrol, status, status == STATUS_OK ? &answer : NULL);
    json_decref(tree);
}

static void on_head(void *owner, const struct http_head *head, bool is_end) {
    struct warpgate_enrol *enrol = owner;
    (void)is_end;
    if (head->status >= 200) {
        enrol->status = head->status;
    }
}

static void on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct warpgate_enrol *enrol = owner;
    http_stream_consumed(enrol->stream, len);
    if (buf_append(&enrol->response, bytes, len) != STATUS_OK) {
        report(enrol,
               why_set(&enrol->why, STATUS_TOO_LARGE, "answer_too_large",
                       "the answer is larger than any can be"),
               NULL);
    }
}

static void on_end(void *owner, const struct http_fields *trailers) {
    struct warpgate_enrol *enrol = owner;
    (void)trailers;
    if (enrol->status == 200 || enrol->status == 201) {
        report_answer(enrol);
    } else {
        report_problem(enrol);
    }
}

static void on_sent(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void on_stream_closed(void *owner, enum http_close reason) {
    struct warpgate_enrol *enrol = owner;
    enrol->stream = NULL;
    if (enrol->done == NULL || reason == HTTP_CLOSE_LOST) {
        return; /* told, or the connection tells why it is lost */
    }
    bool is_malformed = reason == HTTP_CLOSE_MALFORMED;
    report(enrol,
           why_set(&enrol->why, STATUS_CLOSED, is_malformed ? "answer_malformed" : "closed",
                   is_malformed ? "what answers there does not speak HTTP/1.1"
                                : "it closed the connection without an answer"),
           NULL);
}

static const struct http_stream_events stream_events = {.on_head = on_head,
                                                        .on_data = on_data,
                                                        .on_end = on_end,
                                                        .on_sent = on_sent,
                                                        .on_closed = on_stream_closed};

static void on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    struct warpgate_enrol *enrol = owner;
    (void)conn;
    enrol->conn = NULL;
    enrol->stream = NULL;
    if (enrol->done != NULL) {
        enrol->why = *why;
        if (strcmp(why->slug, "closed") == 0) {
            (void)why_set(&enrol->why, STATUS_CLOSED, "closed",
                          "it closed the connection before its answer was complete");
        }
        report(enrol, STATUS_CLOSED, NULL);
        return;
    }
    end(enrol, conn_abort);
}

static const struct conn_events conn_events = {.on_closed = on_conn_closed};

static void send_request(struct warpgate_enrol *enrol) {
    char bearer[BEARER_SIZE];
    char length[24];
    int length_len = snprintf(length, sizeof(length), "%zu", buf_len(&enrol->request));
    struct http_field fields[] = {
        {STR("content-length"), str_make(length, (size_t)length_len)},
        {STR("content-type"), STR("application/json")},
        {STR("user-agent"), STR("warpgate/" MEZUSPHERE_VERSION)},
        {STR("authorization"), STR_EMPTY},
    };
    struct http_head head = {
        .method = STR("POST"),
        .scheme = STR("https"),
        .authority = str_from(enrol->settings->control_text),
        .path = enrol->is_renewal ? STR(ENROLMENT_RENEWAL_PATH) : STR(ENROLMENT_PATH),
        .fields = {.at = fields, .count = enrol->is_renewal ? 3 : 4, .cap = 4},
        .has_content_length = true,
        .content_length = buf_len(&enrol->request),
    };
    if (!enrol->is_renewal) {
        int len = snprintf(bearer, sizeof(bearer), "Bearer %s", enrol->settings->token->text);
        fields[3].value = str_make(bearer, (size_t)len);
    }
    enrol->stream = h1_client_open(enrol->client, &head, false, &stream_events, enrol);
    secret_wipe(bearer, sizeof(bearer));
    if (enrol->stream != NULL) {
        http_stream_send(enrol->stream, buf_bytes(&enrol->request), buf_len(&enrol->request));
        http_stream_end(enrol->stream, NULL);
    }
}

static void on_dialled(void *context, struct conn *conn, const struct why *why) {
    struct warpgate_enrol *enrol = context;
    enrol->dial = NULL;
    if (conn == NULL) {
        enrol->why = *why;
        report(enrol, STATUS_UNAVAILABLE, NULL);
        return;
    }
    const struct h1_client_config config = {.pool = loop_block_pool(enrol->parts->loop)};
    enrol->conn = conn;
    enrol->client = h1_client_new(&config);
    conn_set_events(conn, &conn_events, enrol);
    conn_set_engine(conn, h1_client_engine(enrol->client));
    send_request(enrol);
}

static void on_timer(struct loop_timer *timer) {
    struct warpgate_enrol *enrol = timer->context;
    if (enrol->outcome == STATUS_OK) {
        enrol->outcome = why_set(&enrol->why, STATUS_TIMEOUT, "timeout", "no answer in %d s",
                                 EXCHANGE_MS / 1000);
    }
    warpgate_dial_cancel(&enrol->dial);
    report(enrol, enrol->outcome, NULL);
}

static enum status write_request(struct warpgate_enrol *enrol) {
    const struct warpgate_settings *settings = enrol->settings;
    struct buf csr;
    EVP_PKEY *key = key_new();
    buf_init(&csr, CSR_PEM_BYTES_MAX);
    enum status status = key_private_pem(key, &enrol->key_pem);
    if (status == STATUS_OK) {
        status = csr_write(key, &csr);
    }
    EVP_PKEY_free(key);
    if (status == STATUS_OK) {
        struct enrolment_request request = {.csr = buf_str(&csr)};
        if (!enrol->is_renewal) {
            request.name = str_from(settings->name);
            request.version = STR(MEZUSPHERE_VERSION);
            request.platform = str_from(settings->platform);
            request.environment = str_from(settings->environment);
        }
        json_t *object = enrolment_request_write(&request);
        status = json_write(object, &enrol->request);
        json_decref(object);
    }
    buf_fini(&csr);
    return status == STATUS_OK
               ? status
               : why_set(&enrol->why, STATUS_FAILED, "csr", "the request could not be made");
}

/* The file that was given, and what the platform has made of it since. */
static enum status trust(struct warpgate_enrol *enrol) {
    struct buf both;
    buf_init(&both, TRUST_BYTES_MAX);
    enum status status = buf_append_str(&both, buf_str(&enrol->settings->ca_pem));
    if (status == STATUS_OK) {
        status = buf_append_str(&both, STR("\n"));
    }
    if (status == STATUS_OK) {
        status = buf_append_str(&both, buf_str(&enrol->parts->anchors.pem));
    }
    if (status == STATUS_OK) {
        status = tls_context_set_trust(enrol->tls, buf_str(&both), &enrol->why);
    }
    buf_fini(&both);
    return status;
}

static enum status make_tls(struct warpgate_enrol *enrol,
                            const struct warpgate_enrol_config *config) {
    enum status status = STATUS_OK;
    enrol->tls = tls_context_new(TLS_CONTROL_CLIENT);
    if (enrol->settings->has_ca) {
        status = trust(enrol);
    }
    if (status == STATUS_OK && enrol->is_renewal) {
        status = tls_context_set_certificate(enrol->tls, config->certificate_pem, config->key_pem,
                                             &enrol->why);
    }
    return status;
}

struct warpgate_enrol *warpgate_enrol_start(const struct warpgate_enrol_config *config,
                                            warpgate_enrolled_fn done, void *context) {
    struct warpgate_enrol *enrol = MEMORY_NEW(struct warpgate_enrol);
    const struct warpgate_settings *settings = config->settings;
    enrol->parts = config->parts;
    enrol->settings = settings;
    enrol->done = done;
    enrol->context = context;
    enrol->is_renewal = !str_is_empty(config->certificate_pem);
    buf_init(&enrol->key_pem, KEY_PEM_BYTES_MAX);
    buf_init(&enrol->request, ENROLMENT_BYTES_MAX);
    buf_init(&enrol->response, ENROLMENT_BYTES_MAX);
    loop_timer_init(&enrol->timer, enrol->parts->loop, on_timer, enrol);
    warpgate_parts_hold(enrol->parts);
    enrol->outcome = make_tls(enrol, config);
    if (enrol->outcome == STATUS_OK) {
        enrol->outcome = write_request(enrol);
    }
    loop_timer_set(&enrol->timer, enrol->outcome == STATUS_OK ? EXCHANGE_MS : 0);
    if (enrol->outcome == STATUS_OK) {
        const struct warpgate_dial_config dial = {
            .host = settings->control_host,
            .port = settings->control_port,
            .tls = enrol->tls,
            .server_name = settings->control_host,
            .connect_ms = CONNECT_MS,
            .proxy = enrol->parts->proxy,
        };
        enrol->dial = warpgate_dial_start(enrol->parts, &dial, on_dialled, enrol);
    }
    return enrol;
}

void warpgate_enrol_cancel(struct warpgate_enrol **at) {
    struct warpgate_enrol *enrol = *at;
    *at = NULL;
    if (enrol != NULL) {
        warpgate_dial_cancel(&enrol->dial);
        end(enrol, conn_abort);
    }
}
