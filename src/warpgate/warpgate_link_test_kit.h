/* warpgate_link_test_kit.h: dials and connections, played by the test: a dial succeeds or fails when the test says so, and what is
 * said on a connection is read from and fed to its engine. For the tests of what stands on warpgate_dial.h and conn.h. */
#ifndef WARPGATE_WARPGATE_LINK_TEST_KIT_H
#define WARPGATE_WARPGATE_LINK_TEST_KIT_H

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "warpgate/warpgate_link.h"

static struct warpgate_link_tls tls; /* of https targets */

struct warpgate_dial {
    warpgate_dialled_fn done;
    void *context;
};

struct conn {
    const struct conn_events *events;
    void *owner;
    struct engine *engine;
    bool is_closing;
};

#define CONNS_MAX 2048
static struct warpgate_dial *dials[CONNS_MAX];
static size_t dial_count; /* running */
static size_t dialled_count;
static struct conn *conns[CONNS_MAX];
static size_t conn_total;
static bool was_http1_only;   /* the last dial */
static const char *alpn = ""; /* of the next connections */

struct warpgate_dial *warpgate_dial_start(struct warpgate_parts *parts,
                                          const struct warpgate_dial_config *config,
                                          warpgate_dialled_fn done, void *context) {
    struct warpgate_dial *dial = MEMORY_NEW(struct warpgate_dial);
    (void)parts;
    assert_string_equal(config->host, "127.0.0.1");
    was_http1_only = config->tls != NULL && config->tls == tls.http1;
    dial->done = done;
    dial->context = context;
    dials[dial_count++] = dial;
    dialled_count++;
    return dial;
}

static struct warpgate_dial *take_dial(size_t index) {
    struct warpgate_dial *dial = dials[index];
    dial_count--;
    for (size_t i = index; i < dial_count; i++) {
        dials[i] = dials[i + 1];
    }
    return dial;
}

void warpgate_dial_cancel(struct warpgate_dial **at) {
    for (size_t i = 0; i < dial_count; i++) {
        if (dials[i] == *at) {
            memory_free(take_dial(i));
            break;
        }
    }
    *at = NULL;
}

void conn_set_events(struct conn *conn, const struct conn_events *events, void *owner) {
    conn->events = events;
    conn->owner = owner;
}

void conn_set_engine(struct conn *conn, struct engine *engine) {
    conn->engine = engine;
}

void conn_set_timeouts(struct conn *conn, const struct conn_timeouts *timeouts) {
    (void)conn;
    (void)timeouts;
}

struct str conn_alpn(const struct conn *conn) {
    (void)conn;
    return str_from(alpn);
}

void conn_close(struct conn *conn) {
    conn->is_closing = true;
}

void conn_abort(struct conn *conn) {
    conn->is_closing = true;
}

static const struct why closed_why = {"closed", "closed"};
static const struct why refused_why = {"tcp_connect", "connection refused"};

static inline void end_conn(struct conn *conn) {
    for (size_t i = 0; i < conn_total; i++) {
        if (conns[i] == conn) {
            conns[i] = conns[--conn_total];
            break;
        }
    }
    conn->engine->ops->lost(conn->engine);
    conn->engine->ops->free(conn->engine);
    conn->events->on_closed(conn->owner, conn, &closed_why);
    memory_free(conn);
}

/* Connections that were asked to close do. */
static inline size_t end_closing(void) {
    size_t count = 0;
    for (size_t i = conn_total; i > 0; i--) {
        if (conns[i - 1]->is_closing) {
            end_conn(conns[i - 1]);
            count++;
        }
    }
    return count;
}

static inline void establish(void) {
    struct warpgate_dial *dial = take_dial(0);
    struct conn *conn = MEMORY_NEW(struct conn);
    conns[conn_total++] = conn;
    dial->done(dial->context, conn, NULL);
    memory_free(dial);
}

static inline void refuse(void) {
    struct warpgate_dial *dial = take_dial(0);
    dial->done(dial->context, NULL, &refused_why);
    memory_free(dial);
}

/* The newest connection's peer begins to speak HTTP/2: so many exchanges at a time, and WebSockets or not. */
static inline void say_settings(uint8_t most, bool takes_websocket) {
    const uint8_t bytes[] = {
        0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, most, 0, 8, 0, 0, 0, takes_websocket ? 1 : 0};
    struct engine *engine = conns[conn_total - 1]->engine;
    engine->ops->feed(engine, bytes, sizeof(bytes));
}

/* What it has to write goes nowhere. */
static inline void flush(struct conn *conn) {
    const uint8_t *bytes;
    for (size_t len = conn->engine->ops->peek(conn->engine, &bytes); len > 0;
         len = conn->engine->ops->peek(conn->engine, &bytes)) {
        conn->engine->ops->wrote(conn->engine, len);
    }
}

/* The peer of the newest connection says this. */
static inline void say(const char *text) {
    struct engine *engine = conns[conn_total - 1]->engine;
    engine->ops->feed(engine, (const uint8_t *)text, strlen(text));
}

#endif
