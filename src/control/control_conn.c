#include "control/control_conn.h"

#include "base/log.h"
#include "base/memory.h"
#include "control/api_exchange.h"
#include "control/api_problem.h"
#include "control/control_ca.h"
#include "control/edge_presence.h"
#include "control/edge_registry.h"
#include "control/feed_edge.h"
#include "http/h1_server.h"
#include "http/h2_session.h"
#include "pki/key.h"
#include "tunnel/message_form.h"

#define CERTIFICATE_LIFETIME_SECONDS (INT64_C(90) * 24 * 3600)
#define RENEW_BEFORE_MS (INT64_C(30) * 24 * 3600 * 1000)

struct control_conn {
    struct list node;
    struct control *control;
    struct conn *conn;
    struct h1_server *h1; /* one of the two */
    struct h2_session *h2;
    bool is_machine;
    struct api_peer peer;
};

/* Certificates */

static enum status issue(struct control *control, const struct ca_leaf *leaf,
                         struct tls_context *tls, int64_t *not_after_ms, struct why *why) {
    struct buf chain;
    struct buf key_pem;
    struct cert_identity identity;
    const struct ca *issuer = control_ca_issuer(control);
    EVP_PKEY *key = key_new();
    buf_init(&chain, CONTROL_PEM_BYTES_MAX);
    buf_init(&key_pem, CONTROL_PEM_BYTES_MAX);
    enum status status =
        ca_issue(issuer, leaf, key, loop_clock(control->loop), &chain, &identity, why);
    if (status == STATUS_OK) {
        status = key_private_pem(key, &key_pem);
        *not_after_ms = identity.not_after_ms;
    }
    /* An edge that joins knows no more of us than the root's fingerprint: it has to see the root. */
    if (status == STATUS_OK && leaf->role == CERT_CONTROL) {
        status = buf_append_str(&chain, ca_root_pem(issuer));
    }
    if (status == STATUS_OK) {
        status = tls_context_set_certificate(tls, buf_str(&chain), buf_str(&key_pem), why);
    }
    EVP_PKEY_free(key);
    buf_fini(&chain);
    buf_fini_wiped(&key_pem);
    return status;
}

static enum status issue_both(struct control *control, struct why *why) {
    int64_t api_end_ms = 0;
    int64_t machine_end_ms = 0;
    const struct ca_leaf api = {
        .role = CERT_SERVICE,
        .dns_names = {str_from(control->api_name), str_from(control->console_name)},
        .dns_name_count = 2,
        .lifetime_seconds = CERTIFICATE_LIFETIME_SECONDS,
    };
    const struct ca_leaf machines = {
        .role = CERT_CONTROL,
        .subject = id_new(ID_CONTROL, loop_clock(control->loop), loop_random(control->loop)),
        .dns_names = {str_from(control->api_name)},
        .dns_name_count = 1,
        .lifetime_seconds = CERTIFICATE_LIFETIME_SECONDS,
    };
    enum status status = issue(control, &api, control->api_tls, &api_end_ms, why);
    if (status == STATUS_OK) {
        status = issue(control, &machines, control->machine_tls, &machine_end_ms, why);
    }
    int64_t end_ms = api_end_ms < machine_end_ms ? api_end_ms : machine_end_ms;
    control->certificates_renew_at_ms = end_ms - RENEW_BEFORE_MS;
    return status;
}

enum status control_conn_make_tls(struct control *control, struct why *why) {
    control->api_tls = tls_context_new(TLS_API_SERVER);
    control->machine_tls = tls_context_new(TLS_CONTROL_SERVER);
    enum status status =
        tls_context_set_trust(control->machine_tls, control_ca_anchors(control), why);
    return status == STATUS_OK ? issue_both(control, why) : status;
}

enum status control_conn_take_ca(struct control *control, bool is_anew, struct why *why) {
    enum status status =
        tls_context_set_trust(control->machine_tls, control_ca_anchors(control), why);
    return status == STATUS_OK && is_anew ? issue_both(control, why) : status;
}

void control_conn_maintain(struct control *control) {
    struct why why = {0};
    if (clock_wall_ms(loop_clock(control->loop)) < control->certificates_renew_at_ms) {
        return;
    }
    if (issue_both(control, &why) != STATUS_OK) {
        log_error("control.certificate_failed", "detail=%s", why.text);
    }
}

/* Connections */

static void on_closed(void *owner, struct conn *conn, const struct why *why) {
    struct control_conn *client = owner;
    struct control *control = client->control;
    (void)conn;
    log_debug("control.conn_closed", "reason=%s", why->slug);
    list_remove(&client->node);
    memory_free(client);
    control_state_check_ended(control);
}

static const struct conn_events client_events = {.on_closed = on_closed};

static void drain(struct control_conn *client) {
    if (client->h2 != NULL) {
        h2_session_drain(client->h2);
        return;
    }
    h1_server_drain(client->h1, true);
}

/* A feed is refused without a word of why: only edges come here. */
static void refuse_feed(struct control_conn *client, struct http_stream *stream, unsigned status) {
    struct http_head head = {.status = status, .has_content_length = true};
    http_fields_add(&head.fields, stream->arena, STR("content-length"), STR("0"));
    if (status == 503) {
        http_fields_add(&head.fields, stream->arena, STR("retry-after"), STR("5"));
    }
    http_stream_discard(stream);
    http_stream_send_head(stream, &head, true);
    drain(client); /* nothing else is to come on this connection */
}

/* When the edge's process began; 0: it does not say. */
static uint64_t read_instance(const struct http_head *head) {
    const struct http_field *field = http_fields_get(&head->fields, STR(FEED_INSTANCE_FIELD));
    uint64_t instance = 0;
    return field != NULL && str_to_u64(field->value, MESSAGE_REVISION_MAX, &instance) == STATUS_OK
               ? instance
               : 0;
}

static void begin_feed(struct control_conn *client, struct http_stream *stream,
                       const struct http_head *head) {
    struct control *control = client->control;
    STACK_OF(X509) *chain = conn_peer_chain(client->conn);
    struct cert_identity identity;
    struct why why = {0};
    if (chain == NULL) {
        refuse_feed(client, stream, 401);
        return;
    }
    if (cert_identity_check(chain, CERT_EDGE, control_ca_trust_domain(control), &identity, &why) !=
            STATUS_OK ||
        edge_registry_judge(control->edges, &identity.subject, &why) != STATUS_OK) {
        log_warn("control.feed_refused", "address=%s code=%s detail=%s", client->peer.ip_address,
                 why.slug, why.text);
        refuse_feed(client, stream, 403);
        return;
    }
    uint64_t instance = read_instance(head);
    if (!feed_hub_may_join(control->hub, &identity.subject, instance)) {
        log_warn("control.feed_refused",
                 "address=%s edge=%s code=edge_doubled detail=a process that began later has this "
                 "edge's certificate too: was a data folder copied?",
                 client->peer.ip_address, identity.subject.text);
        refuse_feed(client, stream, 409);
        return;
    }
    feed_edge_begin(control->hub, &identity.subject, instance, stream);
    /* after that: a former feed of the same edge, which has just ended, has said that it is gone */
    edge_presence_up(control->edge_presence, &identity.subject, client->peer.ip_address,
                     identity.not_after_ms);
}

static void read_peer(struct control_conn *client) {
    STACK_OF(X509) *chain = conn_peer_chain(client->conn);
    struct str trust_domain = control_ca_trust_domain(client->control);
    struct why why = {0};
    address_ip(conn_peer_address(client->conn), client->peer.ip_address);
    client->peer.is_warpgate =
        chain != NULL && cert_identity_check(chain, CERT_WARPGATE, trust_domain,
                                             &client->peer.identity, &why) == STATUS_OK;
}

static void on_request(void *context, struct http_stream *stream, const struct http_head *head,
                       bool is_end) {
    struct control_conn *client = context;
    struct control *control = client->control;
    (void)is_end; /* the stream's on_end comes in any case */
    if (!client->is_machine) {
        api_exchange_begin(control, &api_router_public, &client->peer, stream, head);
        return;
    }
    if (str_eq(head->path, STR(FEED_PATH)) && str_eq(head->method, STR("POST"))) {
        if (control->phase != CONTROL_RUNNING) {
            refuse_feed(client, stream, 503);
            return;
        }
        begin_feed(client, stream, head);
        return;
    }
    api_exchange_begin(control, &api_router_machines, &client->peer, stream, head);
}

static void on_error(void *context, unsigned status, const struct why *why, struct str *type,
                     struct str *body) {
    (void)context;
    *type = STR("application/problem+json");
    *body = api_problem_of_engine(status, why);
}

static struct engine *make_engine(struct control_conn *client) {
    struct control *control = client->control;
    struct block_pool *pool = loop_block_pool(control->loop);
    const struct http_server server = {.on_request = on_request, .context = client};
    if (!client->is_machine && str_eq(conn_alpn(client->conn), STR("h2"))) {
        const struct h2_config config = {
            .role = H2_SERVER,
            .profile = H2_VISITOR,
            .pool = pool,
            .clock = loop_clock(control->loop),
            .server = server,
        };
        client->h2 = h2_session_new(&config);
        return h2_session_engine(client->h2);
    }
    const struct h1_server_config config = {
        .pool = pool,
        .server = server,
        .scheme = STR_INIT("https"),
        .on_error = on_error,
    };
    client->h1 = h1_server_new(&config);
    return h1_server_engine(client->h1);
}

static void accept_conn(struct control *control, struct conn *conn, bool is_machine) {
    struct control_conn *client = MEMORY_NEW(struct control_conn);
    client->control = control;
    client->conn = conn;
    client->is_machine = is_machine;
    list_append(&control->conns, &client->node);
    read_peer(client);
    conn_set_events(conn, &client_events, client);
    conn_set_engine(conn, make_engine(client));
    if (control->phase != CONTROL_RUNNING) {
        drain(client);
    }
}

static const struct conn_timeouts machine_timeouts = {0};

static void on_local_established(void *owner, struct conn *conn) {
    struct control *control = owner;
    accept_conn(control, conn, true);
    atomic_fetch_sub(&control->arriving_count, 1);
}

static void on_local_closed(void *owner, struct conn *conn, const struct why *why) {
    struct control *control = owner;
    (void)conn;
    log_warn("control.local_handshake_failed", "code=%s reason=\"%s\"", why->slug, why->text);
    atomic_fetch_sub(&control->arriving_count, 1);
    control_state_check_ended(control);
}

void control_adopt(struct control *control, int fd) {
    static const struct conn_events events = {on_local_established, on_local_closed};
    atomic_fetch_add(&control->arriving_count, 1);
    (void)conn_accept(control->loop, fd, control->machine_tls, &machine_timeouts, &events, control);
}

void control_conn_drain_all(struct control *control) {
    for (struct list *node = control->conns.next, *next; node != &control->conns; node = next) {
        next = node->next;
        drain(CONTAINER_OF(node, struct control_conn, node));
    }
}

void control_conn_leave_all(struct control *control) {
    for (struct list *node = control->conns.next, *next; node != &control->conns; node = next) {
        struct control_conn *client = CONTAINER_OF(node, struct control_conn, node);
        next = node->next;
        if (client->is_machine) {
            continue;
        }
        if (client->h2 != NULL) {
            h2_session_drain(client->h2);
        } else {
            h1_server_drain(client->h1, false);
        }
    }
}

size_t control_conn_client_count(const struct control *control) {
    size_t count = 0;
    for (struct list *node = control->conns.next; node != &control->conns; node = node->next) {
        count += CONTAINER_OF(node, struct control_conn, node)->is_machine ? 0 : 1;
    }
    return count;
}

void control_conn_abort_all(struct control *control) {
    for (struct list *node = control->conns.next, *next; node != &control->conns; node = next) {
        next = node->next;
        conn_abort(CONTAINER_OF(node, struct control_conn, node)->conn);
    }
}

/* Services */

static bool machine_wants(void *context, struct str server_name, const struct front_hello *hello) {
    struct control *control = context;
    return str_eq(server_name, str_from(control->api_name)) &&
           front_hello_offers(hello, STR(TLS_ALPN_CONTROL));
}

static struct tls_context *machine_tls(void *context) {
    return ((struct control *)context)->machine_tls;
}

/* A front of another thread may have accepted it; the control plane lives on one loop, and until it has arrived there it counts. */
static void accept_here(struct control *control, struct conn *conn,
                        void (*arrived)(void *context, struct conn *conn)) {
    atomic_fetch_add(&control->arriving_count, 1);
    if (conn_loop(conn) != control->loop) {
        conn_move(conn, control->loop, arrived, control);
        return;
    }
    arrived(control, conn);
}

static void machine_arrived(void *context, struct conn *conn) {
    struct control *control = context;
    accept_conn(control, conn, true);
    atomic_fetch_sub(&control->arriving_count, 1);
}

static void machine_accept(void *context, struct conn *conn) {
    accept_here(context, conn, machine_arrived);
}

static bool api_wants(void *context, struct str server_name, const struct front_hello *hello) {
    struct control *control = context;
    (void)hello;
    return str_eq(server_name, str_from(control->api_name));
}

static struct tls_context *api_tls(void *context) {
    return ((struct control *)context)->api_tls;
}

static void api_arrived(void *context, struct conn *conn) {
    struct control *control = context;
    accept_conn(control, conn, false);
    atomic_fetch_sub(&control->arriving_count, 1);
}

static void api_accept(void *context, struct conn *conn) {
    accept_here(context, conn, api_arrived);
}

void control_conn_add_services(struct control *control, struct front *front) {
    const struct front_service machines = {
        .name = "machines",
        .wants = machine_wants,
        .tls = machine_tls,
        .accept = machine_accept,
        .context = control,
    };
    const struct front_service api = {
        .name = "api",
        .wants = api_wants,
        .tls = api_tls,
        .accept = api_accept,
        .context = control,
    };
    front_add(front, &machines);
    front_add(front, &api);
}
