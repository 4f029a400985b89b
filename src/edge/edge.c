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

/* One worker today: what runs on one loop. */
struct edge {
    struct edge_worker worker;
};

/* The certificate */

static enum status use_certificate(struct edge_worker *worker, struct str chain_pem,
                                   struct str key_pem, struct why *why) {
    enum status status = tls_context_set_certificate(worker->tunnel_tls, chain_pem, key_pem, why);
    if (status == STATUS_OK) {
        status = tls_context_set_certificate(worker->control_tls, chain_pem, key_pem, why);
    }
    struct cert_identity identity;
    if (status == STATUS_OK) {
        status = cert_chain_identity(chain_pem, CERT_EDGE, str_from(worker->trust_domain),
                                     &identity, why);
    }
    if (status == STATUS_OK) {
        int64_t now_ms = clock_wall_ms(loop_clock(worker->loop));
        worker->certificate_renew_at_ms = now_ms + (identity.not_after_ms - now_ms) / 2;
    }
    return status;
}

void edge_take_certificate(struct edge_worker *worker, struct str chain_pem) {
    struct why why = {0};
    struct buf key_pem;
    buf_init(&key_pem, PEM_BYTES_MAX);
    if (key_private_pem(worker->key, &key_pem) != STATUS_OK ||
        use_certificate(worker, chain_pem, buf_str(&key_pem), &why) != STATUS_OK) {
        log_error("edge.certificate_refused", "code=%s detail=%s", why.slug, why.text);
    }
    buf_fini_wiped(&key_pem);
}

void edge_check_certificate(struct edge_worker *worker) {
    int64_t now_ms = clock_wall_ms(loop_clock(worker->loop));
    if (now_ms < worker->certificate_renew_at_ms) {
        return;
    }
    struct buf csr;
    buf_init(&csr, CSR_PEM_BYTES_MAX);
    if (csr_write(worker->key, &csr) == STATUS_OK) {
        const struct feed_message message = {.type = FEED_MESSAGE_RENEW, .csr = buf_str(&csr)};
        edge_feed_report(worker->feed, &message);
        /* ask again in a minute if no answer comes */
        worker->certificate_renew_at_ms = now_ms + 60000;
    }
    buf_fini(&csr);
}

/* The services */

static bool tunnel_wants(void *context, struct str server_name, const struct front_hello *hello) {
    struct edge_worker *worker = context;
    return str_eq(server_name, str_from(worker->tunnel_server_name)) &&
           front_hello_offers(hello, STR(TLS_ALPN_TUNNEL));
}

static struct tls_context *tunnel_tls(void *context) {
    return ((struct edge_worker *)context)->tunnel_tls;
}

static void tunnel_accept(void *context, struct conn *conn) {
    edge_tunnel_accept(context, conn);
}

static bool visitor_wants(void *context, struct str server_name, const struct front_hello *hello) {
    struct edge_worker *worker = context;
    (void)hello;
    return tls_context_has_host(worker->visitor_tls, server_name);
}

static struct tls_context *visitor_tls(void *context) {
    return ((struct edge_worker *)context)->visitor_tls;
}

static void visitor_accept(void *context, struct conn *conn) {
    edge_visitor_accept(context, conn);
}

void edge_add_services(struct edge *edge, struct front *front) {
    struct edge_worker *worker = &edge->worker;
    const struct front_service services[] = {
        {
            .name = "tunnels",
            .wants = tunnel_wants,
            .tls = tunnel_tls,
            .accept = tunnel_accept,
            .context = worker,
            .timeouts = {.handshake_ms = 5000, .idle_ms = -1},
        },
        {
            .name = "visitors",
            .wants = visitor_wants,
            .tls = visitor_tls,
            .accept = visitor_accept,
            .context = worker,
        },
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        front_add(front, &services[i]);
    }
}

/* Life */

/* A crowd leaves its memory with the allocator: given back once most of it has gone. */
static void release_memory(struct edge_worker *worker) {
    if (worker->visitor_count > worker->visitor_peak) {
        worker->visitor_peak = worker->visitor_count;
    }
    if (worker->visitor_peak >= TRIM_VISITORS && worker->visitor_count < worker->visitor_peak / 4) {
        memory_trim();
        worker->visitor_peak = worker->visitor_count;
    }
}

static void on_sweep(struct loop_timer *timer) {
    struct edge_worker *worker = timer->context;
    release_memory(worker);
    edge_forward_sweep(worker);
    edge_relay_sweep(worker);
    edge_tunnel_sweep(worker);
    loop_timer_set(timer, SWEEP_MS);
}

static void on_grace_over(struct loop_timer *timer) {
    struct edge_worker *worker = timer->context;
    log_warn("edge.grace_over", "visitors are cut");
    for (struct list *node = worker->visitors.next; node != &worker->visitors; node = node->next) {
        conn_abort(CONTAINER_OF(node, struct edge_visitor, node)->conn);
    }
}

static enum status fill(struct edge_worker *worker, const struct edge_config *config,
                        struct why *why) {
    if (str_to_cstr(config->trust_domain, worker->trust_domain, sizeof worker->trust_domain) !=
            STATUS_OK ||
        str_to_cstr(config->tunnel_server_name, worker->tunnel_server_name,
                    sizeof worker->tunnel_server_name) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "name_too_long", "the domain name is too long");
    }
    enum status status = key_from_private_pem(config->key_pem, &worker->key, why);
    if (status == STATUS_OK) {
        status = tls_context_set_trust(worker->tunnel_tls, config->trust_anchors_pem, why);
    }
    if (status == STATUS_OK) {
        status = tls_context_set_trust(worker->control_tls, config->trust_anchors_pem, why);
    }
    if (status == STATUS_OK) {
        status = use_certificate(worker, config->certificate_pem, config->key_pem, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    worker->feed = edge_feed_new(worker, config->control_address, config->control_server_name);
    if (worker->feed == NULL) {
        return why_set(why, STATUS_INVALID, "control_address", "\"%s\" is not host:port",
                       config->control_address);
    }
    return STATUS_OK;
}

void edge_worker_init(struct edge_worker *worker, struct loop *loop, uint64_t seed) {
    worker->loop = loop;
    jws_keys_init(&worker->bundle_keys);
    map_init(&worker->environments);
    map_init(&worker->hosts);
    map_init(&worker->revoked);
    list_init(&worker->visitors);
    list_init(&worker->tunnels);
    list_init(&worker->waiting);
    list_init(&worker->unread);
    list_init(&worker->switched);
    worker->started_ms = loop_now_ms(loop);
    wheel_init(&worker->wheel, worker->started_ms);
    edge_offence_init(&worker->offences, seed);
    random_seeded_init(&worker->request_ids, seed);
}

enum status edge_new(const struct edge_config *config, struct edge **at, struct why *why) {
    struct edge *edge = MEMORY_NEW(struct edge);
    struct edge_worker *worker = &edge->worker;
    edge_worker_init(worker, config->loop, random_u64(loop_random(config->loop)));
    worker->visitor_tls = tls_context_new(TLS_VISITOR_SERVER);
    worker->tunnel_tls = tls_context_new(TLS_TUNNEL_SERVER);
    worker->control_tls = tls_context_new(TLS_CONTROL_CLIENT);
    loop_timer_init(&worker->sweep_timer, worker->loop, on_sweep, worker);
    loop_timer_init(&worker->grace_timer, worker->loop, on_grace_over, worker);
    enum status status = fill(worker, config, why);
    *at = edge;
    if (status != STATUS_OK) {
        edge_free(at);
        return status;
    }
    loop_timer_set(&worker->sweep_timer, SWEEP_MS);
    edge_feed_start(worker->feed);
    return STATUS_OK;
}

bool edge_serves(struct edge *edge, struct str host) {
    struct edge_environment *environment = edge_environment_of_host(&edge->worker, host);
    return environment != NULL && edge_environment_pick(environment, NULL) != NULL;
}

void edge_check_ended(struct edge_worker *worker) {
    if (worker->phase != EDGE_STOPPING || !list_is_empty(&worker->visitors)) {
        return;
    }
    for (struct list *node = worker->tunnels.next; node != &worker->tunnels; node = node->next) {
        edge_tunnel_end(CONTAINER_OF(node, struct edge_tunnel, node));
    }
    if (!list_is_empty(&worker->tunnels)) {
        return; /* each calls again as it goes */
    }
    worker->phase = EDGE_ENDED;
    loop_timer_clear(&worker->grace_timer);
    worker->on_ended(worker->ended_context);
}

static void check_ended_later(struct loop_task *task) {
    struct edge_worker *worker = CONTAINER_OF(task, struct edge_worker, stop_task);
    edge_check_ended(worker);
}

void edge_stop(struct edge *edge, int64_t grace_ms, void (*on_ended)(void *context),
               void *context) {
    struct edge_worker *worker = &edge->worker;
    worker->phase = EDGE_STOPPING;
    worker->on_ended = on_ended;
    worker->ended_context = context;
    loop_timer_set(&worker->grace_timer, grace_ms);
    for (struct list *node = worker->tunnels.next; node != &worker->tunnels; node = node->next) {
        edge_tunnel_drain(CONTAINER_OF(node, struct edge_tunnel, node));
    }
    for (struct list *node = worker->visitors.next; node != &worker->visitors; node = node->next) {
        edge_visitor_drain(CONTAINER_OF(node, struct edge_visitor, node));
    }
    loop_task_init(&worker->stop_task, check_ended_later);
    loop_task_schedule(worker->loop, &worker->stop_task);
}

static void on_last_timer_closed(struct loop_timer *timer) {
    struct edge_worker *worker = timer->context;
    memory_free(CONTAINER_OF(worker, struct edge, worker));
}

void edge_free(struct edge **at) {
    struct edge *edge = *at;
    struct edge_worker *worker = &edge->worker;
    size_t position = 0;
    struct str key;
    void *environment;
    *at = NULL;
    while (map_next(&worker->environments, &position, &key, &environment)) {
        edge_environment_remove(environment);
    }
    edge_feed_free(&worker->feed);
    map_fini(&worker->environments);
    map_fini(&worker->hosts);
    map_fini(&worker->revoked);
    jws_keys_fini(&worker->bundle_keys);
    tls_context_unref(&worker->visitor_tls);
    tls_context_unref(&worker->tunnel_tls);
    tls_context_unref(&worker->control_tls);
    EVP_PKEY_free(worker->key);
    loop_timer_close(&worker->sweep_timer, NULL);
    loop_timer_close(&worker->grace_timer, on_last_timer_closed);
}
