#include "warpgate/warpgate_dial.h"

#include <string.h>

#include "base/memory.h"

struct warpgate_dial {
    struct warpgate_parts *parts;
    struct conn_connect_config config;
    struct address_lookup *lookup; /* while resolving */
    struct conn *conn;             /* while connecting */
    struct address addresses[ADDRESS_RESULTS_MAX];
    size_t address_count;
    size_t next;
    struct why why;           /* of the address that got furthest */
    warpgate_dialled_fn done; /* NULL: cancelled */
    void *context;
};

static void free_dial(struct warpgate_dial *dial) {
    struct warpgate_parts *parts = dial->parts;
    tls_context_unref(&dial->config.tls);
    memory_free(dial);
    warpgate_parts_drop(parts);
}

static void finish(struct warpgate_dial *dial, struct conn *conn, const struct why *why) {
    if (dial->done != NULL) {
        dial->done(dial->context, conn, why);
    }
    free_dial(dial);
}

static void connect_next(struct warpgate_dial *dial);

static void on_established(void *owner, struct conn *conn) {
    struct warpgate_dial *dial = owner;
    if (dial->done == NULL) {
        return; /* cancelled: the abort is on its way */
    }
    finish(dial, conn, NULL);
}

/* A name may have addresses where nobody listens: that says nothing when somebody answered at another one and was refused. */
static void note_why(struct warpgate_dial *dial, const struct why *why) {
    if (dial->why.slug[0] == '\0' || strcmp(why->slug, "tcp_connect") != 0) {
        dial->why = *why;
    }
}

static void on_closed(void *owner, struct conn *conn, const struct why *why) {
    struct warpgate_dial *dial = owner;
    (void)conn;
    dial->conn = NULL;
    note_why(dial, why);
    if (dial->done == NULL || dial->next == dial->address_count) {
        finish(dial, NULL, &dial->why);
        return;
    }
    connect_next(dial);
}

static const struct conn_events dial_events = {.on_established = on_established,
                                               .on_closed = on_closed};

static void connect_next(struct warpgate_dial *dial) {
    dial->config.address = dial->addresses[dial->next++];
    dial->conn = conn_connect(dial->parts->loop, &dial->config, &dial_events, dial);
}

static void on_found(void *context, enum status status, const struct address *results, size_t count,
                     const struct why *why) {
    struct warpgate_dial *dial = context;
    dial->lookup = NULL;
    if (status != STATUS_OK || count == 0) {
        finish(dial, NULL, why);
        return;
    }
    dial->address_count = count < ADDRESS_RESULTS_MAX ? count : ADDRESS_RESULTS_MAX;
    memcpy(dial->addresses, results, dial->address_count * sizeof(results[0]));
    connect_next(dial);
}

struct warpgate_dial *warpgate_dial_start(struct warpgate_parts *parts,
                                          const struct warpgate_dial_config *config,
                                          warpgate_dialled_fn done, void *context) {
    struct warpgate_dial *dial = MEMORY_NEW(struct warpgate_dial);
    dial->parts = parts;
    dial->done = done;
    dial->context = context;
    dial->config.unix_path = config->unix_path;
    dial->config.tls = config->tls != NULL ? tls_context_ref(config->tls) : NULL;
    dial->config.server_name = config->server_name;
    dial->config.timeouts = config->timeouts;
    dial->config.is_keepalive = config->is_keepalive;
    warpgate_parts_hold(parts);
    if (config->unix_path != NULL) {
        dial->address_count = 1;
    } else if (address_from_ip(str_from(config->host), config->port, &dial->addresses[0]) ==
               STATUS_OK) {
        dial->address_count = 1;
    }
    if (dial->address_count == 1) {
        connect_next(dial);
        return dial;
    }
    dial->lookup = address_lookup_start(parts->loop, config->host, config->port, on_found, dial);
    return dial;
}

void warpgate_dial_cancel(struct warpgate_dial **at) {
    struct warpgate_dial *dial = *at;
    *at = NULL;
    if (dial == NULL) {
        return;
    }
    dial->done = NULL;
    if (dial->lookup != NULL) {
        address_lookup_cancel(dial->lookup);
        free_dial(dial);
        return;
    }
    conn_abort(dial->conn);
}
