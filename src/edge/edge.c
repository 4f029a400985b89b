/* edge.c: one process's edge as a whole: what its workers share, its beginning and its end. */
#include "edge/edge.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_environment.h"
#include "edge/edge_feed.h"
#include "edge/edge_feeds.h"
#include "edge/edge_keep.h"
#include "edge/edge_trust.h"
#include "edge/edge_usage.h"
#include "edge/edge_worker.h"
#include "net/socket.h"
#include "pki/cert_chain.h"
#include "pki/csr.h"
#include "pki/key.h"

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
        edge_trust_certificate(edge, chain_pem);
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
    } else if (edge->on_certificate != NULL) {
        edge->on_certificate(edge->certificate_context, chain_pem);
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
        (void)edge_feeds_ask(edge->feeds, &message);
        /* ask again in a minute if no answer comes */
        edge->certificate_renew_at_ms = now_ms + 60000;
    }
    buf_fini(&csr);
}

/* The beginning */

void edge_report_due(struct edge *edge) {
    edge_feeds_report_due(edge->feeds);
}

void edge_note_feed(struct edge *edge) {
    bool has_feed = edge_feeds_is_live(edge->feeds);
    if (atomic_exchange(&edge->has_feed, has_feed) != has_feed) {
        atomic_store(&edge->feed_since_ms, loop_now_ms(edge->loop));
    }
}

void edge_note_synced(struct edge *edge) {
    if (!edge->has_synced) {
        edge->has_synced = true;
        edge->on_synced(edge->synced_context);
    }
}

static void run_loaded(struct loop_task *task) {
    edge_note_synced(CONTAINER_OF(task, struct edge, loaded_task));
}

static void report_due(void *context) {
    edge_report_due(context);
}

/* From any thread: the feed's loop is to tell the control plane. */
static void on_report_due(void *context) {
    struct edge *edge = context;
    loop_post(edge->loop, report_due, edge);
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
        status = edge_trust_start(edge, config->trust_anchors_pem, why);
    }
    if (status == STATUS_OK) {
        status = use_certificate(edge, config->certificate_pem, config->key_pem, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    edge->feeds = edge_feeds_new(edge, config);
    if (edge->feeds == NULL) {
        return why_set(why, STATUS_INVALID, "control_address",
                       "the address of a control plane is not host:port");
    }
    return STATUS_OK;
}

enum status edge_new(const struct edge_config *config, struct edge **at, struct why *why) {
    struct edge *edge = MEMORY_NEW(struct edge);
    edge->loop = config->loop;
    edge->on_synced = config->on_synced;
    edge->synced_context = config->synced_context;
    edge->disk = config->disk;
    edge->on_certificate = config->on_certificate;
    edge->certificate_context = config->certificate_context;
    edge->instance = (uint64_t)clock_wall_ms(loop_clock(config->loop));
    edge->feed_since_ms = loop_now_ms(config->loop);
    map_init(&edge->host_names);
    map_init(&edge->revocations);
    loop_task_init(&edge->loaded_task, run_loaded);
    edge->memory_limit_bytes = config->memory_limit_bytes;
    edge->visitor_max = config->visitor_max;
    edge->worker_goal = config->worker_count;
    edge->visitor_tls = tls_context_new(TLS_VISITOR_SERVER);
    edge->tunnel_tls = tls_context_new(TLS_TUNNEL_SERVER);
    edge->control_tls = tls_context_new(TLS_CONTROL_CLIENT);
    edge->roster =
        edge_roster_new(config->worker_count, loop_clock(config->loop), on_report_due, edge);
    edge->tickets = tls_ticket_ring_new(loop_clock(config->loop), loop_random(config->loop));
    if (!str_is_empty(config->ticket_keys) &&
        tls_ticket_ring_import(edge->tickets, config->ticket_keys) != STATUS_OK) {
        log_warn("edge.tickets_refused", "visitors of the former process handshake anew");
    }
    enum status status = fill(edge, config, why);
    *at = edge;
    if (status != STATUS_OK) {
        edge_free(at);
        return status;
    }
    for (; edge->worker_count < config->worker_count; edge->worker_count++) {
        unsigned index = edge->worker_count;
        edge->workers[index] = edge_worker_new(edge, index, index == 0 ? config->loop : NULL);
    }
    edge->usage = edge_usage_new(edge, edge_feed_report);
    if (edge_keep_load(edge)) {
        loop_task_schedule(edge->loop, &edge->loaded_task);
    }
    edge_feeds_start(edge->feeds);
    return STATUS_OK;
}

/* Fronts: each worker's are made on its own thread. */

struct opening {
    struct edge_worker *worker;
    int fds[EDGE_LISTENERS_MAX];
    size_t count;
    void (*add_services)(void *context, struct front *front);
    void *context;
};

static enum status open_all(struct opening *opening, struct why *why) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < opening->count; i++) {
        if (status == STATUS_OK) {
            status = edge_worker_open(opening->worker, opening->fds[i], opening->add_services,
                                      opening->context, why);
            if (status == STATUS_OK) {
                continue;
            }
        }
        (void)close(opening->fds[i]);
    }
    return status;
}

static void open_posted(void *context) {
    struct opening *opening = context;
    struct why why = {0};
    if (open_all(opening, &why) != STATUS_OK) {
        log_error("edge.not_listening", "worker=%u code=%s detail=%s", opening->worker->index,
                  why.slug, why.text);
    }
    memory_free(opening);
}

static bool duplicate(const int *fds, size_t count, struct opening *opening) {
    while (opening->count < count) {
        int fd = socket_dup(fds[opening->count]);
        if (fd < 0) {
            return false;
        }
        opening->fds[opening->count++] = fd;
    }
    return true;
}

static enum status open_worker(struct edge *edge, unsigned index, const struct opening *template,
                               const int *fds, size_t count, struct why *why) {
    struct opening *opening = MEMORY_NEW(struct opening);
    *opening = *template;
    opening->worker = edge->workers[index];
    if (!duplicate(fds, count, opening)) {
        enum status status = why_set(why, STATUS_FAILED, "listen_failed",
                                     "cannot share the socket: %s", strerror(errno));
        while (opening->count > 0) {
            (void)close(opening->fds[--opening->count]);
        }
        memory_free(opening);
        return status;
    }
    if (index > 0) {
        loop_post(opening->worker->loop, open_posted, opening);
        return STATUS_OK;
    }
    enum status status = open_all(opening, why);
    memory_free(opening);
    return status;
}

enum status edge_open(struct edge *edge, const int *fds, size_t count,
                      void (*add_services)(void *context, struct front *front), void *context,
                      struct why *why) {
    const struct opening template = {.add_services = add_services, .context = context};
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < edge->worker_count && status == STATUS_OK; i++) {
        status = open_worker(edge, i, &template, fds, count, why);
    }
    return status;
}

static void close_posted(void *context) {
    edge_worker_close(context);
}

static void note_closed(void *context) {
    struct edge *edge = context;
    if (--edge->closing == 0) {
        edge->on_closed(edge->closed_context);
    }
}

void edge_worker_closed(struct edge_worker *worker) {
    loop_post(worker->edge->loop, note_closed, worker->edge);
}

void edge_close(struct edge *edge, void (*on_closed)(void *context), void *context) {
    edge->on_closed = on_closed;
    edge->closed_context = context;
    edge->closing = edge->worker_count;
    for (unsigned i = 0; i < edge->worker_count; i++) {
        loop_post(edge->workers[i]->loop, close_posted, edge->workers[i]);
    }
}

size_t edge_export_tickets(struct edge *edge, uint8_t out[TLS_TICKET_BLOB_MAX]) {
    return tls_ticket_ring_export(edge->tickets, out);
}

size_t edge_tunnel_count(struct edge *edge) {
    return edge_roster_ready_count(edge->roster);
}

bool edge_serves(struct edge *edge, struct str host) {
    struct edge_environment *environment = edge_environment_of_host(edge->workers[0], host);
    return environment != NULL && edge_roster_serves(edge->roster, &environment->id);
}

/* The end */

struct stopping {
    struct edge_worker *worker;
    enum edge_farewell farewell;
    int64_t grace_ms;
};

static void stop_posted(void *context) {
    struct stopping *stopping = context;
    edge_worker_stop(stopping->worker, stopping->farewell, stopping->grace_ms);
    memory_free(stopping);
}

static void note_flushed(void *context) {
    struct edge *edge = context;
    edge->phase = EDGE_ENDED;
    edge->on_ended(edge->ended_context);
}

static void note_ended(void *context) {
    struct edge *edge = context;
    if (--edge->running == 0) {
        edge_usage_finish(edge->usage, note_flushed, edge);
    }
}

void edge_worker_ended(struct edge_worker *worker) {
    loop_post(worker->edge->loop, note_ended, worker->edge);
}

void edge_stop(struct edge *edge, enum edge_farewell farewell, int64_t grace_ms,
               void (*on_ended)(void *context), void *context) {
    edge->phase = EDGE_STOPPING;
    edge->on_ended = on_ended;
    edge->ended_context = context;
    edge->running = edge->worker_count;
    for (unsigned i = 0; i < edge->worker_count; i++) {
        struct stopping *stopping = MEMORY_NEW(struct stopping);
        *stopping = (struct stopping){edge->workers[i], farewell, grace_ms};
        loop_post(edge->workers[i]->loop, stop_posted, stopping);
    }
}

void edge_free(struct edge **at) {
    struct edge *edge = *at;
    *at = NULL;
    if (edge == NULL) {
        return;
    }
    loop_task_cancel(&edge->loaded_task);
    edge_feeds_free(&edge->feeds);
    map_fini(&edge->host_names);
    map_fini(&edge->revocations);
    edge_usage_free(&edge->usage);
    for (unsigned i = edge->worker_count; i > 0; i--) {
        edge_worker_free(&edge->workers[i - 1]);
    }
    edge_roster_free(&edge->roster);
    tls_ticket_ring_unref(&edge->tickets);
    tls_context_unref(&edge->visitor_tls);
    tls_context_unref(&edge->tunnel_tls);
    tls_context_unref(&edge->control_tls);
    edge_trust_fini(edge);
    EVP_PKEY_free(edge->key);
    memory_free(edge);
}
