#include "warpgate/warpgate_link.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"

#define CLOSING_MS 1000

static void set_state(struct warpgate_link *link, enum warpgate_link_state state) {
    link->state = state;
}

static void free_link(struct warpgate_link *link) {
    struct warpgate_parts *parts = link->parts;
    list_remove(&link->node);
    memory_free(link);
    warpgate_parts_drop(parts);
}

/* The connection is gone; those who borrowed the link have learned from their exchanges that they are lost. */
static void end_link(struct warpgate_link *link) {
    link->conn = NULL;
    link->http1 = NULL;
    link->http2 = NULL;
    set_state(link, WARPGATE_LINK_GONE);
    list_remove(&link->node);
    if (link->borrowed_count == 0) {
        free_link(link);
    }
}

static void fail_link(struct warpgate_link *link, const struct why *why) {
    if (link->events != NULL) {
        link->events->on_failed(link->owner, link, why);
    }
    end_link(link);
}

/* Whoever answers a preface of HTTP/2 with a close, or in another language. */
static void fail_greeting(struct warpgate_link *link, const struct why *closed_why) {
    struct why why;
    bool is_ours = strcmp(closed_why->slug, "timeout_idle") != 0;
    (void)why_set(&why, STATUS_INVALID, is_ours ? "not_http2" : "timeout_handshake",
                  is_ours ? "the workload does not speak HTTP/2%s"
                          : "the workload did not begin to speak HTTP/2 in time%s",
                  link->is_h2c ? "; is h2c:// right?" : "");
    fail_link(link, &why);
}

static void on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    struct warpgate_link *link = owner;
    (void)conn;
    log_debug("warpgate.link_closed", "reason=%s", why->slug);
    if (link->state == WARPGATE_LINK_GREETING) {
        fail_greeting(link, why);
        return;
    }
    if (link->events != NULL) {
        link->events->on_closed(link->owner, link, why);
    }
    end_link(link);
}

static const struct conn_events link_conn_events = {.on_closed = on_conn_closed};

static const struct conn_timeouts open_timeouts = {
    /* a response's head has its deadline with the request */
    .head_ms = INT32_MAX,
    .idle_ms = WARPGATE_LINK_IDLE_MS,
    .write_stall_ms = -1,
};

/* A workload that takes nothing any more must not keep the farewell waiting. */
static const struct conn_timeouts closing_timeouts = {
    .head_ms = CLOSING_MS, .idle_ms = CLOSING_MS, .write_stall_ms = CLOSING_MS};

static void open_link(struct warpgate_link *link) {
    set_state(link, WARPGATE_LINK_OPEN);
    conn_set_timeouts(link->conn, &open_timeouts);
    link->events->on_open(link->owner, link);
}

static void on_settings(void *context) {
    struct warpgate_link *link = context;
    if (link->state == WARPGATE_LINK_GREETING) {
        open_link(link);
    }
}

static void tell_room(void *context) {
    struct warpgate_link *link = context;
    if (link->state == WARPGATE_LINK_OPEN && link->events->on_room != NULL) {
        link->events->on_room(link->owner, link);
    }
}

static void speak_http1(struct warpgate_link *link) {
    const struct h1_client_config config = {.pool = loop_block_pool(link->parts->loop)};
    link->http1 = h1_client_new(&config);
    conn_set_engine(link->conn, h1_client_engine(link->http1));
    open_link(link);
}

static void speak_http2(struct warpgate_link *link) {
    const struct h2_config config = {
        .role = H2_CLIENT,
        .profile = H2_UPSTREAM,
        .pool = loop_block_pool(link->parts->loop),
        .clock = loop_clock(link->parts->loop),
        .on_goaway = tell_room,
        .on_room = tell_room,
        .on_settings = on_settings,
        .context = link,
    };
    set_state(link, WARPGATE_LINK_GREETING);
    link->http2 = h2_session_new(&config);
    conn_set_engine(link->conn, h2_session_engine(link->http2));
}

static void on_dialled(void *context, struct conn *conn, const struct why *why) {
    struct warpgate_link *link = context;
    link->dial = NULL;
    if (conn == NULL) {
        fail_link(link, why);
        return;
    }
    link->conn = conn;
    conn_set_events(conn, &link_conn_events, link);
    if (link->is_h2c || str_eq(conn_alpn(conn), STR("h2"))) {
        speak_http2(link);
    } else {
        speak_http1(link);
    }
}

static struct tls_context *choose_tls(const struct warpgate_link_config *config) {
    if (config->target->kind != WARPGATE_TARGET_HTTPS) {
        return NULL;
    }
    return config->is_http1_only ? config->tls->http1 : config->tls->any;
}

struct warpgate_link *warpgate_link_dial(const struct warpgate_link_config *config) {
    struct warpgate_link *link = MEMORY_NEW(struct warpgate_link);
    const struct warpgate_target *target = config->target;
    const struct warpgate_dial_config dial = {
        .host = target->host,
        .port = target->port,
        .unix_path = target->kind == WARPGATE_TARGET_UNIX ? target->path : NULL,
        .tls = choose_tls(config),
        .server_name = target->host,
        /* idle_ms counts until an HTTP/2 workload has said its SETTINGS */
        .timeouts = {.handshake_ms = config->connect_ms,
                     .idle_ms = config->connect_ms,
                     .write_stall_ms = -1},
    };
    list_init(&link->node);
    link->parts = config->parts;
    link->events = config->events;
    link->owner = config->owner;
    link->is_h2c = target->kind == WARPGATE_TARGET_H2C;
    set_state(link, WARPGATE_LINK_DIALLING);
    warpgate_parts_hold(config->parts);
    link->dial = warpgate_dial_start(config->parts, &dial, on_dialled, link);
    return link;
}

void warpgate_link_cancel(struct warpgate_link **at) {
    struct warpgate_link *link = *at;
    *at = NULL;
    list_remove(&link->node);
    if (link->state == WARPGATE_LINK_DIALLING) {
        warpgate_dial_cancel(&link->dial);
        free_link(link);
        return;
    }
    link->events = NULL;
    set_state(link, WARPGATE_LINK_CLOSING);
    conn_abort(link->conn);
}

static bool is_quiet(const struct warpgate_link *link) {
    return link->http1 != NULL ? h1_client_is_reusable(link->http1)
                               : h2_session_stream_count(link->http2) == 0;
}

void warpgate_link_close(struct warpgate_link *link) {
    list_remove(&link->node);
    if (link->state != WARPGATE_LINK_OPEN) {
        return;
    }
    set_state(link, WARPGATE_LINK_CLOSING);
    if (!is_quiet(link)) {
        conn_abort(link->conn);
        return;
    }
    conn_set_timeouts(link->conn, &closing_timeouts);
    if (link->http2 != NULL) {
        h2_session_drain(
            link->http2); /* GOAWAY, so that the workload knows that nothing is amiss */
    }
    conn_close(link->conn);
}

void warpgate_link_borrow(struct warpgate_link *link) {
    link->borrowed_count++;
}

void warpgate_link_return(struct warpgate_link *link) {
    link->borrowed_count--;
    if (link->state == WARPGATE_LINK_GONE && link->borrowed_count == 0) {
        free_link(link);
    }
}

struct http_stream *warpgate_link_open(struct warpgate_link *link, const struct http_head *head,
                                       bool is_end, const struct http_stream_events *events,
                                       void *owner) {
    if (link->state != WARPGATE_LINK_OPEN) {
        return NULL;
    }
    link->exchange_count++;
    return link->http1 != NULL ? h1_client_open(link->http1, head, is_end, events, owner)
                               : h2_session_open(link->http2, head, is_end, events, owner);
}

bool warpgate_link_has_room(const struct warpgate_link *link) {
    if (link->state != WARPGATE_LINK_OPEN) {
        return false;
    }
    return link->http1 != NULL ? link->borrowed_count == 0 && h1_client_is_reusable(link->http1)
                               : h2_session_has_room(link->http2);
}

bool warpgate_link_is_leaving(const struct warpgate_link *link) {
    if (link->state != WARPGATE_LINK_OPEN) {
        return true;
    }
    return link->http1 != NULL ? link->borrowed_count == 0 && !h1_client_is_reusable(link->http1)
                               : h2_session_is_draining(link->http2);
}

bool warpgate_link_is_shared(const struct warpgate_link *link) {
    return link->http2 != NULL;
}

bool warpgate_link_takes_websocket(const struct warpgate_link *link) {
    return link->http1 != NULL || (link->http2 != NULL && h2_session_takes_websocket(link->http2));
}

bool warpgate_link_may_be_stale(const struct warpgate_link *link) {
    return link->exchange_count > 1 &&
           (link->http1 == NULL || !h1_client_has_response_bytes(link->http1));
}
