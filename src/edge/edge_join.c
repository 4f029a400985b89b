#include "edge/edge_join.h"

#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/notice.h"
#include "http/h1_client.h"
#include "net/conn.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "tunnel/join_token.h"

#define EXCHANGE_MS 15000
#define BACKOFF_BASE_MS 200
#define BACKOFF_CAP_MS 10000

struct edge_join {
    struct edge_join_config config;
    struct edge_identity *identity;
    struct join_token token;
    char address[ADDRESS_HOST_SIZE + 8];
    struct tls_context *tls;
    struct address_lookup *lookup;
    struct conn *conn;
    struct h1_client *client;
    struct http_stream *stream;
    struct loop_timer timer; /* the exchange's end, or the next try */
    struct buf request;
    struct buf response;
    unsigned status; /* of the answer */
    unsigned tries;
    bool is_waiting; /* for the next try */
    bool is_over;    /* told, or freed */
    bool is_closing; /* its memory goes with the timer */
    struct backoff backoff;
    struct notice notice;
};

static void free_join(struct loop_timer *timer) {
    struct edge_join *join = timer->context;
    tls_context_unref(&join->tls);
    buf_fini(&join->request);
    buf_fini(&join->response);
    join_token_fini(&join->token);
    memory_free(join);
}

static const char *control_of(const struct edge_join *join) {
    return join->config.control_count > 0
               ? join->config.controls[join->tries % join->config.control_count]
               : join->token.controls[join->tries % join->token.control_count];
}

/* The exchange is over in whatever way; what is left of the connection goes. */
static void drop(struct edge_join *join) {
    if (join->lookup != NULL) {
        address_lookup_cancel(join->lookup);
        join->lookup = NULL;
    }
    if (join->stream != NULL) {
        http_stream_release(join->stream);
        join->stream = NULL;
    }
    if (join->conn != NULL) {
        conn_set_events(join->conn, &conn_no_events, NULL);
        conn_abort(join->conn);
        join->conn = NULL;
    }
}

static void try_later(struct edge_join *join, const struct why *why) {
    drop(join);
    if (notice_is_due(&join->notice, why->slug, loop_now_ms(join->config.loop))) {
        log_warn("edge.join_failed", "control=%s code=%s detail=\"%s\": trying again",
                 control_of(join), why->slug, why->text);
    }
    join->tries++;
    join->is_waiting = true;
    loop_timer_set(&join->timer, backoff_next(&join->backoff, loop_random(join->config.loop)));
}

static void tell(struct edge_join *join, enum status status, const struct why *why) {
    join->is_over = true;
    drop(join);
    loop_timer_clear(&join->timer);
    join->config.done(join->config.context, status, why);
}

/* What is answered */

static enum status take_answer(struct edge_join *join, struct why *why) {
    struct edge_enrolment_answer answer;
    struct edge_identity *identity = join->identity;
    json_t *tree = NULL;
    enum status status = json_parse(buf_str(&join->response), &tree, why);
    if (status == STATUS_OK) {
        status = edge_enrolment_answer_read(tree, &answer, why);
    }
    if (status == STATUS_OK) {
        identity->edge = answer.edge;
        status = edge_identity_take_controls(identity, &answer.controls);
    }
    if (status == STATUS_OK) {
        status = str_to_cstr(answer.trust_domain, identity->trust_domain,
                             sizeof(identity->trust_domain));
    }
    if (status == STATUS_OK) {
        status = str_to_cstr(answer.tunnel_server_name, identity->tunnel_server_name,
                             sizeof(identity->tunnel_server_name));
    }
    if (status == STATUS_OK) {
        status = buf_append_str(&identity->certificate_pem, answer.certificate);
    }
    if (status == STATUS_OK) {
        status = buf_append_str(&identity->trust_anchors_pem, answer.trust_anchors);
    }
    json_decref(tree);
    return status;
}

/* An RFC 9457 problem, or something that is not the control plane. */
static void take_problem(struct edge_join *join) {
    json_t *tree = NULL;
    struct why why = {0};
    struct str code = STR_INIT("join_refused");
    struct str detail = STR_EMPTY;
    char slug[64];
    if (json_parse(buf_str(&join->response), &tree, NULL) == STATUS_OK) {
        (void)!json_get_str(tree, "code", &code, NULL);
        (void)!json_get_str(tree, "detail", &detail, NULL);
    }
    if (str_to_cstr(code, slug, sizeof(slug)) != STATUS_OK) {
        (void)snprintf(slug, sizeof(slug), "join_refused");
    }
    bool is_final = join->status == 401 || join->status == 422;
    enum status status = why_set(&why, is_final ? STATUS_DENIED : STATUS_UNAVAILABLE, slug,
                                 "the control plane answered %u %.*s", join->status,
                                 STR_ARG(str_sub(detail, 0, 160)));
    json_decref(tree);
    if (is_final) {
        tell(join, status, &why);
        return;
    }
    try_later(join, &why);
}

static void on_head(void *owner, const struct http_head *head, bool is_end) {
    struct edge_join *join = owner;
    (void)is_end;
    if (head->status >= 200) {
        join->status = head->status;
    }
}

static void on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct edge_join *join = owner;
    struct why why = {0};
    http_stream_consumed(join->stream, len);
    if (buf_append(&join->response, bytes, len) != STATUS_OK) {
        (void)why_set(&why, STATUS_TOO_LARGE, "answer_too_large", "the answer is too large");
        try_later(join, &why);
    }
}

static void on_end(void *owner, const struct http_fields *trailers) {
    struct edge_join *join = owner;
    struct why why = {0};
    (void)trailers;
    if (join->status != 201) {
        take_problem(join);
        return;
    }
    /* The token is used: there is no second try. */
    tell(join, take_answer(join, &why), &why);
}

static void on_sent(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void on_stream_closed(void *owner, enum http_close reason) {
    struct edge_join *join = owner;
    (void)reason;
    join->stream = NULL; /* the connection goes with it, and tells why */
}

static const struct http_stream_events stream_events = {.on_head = on_head,
                                                        .on_data = on_data,
                                                        .on_end = on_end,
                                                        .on_sent = on_sent,
                                                        .on_closed = on_stream_closed};

/* The connection */

static void send_request(struct edge_join *join) {
    char secret[JOIN_TOKEN_SECRET_SIZE];
    char bearer[JOIN_TOKEN_SECRET_SIZE + 8];
    char length[24];
    join_token_secret_text(&join->token, secret);
    int bearer_len = snprintf(bearer, sizeof(bearer), "Bearer %s", secret);
    int length_len = snprintf(length, sizeof(length), "%zu", buf_len(&join->request));
    struct http_field fields[] = {
        {STR("content-length"), str_make(length, (size_t)length_len)},
        {STR("content-type"), STR("application/json")},
        {STR("user-agent"), STR("mezusphere/" MEZUSPHERE_VERSION)},
        {STR("authorization"), str_make(bearer, (size_t)bearer_len)},
    };
    const struct http_head head = {
        .method = STR("POST"),
        .scheme = STR("https"),
        .authority = str_from(join->token.server_name),
        .path = STR(EDGE_ENROLMENT_PATH),
        .fields = {.at = fields, .count = 4, .cap = 4},
        .has_content_length = true,
        .content_length = buf_len(&join->request),
    };
    join->stream = h1_client_open(join->client, &head, false, &stream_events, join);
    secret_wipe(bearer, sizeof(bearer));
    secret_wipe(secret, sizeof(secret));
    if (join->stream != NULL) {
        http_stream_send(join->stream, buf_bytes(&join->request), buf_len(&join->request));
        http_stream_end(join->stream, NULL);
    }
}

static void on_established(void *owner, struct conn *conn) {
    struct edge_join *join = owner;
    const struct h1_client_config config = {.pool = loop_block_pool(join->config.loop)};
    join->client = h1_client_new(&config);
    conn_set_engine(conn, h1_client_engine(join->client));
    send_request(join);
}

static void on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    struct edge_join *join = owner;
    (void)conn;
    join->conn = NULL;
    join->stream = NULL;
    if (!join->is_over && !join->is_waiting) {
        try_later(join, why);
    }
}

static const struct conn_events join_conn_events = {.on_established = on_established,
                                                    .on_closed = on_conn_closed};

static void on_found(void *context, enum status status, const struct address *results, size_t count,
                     const struct why *why) {
    struct edge_join *join = context;
    join->lookup = NULL;
    if (status != STATUS_OK || count == 0) {
        try_later(join, why);
        return;
    }
    const struct conn_connect_config config = {
        .address = results[join->tries % count],
        .tls = join->tls,
        .server_name = join->token.server_name,
    };
    join->conn = conn_connect(join->config.loop, &config, &join_conn_events, join);
}

static void start_try(struct edge_join *join) {
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    struct why why = {0};
    join->is_waiting = false;
    join->status = 0;
    buf_clear(&join->response);
    if (address_split(str_from(control_of(join)), 443, host, &port, &why) != STATUS_OK) {
        try_later(join, &why);
        return;
    }
    loop_timer_set(&join->timer, EXCHANGE_MS);
    join->lookup = address_lookup_start(join->config.loop, host, port, on_found, join);
}

static void on_timer(struct loop_timer *timer) {
    struct edge_join *join = timer->context;
    struct why why = {0};
    if (join->is_waiting) {
        start_try(join);
        return;
    }
    (void)why_set(&why, STATUS_TIMEOUT, "timeout", "no answer in %d s", EXCHANGE_MS / 1000);
    try_later(join, &why);
}

/* The beginning */

static void choose_address(struct edge_join *join) {
    if (join->config.address != NULL) {
        (void)snprintf(join->address, sizeof(join->address), "%s", join->config.address);
        return;
    }
    struct str domain = str_from(join->token.server_name);
    struct str first;
    (void)str_cut(domain, '.', &first, &domain); /* api.<domain> */
    (void)snprintf(join->address, sizeof(join->address), "edge.%.*s:%u", STR_ARG(domain),
                   join->config.port);
}

static enum status write_request(struct edge_join *join, struct why *why) {
    struct buf csr;
    EVP_PKEY *key = key_new();
    buf_init(&csr, CSR_PEM_BYTES_MAX);
    enum status status = key_private_pem(key, &join->identity->key_pem);
    if (status == STATUS_OK) {
        status = csr_write(key, &csr);
    }
    EVP_PKEY_free(key);
    if (status == STATUS_OK) {
        const struct edge_enrolment_request request = {
            .csr = buf_str(&csr),
            .name = join->config.name != NULL ? str_from(join->config.name) : STR_EMPTY,
            .version = STR(MEZUSPHERE_VERSION),
            .address = str_from(join->address),
        };
        json_t *object = edge_enrolment_request_write(&request);
        status = json_write(object, &join->request);
        json_decref(object);
    }
    buf_fini(&csr);
    return status == STATUS_OK ? status
                               : why_set(why, status, "csr", "the request could not be made");
}

enum status edge_join_start(const struct edge_join_config *config, struct edge_identity *identity,
                            struct edge_join **out, struct why *why) {
    struct edge_join *join = MEMORY_NEW(struct edge_join);
    join->config = *config;
    join->identity = identity;
    buf_init(&join->request, EDGE_ENROLMENT_BYTES_MAX);
    buf_init(&join->response, EDGE_ENROLMENT_BYTES_MAX);
    backoff_init(&join->backoff, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    loop_timer_init(&join->timer, config->loop, on_timer, join);
    join->tls = tls_context_new(TLS_CONTROL_CLIENT);
    enum status status = join_token_read(secret_str(config->token), &join->token, why);
    if (status == STATUS_OK) {
        tls_context_pin_root(join->tls, join->token.root_sha256);
        choose_address(join);
        status = write_request(join, why);
    }
    if (status != STATUS_OK) {
        edge_join_free(&join);
        return status;
    }
    *out = join;
    start_try(join);
    return STATUS_OK;
}

void edge_join_free(struct edge_join **at) {
    struct edge_join *join = *at;
    *at = NULL;
    if (join == NULL || join->is_closing) {
        return;
    }
    join->is_over = true;
    join->is_closing = true;
    drop(join);
    loop_timer_close(&join->timer, free_join);
}
