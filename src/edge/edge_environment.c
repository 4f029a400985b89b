#include "edge/edge_environment.h"

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_park.h"
#include "edge/edge_tunnel.h"
#include "tunnel/record.h"
#include "tunnel/signed_bundle.h"

static void unregister_hosts(struct edge_environment *environment) {
    const struct bundle *bundle = environment->bundle;
    for (size_t i = 0; bundle != NULL && i < bundle->hostname_count; i++) {
        if (map_get(&environment->worker->hosts, bundle->hostnames[i]) == environment) {
            (void)map_remove(&environment->worker->hosts, bundle->hostnames[i]);
        }
    }
}

/* The pending bundle comes into force. */
static void activate(struct edge_environment *environment) {
    struct edge_worker *worker = environment->worker;
    loop_timer_clear(&environment->apply_timer);
    unregister_hosts(environment);
    route_matcher_free(&environment->matcher);
    bundle_unref(&environment->bundle);
    environment->bundle = environment->pending;
    environment->pending = NULL;
    environment->matcher = route_matcher_new(environment->bundle->program);
    for (size_t i = 0; i < environment->bundle->hostname_count; i++) {
        (void)map_set(&worker->hosts, environment->bundle->hostnames[i], environment);
    }
    log_debug("edge.environment_applied", "environment=%s revision=%llu", environment->id.text,
              (unsigned long long)environment->bundle->revision);
    edge_roster_applied(worker->roster, worker->index, &environment->id,
                        environment->bundle->revision);
}

static bool has_laggard(const struct edge_environment *environment) {
    for (const struct list *node = environment->tunnels.next; node != &environment->tunnels;
         node = node->next) {
        const struct edge_tunnel *tunnel = CONTAINER_OF(node, struct edge_tunnel, environment_node);
        if (tunnel->applied_revision < environment->newest_revision &&
            tunnel->refused_revision < environment->newest_revision) {
            return true;
        }
    }
    return false;
}

static void on_apply_overdue(struct loop_timer *timer) {
    struct edge_environment *environment = timer->context;
    if (environment->pending != NULL) {
        log_warn("edge.warpgate_behind", "environment=%s revision=%llu", environment->id.text,
                 (unsigned long long)environment->newest_revision);
        activate(environment);
    }
}

void edge_environment_tunnel_changed(struct edge_environment *environment) {
    if (environment->pending != NULL && !has_laggard(environment)) {
        activate(environment);
    }
}

static struct edge_environment *make_environment(struct edge_worker *worker, const struct id *id) {
    struct edge_environment *environment = MEMORY_NEW(struct edge_environment);
    environment->worker = worker;
    environment->id = *id;
    buf_init(&environment->jws, RECORD_BYTES_MAX);
    list_init(&environment->tunnels);
    list_init(&environment->warpgates);
    list_init(&environment->parked);
    loop_task_init(&environment->wake_task, edge_park_run);
    loop_timer_init(&environment->apply_timer, worker->loop, on_apply_overdue, environment);
    (void)map_set(&worker->environments, id_str(id), environment);
    return environment;
}

static void send_to_tunnels(struct edge_environment *environment) {
    struct list *all = &environment->worker->tunnels;
    for (struct list *node = all->next; node != all; node = node->next) {
        struct edge_tunnel *tunnel = CONTAINER_OF(node, struct edge_tunnel, node);
        if (tunnel->environment == environment) {
            edge_tunnel_send_bundle(tunnel);
        }
    }
}

enum status edge_environment_offer(struct edge_worker *worker, struct str jws,
                                   uint64_t sync_generation, struct why *why) {
    struct bundle *bundle = NULL;
    enum status status = signed_bundle_open(&worker->bundle_keys, jws, NULL, 0, &bundle, why);
    if (status != STATUS_OK) {
        return status;
    }
    struct edge_environment *environment = edge_environment_find(worker, &bundle->environment);
    if (environment == NULL) {
        environment = make_environment(worker, &bundle->environment);
    }
    worker->offered = bundle->environment;
    if (sync_generation > environment->sync_generation) {
        environment->sync_generation = sync_generation;
    }
    if (bundle->revision <= environment->newest_revision) {
        bool is_same = bundle->revision == environment->newest_revision;
        bundle_unref(&bundle);
        return why_set(why, STATUS_CONFLICT, is_same ? "bundle_not_newer" : "bundle_rollback",
                       "the bundle is not newer than the one in force");
    }
    buf_clear(&environment->jws);
    if (buf_append_str(&environment->jws, jws) != STATUS_OK) {
        bundle_unref(&bundle);
        return why_set(why, STATUS_TOO_LARGE, "bundle_too_large",
                       "the bundle is larger than a tunnel carries");
    }
    bundle_unref(&environment->pending);
    environment->pending = bundle;
    environment->newest_revision = bundle->revision;
    send_to_tunnels(environment);
    if (!bundle->is_enabled || environment->bundle == NULL || !has_laggard(environment)) {
        activate(environment);
    } else {
        loop_timer_set(&environment->apply_timer, EDGE_APPLY_WAIT_MS);
    }
    return STATUS_OK;
}

struct edge_environment *edge_environment_find(struct edge_worker *worker, const struct id *id) {
    return map_get(&worker->environments, id_str(id));
}

struct edge_environment *edge_environment_of_host(struct edge_worker *worker, struct str host) {
    return map_get(&worker->hosts, host);
}

static void free_environment(struct loop_timer *timer) {
    memory_free(timer->context);
}

void edge_environment_remove(struct edge_environment *environment) {
    struct edge_worker *worker = environment->worker;
    for (struct list *node = worker->tunnels.next, *next; node != &worker->tunnels; node = next) {
        struct edge_tunnel *tunnel = CONTAINER_OF(node, struct edge_tunnel, node);
        next = node->next;
        if (tunnel->environment == environment) {
            edge_tunnel_abort(tunnel);
            tunnel->environment = NULL;
        }
    }
    while (!list_is_empty(&environment->warpgates)) {
        list_remove(environment->warpgates.next); /* their tunnels still hold them */
    }
    unregister_hosts(environment);
    edge_roster_forget(worker->roster, worker->index, &environment->id);
    edge_park_dismiss(environment);
    (void)map_remove(&worker->environments, id_str(&environment->id));
    route_matcher_free(&environment->matcher);
    bundle_unref(&environment->bundle);
    bundle_unref(&environment->pending);
    buf_fini(&environment->jws);
    loop_timer_close(&environment->apply_timer, free_environment);
}

void edge_environment_add_tunnel(struct edge_environment *environment, struct edge_tunnel *tunnel) {
    environment->has_served = true;
    list_append(&environment->tunnels, &tunnel->environment_node);
    list_append(&tunnel->warpgate->tunnels, &tunnel->warpgate_node);
    edge_park_wake(environment);
}

void edge_environment_remove_tunnel(struct edge_environment *environment,
                                    struct edge_tunnel *tunnel) {
    list_remove(&tunnel->environment_node);
    list_remove(&tunnel->warpgate_node);
    environment->served_until_ms = loop_now_ms(environment->worker->loop);
}

bool edge_environment_is_served(const struct edge_environment *environment) {
    return !list_is_empty(&environment->tunnels);
}

bool edge_environment_has_room(const struct edge_environment *environment) {
    for (const struct list *node = environment->tunnels.next; node != &environment->tunnels;
         node = node->next) {
        const struct edge_tunnel *tunnel = CONTAINER_OF(node, struct edge_tunnel, environment_node);
        if (h2_session_has_room(tunnel->session)) {
            return true;
        }
    }
    return false;
}
