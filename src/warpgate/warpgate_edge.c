#include "warpgate/warpgate_edge.h"

#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/notice.h"
#include "tunnel/tunnel_message.h"
#include "warpgate/warpgate_tunnel.h"

#define BACKOFF_BASE_MS 250
#define BACKOFF_CAP_MS 5000
#define STABLE_MS 10000 /* a tunnel that stood so long begins the backoff anew */
#define LEAVING_SPREAD_MS 500
/* The same after `replace`. */
#define REPLACE_HASTY_MS 300
#define REPLACE_SPREAD_MS 100
/* An edge that wants another tunnel so soon is dialled with backoff. */
#define LEAVING_HASTY_MS 1000

struct warpgate_edge {
    struct list node;
    struct warpgate_parts *parts;
    char *address;
    char *server_name;
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    struct warpgate_known known;
    struct list tunnels;
    size_t tunnel_count; /* in all states */
    unsigned wanted;
    struct backoff backoff;
    struct notice notice;
    struct loop_timer retry;
    bool is_leaving;
};

static size_t count_tunnels(const struct warpgate_edge *edge,
                            bool (*is_counted)(const struct warpgate_tunnel *tunnel)) {
    size_t count = 0;
    for (struct list *node = edge->tunnels.next; node != &edge->tunnels; node = node->next) {
        count += is_counted(warpgate_tunnel_from_node(node)) ? 1 : 0;
    }
    return count;
}

static bool is_ready(const struct warpgate_tunnel *tunnel) {
    return warpgate_tunnel_state(tunnel) == WARPGATE_TUNNEL_READY;
}

static bool is_standing(const struct warpgate_tunnel *tunnel) {
    return is_ready(tunnel) || warpgate_tunnel_state(tunnel) == WARPGATE_TUNNEL_AGREEING;
}

/* Stands or is about to, and is there to stay. */
static bool is_lasting(const struct warpgate_tunnel *tunnel) {
    return warpgate_tunnel_state(tunnel) <= WARPGATE_TUNNEL_READY &&
           !warpgate_tunnel_is_leaving(tunnel);
}

static bool is_lasting_and_ready(const struct warpgate_tunnel *tunnel) {
    return is_ready(tunnel) && is_lasting(tunnel);
}

size_t warpgate_edge_standing_count(const struct warpgate_edge *edge) {
    return count_tunnels(edge, is_standing);
}

static const struct warpgate_tunnel_events tunnel_events;

static void dial(struct warpgate_edge *edge) {
    const struct warpgate_tunnel_config config = {
        .parts = edge->parts,
        .host = edge->host,
        .port = edge->port,
        .server_name = edge->server_name,
        .known = &edge->known,
        .events = &tunnel_events,
        .owner = edge,
    };
    struct warpgate_tunnel *tunnel = warpgate_tunnel_new(&config);
    list_append(&edge->tunnels, warpgate_tunnel_node(tunnel));
    edge->tunnel_count++;
}

/* Dials what is missing; only one as long as none stands. */
static void fill(struct warpgate_edge *edge) {
    if (edge->is_leaving || edge->retry.deadline_ms != 0) {
        return;
    }
    size_t wanted = count_tunnels(edge, is_lasting_and_ready) > 0 ? edge->wanted : 1;
    for (size_t count = count_tunnels(edge, is_lasting); count < wanted; count++) {
        dial(edge);
    }
}

static void retry(struct loop_timer *timer) {
    fill(timer->context);
}

static void free_edge(struct loop_timer *timer) {
    struct warpgate_edge *edge = timer->context;
    struct warpgate_parts *parts = edge->parts;
    memory_free(edge->address);
    memory_free(edge->server_name);
    memory_free(edge);
    warpgate_parts_drop(parts);
}

static void check_left(struct warpgate_edge *edge) {
    if (edge->is_leaving && edge->tunnel_count == 0) {
        list_remove(&edge->node);
        edge->parts->events->on_edge_left(edge->parts->context);
        loop_timer_close(&edge->retry, free_edge);
    }
}

/* Ends one that was to be replaced, or, when there are enough others, all of them. */
static void drain_replaced(struct warpgate_edge *edge) {
    bool are_all_replaced = count_tunnels(edge, is_lasting_and_ready) >= edge->wanted;
    struct list *node = edge->tunnels.next;
    while (node != &edge->tunnels) {
        struct list *next = node->next;
        struct warpgate_tunnel *tunnel = warpgate_tunnel_from_node(node);
        if (is_standing(tunnel) && warpgate_tunnel_is_leaving(tunnel) &&
            !warpgate_tunnel_is_left_to_edge(tunnel)) {
            warpgate_tunnel_drain(tunnel);
            if (!are_all_replaced) {
                return;
            }
        }
        node = next;
    }
}

static void on_standing(void *owner) {
    struct warpgate_edge *edge = owner;
    notice_forget(&edge->notice);
}

static void on_ready(void *owner, struct warpgate_tunnel *tunnel) {
    struct warpgate_edge *edge = owner;
    log_info("warpgate.connected", "edge=%s tunnels=%zu", edge->address,
             count_tunnels(edge, is_lasting_and_ready));
    if (is_lasting(tunnel)) { /* else the edge has asked for another already */
        drain_replaced(edge);
    }
    fill(edge);
    edge->parts->events->on_connected(edge->parts->context);
}

static void on_count(void *owner, unsigned count) {
    struct warpgate_edge *edge = owner;
    edge->wanted = count;
    /* The surplus goes, the youngest first. */
    struct list *node = edge->tunnels.prev;
    size_t lasting = count_tunnels(edge, is_lasting);
    while (lasting > count && node != &edge->tunnels) {
        struct list *before = node->prev;
        if (is_lasting(warpgate_tunnel_from_node(node))) {
            warpgate_tunnel_drain(warpgate_tunnel_from_node(node));
            lasting--;
        }
        node = before;
    }
    fill(edge);
}

/* After `replace` visitors wait at the successor: it is dialled soon, whatever went before. */
static int64_t choose_leaving_delay_ms(struct warpgate_edge *edge,
                                       const struct warpgate_tunnel *tunnel) {
    const struct random *random = loop_random(edge->parts->loop);
    int64_t stood_at_ms = warpgate_tunnel_stood_at_ms(tunnel);
    bool is_hasty =
        stood_at_ms == 0 || loop_now_ms(edge->parts->loop) - stood_at_ms < LEAVING_HASTY_MS;
    if (warpgate_tunnel_is_left_to_edge(tunnel)) {
        return (int64_t)random_below(random, is_hasty ? REPLACE_HASTY_MS : REPLACE_SPREAD_MS);
    }
    return is_hasty ? backoff_next(&edge->backoff, random)
                    : (int64_t)random_below(random, LEAVING_SPREAD_MS + 1);
}

static void on_leaving(void *owner, struct warpgate_tunnel *tunnel) {
    struct warpgate_edge *edge = owner;
    log_info("warpgate.tunnel_leaving", "edge=%s: the edge asks for another tunnel in its place",
             edge->address);
    if (edge->retry.deadline_ms == 0) {
        loop_timer_set(&edge->retry, choose_leaving_delay_ms(edge, tunnel));
    }
}

static void speak_of_failure(struct warpgate_edge *edge, const struct why *why, bool has_stood,
                             int64_t now_ms) {
    if (!notice_is_due(&edge->notice, why->slug, now_ms)) {
        return;
    }
    if (has_stood) {
        log_warn("warpgate.disconnected", "edge=%s reason=%s detail=\"%s\": connecting again",
                 edge->address, why->slug, why->text);
        return;
    }
    log_warn("warpgate.edge_unreachable", "edge=%s reason=%s step=%s detail=\"%s\": %s",
             edge->address, why->slug, warpgate_dial_step(why->slug), why->text,
             warpgate_dial_advice(why->slug));
}

static void on_closed(void *owner, struct warpgate_tunnel *tunnel, const struct why *why) {
    struct warpgate_edge *edge = owner;
    int64_t now_ms = loop_now_ms(edge->parts->loop);
    int64_t stood_at_ms = warpgate_tunnel_stood_at_ms(tunnel);
    edge->tunnel_count--;
    if (edge->is_leaving) {
        check_left(edge);
        return;
    }
    bool is_surplus = stood_at_ms == 0 && strcmp(why->slug, "aborted") == 0; /* by ourselves */
    if (is_surplus || (warpgate_tunnel_is_leaving(tunnel) && stood_at_ms != 0)) {
        fill(edge);
        return;
    }
    speak_of_failure(edge, why, stood_at_ms != 0, now_ms);
    if (stood_at_ms != 0 && now_ms - stood_at_ms >= STABLE_MS) {
        backoff_reset(&edge->backoff);
    }
    if (edge->retry.deadline_ms == 0) {
        loop_timer_set(&edge->retry, backoff_next(&edge->backoff, loop_random(edge->parts->loop)));
    }
}

static const struct warpgate_tunnel_events tunnel_events = {.on_standing = on_standing,
                                                            .on_ready = on_ready,
                                                            .on_count = on_count,
                                                            .on_leaving = on_leaving,
                                                            .on_closed = on_closed};

enum status warpgate_edge_new(struct warpgate_parts *parts, const struct enrolment_edge *place,
                              struct warpgate_edge **at, struct why *why) {
    struct warpgate_edge *edge = MEMORY_NEW(struct warpgate_edge);
    enum status status = address_split(place->address, 0, edge->host, &edge->port, why);
    if (status != STATUS_OK) {
        memory_free(edge);
        return status;
    }
    edge->parts = parts;
    edge->address = memory_dup(place->address.at, place->address.len);
    edge->server_name = memory_dup(place->server_name.at, place->server_name.len);
    edge->wanted = 1;
    list_init(&edge->node);
    list_init(&edge->tunnels);
    backoff_init(&edge->backoff, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    loop_timer_init(&edge->retry, parts->loop, retry, edge);
    warpgate_parts_hold(parts);
    fill(edge);
    *at = edge;
    return STATUS_OK;
}

bool warpgate_edge_is_at(const struct warpgate_edge *edge, const struct enrolment_edge *place) {
    return str_eq(place->address, str_from(edge->address)) &&
           str_eq(place->server_name, str_from(edge->server_name));
}

struct list *warpgate_edge_node(struct warpgate_edge *edge) {
    return &edge->node;
}

struct warpgate_edge *warpgate_edge_from_node(struct list *node) {
    return CONTAINER_OF(node, struct warpgate_edge, node);
}

void warpgate_edge_renew(struct warpgate_edge *edge) {
    fill(edge);
}

/* The tunnels may leave the list while it is walked. */
static void for_each(struct warpgate_edge *edge, void (*call)(struct warpgate_tunnel *tunnel)) {
    struct list *node = edge->tunnels.next;
    while (node != &edge->tunnels) {
        struct list *next = node->next;
        call(warpgate_tunnel_from_node(node));
        node = next;
    }
}

void warpgate_edge_send_health(struct warpgate_edge *edge) {
    for_each(edge, warpgate_tunnel_send_health);
}

void warpgate_edge_send_trust(struct warpgate_edge *edge) {
    for_each(edge, warpgate_tunnel_send_trust);
}

void warpgate_edge_tick(struct warpgate_edge *edge, int64_t now_ms) {
    struct list *node = edge->tunnels.next;
    while (node != &edge->tunnels) {
        struct list *next = node->next;
        warpgate_tunnel_tick(warpgate_tunnel_from_node(node), now_ms);
        node = next;
    }
}

void warpgate_edge_leave(struct warpgate_edge *edge) {
    if (!edge->is_leaving) {
        edge->is_leaving = true;
        for_each(edge, warpgate_tunnel_drain);
        check_left(edge);
    }
}

void warpgate_edge_abort(struct warpgate_edge *edge) {
    for_each(edge, warpgate_tunnel_abort);
}

void warpgate_edge_cut(struct warpgate_edge *edge) {
    for_each(edge, warpgate_tunnel_cut);
}
