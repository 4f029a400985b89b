/* presence_view.c: what is known, put together from what each edge said. */
#include <stdio.h>

#include "base/memory.h"
#include "control/presence_state.h"

const char *presence_status_name(enum presence_status status) {
    static const char *const names[] = {
        [PRESENCE_CONNECTED] = "connected",
        [PRESENCE_DISCONNECTED] = "disconnected",
        [PRESENCE_UNKNOWN] = "unknown",
    };
    return names[status];
}

json_t *presence_write_upstreams(const struct presence_upstream *upstreams, size_t count) {
    struct upstream_state states[PRESENCE_UPSTREAMS_MAX];
    for (size_t i = 0; i < count; i++) {
        states[i] = (struct upstream_state){
            .name = str_from(upstreams[i].name),
            .is_known = upstreams[i].is_known,
            .is_up = upstreams[i].is_up,
        };
    }
    return upstream_state_write(states, count);
}

static void copy_text(const char *text, char *out, size_t size) {
    snprintf(out, size, "%s", text);
}

/* What the one that was heard last says: a warpgate tells every edge the same. */
static void merge_upstreams(const struct report *report, struct presence_view *view) {
    view->upstream_count = report->upstream_count;
    for (size_t i = 0; i < report->upstream_count; i++) {
        view->upstreams[i] = report->upstreams[i];
    }
}

static void merge_report(struct presence *presence, const struct report *report,
                         struct presence_view *view) {
    const struct edge_entry *edge = map_get(&presence->edges, id_str(&report->edge));
    bool is_live = !report->is_stale && report->tunnels > 0;
    int64_t seen_at_ms = is_live && edge != NULL ? edge->heard_at_ms : report->seen_at_ms;
    view->is_known = true;
    if (is_live) {
        view->status = PRESENCE_CONNECTED;
        view->tunnel_count += report->tunnels;
        if (report->seen_at_ms >= view->told_at_ms) {
            view->told_at_ms = report->seen_at_ms;
            merge_upstreams(report, view);
        }
    } else if (report->is_stale && report->tunnels > 0 && view->status != PRESENCE_CONNECTED) {
        view->status = PRESENCE_UNKNOWN;
    }
    if (report->applied_revision > view->applied_revision) {
        view->applied_revision = report->applied_revision;
    }
    if (seen_at_ms >= view->seen_at_ms) {
        view->seen_at_ms = seen_at_ms;
        if (report->ip_address[0] != '\0') {
            copy_text(report->ip_address, view->ip_address, sizeof(view->ip_address));
            copy_text(report->version, view->version, sizeof(view->version));
        }
        copy_text(report->refused_code, view->refused_code, sizeof(view->refused_code));
    }
}

static void view_warpgate(struct presence *presence, const struct warpgate_reports *warpgate,
                          struct presence_view *view) {
    *view = (struct presence_view){.status = PRESENCE_DISCONNECTED};
    for (const struct list *node = warpgate->reports.next; node != &warpgate->reports;
         node = node->next) {
        merge_report(presence, CONTAINER_OF(node, struct report, node), view);
    }
}

void presence_get(struct presence *presence, const struct id *id, struct presence_view *view) {
    pthread_mutex_lock(&presence->lock);
    *view = (struct presence_view){.status = PRESENCE_DISCONNECTED};
    const struct warpgate_reports *warpgate = map_get(&presence->warpgates, id_str(id));
    if (warpgate != NULL) {
        view_warpgate(presence, warpgate, view);
    } else if (presence->up_count == 0 &&
               clock_mono_ms(presence->clock) - presence->alone_since_ms < PRESENCE_STALE_MS) {
        view->status = PRESENCE_UNKNOWN; /* nobody is there to say */
    }
    pthread_mutex_unlock(&presence->lock);
}

size_t presence_tunnels(struct presence *presence, const struct id *id,
                        struct presence_tunnels *tunnels, size_t max) {
    size_t count = 0;
    pthread_mutex_lock(&presence->lock);
    const struct warpgate_reports *warpgate = map_get(&presence->warpgates, id_str(id));
    const struct list *end = warpgate != NULL ? &warpgate->reports : NULL;
    for (const struct list *node = end != NULL ? end->next : NULL; node != end && count < max;
         node = node->next) {
        const struct report *report = CONTAINER_OF(node, struct report, node);
        if (!report->is_stale && report->tunnels > 0) {
            tunnels[count++] =
                (struct presence_tunnels){.edge = report->edge, .count = report->tunnels};
        }
    }
    pthread_mutex_unlock(&presence->lock);
    return count;
}

struct presence_brief *presence_list(struct presence *presence, const struct id *environment,
                                     size_t *count) {
    struct presence_brief *briefs = NULL;
    size_t cap = 0;
    *count = 0;
    pthread_mutex_lock(&presence->lock);
    const struct environment_entry *entry = map_get(&presence->environments, id_str(environment));
    for (const struct list *node = entry == NULL ? NULL : entry->warpgates.next;
         entry != NULL && node != &entry->warpgates; node = node->next) {
        const struct warpgate_reports *warpgate =
            CONTAINER_OF(node, struct warpgate_reports, environment_node);
        struct presence_view view;
        if (*count == cap) {
            cap = cap == 0 ? 16 : 2 * cap;
            briefs = memory_resize(briefs, cap, sizeof(briefs[0]));
        }
        struct presence_brief *brief = &briefs[(*count)++];
        view_warpgate(presence, warpgate, &view);
        *brief = (struct presence_brief){
            .id = warpgate->id,
            .status = view.status,
            .tunnel_count = view.tunnel_count,
            .applied_revision = view.applied_revision,
        };
        copy_text(view.refused_code, brief->refused_code, sizeof(brief->refused_code));
    }
    pthread_mutex_unlock(&presence->lock);
    return briefs;
}

uint64_t presence_generation(struct presence *presence) {
    pthread_mutex_lock(&presence->lock);
    uint64_t generation = presence->generation;
    pthread_mutex_unlock(&presence->lock);
    return generation;
}

static int rank(const struct presence_upstream *upstream) {
    return upstream->is_up ? 2 : upstream->is_known ? 0 : 1;
}

static void sum_upstream(struct presence_summary *summary,
                         const struct presence_upstream *upstream) {
    for (size_t i = 0; i < summary->upstream_count; i++) {
        struct presence_upstream *known = &summary->upstreams[i];
        if (str_eq(str_from(known->name), str_from(upstream->name))) {
            *known = rank(upstream) > rank(known) ? *upstream : *known;
            return;
        }
    }
    if (summary->upstream_count < PRESENCE_UPSTREAMS_MAX) {
        summary->upstreams[summary->upstream_count++] = *upstream;
    }
}

static void sum_connected(struct presence_summary *summary, const struct presence_view *view,
                          uint64_t bundle_revision) {
    size_t down_count = 0;
    for (size_t i = 0; i < view->upstream_count; i++) {
        down_count += rank(&view->upstreams[i]) == 0 ? 1 : 0;
        sum_upstream(summary, &view->upstreams[i]);
    }
    summary->connected_count++;
    summary->tunnel_count += view->tunnel_count;
    summary->behind_count += view->applied_revision < bundle_revision ? 1 : 0;
    summary->refused_count += view->refused_code[0] != '\0' ? 1 : 0;
    summary->impaired_count += down_count > 0 ? 1 : 0;
    summary->down_count += down_count > 0 && down_count == view->upstream_count ? 1 : 0;
}

void presence_summarize(struct presence *presence, const struct id *id, uint64_t bundle_revision,
                        struct presence_summary *summary) {
    *summary = (struct presence_summary){.connected_count = 0};
    pthread_mutex_lock(&presence->lock);
    summary->edge_count = presence->up_count;
    const struct environment_entry *environment = map_get(&presence->environments, id_str(id));
    const struct list *end = environment != NULL ? &environment->warpgates : NULL;
    for (const struct list *node = end != NULL ? end->next : NULL; node != end; node = node->next) {
        struct presence_view view;
        view_warpgate(presence, CONTAINER_OF(node, struct warpgate_reports, environment_node),
                      &view);
        if (view.status == PRESENCE_CONNECTED) {
            sum_connected(summary, &view, bundle_revision);
        }
        summary->unknown_count += view.status == PRESENCE_UNKNOWN ? 1 : 0;
    }
    pthread_mutex_unlock(&presence->lock);
}

size_t presence_edges(struct presence *presence, const struct id *environment,
                      struct presence_edge *edges, size_t max) {
    struct str key;
    void *value;
    size_t count = 0;
    pthread_mutex_lock(&presence->lock);
    for (size_t walk = 0; count < max && map_next(&presence->edges, &walk, &key, &value);) {
        const struct edge_entry *edge = value;
        const struct applied *applied = map_get(&edge->applied, id_str(environment));
        if (!edge->is_up) {
            continue;
        }
        edges[count] = (struct presence_edge){.edge = edge->id};
        if (applied != NULL) {
            edges[count].applied_revision = applied->revision;
            copy_text(applied->refused_code, edges[count].refused_code,
                      sizeof(edges[count].refused_code));
        }
        count++;
    }
    pthread_mutex_unlock(&presence->lock);
    return count;
}

void presence_edge_count(struct presence *presence, const struct id *id,
                         struct presence_edge_count *count) {
    struct str key;
    void *value;
    *count = (struct presence_edge_count){0};
    pthread_mutex_lock(&presence->lock);
    const struct edge_entry *edge = map_get(&presence->edges, id_str(id));
    for (size_t walk = 0; map_next(&presence->newest, &walk, &key, &value);) {
        const struct applied *applied = edge != NULL ? map_get(&edge->applied, key) : NULL;
        if (applied != NULL && applied->refused_code[0] != '\0') {
            count->refused++;
        } else if (applied != NULL && applied->revision >= (uint64_t)(uintptr_t)value) {
            count->applied++;
        } else {
            count->behind++;
        }
    }
    pthread_mutex_unlock(&presence->lock);
}
