#include "warpgate/warpgate.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "warpgate/warpgate_deadline.h"
#include "warpgate/warpgate_edge.h"
#include "warpgate/warpgate_memory.h"
#include "warpgate/warpgate_proxy.h"
#include "warpgate/warpgate_renewal.h"
#include "warpgate/warpgate_settings.h"
#include "warpgate/warpgate_upstream.h"

#define TICK_MS 5000
#define CUT_MS 2000 /* for the orderly end of tunnels that outlast the grace */
/* without any tunnel: is our certificate still wanted, are the edges still there? */
#define LONELY_MS 15000

enum warpgate_state {
    WARPGATE_NEW,     /* judged, not started */
    WARPGATE_RUNNING, /* enrols, renews, keeps its tunnels */
    WARPGATE_LEAVING, /* told to stop, or refused for good: tunnels drain, then everything is closed */
    WARPGATE_CLOSING, /* no edges any more; the rest is on its way out */
    WARPGATE_ENDED,   /* nothing can call back; on_ended was called */
};

struct warpgate {
    enum warpgate_state state;
    struct warpgate_settings settings;
    struct warpgate_parts parts;
    struct list edges;

    struct warpgate_renewal renewal;
    struct loop_timer tick;     /* looks at the clock: renewal, lonely times */
    struct loop_timer deadline; /* of draining */
    struct loop_task settle;    /* goes on with ending */
    struct loop_task revoke;    /* an edge said that our credentials are void */
    struct loop_task trim;      /* gives memory back */
    struct loop_task roam;      /* a newer list of edges is here */

    uint64_t trimmed_at_count; /* requests begun and links closed when memory was last given back */
    uint64_t seen_count;       /* the same at the last look */
    bool has_garbage;          /* an enrolment has left some */
    int64_t connected_at_ms; /* monotonic: when a tunnel was last seen, or a certificate was new */

    bool is_cut; /* the grace is over */
    enum status outcome;
    void (*on_ended)(void *context, enum status status);
    void *context;
};

static void set_state(struct warpgate *warpgate, enum warpgate_state state) {
    warpgate->state = state;
}

static void for_each_edge(struct warpgate *warpgate, void (*call)(struct warpgate_edge *edge)) {
    struct list *node = warpgate->edges.next;
    while (node != &warpgate->edges) {
        struct list *next = node->next;
        call(warpgate_edge_from_node(node));
        node = next;
    }
}

/* The end */

static void continue_ending(struct warpgate *warpgate) {
    if (warpgate->state >= WARPGATE_LEAVING && warpgate->state < WARPGATE_ENDED) {
        loop_task_schedule(warpgate->parts.loop, &warpgate->settle);
    }
}

static void leave(struct warpgate *warpgate, enum status outcome) {
    set_state(warpgate, WARPGATE_LEAVING);
    warpgate->outcome = outcome;
    secret_fini(warpgate->settings.token);
    warpgate_renewal_end(&warpgate->renewal);
    loop_timer_clear(&warpgate->tick);
    for_each_edge(warpgate, warpgate_edge_leave);
    loop_timer_set(&warpgate->deadline, warpgate->settings.grace_ms);
    continue_ending(warpgate);
}

static void abort_tunnels(struct warpgate *warpgate) {
    for_each_edge(warpgate, warpgate_edge_abort);
}

static void on_deadline(struct loop_timer *timer) {
    struct warpgate *warpgate = timer->context;
    if (warpgate->is_cut) {
        abort_tunnels(warpgate);
        return;
    }
    warpgate->is_cut = true;
    log_warn("warpgate.drain_cut",
             "requests were still running after %d s: give them longer with --grace",
             (int)(warpgate->settings.grace_ms / 1000));
    for_each_edge(warpgate, warpgate_edge_cut);
    loop_timer_set(&warpgate->deadline, CUT_MS);
}

static void on_timer_closed(struct loop_timer *timer) {
    struct warpgate_parts *parts = timer->context;
    warpgate_parts_drop(parts);
}

static void close_timer(struct warpgate *warpgate, struct loop_timer *timer) {
    warpgate_parts_hold(&warpgate->parts);
    timer->context = &warpgate->parts;
    loop_timer_close(timer, on_timer_closed);
}

static void close_rest(struct warpgate *warpgate) {
    set_state(warpgate, WARPGATE_CLOSING);
    for (size_t i = 0; i < warpgate->parts.upstream_count; i++) {
        warpgate_upstream_free(&warpgate->parts.upstreams[i]);
    }
    warpgate->parts.upstream_count = 0;
    close_timer(warpgate, &warpgate->renewal.retry);
    close_timer(warpgate, &warpgate->tick);
    close_timer(warpgate, &warpgate->deadline);
    close_timer(warpgate, &warpgate->parts.sweep);
}

static void settle(struct loop_task *task) {
    struct warpgate *warpgate = CONTAINER_OF(task, struct warpgate, settle);
    if (warpgate->state == WARPGATE_LEAVING && list_is_empty(&warpgate->edges)) {
        close_rest(warpgate);
    }
    if (warpgate->state == WARPGATE_CLOSING && warpgate->parts.open_count == 0) {
        set_state(warpgate, WARPGATE_ENDED);
        warpgate->on_ended(warpgate->context, warpgate->outcome);
    }
}

/* Events of the parts */

static void on_revoked(void *context, struct str reason) {
    struct warpgate *warpgate = context;
    if (warpgate->state == WARPGATE_RUNNING) {
        bool is_deleted = str_eq(reason, STR("warpgate_deleted"));
        log_error("warpgate.revoked", "reason=%.*s: %s", STR_ARG(reason),
                  is_deleted ? "this warpgate was deleted; started again it enrols anew"
                             : "this warpgate's credentials are void; start it with a new key");
        loop_task_schedule(warpgate->parts.loop, &warpgate->revoke);
    }
}

static void revoke(struct loop_task *task) {
    struct warpgate *warpgate = CONTAINER_OF(task, struct warpgate, revoke);
    if (warpgate->state == WARPGATE_RUNNING) {
        leave(warpgate, STATUS_DENIED);
        abort_tunnels(warpgate);
    }
}

/* The start is over: what it left goes at once, and the rest when the clock is looked at. */
static void on_connected(void *context) {
    struct warpgate *warpgate = context;
    if (warpgate->has_garbage) {
        loop_task_schedule(warpgate->parts.loop, &warpgate->trim);
    }
}

static void trim(struct loop_task *task) {
    warpgate_memory_release(CONTAINER_OF(task, struct warpgate, trim)->parts.loop);
}

/* Whoever brought it: the control plane signed it. */
static void on_edges(void *context, struct str jws) {
    struct warpgate *warpgate = context;
    struct warpgate_parts *parts = &warpgate->parts;
    struct signed_edges list;
    struct why why = {0};
    enum status status =
        signed_edges_open(&parts->policy.keys, jws, parts->edges.revision, &list, &why);
    if (status == STATUS_CONFLICT) {
        return; /* not news: every edge tells it */
    }
    if (status != STATUS_OK) {
        log_warn("warpgate.edges_refused", "code=%s detail=\"%s\"", why.slug, why.text);
        return;
    }
    signed_edges_fini(&parts->edges);
    parts->edges = list;
    if (warpgate_anchors_follow(parts, &parts->edges)) {
        for_each_edge(warpgate, warpgate_edge_send_trust);
        if (warpgate_anchors_is_renewal_due(&parts->anchors)) {
            warpgate_renewal_plan(&warpgate->renewal, list.renew_within_ms);
        }
    }
    loop_task_schedule(parts->loop, &warpgate->roam);
}

static void on_health(void *context) {
    for_each_edge(context, warpgate_edge_send_health);
}

static void on_edge_left(void *context) {
    continue_ending(context);
}

static void on_settled(void *context) {
    continue_ending(context);
}

static const struct warpgate_parts_events parts_events = {.on_revoked = on_revoked,
                                                          .on_connected = on_connected,
                                                          .on_edges = on_edges,
                                                          .on_health = on_health,
                                                          .on_edge_left = on_edge_left,
                                                          .on_settled = on_settled};

/* Edges */

static struct warpgate_edge *find_edge(struct warpgate *warpgate,
                                       const struct enrolment_edge *place) {
    for (struct list *node = warpgate->edges.next; node != &warpgate->edges; node = node->next) {
        if (warpgate_edge_is_at(warpgate_edge_from_node(node), place)) {
            return warpgate_edge_from_node(node);
        }
    }
    return NULL;
}

static bool is_named(const struct enrolment_edge *places, size_t count,
                     const struct warpgate_edge *edge) {
    for (size_t i = 0; i < count; i++) {
        if (warpgate_edge_is_at(edge, &places[i])) {
            return true;
        }
    }
    return false;
}

static void take_edges(struct warpgate *warpgate, const struct enrolment_edge *places,
                       size_t count) {
    struct list *node = warpgate->edges.next;
    while (node != &warpgate->edges) {
        struct list *next = node->next;
        struct warpgate_edge *edge = warpgate_edge_from_node(node);
        if (is_named(places, count, edge)) {
            warpgate_edge_renew(edge);
        } else {
            warpgate_edge_leave(edge);
        }
        node = next;
    }
    for (size_t i = 0; i < count; i++) {
        struct warpgate_edge *edge = NULL;
        struct why why;
        if (find_edge(warpgate, &places[i]) != NULL) {
            continue;
        }
        if (warpgate_edge_new(&warpgate->parts, &places[i], &edge, &why) != STATUS_OK) {
            log_warn("warpgate.edge_unusable", "edge=%.*s detail=\"%s\"",
                     STR_ARG(places[i].address), why.text);
            continue;
        }
        list_append(&warpgate->edges, warpgate_edge_node(edge));
    }
}

static void roam(struct loop_task *task) {
    struct warpgate *warpgate = CONTAINER_OF(task, struct warpgate, roam);
    const struct signed_edges *list = &warpgate->parts.edges;
    if (warpgate->state != WARPGATE_RUNNING) {
        return;
    }
    log_info("warpgate.edges", "revision=%llu edges=%zu", (unsigned long long)list->revision,
             list->edge_count);
    if (list->edge_count > 0) { /* else those that there were are better than none */
        take_edges(warpgate, list->edges, list->edge_count);
    }
}

static void on_renewed(void *owner, const struct enrolment_answer *answer) {
    struct warpgate *warpgate = owner;
    warpgate->has_garbage = true;
    warpgate->connected_at_ms = loop_now_ms(warpgate->parts.loop);
    take_edges(warpgate, answer->edges, answer->edge_count);
    for_each_edge(warpgate, warpgate_edge_send_trust);
}

static void on_denied(void *owner) {
    struct warpgate *warpgate = owner;
    leave(warpgate, STATUS_DENIED);
    abort_tunnels(warpgate);
}

static const struct warpgate_renewal_events renewal_events = {.on_renewed = on_renewed,
                                                              .on_denied = on_denied};

/* Memory and time */

/* After an enrolment, and after a busy time when nothing has come, or was closed, since the last look. */
static void release_memory(struct warpgate *warpgate) {
    uint64_t count = warpgate->parts.request_count + warpgate->parts.closed_count;
    bool is_quiet = count == warpgate->seen_count;
    warpgate->seen_count = count;
    if (is_quiet && (warpgate->has_garbage || count != warpgate->trimmed_at_count)) {
        warpgate->has_garbage = false;
        warpgate->trimmed_at_count = count;
        warpgate_memory_release(warpgate->parts.loop);
    }
}

/* Wall time may jump (a machine that slept): it is looked at, not waited for. */
static void on_tick(struct loop_timer *timer) {
    struct warpgate *warpgate = timer->context;
    int64_t now_ms = loop_now_ms(warpgate->parts.loop);
    size_t standing_count = 0;
    for (struct list *node = warpgate->edges.next; node != &warpgate->edges; node = node->next) {
        warpgate_edge_tick(warpgate_edge_from_node(node), now_ms);
        standing_count += warpgate_edge_standing_count(warpgate_edge_from_node(node));
    }
    if (standing_count > 0) {
        warpgate->connected_at_ms = now_ms;
        release_memory(warpgate);
    }
    bool is_lonely = now_ms - warpgate->connected_at_ms >= LONELY_MS;
    bool is_wanted = is_lonely || warpgate_renewal_is_due(&warpgate->renewal);
    if (is_wanted && !warpgate_renewal_is_waiting(&warpgate->renewal)) {
        warpgate_renewal_begin(&warpgate->renewal);
    }
    loop_timer_set(timer, TICK_MS);
}

/* From outside */

enum status warpgate_new(struct loop *loop, const struct warpgate_config *config,
                         struct warpgate **at, struct why *why) {
    struct warpgate *warpgate = MEMORY_NEW(struct warpgate);
    warpgate->parts.loop = loop;
    warpgate->parts.events = &parts_events;
    warpgate->parts.context = warpgate;
    warpgate_policy_init(&warpgate->parts.policy);
    wheel_init(&warpgate->parts.wheel, loop_now_ms(loop));
    list_init(&warpgate->edges);
    enum status status = warpgate_settings_read(config, &warpgate->settings, why);
    if (status != STATUS_OK) {
        warpgate_free(&warpgate);
        return status;
    }
    warpgate->parts.proxy = &warpgate->settings.proxy;
    memcpy(warpgate->parts.name, warpgate->settings.name, sizeof(warpgate->parts.name));
    *at = warpgate;
    return STATUS_OK;
}

void warpgate_start(struct warpgate *warpgate, void (*on_ended)(void *context, enum status status),
                    void *context) {
    struct warpgate_parts *parts = &warpgate->parts;
    warpgate->on_ended = on_ended;
    warpgate->context = context;
    loop_task_init(&warpgate->settle, settle);
    loop_task_init(&warpgate->revoke, revoke);
    loop_task_init(&warpgate->trim, trim);
    loop_task_init(&warpgate->roam, roam);
    warpgate_renewal_init(&warpgate->renewal, parts, &warpgate->settings, &renewal_events,
                          warpgate);
    loop_timer_init(&warpgate->tick, parts->loop, on_tick, warpgate);
    loop_timer_init(&warpgate->deadline, parts->loop, on_deadline, warpgate);
    loop_timer_init(&parts->sweep, parts->loop, warpgate_deadline_sweep, parts);
    set_state(warpgate, WARPGATE_RUNNING);
    for (size_t i = 0; i < warpgate->settings.target_count; i++) {
        const struct warpgate_target *target = &warpgate->settings.targets[i];
        log_info("warpgate.upstream", "upstream=%s target=%s", target->name, target->text);
        parts->upstreams[parts->upstream_count++] =
            warpgate_upstream_new(parts, target, &warpgate->settings.tls[i]);
    }
    parts->policy.on_new = warpgate_upstream_follow;
    parts->policy.context = parts;
    loop_timer_set(&warpgate->tick, TICK_MS);
    warpgate_renewal_begin(&warpgate->renewal);
}

void warpgate_stop(struct warpgate *warpgate) {
    if (warpgate->state == WARPGATE_RUNNING) {
        log_info("warpgate.stopping", "finishing what runs, at most %d s",
                 (int)(warpgate->settings.grace_ms / 1000));
        leave(warpgate, STATUS_OK);
        return;
    }
    if (warpgate->state == WARPGATE_LEAVING) {
        abort_tunnels(warpgate);
    }
}

void warpgate_free(struct warpgate **at) {
    struct warpgate *warpgate = *at;
    *at = NULL;
    if (warpgate == NULL) {
        return;
    }
    warpgate_policy_fini(&warpgate->parts.policy);
    signed_edges_fini(&warpgate->parts.edges);
    tls_context_unref(&warpgate->parts.tunnel_tls);
    warpgate_renewal_fini(&warpgate->renewal);
    warpgate_settings_fini(&warpgate->settings);
    memory_free(warpgate);
}
