#include "warpgate/warpgate_upstream.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "warpgate/warpgate_backoff.h"
#include "warpgate/warpgate_dial.h"

#define CONNECT_MS 5000
#define IDLE_MS 60000
#define HEAD_MS 60000
#define PROBE_MS 3000 /* between tries while the workload is down */

enum link_state {
    LINK_DIALLING, /* on upstream->dialling */
    LINK_IDLE,     /* on upstream->idle, most recently used first */
    LINK_LENT,     /* a request has it */
    LINK_RETURNED, /* on upstream->returned until it is safe to look at its engine */
    LINK_CLOSING,  /* waiting for the connection to be gone */
};

struct warpgate_link {
    struct list node;
    struct warpgate_upstream *upstream;
    enum link_state state;
    struct warpgate_dial *dial;
    struct conn *conn;
    struct h1_client *client; /* the connection's engine */
    bool is_used;
    bool is_probe; /* dialled to learn about the workload's health, for nobody */
};

struct warpgate_upstream {
    struct warpgate_parts *parts;
    struct warpgate_target target;
    enum warpgate_health health;
    struct list dialling;
    struct list idle;
    struct list returned;
    struct list waiting;
    size_t dialling_count; /* without probes */
    size_t idle_count;
    size_t link_count; /* in all states */
    size_t waiting_count;
    struct loop_task settle;
    struct loop_timer probe;
    struct warpgate_backoff notice;
    bool is_freed;
};

static void set_health(struct warpgate_upstream *upstream, enum warpgate_health health,
                       const struct why *why) {
    int64_t now_ms = loop_now_ms(upstream->parts->loop);
    bool is_change = upstream->health != health;
    upstream->health = health;
    if (health == WARPGATE_HEALTH_UP) {
        if (is_change) {
            warpgate_backoff_forget(&upstream->notice);
            log_info("warpgate.upstream_up", "upstream=%s target=%s", upstream->target.name,
                     upstream->target.text);
        }
    } else if (warpgate_backoff_should_speak(&upstream->notice, why->slug, now_ms)) {
        log_warn("warpgate.upstream_down", "upstream=%s target=%s reason=%s detail=\"%s\"",
                 upstream->target.name, upstream->target.text, why->slug, why->text);
    }
    if (is_change) {
        upstream->parts->events->on_health(upstream->parts->context);
    }
}

/* The memory goes with the last link. */
static void free_upstream(struct loop_timer *timer) {
    struct warpgate_upstream *upstream = timer->context;
    struct warpgate_parts *parts = upstream->parts;
    memory_free(upstream);
    warpgate_parts_drop(parts);
}

static void check_freed(struct warpgate_upstream *upstream) {
    if (upstream->is_freed && upstream->link_count == 0) {
        loop_task_cancel(&upstream->settle);
        loop_timer_close(&upstream->probe, free_upstream);
    }
}

static void free_link(struct warpgate_link *link) {
    struct warpgate_upstream *upstream = link->upstream;
    list_remove(&link->node);
    upstream->link_count--;
    memory_free(link);
    check_freed(upstream);
}

/* Orderly where nothing is under way; otherwise at once: a workload that does not read could keep an orderly end waiting. */
static void close_link(struct warpgate_link *link) {
    link->state = LINK_CLOSING;
    list_remove(&link->node);
    if (h1_client_is_reusable(link->client)) {
        conn_close(link->conn);
    } else {
        conn_abort(link->conn);
    }
}

static void serve_waiting(struct warpgate_upstream *upstream);

static void on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    struct warpgate_link *link = owner;
    struct warpgate_upstream *upstream = link->upstream;
    (void)conn;
    log_debug("warpgate.link_closed", "upstream=%s reason=%s", upstream->target.name, why->slug);
    if (link->state == LINK_IDLE) {
        upstream->idle_count--;
    }
    if (link->state == LINK_LENT) {
        /* Whoever has it learned that the exchange is lost, and will still give it back. */
        link->conn = NULL;
        link->client = NULL;
        return;
    }
    free_link(link);
    if (!upstream->is_freed && !list_is_empty(&upstream->waiting)) {
        loop_task_schedule(upstream->parts->loop, &upstream->settle);
    }
}

static const struct conn_events link_events = {.on_closed = on_conn_closed};

static void make_idle(struct warpgate_link *link) {
    struct warpgate_upstream *upstream = link->upstream;
    list_remove(&link->node);
    list_prepend(&upstream->idle, &link->node);
    link->state = LINK_IDLE;
    upstream->idle_count++;
    if (upstream->idle_count > WARPGATE_UPSTREAM_IDLE_MAX) {
        struct warpgate_link *oldest =
            CONTAINER_OF(upstream->idle.prev, struct warpgate_link, node);
        upstream->idle_count--;
        close_link(oldest);
    }
}

/* The next idle link that still works, lent; or NULL. */
static struct warpgate_link *lend_idle(struct warpgate_upstream *upstream) {
    while (!list_is_empty(&upstream->idle)) {
        struct warpgate_link *link = CONTAINER_OF(upstream->idle.next, struct warpgate_link, node);
        upstream->idle_count--;
        if (!h1_client_is_reusable(link->client)) {
            close_link(link);
            continue;
        }
        list_remove(&link->node);
        link->state = LINK_LENT;
        return link;
    }
    return NULL;
}

static void look_at_returned(struct warpgate_upstream *upstream) {
    while (!list_is_empty(&upstream->returned)) {
        struct warpgate_link *link =
            CONTAINER_OF(upstream->returned.next, struct warpgate_link, node);
        if (!upstream->is_freed && h1_client_is_reusable(link->client)) {
            make_idle(link);
        } else {
            close_link(link);
        }
    }
}

static void on_dialled(void *context, struct conn *conn, const struct why *why) {
    struct warpgate_link *link = context;
    struct warpgate_upstream *upstream = link->upstream;
    link->dial = NULL;
    if (!link->is_probe) {
        upstream->dialling_count--;
    }
    if (conn == NULL) {
        bool fails_somebody = !link->is_probe && upstream->waiting_count > upstream->dialling_count;
        free_link(link);
        loop_timer_set(&upstream->probe, PROBE_MS);
        set_health(upstream, WARPGATE_HEALTH_DOWN, why);
        if (fails_somebody) {
            struct warpgate_waiter *waiter =
                CONTAINER_OF(upstream->waiting.next, struct warpgate_waiter, node);
            warpgate_upstream_leave(waiter);
            waiter->on_failed(waiter, why);
        }
        return;
    }
    const struct h1_client_config config = {.pool = loop_block_pool(upstream->parts->loop)};
    link->conn = conn;
    link->client = h1_client_new(&config);
    conn_set_events(conn, &link_events, link);
    conn_set_engine(conn, h1_client_engine(link->client));
    set_health(upstream, WARPGATE_HEALTH_UP, NULL);
    if (upstream->waiting_count == 0) {
        close_link(link);
        return;
    }
    make_idle(link);
    serve_waiting(upstream);
}

static void dial(struct warpgate_upstream *upstream, bool is_probe) {
    struct warpgate_link *link = MEMORY_NEW(struct warpgate_link);
    const struct warpgate_target *target = &upstream->target;
    const struct warpgate_dial_config config = {
        .host = target->host,
        .port = target->port,
        .unix_path = target->kind == WARPGATE_TARGET_UNIX ? target->path : NULL,
        .timeouts = {.handshake_ms = CONNECT_MS,
                     .head_ms = HEAD_MS,
                     .idle_ms = IDLE_MS,
                     .write_stall_ms = -1},
    };
    link->upstream = upstream;
    link->state = LINK_DIALLING;
    link->is_probe = is_probe;
    list_append(&upstream->dialling, &link->node);
    upstream->link_count++;
    if (!is_probe) {
        upstream->dialling_count++;
    }
    link->dial = warpgate_dial_start(upstream->parts, &config, on_dialled, link);
}

static void serve_waiting(struct warpgate_upstream *upstream) {
    look_at_returned(upstream);
    while (upstream->waiting_count > 0) {
        struct warpgate_link *link = lend_idle(upstream);
        if (link == NULL) {
            break;
        }
        struct warpgate_waiter *waiter =
            CONTAINER_OF(upstream->waiting.next, struct warpgate_waiter, node);
        warpgate_upstream_leave(waiter);
        waiter->on_ready(waiter, link);
    }
    while (upstream->waiting_count > upstream->dialling_count &&
           upstream->link_count < WARPGATE_UPSTREAM_LINKS_MAX) {
        dial(upstream, false);
    }
}

static void settle(struct loop_task *task) {
    serve_waiting(CONTAINER_OF(task, struct warpgate_upstream, settle));
}

static void probe(struct loop_timer *timer) {
    struct warpgate_upstream *upstream = timer->context;
    if (upstream->health != WARPGATE_HEALTH_UP && list_is_empty(&upstream->dialling)) {
        dial(upstream, true);
    }
}

struct warpgate_upstream *warpgate_upstream_new(struct warpgate_parts *parts,
                                                const struct warpgate_target *target) {
    struct warpgate_upstream *upstream = MEMORY_NEW(struct warpgate_upstream);
    upstream->parts = parts;
    upstream->target = *target;
    list_init(&upstream->dialling);
    list_init(&upstream->idle);
    list_init(&upstream->returned);
    list_init(&upstream->waiting);
    loop_task_init(&upstream->settle, settle);
    loop_timer_init(&upstream->probe, parts->loop, probe, upstream);
    loop_timer_set(&upstream->probe, 0);
    warpgate_backoff_init(&upstream->notice, PROBE_MS);
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
    upstream->link_count++; /* holds the memory until the loops below are through */
    while (!list_is_empty(&upstream->dialling)) {
        struct warpgate_link *link =
            CONTAINER_OF(upstream->dialling.next, struct warpgate_link, node);
        warpgate_dial_cancel(&link->dial);
        free_link(link);
    }
    look_at_returned(upstream);
    while (!list_is_empty(&upstream->idle)) {
        close_link(CONTAINER_OF(upstream->idle.next, struct warpgate_link, node));
    }
    upstream->link_count--;
    check_freed(upstream);
}

const struct warpgate_target *warpgate_upstream_target(const struct warpgate_upstream *upstream) {
    return &upstream->target;
}

enum warpgate_health warpgate_upstream_health(const struct warpgate_upstream *upstream) {
    return upstream->health;
}

enum status warpgate_upstream_take(struct warpgate_upstream *upstream,
                                   struct warpgate_waiter *waiter, struct warpgate_link **link) {
    look_at_returned(upstream);
    /* Whoever came first is served first. */
    *link = upstream->waiting_count == 0 ? lend_idle(upstream) : NULL;
    if (*link != NULL) {
        return STATUS_OK;
    }
    if (upstream->waiting_count == WARPGATE_UPSTREAM_WAITING_MAX) {
        return STATUS_UNAVAILABLE;
    }
    waiter->upstream = upstream;
    list_append(&upstream->waiting, &waiter->node);
    upstream->waiting_count++;
    if (upstream->waiting_count > upstream->dialling_count &&
        upstream->link_count < WARPGATE_UPSTREAM_LINKS_MAX) {
        dial(upstream, false);
    }
    return STATUS_AGAIN;
}

void warpgate_upstream_leave(struct warpgate_waiter *waiter) {
    if (list_is_linked(&waiter->node)) {
        list_remove(&waiter->node);
        waiter->upstream->waiting_count--;
    }
}

struct h1_client *warpgate_upstream_client(struct warpgate_link *link) {
    return link->client;
}

bool warpgate_upstream_is_reused(const struct warpgate_link *link) {
    return link->is_used;
}

void warpgate_upstream_give_back(struct warpgate_link **at) {
    struct warpgate_link *link = *at;
    *at = NULL;
    if (link == NULL) {
        return;
    }
    struct warpgate_upstream *upstream = link->upstream;
    if (link->conn == NULL) {
        free_link(link);
        return;
    }
    link->is_used = true;
    link->state = LINK_RETURNED;
    list_append(&upstream->returned, &link->node);
    loop_task_schedule(upstream->parts->loop, &upstream->settle);
}
