#include "warpgate/warpgate_upstream.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/notice.h"
#include "warpgate/warpgate_check.h"
#include "warpgate/warpgate_pool.h"

#define LOOK_AGAIN_MS 250 /* after the first failure of a workload that was up */
#define PROBE_MS 3000     /* between tries while the workload is down */
/* A request's own deadline comes first: what waits is told by it, not by the dial. */
#define DIAL_GRACE_MS 500

/* Who waits for what. */
enum lane_kind {
    LANE_ANY,   /* any link with room */
    LANE_FRESH, /* a new link with HTTP/1.1, for a WebSocket to keep */
    LANE_COUNT,
};

struct lane {
    struct list waiting;
    size_t waiting_count;
    size_t dialling_count; /* without probes */
};

/* What a link that is dialled for LANE_ANY will speak. */
enum version {
    VERSION_UNKNOWN, /* https before its first link */
    VERSION_HTTP1,
    VERSION_HTTP2,
};

struct warpgate_upstream {
    struct warpgate_parts *parts;
    struct warpgate_target target;
    struct warpgate_link_tls tls;
    enum version version;
    struct warpgate_health_record record;
    struct lane lanes[LANE_COUNT];
    struct warpgate_pool pool;
    size_t shared_count; /* HTTP/2 links, in all places */
    size_t link_count;   /* all links, in all places, until their connections are gone */
    struct loop_task settle;
    struct loop_timer probe; /* armed only while something failed last */
    struct warpgate_check *check;
    struct notice notice;
    bool is_freed;
};

static const struct warpgate_link_events link_events;

/* Health */

static void tell_health(struct warpgate_upstream *upstream) {
    upstream->parts->events->on_health(upstream->parts->context);
}

static void note_up(struct warpgate_upstream *upstream, bool is_change) {
    if (is_change) {
        notice_forget(&upstream->notice);
        log_info("warpgate.upstream_up", "upstream=%s target=%s", upstream->target.name,
                 upstream->target.text);
        tell_health(upstream);
    }
}

static void note_failure(struct warpgate_upstream *upstream, const struct why *why) {
    bool is_change = warpgate_health_failed(&upstream->record);
    bool is_down = upstream->record.health == WARPGATE_HEALTH_DOWN;
    if (!upstream->record.is_checked) {
        loop_timer_set(&upstream->probe, is_down ? PROBE_MS : LOOK_AGAIN_MS);
    }
    if (notice_is_due(&upstream->notice, why->slug, loop_now_ms(upstream->parts->loop))) {
        log_warn(is_down ? "warpgate.upstream_down" : "warpgate.upstream_failed",
                 "upstream=%s target=%s reason=%s detail=\"%s\"", upstream->target.name,
                 upstream->target.text, why->slug, why->text);
    }
    if (is_change) {
        tell_health(upstream);
    }
}

static void on_check_result(void *context, const struct why *why) {
    struct warpgate_upstream *upstream = context;
    if (why != NULL) {
        note_failure(upstream, why);
    } else {
        note_up(upstream, warpgate_health_passed(&upstream->record));
    }
}

/* The end */

static void free_upstream(struct loop_timer *timer) {
    struct warpgate_upstream *upstream = timer->context;
    struct warpgate_parts *parts = upstream->parts;
    tls_context_unref(&upstream->tls.any);
    tls_context_unref(&upstream->tls.http1);
    memory_free(upstream);
    warpgate_parts_drop(parts);
}

/* The memory goes with the last link. */
static void check_freed(struct warpgate_upstream *upstream) {
    if (upstream->is_freed && upstream->link_count == 0) {
        loop_task_cancel(&upstream->settle);
        loop_timer_close(&upstream->probe, free_upstream);
    }
}

static void settle_later(struct warpgate_upstream *upstream) {
    loop_task_schedule(upstream->parts->loop, &upstream->settle);
}

/* Links */

/* Of a waiter for LANE_ANY. STATUS_OK, STATUS_AGAIN (none has room), STATUS_UNSUPPORTED. */
static enum status lend(struct warpgate_upstream *upstream, const struct warpgate_waiter *waiter,
                        struct warpgate_link **link) {
    *link = warpgate_pool_find(&upstream->pool);
    if (*link == NULL) {
        return STATUS_AGAIN;
    }
    if (waiter->is_websocket && !warpgate_link_takes_websocket(*link)) {
        *link = NULL;
        return STATUS_UNSUPPORTED;
    }
    warpgate_link_borrow(*link);
    return STATUS_OK;
}

/* Dialling */

static void dial(struct warpgate_upstream *upstream, enum warpgate_place place,
                 uint32_t connect_ms) {
    const struct warpgate_link_config config = {
        .parts = upstream->parts,
        .target = &upstream->target,
        .tls = &upstream->tls,
        .connect_ms = (int64_t)connect_ms + DIAL_GRACE_MS,
        .is_http1_only = place == WARPGATE_PLACE_DIALLED_FOR_FRESH,
        .events = &link_events,
        .owner = upstream,
    };
    upstream->link_count++;
    if (place != WARPGATE_PLACE_PROBE) {
        upstream->lanes[place - WARPGATE_PLACE_DIALLED_FOR_ANY].dialling_count++;
    }
    warpgate_pool_put(&upstream->pool, warpgate_link_dial(&config), place);
}

static bool is_dialled_singly(const struct warpgate_upstream *upstream, enum lane_kind kind) {
    return kind == LANE_ANY && upstream->version != VERSION_HTTP1;
}

static bool may_dial(const struct warpgate_upstream *upstream, enum lane_kind kind) {
    bool is_single = is_dialled_singly(upstream, kind);
    return upstream->link_count < WARPGATE_UPSTREAM_LINKS_MAX &&
           (!is_single || upstream->shared_count < WARPGATE_UPSTREAM_SHARED_MAX);
}

/* HTTP/1.1: a dial for each that waits. HTTP/2, or not known yet: one at a time, since it may serve them all. */
static void dial_wanted(struct warpgate_upstream *upstream, enum lane_kind kind) {
    struct lane *lane = &upstream->lanes[kind];
    size_t most =
        is_dialled_singly(upstream, kind) && lane->waiting_count > 0 ? 1 : lane->waiting_count;
    if (lane->dialling_count < most && !may_dial(upstream, kind) && upstream->pool.idle_count > 0) {
        warpgate_pool_close_idlest(&upstream->pool); /* makes room for one */
    }
    while (lane->dialling_count < most && may_dial(upstream, kind)) {
        const struct warpgate_waiter *first =
            CONTAINER_OF(lane->waiting.next, struct warpgate_waiter, node);
        dial(upstream, WARPGATE_PLACE_DIALLED_FOR_ANY + (unsigned)kind, first->connect_ms);
    }
}

static void probe(struct loop_timer *timer) {
    struct warpgate_upstream *upstream = timer->context;
    bool is_in_doubt =
        upstream->record.health != WARPGATE_HEALTH_UP || upstream->record.failure_count > 0;
    if (is_in_doubt && !upstream->record.is_checked && list_is_empty(&upstream->pool.dialling)) {
        dial(upstream, WARPGATE_PLACE_PROBE, BUNDLE_CONNECT_MS);
    }
}

/* The queue */

static enum lane_kind lane_of(const struct warpgate_waiter *waiter) {
    bool is_h2c = waiter->upstream->target.kind == WARPGATE_TARGET_H2C;
    return waiter->is_websocket && !is_h2c ? LANE_FRESH : LANE_ANY;
}

static struct warpgate_waiter *take_first(struct lane *lane) {
    if (list_is_empty(&lane->waiting)) {
        return NULL;
    }
    struct warpgate_waiter *waiter = CONTAINER_OF(lane->waiting.next, struct warpgate_waiter, node);
    warpgate_upstream_leave(waiter);
    return waiter;
}

static void tell_no_websocket(struct warpgate_waiter *waiter) {
    struct why why;
    (void)why_set(&why, STATUS_UNSUPPORTED, "no_websocket",
                  "the workload's HTTP/2 takes no WebSockets");
    waiter->on_failed(waiter, &why);
}

static void serve_waiting(struct warpgate_upstream *upstream) {
    struct lane *lane = &upstream->lanes[LANE_ANY];
    warpgate_pool_look_at_returned(&upstream->pool);
    while (lane->waiting_count > 0) {
        struct warpgate_link *link = NULL;
        enum status status =
            lend(upstream, CONTAINER_OF(lane->waiting.next, struct warpgate_waiter, node), &link);
        if (status == STATUS_AGAIN) {
            break;
        }
        struct warpgate_waiter *waiter = take_first(lane);
        if (status == STATUS_OK) {
            waiter->on_ready(waiter, link);
        } else {
            tell_no_websocket(waiter);
        }
    }
    dial_wanted(upstream, LANE_ANY);
    dial_wanted(upstream, LANE_FRESH);
}

static void settle(struct loop_task *task) {
    serve_waiting(CONTAINER_OF(task, struct warpgate_upstream, settle));
}

/* One dial was for one of those who wait, unless it would have served them all. Those whom nothing answered wait on, until their
 * own deadlines. */
static void fail_waiting(struct warpgate_upstream *upstream, enum lane_kind kind,
                         const struct why *why) {
    struct lane *lane = &upstream->lanes[kind];
    if (str_eq(str_from(why->slug), STR("timeout_handshake"))) {
        settle_later(upstream);
        return;
    }
    size_t count = lane->waiting_count > lane->dialling_count ? 1 : 0;
    if (is_dialled_singly(upstream, kind)) {
        count = lane->waiting_count;
    }
    for (; count > 0; count--) {
        struct warpgate_waiter *waiter = take_first(lane);
        if (waiter != NULL) {
            waiter->on_failed(waiter, why);
        }
    }
}

/* Events of links */

static void finish_dialling(struct warpgate_link *link, enum warpgate_place place) {
    struct warpgate_upstream *upstream = link->owner;
    warpgate_pool_put(&upstream->pool, link, WARPGATE_PLACE_NONE);
    if (place != WARPGATE_PLACE_PROBE) {
        upstream->lanes[place - WARPGATE_PLACE_DIALLED_FOR_ANY].dialling_count--;
    }
}

static void serve_fresh(struct warpgate_upstream *upstream, struct warpgate_link *link) {
    struct warpgate_waiter *waiter = take_first(&upstream->lanes[LANE_FRESH]);
    if (waiter == NULL) {
        warpgate_link_close(link);
        return;
    }
    warpgate_link_borrow(link);
    waiter->on_ready(waiter, link);
}

static void on_link_open(void *owner, struct warpgate_link *link) {
    struct warpgate_upstream *upstream = owner;
    enum warpgate_place place = link->place;
    bool is_shared = warpgate_link_is_shared(link);
    finish_dialling(link, place);
    upstream->shared_count += is_shared ? 1 : 0;
    note_up(upstream, warpgate_health_connected(&upstream->record));
    if (place == WARPGATE_PLACE_DIALLED_FOR_FRESH) {
        serve_fresh(upstream, link);
        return;
    }
    upstream->version = is_shared ? VERSION_HTTP2 : VERSION_HTTP1;
    if (upstream->lanes[LANE_ANY].waiting_count == 0) {
        warpgate_link_close(link);
        return;
    }
    if (is_shared) {
        warpgate_pool_put(&upstream->pool, link, WARPGATE_PLACE_SHARED);
    } else {
        warpgate_pool_rest(&upstream->pool, link);
    }
    serve_waiting(upstream);
}

static void on_link_failed(void *owner, struct warpgate_link *link, const struct why *why) {
    struct warpgate_upstream *upstream = owner;
    enum warpgate_place place = link->place;
    finish_dialling(link, place);
    upstream->link_count--;
    note_failure(upstream, why);
    if (place != WARPGATE_PLACE_PROBE) {
        fail_waiting(upstream, place - WARPGATE_PLACE_DIALLED_FOR_ANY, why);
    }
}

static void on_link_room(void *owner, struct warpgate_link *link) {
    struct warpgate_upstream *upstream = owner;
    if (link->place == WARPGATE_PLACE_SHARED && warpgate_link_is_leaving(link)) {
        warpgate_pool_put(&upstream->pool, link,
                          WARPGATE_PLACE_NONE); /* it closes by itself after its last exchange */
    }
    if (upstream->lanes[LANE_ANY].waiting_count > 0) {
        settle_later(upstream);
    }
}

static void on_link_closed(void *owner, struct warpgate_link *link, const struct why *why) {
    struct warpgate_upstream *upstream = owner;
    (void)why;
    warpgate_pool_put(&upstream->pool, link, WARPGATE_PLACE_NONE);
    upstream->parts->closed_count++;
    upstream->link_count--;
    upstream->shared_count -= warpgate_link_is_shared(link) ? 1 : 0;
    settle_later(upstream);
    check_freed(upstream);
}

static const struct warpgate_link_events link_events = {.on_open = on_link_open,
                                                        .on_failed = on_link_failed,
                                                        .on_room = on_link_room,
                                                        .on_closed = on_link_closed};

/* From outside */

static enum version first_version(const struct warpgate_target *target) {
    switch (target->kind) {
    case WARPGATE_TARGET_HTTPS:
        return VERSION_UNKNOWN;
    case WARPGATE_TARGET_H2C:
        return VERSION_HTTP2;
    case WARPGATE_TARGET_HTTP:
    case WARPGATE_TARGET_UNIX:
        break;
    }
    return VERSION_HTTP1;
}

struct warpgate_upstream *warpgate_upstream_new(struct warpgate_parts *parts,
                                                const struct warpgate_target *target,
                                                const struct warpgate_link_tls *tls) {
    struct warpgate_upstream *upstream = MEMORY_NEW(struct warpgate_upstream);
    upstream->parts = parts;
    upstream->target = *target;
    upstream->version = first_version(target);
    if (target->kind == WARPGATE_TARGET_HTTPS) {
        upstream->tls.any = tls_context_ref(tls->any);
        upstream->tls.http1 = tls_context_ref(tls->http1);
    }
    warpgate_pool_init(&upstream->pool);
    for (size_t i = 0; i < LANE_COUNT; i++) {
        list_init(&upstream->lanes[i].waiting);
    }
    loop_task_init(&upstream->settle, settle);
    loop_timer_init(&upstream->probe, parts->loop, probe, upstream);
    loop_timer_set(&upstream->probe, 0);
    warpgate_parts_hold(parts);
    return upstream;
}

void warpgate_upstream_free(struct warpgate_upstream **at) {
    struct warpgate_upstream *upstream = *at;
    *at = NULL;
    if (upstream == NULL) {
        return;
    }
    upstream->is_freed = true;
    warpgate_check_free(&upstream->check);
    upstream->link_count++; /* holds the memory until the loops below are through */
    upstream->link_count -= warpgate_pool_clear(&upstream->pool);
    upstream->link_count--;
    check_freed(upstream);
}

const struct warpgate_target *warpgate_upstream_target(const struct warpgate_upstream *upstream) {
    return &upstream->target;
}

enum warpgate_health warpgate_upstream_health(const struct warpgate_upstream *upstream) {
    return upstream->record.health;
}

static const struct bundle_health_check *find_check(const struct bundle *bundle,
                                                    const struct warpgate_upstream *upstream) {
    for (size_t i = 0; bundle != NULL && i < bundle->health_check_count; i++) {
        if (str_eq(bundle->health_checks[i].upstream, str_from(upstream->target.name))) {
            return &bundle->health_checks[i];
        }
    }
    return NULL;
}

static void follow_check(struct warpgate_upstream *upstream,
                         const struct bundle_health_check *what) {
    if (what != NULL && upstream->check != NULL && warpgate_check_is(upstream->check, what)) {
        return;
    }
    bool was_checked = upstream->check != NULL;
    warpgate_check_free(&upstream->check);
    if (was_checked != (what != NULL)) {
        warpgate_health_set_checked(&upstream->record, what != NULL);
    }
    if (what == NULL) {
        if (was_checked) {
            loop_timer_set(&upstream->probe, 0);
        }
        return;
    }
    const struct warpgate_check_config config = {.parts = upstream->parts,
                                                 .target = &upstream->target,
                                                 .tls = &upstream->tls,
                                                 .on_result = on_check_result,
                                                 .context = upstream};
    upstream->check = warpgate_check_new(&config, what);
}

void warpgate_upstream_follow(void *context) {
    struct warpgate_parts *parts = context;
    for (size_t i = 0; i < parts->upstream_count; i++) {
        follow_check(parts->upstreams[i], find_check(parts->policy.bundle, parts->upstreams[i]));
    }
}

enum status warpgate_upstream_take(struct warpgate_upstream *upstream,
                                   struct warpgate_waiter *waiter, struct warpgate_link **link) {
    waiter->upstream = upstream;
    enum lane_kind kind = lane_of(waiter);
    struct lane *lane = &upstream->lanes[kind];
    warpgate_pool_look_at_returned(&upstream->pool);
    /* Whoever came first is served first. */
    if (kind == LANE_ANY && lane->waiting_count == 0) {
        enum status status = lend(upstream, waiter, link);
        if (status != STATUS_AGAIN) {
            return status;
        }
    }
    *link = NULL;
    if (upstream->lanes[LANE_ANY].waiting_count + upstream->lanes[LANE_FRESH].waiting_count ==
        WARPGATE_UPSTREAM_WAITING_MAX) {
        return STATUS_UNAVAILABLE;
    }
    list_append(&lane->waiting, &waiter->node);
    lane->waiting_count++;
    dial_wanted(upstream, kind);
    return STATUS_AGAIN;
}

void warpgate_upstream_leave(struct warpgate_waiter *waiter) {
    if (list_is_linked(&waiter->node)) {
        list_remove(&waiter->node);
        waiter->upstream->lanes[lane_of(waiter)].waiting_count--;
    }
}

bool warpgate_upstream_is_full(const struct warpgate_upstream *upstream) {
    return !may_dial(upstream, LANE_ANY);
}

void warpgate_upstream_give_back(struct warpgate_link **at) {
    struct warpgate_link *link = *at;
    *at = NULL;
    if (link == NULL) {
        return;
    }
    struct warpgate_upstream *upstream = link->owner;
    if (link->state == WARPGATE_LINK_GONE) {
        warpgate_link_return(link);
        return;
    }
    if (!warpgate_link_is_shared(link)) {
        warpgate_pool_put(&upstream->pool, link, WARPGATE_PLACE_RETURNED);
    }
    warpgate_link_return(link);
    settle_later(upstream);
}
