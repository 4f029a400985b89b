#include "warpgate/warpgate_dial.h"

#include <string.h>

#include "base/memory.h"
#include "warpgate/warpgate_proxy_call.h"
#include "warpgate/warpgate_race.h"

#define RESOLVER_MS 2000 /* then what is known is tried, beside it */
#define HANDSHAKE_MS 10000
#define HANDSHAKE_MIN_MS 1000

/* At most one of lookup and race, but a lookup that is slow goes on beside a race to the known addresses; then a proxy call, then a
 * connection. */
struct warpgate_dial {
    struct warpgate_parts *parts;
    struct warpgate_dial_config config;
    struct address_lookup *lookup;
    struct warpgate_race *race;
    struct warpgate_proxy_call *call;
    struct conn *conn;
    struct loop_timer patience; /* with the resolver */
    struct address peer;
    struct warpgate_known rest;  /* of the name's addresses: those that have not failed yet */
    struct warpgate_known found; /* by a slow lookup, while known addresses were tried */
    int64_t began_ms;
    bool is_proxied;
    bool is_ending;
    struct why why;           /* of the address that got furthest */
    warpgate_dialled_fn done; /* NULL: told, or cancelled */
    void *context;
};

/* Why dials fail, and what to do about it. The first row whose slug begins the given one. */
static const struct {
    const char *slug;
    const char *step;
    const char *advice;
} reasons[] = {
    {"name_unresolved", "resolve", "does this machine resolve the name?"},
    {"tcp_connect", "tcp", "is outbound TCP to it allowed, or only through a proxy (--proxy)?"},
    {"timeout_connect", "tcp",
     "something on the way drops the packets: is outbound TCP to it allowed, or only through a "
     "proxy (--proxy)?"},
    {"proxy_auth", "proxy", "give --proxy http://user:password@host:port"},
    {"proxy_refused", "proxy", "the proxy has to allow CONNECT to this host and port"},
    {"proxy_", "proxy", "is --proxy right?"},
    {"timeout_proxy", "proxy", "is --proxy right?"},
    {"tls_verify", "tls",
     "the peer does not belong to this platform, or something reads the connection on its way"},
    {"tls_", "tls", "is a part of the platform there? It has to speak TLS 1.3"},
    {"timeout_handshake", "tls", "something on the way drops the packets"},
    {"role_", "role", "the peer is no edge of this platform"},
};

static size_t find_reason(const char *slug) {
    const size_t count = sizeof(reasons) / sizeof(reasons[0]);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(slug, reasons[i].slug, strlen(reasons[i].slug)) == 0) {
            return i;
        }
    }
    return count;
}

const char *warpgate_dial_step(const char *slug) {
    size_t at = find_reason(slug);
    return at < sizeof(reasons) / sizeof(reasons[0]) ? reasons[at].step : "answer";
}

const char *warpgate_dial_advice(const char *slug) {
    size_t at = find_reason(slug);
    return at < sizeof(reasons) / sizeof(reasons[0]) ? reasons[at].advice : "trying again";
}

/* The end */

static void on_patience_closed(struct loop_timer *timer) {
    struct warpgate_dial *dial = timer->context;
    struct warpgate_parts *parts = dial->parts;
    tls_context_unref(&dial->config.tls);
    memory_free(dial);
    warpgate_parts_drop(parts);
}

/* Nothing calls back any more. */
static void end_dial(struct warpgate_dial *dial) {
    if (dial->is_ending) {
        return;
    }
    dial->is_ending = true;
    if (dial->lookup != NULL) {
        address_lookup_cancel(dial->lookup);
        dial->lookup = NULL;
    }
    warpgate_race_cancel(&dial->race);
    warpgate_proxy_call_cancel(&dial->call);
    loop_timer_close(&dial->patience, on_patience_closed);
}

static void finish(struct warpgate_dial *dial, struct conn *conn) {
    warpgate_dialled_fn done = dial->done;
    dial->done = NULL;
    if (done != NULL) {
        done(dial->context, conn, conn != NULL ? NULL : &dial->why);
    }
    end_dial(dial);
}

/* TLS, or the whole connection where there is nothing to race for */

static void on_established(void *owner, struct conn *conn) {
    struct warpgate_dial *dial = owner;
    if (dial->done == NULL) {
        return; /* cancelled: the abort is on its way */
    }
    dial->conn = NULL;
    finish(dial, conn);
}

static void race(struct warpgate_dial *dial, const struct warpgate_known *addresses);

/* A name may have addresses where nobody listens: that says nothing when somebody answered at another one and was refused. */
static void note_why(struct warpgate_dial *dial, const struct why *why) {
    bool is_tcp = strcmp(warpgate_dial_step(why->slug), "tcp") == 0;
    if (dial->why.slug[0] == '\0' || !is_tcp) {
        dial->why = *why;
    }
}

/* Whoever stood at this address is not whom we look for: perhaps at the next. */
static void give_address_up(struct warpgate_dial *dial, const struct why *why) {
    note_why(dial, why);
    if (dial->done != NULL && dial->rest.count > 0) {
        const struct warpgate_known rest = dial->rest;
        race(dial, &rest);
        return;
    }
    finish(dial, NULL);
}

static void on_closed(void *owner, struct conn *conn, const struct why *why) {
    struct warpgate_dial *dial = owner;
    (void)conn;
    dial->conn = NULL;
    give_address_up(dial, why);
}

static const struct conn_events dial_events = {.on_established = on_established,
                                               .on_closed = on_closed};

static int64_t handshake_left_ms(const struct warpgate_dial *dial) {
    int64_t whole_ms = dial->config.timeouts.handshake_ms;
    whole_ms = whole_ms > 0 ? whole_ms : HANDSHAKE_MS;
    int64_t left_ms = whole_ms - (loop_now_ms(dial->parts->loop) - dial->began_ms);
    return left_ms > HANDSHAKE_MIN_MS ? left_ms : HANDSHAKE_MIN_MS;
}

static struct conn_connect_config conn_config(const struct warpgate_dial *dial) {
    struct conn_connect_config config = {
        .address = dial->peer,
        .unix_path = dial->config.unix_path,
        .tls = dial->config.tls,
        .server_name = dial->config.server_name,
        .timeouts = dial->config.timeouts,
        .is_keepalive = dial->config.is_keepalive,
    };
    config.timeouts.handshake_ms = handshake_left_ms(dial);
    return config;
}

static void adopt(struct warpgate_dial *dial, int fd) {
    struct conn_connect_config config = conn_config(dial);
    dial->conn = conn_adopt(dial->parts->loop, fd, &config, &dial_events, dial);
}

static void on_proxied(void *context, int fd, const struct why *why) {
    struct warpgate_dial *dial = context;
    dial->call = NULL;
    if (fd < 0) {
        give_address_up(dial, why);
        return;
    }
    adopt(dial, fd);
}

/* TCP */

/* A race to known addresses is lost, and the resolver has said something else since. */
static bool has_news(const struct warpgate_dial *dial) {
    const struct warpgate_known *known = dial->config.known;
    return dial->found.count > 0 &&
           (known == NULL || memcmp(&dial->found, known, sizeof(*known)) != 0);
}

static void race_news(struct warpgate_dial *dial) {
    const struct warpgate_known found = dial->found;
    dial->found.count = 0;
    if (dial->config.known != NULL) {
        *dial->config.known = found;
    }
    race(dial, &found);
}

static void strike_out(struct warpgate_known *addresses, const struct address *address) {
    for (size_t i = 0; i < addresses->count; i++) {
        if (memcmp(&addresses->addresses[i], address, sizeof(*address)) == 0) {
            addresses->addresses[i] = addresses->addresses[--addresses->count];
            return;
        }
    }
}

static void on_raced(void *context, int fd, const struct address *address, const struct why *why) {
    struct warpgate_dial *dial = context;
    dial->race = NULL;
    if (fd < 0) {
        note_why(dial, why);
        if (has_news(dial)) {
            race_news(dial);
        } else if (dial->lookup == NULL) {
            finish(dial, NULL);
        }
        return; /* or the resolver has the last word */
    }
    if (dial->lookup != NULL) {
        address_lookup_cancel(dial->lookup);
        dial->lookup = NULL;
    }
    loop_timer_clear(&dial->patience);
    strike_out(&dial->rest, address);
    dial->peer = *address;
    if (dial->is_proxied) {
        dial->call =
            warpgate_proxy_call_start(dial->parts, dial->config.proxy, fd, dial->config.host,
                                      dial->config.port, on_proxied, dial);
        return;
    }
    adopt(dial, fd);
}

static void race(struct warpgate_dial *dial, const struct warpgate_known *addresses) {
    int64_t connect_ms = dial->config.connect_ms;
    dial->rest = *addresses;
    dial->began_ms = dial->why.slug[0] == '\0' ? loop_now_ms(dial->parts->loop) : dial->began_ms;
    dial->race =
        warpgate_race_start(dial->parts, addresses->addresses, addresses->count,
                            connect_ms > 0 ? connect_ms : handshake_left_ms(dial), on_raced, dial);
}

/* The name */

static void on_found(void *context, enum status status, const struct address *results, size_t count,
                     const struct why *why) {
    struct warpgate_dial *dial = context;
    struct warpgate_known *known = dial->config.known;
    dial->lookup = NULL;
    loop_timer_clear(&dial->patience);
    count = count < ADDRESS_RESULTS_MAX ? count : ADDRESS_RESULTS_MAX;
    bool is_found = status == STATUS_OK && count > 0;
    if (is_found) {
        dial->found = (struct warpgate_known){.count = 0}; /* unused places are compared, too */
        memcpy(dial->found.addresses, results, count * sizeof(results[0]));
        dial->found.count = count;
    }
    if (dial->race != NULL) {
        return; /* to known addresses: it may still be won */
    }
    if (is_found && (dial->why.slug[0] == '\0' || has_news(dial))) {
        race_news(dial);
        return;
    }
    if (!is_found && dial->why.slug[0] == '\0' && known != NULL && known->count > 0) {
        race(dial, known);
        return;
    }
    if (dial->why.slug[0] == '\0') {
        dial->why = *why;
    }
    finish(dial, NULL);
}

static void on_impatient(struct loop_timer *timer) {
    struct warpgate_dial *dial = timer->context;
    const struct warpgate_known *known = dial->config.known;
    if (dial->lookup != NULL && dial->race == NULL && known != NULL && known->count > 0) {
        race(dial, known);
    }
}

/* The dial's own connection from connect(2) on: no name, no proxy, nothing to race for. */
static bool connect_directly(struct warpgate_dial *dial) {
    const struct warpgate_dial_config *config = &dial->config;
    if (config->unix_path == NULL &&
        (dial->is_proxied || config->connect_ms > 0 ||
         address_from_ip(str_from(config->host), config->port, &dial->peer) != STATUS_OK)) {
        return false;
    }
    struct conn_connect_config conn = conn_config(dial);
    dial->conn = conn_connect(dial->parts->loop, &conn, &dial_events, dial);
    return true;
}

struct warpgate_dial *warpgate_dial_start(struct warpgate_parts *parts,
                                          const struct warpgate_dial_config *config,
                                          warpgate_dialled_fn done, void *context) {
    struct warpgate_dial *dial = MEMORY_NEW(struct warpgate_dial);
    dial->parts = parts;
    dial->done = done;
    dial->context = context;
    dial->config = *config;
    dial->config.tls = config->tls != NULL ? tls_context_ref(config->tls) : NULL;
    dial->is_proxied =
        config->unix_path == NULL && warpgate_proxy_serves(config->proxy, config->host);
    dial->began_ms = loop_now_ms(parts->loop);
    warpgate_parts_hold(parts);
    loop_timer_init(&dial->patience, parts->loop, on_impatient, dial);
    if (connect_directly(dial)) {
        return dial;
    }
    dial->lookup =
        address_lookup_start(parts->loop, dial->is_proxied ? config->proxy->host : config->host,
                             dial->is_proxied ? config->proxy->port : config->port, on_found, dial);
    if (config->known != NULL) {
        loop_timer_set(&dial->patience, RESOLVER_MS);
    }
    return dial;
}

void warpgate_dial_cancel(struct warpgate_dial **at) {
    struct warpgate_dial *dial = *at;
    *at = NULL;
    if (dial == NULL) {
        return;
    }
    dial->done = NULL;
    if (dial->conn != NULL) {
        conn_abort(dial->conn); /* on_closed ends it */
        return;
    }
    end_dial(dial);
}
