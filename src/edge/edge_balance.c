#include "edge/edge_balance.h"

#include "base/memory.h"
#include "edge/edge_tunnel.h"

/* In the order of preference. */
enum fitness {
    FITNESS_UNUSABLE,   /* no tunnel here that takes requests */
    FITNESS_UNDECLARED, /* has no such upstream */
    FITNESS_POOR,       /* its upstream looks unhealthy */
    FITNESS_GOOD,
    FITNESS_COUNT,
};

/* What is chosen from in one pick. */
struct choice {
    const struct edge_balance_wish *wish;
    int64_t now_ms;
    enum fitness least; /* that may be chosen */
};

static bool is_usable(const struct choice *choice, const struct edge_tunnel *tunnel) {
    /* One that is ending or gone has no room either, and its event has perhaps not come round yet. */
    return tunnel != choice->wish->tried && h2_session_has_room(tunnel->session);
}

static struct edge_tunnel *pick_tunnel(const struct choice *choice,
                                       const struct edge_warpgate *warpgate) {
    struct edge_tunnel *best = NULL;
    for (struct list *node = warpgate->tunnels.next; node != &warpgate->tunnels;
         node = node->next) {
        struct edge_tunnel *tunnel = CONTAINER_OF(node, struct edge_tunnel, warpgate_node);
        if (is_usable(choice, tunnel) &&
            (best == NULL ||
             h2_session_stream_count(tunnel->session) < h2_session_stream_count(best->session))) {
            best = tunnel;
        }
    }
    return best;
}

static size_t count_open(const struct edge_warpgate *warpgate) {
    size_t count = 0;
    for (struct list *node = warpgate->tunnels.next; node != &warpgate->tunnels;
         node = node->next) {
        const struct edge_tunnel *tunnel = CONTAINER_OF(node, struct edge_tunnel, warpgate_node);
        count += h2_session_stream_count(tunnel->session);
    }
    return count;
}

static enum fitness judge(const struct choice *choice, const struct edge_warpgate *warpgate) {
    if (warpgate == choice->wish->never || pick_tunnel(choice, warpgate) == NULL) {
        return FITNESS_UNUSABLE;
    }
    const struct edge_upstream *upstream = edge_warpgate_find(warpgate, choice->wish->upstream);
    if (upstream == NULL) {
        return FITNESS_UNDECLARED;
    }
    return edge_warpgate_is_fit(upstream, choice->now_ms) ? FITNESS_GOOD : FITNESS_POOR;
}

/* How many may be chosen; sets choice->least. */
static size_t survey(struct choice *choice, const struct list *warpgates) {
    size_t counts[FITNESS_COUNT] = {0};
    for (const struct list *node = warpgates->next; node != warpgates; node = node->next) {
        counts[judge(choice, CONTAINER_OF(node, struct edge_warpgate, node))]++;
    }
    size_t declared = counts[FITNESS_GOOD] + counts[FITNESS_POOR];
    if (declared == 0) {
        choice->least = FITNESS_UNDECLARED;
        return counts[FITNESS_UNDECLARED];
    }
    if (counts[FITNESS_GOOD] > 0 && counts[FITNESS_GOOD] * EDGE_BALANCE_PANIC >= declared) {
        choice->least = FITNESS_GOOD;
        return counts[FITNESS_GOOD];
    }
    choice->least = FITNESS_POOR;
    return declared;
}

/* The one at `index` of those that may be chosen. */
static struct edge_warpgate *find_at(const struct choice *choice, const struct list *warpgates,
                                     size_t index) {
    for (const struct list *node = warpgates->next; node != warpgates; node = node->next) {
        struct edge_warpgate *warpgate = CONTAINER_OF(node, struct edge_warpgate, node);
        if (judge(choice, warpgate) >= choice->least && index-- == 0) {
            return warpgate;
        }
    }
    return NULL;
}

static struct edge_warpgate *find_affine(const struct choice *choice,
                                         const struct list *warpgates) {
    for (const struct list *node = warpgates->next; node != warpgates; node = node->next) {
        struct edge_warpgate *warpgate = CONTAINER_OF(node, struct edge_warpgate, node);
        if (str_eq(str_from(warpgate->affinity), choice->wish->affinity)) {
            return judge(choice, warpgate) >= choice->least ? warpgate : NULL;
        }
    }
    return NULL;
}

static struct edge_warpgate *pick_warpgate(const struct choice *choice,
                                           const struct list *warpgates, size_t count,
                                           const struct random *random) {
    struct edge_warpgate *affine =
        str_is_empty(choice->wish->affinity) ? NULL : find_affine(choice, warpgates);
    if (affine != NULL) {
        return affine;
    }
    size_t first = (size_t)random_below(random, count);
    struct edge_warpgate *one = find_at(choice, warpgates, first);
    if (count == 1) {
        return one;
    }
    size_t second = (first + 1 + (size_t)random_below(random, count - 1)) % count;
    struct edge_warpgate *other = find_at(choice, warpgates, second);
    return count_open(other) < count_open(one) ? other : one;
}

static struct edge_tunnel *choose(struct edge_environment *environment,
                                  const struct edge_balance_wish *wish) {
    const struct list *warpgates = &environment->warpgates;
    struct choice choice = {.wish = wish, .now_ms = loop_now_ms(environment->worker->loop)};
    size_t count = survey(&choice, warpgates);
    if (count == 0) {
        return NULL;
    }
    return pick_tunnel(&choice, pick_warpgate(&choice, warpgates, count,
                                              &environment->worker->request_ids.random));
}

/* A lone warpgate is the usual case, and needs no judgement. */
static struct edge_tunnel *pick_lone(const struct edge_environment *environment,
                                     const struct edge_balance_wish *wish) {
    const struct choice choice = {.wish = wish};
    const struct edge_warpgate *warpgate =
        CONTAINER_OF(environment->warpgates.next, struct edge_warpgate, node);
    return warpgate != wish->never ? pick_tunnel(&choice, warpgate) : NULL;
}

struct edge_tunnel *edge_balance_pick(struct edge_environment *environment,
                                      const struct edge_balance_wish *wish) {
    const struct list *warpgates = &environment->warpgates;
    if (list_is_empty(warpgates)) {
        return NULL;
    }
    bool is_lone = warpgates->next == warpgates->prev;
    struct edge_tunnel *tunnel = is_lone ? pick_lone(environment, wish) : choose(environment, wish);
    if (tunnel != NULL || wish->tried == NULL) {
        return tunnel;
    }
    struct edge_balance_wish again = *wish;
    again.tried = NULL; /* there is no other */
    return edge_balance_pick(environment, &again);
}
