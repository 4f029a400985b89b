/* edge.c: one edge as a whole: what it is made of, its two services, its end. */
#include "edge/edge.h"

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_environment.h"
#include "edge/edge_feed.h"
#include "edge/edge_forward.h"
#include "edge/edge_relay.h"
#include "edge/edge_state.h"
#include "edge/edge_tunnel.h"
#include "edge/edge_visitor.h"
#include "pki/cert_chain.h"
#include "pki/csr.h"
#include "pki/key.h"

#define SWEEP_MS 250
#define TRIM_VISITORS 64
#define PEM_BYTES_MAX 65536

/* The certificate */

static enum status use_certificate(struct edge *edge, struct str chain_pem, struct str key_pem,
                                   struct why *why) {
    enum status status = tls_context_set_certificate(edge->tunnel_tls, chain_pem, key_pem, why);
    if (status == STATUS_OK) {
        status = tls_context_set_certificate(edge->control_tls, chain_pem, key_pem, why);
    }
    struct cert_identity identity;
    if (status == STATUS_OK) {
        status =
            cert_chain_identity(chain_pem, CERT_EDGE, str_from(edge->trust_domain), &identity, why);
    }
    if (status == STATUS_OK) {
        int64_t now_ms = clock_wall_ms(loop_clock(edge->loop));
        edge->certificate_renew_at_ms = now_ms + (identity.not_after_ms - now_ms) / 2;
    }
    return status;
}

void edge_take_certificate(struct edge *edge, struct str chain_pem) {
    struct why why = {0};
    struct buf key_pem;
    buf_init(&key_pem, PEM_BYTES_MAX);
    if (key_private_pem(edge->key, &key_pem) != STATUS_OK ||
        use_certificate(edge, chain_pem, buf_str(&key_pem), &why) != STATUS_OK) {
        log_error("edge.certificate_refused", "code=%s detail=%s", why.slug, why.text);
    }
    buf_fini_wiped(&key_pem);
}

void edge_check_certificate(struct edge *edge) {
    int64_t now_ms = clock_wall_ms(loop_clock(edge->loop));
    if (now_ms < edge->certificate_renew_at_ms) {
        return;
    }
    struct buf csr;
    buf_init(&csr, CSR_PEM_BYTES_MAX);
    if (csr_write(edge->key, &csr) == STATUS_OK) {
        const struct feed_message message = {.type = FEED_MESSAGE_RENEW, .csr = buf_str(&csr)};
        edge_feed_report(edge->feed, &message);
        /* ask again in a minute if no answer comes */
        edge->certificate_renew_at_ms = now_ms + 60000;
    }
    buf_fini(&csr);
}

/* The services */

static bool tunnel_wants(void *context, struct str server_name, const struct front_hello *hello) {
    struct edge *edge = context;
    return str_eq(server_name, str_from(edge->tunnel_server_name)) &&
           front_hello_offers(hello, STR(TLS_ALPN_TUNNEL));
}

static struct tls_context *tunnel_tls(void *context) {
    return ((struct edge *)context)->tunnel_tls;
}

static void tunnel_accept(void *context, struct conn *conn) {
    edge_tunnel_accept(context, conn);
}

static bool visitor_wants(void *context, struct str server_name, const struct front_hello *hello) {
    struct edge *edge = context;
    (void)hello;
    return tls_context_has_host(edge->visitor_tls, server_name);
}

static struct tls_context *visitor_tls(void *context) {
    return ((struct edge *)context)->visitor_tls;
}

static void visitor_accept(void *context, struct conn *conn) {
    edge_visitor_accept(context, conn);
}

void edge_add_services(struct edge *edge, struct front *front) {
    const struct front_service services[] = {
        {
            .name = "tunnels",
            .wants = tunnel_wants,
            .tls = tunnel_tls,
            .accept = tunnel_accept,
            .context = edge,
            .timeouts = {.handshake_ms = 5000, .idle_ms = -1},
        },
        {
            .name = "visitors",
            .wants = visitor_wants,
            .tls = visitor_tls,
            .accept = visitor_accept,
            .context = edge,
        },
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        front_add(front, &services[i]);
    }
}

/* Life */

/* A crowd leaves its memory with the allocator: given back once most of it has gone. */
static void release_memory(struct edge *edge) {
    if (edge->visitor_count > edge->visitor_peak) {
        edge->visitor_peak = edge->visitor_count;
    }
    if (edge->visitor_peak >= TRIM_VISITORS && edge->visitor_count < edge->visitor_peak / 4) {
        memory_trim();
        edge->visitor_peak = edge->visitor_count;
    }
}

static void on_sweep(struct loop_timer *timer) {
    struct edge *edge = timer->context;
    release_memory(edge);
    edge_forward_sweep(edge);
    edge_relay_sweep(edge);
    edge_tunnel_sweep(edge);
    loop_timer_set(timer, SWEEP_MS);
}

static void on_grace_over(struct loop_timer *timer) {
    struct edge *edge = timer->context;
    log_warn("edge.grace_over", "visitors are cut");
    for (struct list *node = edge->visitors.next; node != &edge->visitors; node = node->next) {
        conn_abort(CONTAINER_OF(node, struct edge_visitor, node)->conn);
    }
}

static enum status fill(struct edge *edge, const struct edge_config *config, struct why *why) {
    if (str_to_cstr(config->trust_domain, edge->trust_domain, sizeof edge->trust_domain) !=
            STATUS_OK ||
        str_to_cstr(config->tunnel_server_name, edge->tunnel_server_name,
                    sizeof edge->tunnel_server_name) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "name_too_long", "the domain name is too long");
    }
    enum status status = key_from_private_pem(config->key_pem, &edge->key, why);
    if (status == STATUS_OK) {
        status = tls_context_set_trust(edge->tunnel_tls, config->trust_anchors_pem, why);
    }
    if (status == STATUS_OK) {
        status = tls_context_set_trust(edge->control_tls, config->trust_anchors_pem, why);
    }
    if (status == STATUS_OK) {
        status = use_certificate(edge, config->certificate_pem, config->key_pem, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    edge->feed = edge_feed_new(edge, config->control_address, config->control_server_name);
    if (edge->feed == NULL) {
        return why_set(why, STATUS_INVALID, "control_address", "\"%s\" is not host:port",
                       config->control_address);
    }
    return STATUS_OK;
}

void edge_init(struct edge *edge, struct loop *loop, uint64_t seed) {
    edge->loop = loop;
    jws_keys_init(&edge->bundle_keys);
    map_init(&edge->environments);
    map_init(&edge->hosts);
    map_init(&edge->revoked);
    list_init(&edge->visitors);
    list_init(&edge->tunnels);
    list_init(&edge->waiting);
    list_init(&edge->unread);
    random_seeded_init(&edge->request_ids, seed);
}

enum status edge_new(const struct edge_config *config, struct edge **at, struct why *why) {
    struct edge *edge = MEMORY_NEW(struct edge);
    edge_init(edge, config->loop, random_u64(loop_random(config->loop)));
    edge->visitor_tls = tls_context_new(TLS_VISITOR_SERVER);
    edge->tunnel_tls = tls_context_new(TLS_TUNNEL_SERVER);
    edge->control_tls = tls_context_new(TLS_CONTROL_CLIENT);
    loop_timer_init(&edge->sweep_timer, edge->loop, on_sweep, edge);
    loop_timer_init(&edge->grace_timer, edge->loop, on_grace_over, edge);
    enum status status = fill(edge, config, why);
    *at = edge;
    if (status != STATUS_OK) {
        edge_free(at);
        return status;
    }
    loop_timer_set(&edge->sweep_timer, SWEEP_MS);
    edge_feed_start(edge->feed);
    return STATUS_OK;
}

bool edge_serves(struct edge *edge, struct str host) {
    struct edge_environment *environment = edge_environment_of_host(edge, host);
    return environment != NULL && edge_environment_pick(environment, NULL) != NULL;
}

void edge_check_ended(struct edge *edge) {
    if (edge->phase != EDGE_STOPPING || !list_is_empty(&edge->visitors)) {
        return;
    }
    for (struct list *node = edge->tunnels.next; node != &edge->tunnels; node = node->next) {
        edge_tunnel_end(CONTAINER_OF(node, struct edge_tunnel, node));
    }
    if (!list_is_empty(&edge->tunnels)) {
        return; /* each calls again as it goes */
    }
    edge->phase = EDGE_ENDED;
    loop_timer_clear(&edge->grace_timer);
    edge->on_ended(edge->ended_context);
}

static void check_ended_later(struct loop_task *task) {
    struct edge *edge = CONTAINER_OF(task, struct edge, stop_task);
    edge_check_ended(edge);
}

void edge_stop(struct edge *edge, int64_t grace_ms, void (*on_ended)(void *context),
               void *context) {
    edge->phase = EDGE_STOPPING;
    edge->on_ended = on_ended;
    edge->ended_context = context;
    loop_timer_set(&edge->grace_timer, grace_ms);
    for (struct list *node = edge->tunnels.next; node != &edge->tunnels; node = node->next) {
        edge_tunnel_drain(CONTAINER_OF(node, struct edge_tunnel, node));
    }
    for (struct list *node = edge->visitors.next; node != &edge->visitors; node = node->next) {
        edge_visitor_drain(CONTAINER_OF(node, struct edge_visitor, node));
    }
    loop_task_init(&edge->stop_task, check_ended_later);
    loop_task_schedule(edge->loop, &edge->stop_task);
}

static void on_last_timer_closed(struct loop_timer *timer) {
    memory_free(timer->context);
}

void edge_free(struct edge **at) {
    struct edge *edge = *at;
    size_t position = 0;
    struct str key;
    void *environment;
    *at = NULL;
    while (map_next(&edge->environments, &position, &key, &environment)) {
        edge_environment_remove(environment);
    }
    edge_feed_free(&edge->feed);
    map_fini(&edge->environments);
    map_fini(&edge->hosts);
    map_fini(&edge->revoked);
    jws_keys_fini(&edge->bundle_keys);
    tls_context_unref(&edge->visitor_tls);
    tls_context_unref(&edge->tunnel_tls);
    tls_context_unref(&edge->control_tls);
    EVP_PKEY_free(edge->key);
    loop_timer_close(&edge->sweep_timer, NULL);
    loop_timer_close(&edge->grace_timer, on_last_timer_closed);
}
