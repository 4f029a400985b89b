#include "edge/edge_warpgate.h"

#include "base/memory.h"

struct edge_warpgate *edge_warpgate_join(struct list *warpgates, const struct id *environment,
                                         const struct id *id) {
    for (struct list *node = warpgates->next; node != warpgates; node = node->next) {
        struct edge_warpgate *warpgate = CONTAINER_OF(node, struct edge_warpgate, node);
        if (id_eq(&warpgate->id, id)) {
            warpgate->refs++;
            return warpgate;
        }
    }
    struct edge_warpgate *warpgate = MEMORY_NEW(struct edge_warpgate);
    warpgate->id = *id;
    warpgate->refs = 1;
    list_init(&warpgate->tunnels);
    edge_affinity_make(environment, id, warpgate->affinity);
    list_append(warpgates, &warpgate->node);
    return warpgate;
}

void edge_warpgate_leave(struct edge_warpgate **at) {
    struct edge_warpgate *warpgate = *at;
    *at = NULL;
    if (warpgate == NULL || --warpgate->refs > 0) {
        return;
    }
    list_remove(&warpgate->node);
    memory_free(warpgate->upstreams);
    memory_free(warpgate);
}

static struct edge_upstream *find(const struct edge_warpgate *warpgate, struct str name) {
    for (size_t i = 0; i < warpgate->upstream_count; i++) {
        if (str_eq(str_from(warpgate->upstreams[i].name), name)) {
            return &warpgate->upstreams[i];
        }
    }
    return NULL;
}

const struct edge_upstream *edge_warpgate_find(const struct edge_warpgate *warpgate,
                                               struct str upstream) {
    return find(warpgate, upstream);
}

void edge_warpgate_declare(struct edge_warpgate *warpgate, const struct tunnel_message *hello) {
    struct edge_upstream *upstreams = NULL;
    if (hello->upstream_count > 0) {
        upstreams = memory_new_array(hello->upstream_count, sizeof *upstreams);
    }
    for (size_t i = 0; i < hello->upstream_count; i++) {
        const struct edge_upstream *known = find(warpgate, hello->upstreams[i].name);
        if (known != NULL) {
            upstreams[i] = *known;
        } else if (str_to_cstr(hello->upstreams[i].name, upstreams[i].name,
                               sizeof upstreams[i].name) != STATUS_OK) {
            upstreams[i].name[0] = '\0'; /* no route can name it */
        }
    }
    memory_free(warpgate->upstreams);
    warpgate->upstreams = upstreams;
    warpgate->upstream_count = hello->upstream_count;
}

static void forgive(struct edge_upstream *upstream) {
    upstream->timeout_count = 0;
    upstream->ejection_count = 0;
    upstream->ejected_until_ms = 0;
}

void edge_warpgate_report(struct edge_warpgate *warpgate, const struct tunnel_message *health) {
    for (size_t i = 0; i < health->upstream_count; i++) {
        struct edge_upstream *upstream = find(warpgate, health->upstreams[i].name);
        if (upstream == NULL) {
            continue;
        }
        bool is_up = health->upstreams[i].is_known && health->upstreams[i].is_up;
        if (is_up && upstream->is_down) {
            forgive(upstream);
        }
        upstream->is_down = health->upstreams[i].is_known && !health->upstreams[i].is_up;
    }
}

static void eject(struct edge_upstream *upstream, int64_t now_ms) {
    if (now_ms < upstream->ejected_until_ms) {
        return; /* what was under way when it was put aside */
    }
    int64_t time_ms = EDGE_WARPGATE_EJECTION_MS;
    for (unsigned i = 0; i < upstream->ejection_count && time_ms < EDGE_WARPGATE_EJECTION_MS_MAX;
         i++) {
        time_ms *= 2;
    }
    upstream->ejection_count++;
    upstream->ejected_until_ms =
        now_ms +
        (time_ms < EDGE_WARPGATE_EJECTION_MS_MAX ? time_ms : EDGE_WARPGATE_EJECTION_MS_MAX);
}

void edge_warpgate_note(struct edge_warpgate *warpgate, struct str name,
                        enum edge_warpgate_outcome outcome, int64_t now_ms) {
    if (outcome == EDGE_WARPGATE_ANSWERED && !warpgate->is_troubled) {
        return;
    }
    struct edge_upstream *upstream = find(warpgate, name);
    if (upstream == NULL) {
        return;
    }
    switch (outcome) {
    case EDGE_WARPGATE_ANSWERED:
        forgive(upstream);
        return;
    case EDGE_WARPGATE_REFUSED:
        warpgate->is_troubled = true;
        eject(upstream, now_ms);
        return;
    case EDGE_WARPGATE_TIMED_OUT:
        warpgate->is_troubled = true;
        upstream->timeout_count++;
        if (upstream->timeout_count >= EDGE_WARPGATE_TIMEOUTS) {
            eject(upstream, now_ms);
        }
        return;
    }
}

bool edge_warpgate_is_fit(const struct edge_upstream *upstream, int64_t now_ms) {
    return !upstream->is_down && now_ms >= upstream->ejected_until_ms;
}
