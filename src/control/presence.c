#include "control/presence.h"

#include <stdio.h>

#include "base/memory.h"
#include "control/presence_state.h"

struct presence *presence_new(const struct clock *clock) {
    struct presence *presence = MEMORY_NEW(struct presence);
    presence->clock = clock;
    presence->alone_since_ms = clock_mono_ms(clock);
    pthread_mutex_init(&presence->lock, NULL);
    map_init(&presence->warpgates);
    map_init(&presence->environments);
    map_init(&presence->edges);
    map_init(&presence->newest);
    list_init(&presence->changed);
    return presence;
}

static void drop_report(struct presence *presence, struct report *report) {
    presence->generation++;
    list_remove(&report->node);
    memory_free(report->upstreams);
    memory_free(report);
    presence->report_count--;
}

static void drop_reports(struct presence *presence, struct warpgate_reports *warpgate) {
    while (!list_is_empty(&warpgate->reports)) {
        drop_report(presence, CONTAINER_OF(warpgate->reports.next, struct report, node));
    }
    list_remove(&warpgate->changed_node);
    list_remove(&warpgate->environment_node);
    struct environment_entry *environment =
        map_get(&presence->environments, id_str(&warpgate->environment));
    if (list_is_empty(&environment->warpgates)) {
        (void)map_remove(&presence->environments, id_str(&warpgate->environment));
        memory_free(environment);
    }
    memory_free(warpgate);
}

static void drop_applied(struct presence *presence, struct edge_entry *edge) {
    struct str key;
    void *value;
    for (size_t walk = 0; map_next(&edge->applied, &walk, &key, &value);) {
        memory_free(value);
        presence->applied_count--;
    }
    map_fini(&edge->applied);
    map_init(&edge->applied);
}

static void free_edge(struct presence *presence, struct edge_entry *edge) {
    drop_applied(presence, edge);
    map_fini(&edge->applied);
    memory_free(edge);
}

void presence_free(struct presence **at) {
    struct presence *presence = *at;
    struct str key;
    void *value;
    *at = NULL;
    if (presence == NULL) {
        return;
    }
    for (size_t walk = 0; map_next(&presence->warpgates, &walk, &key, &value);) {
        drop_reports(presence, value);
    }
    for (size_t walk = 0; map_next(&presence->edges, &walk, &key, &value);) {
        free_edge(presence, value);
    }
    map_fini(&presence->warpgates);
    map_fini(&presence->environments);
    map_fini(&presence->edges);
    map_fini(&presence->newest);
    pthread_mutex_destroy(&presence->lock);
    memory_free(presence);
}

/* Edges */

static struct edge_entry *find_edge(struct presence *presence, const struct id *edge) {
    struct edge_entry *entry = map_get(&presence->edges, id_str(edge));
    if (entry == NULL) {
        entry = MEMORY_NEW(struct edge_entry);
        entry->id = *edge;
        map_init(&entry->applied);
        (void)map_set(&presence->edges, id_str(edge), entry);
    }
    return entry;
}

/* Everything that this edge said becomes doubtful until it says it again. */
static void doubt_reports(struct presence *presence, const struct id *edge, int64_t for_ms) {
    int64_t until_ms = clock_mono_ms(presence->clock) + for_ms;
    presence->generation++;
    struct str key;
    void *value;
    for (size_t walk = 0; map_next(&presence->warpgates, &walk, &key, &value);) {
        struct warpgate_reports *warpgate = value;
        for (struct list *node = warpgate->reports.next; node != &warpgate->reports;
             node = node->next) {
            struct report *report = CONTAINER_OF(node, struct report, node);
            if (id_eq(&report->edge, edge)) {
                report->is_stale = true;
                report->stale_until_ms = until_ms;
            }
        }
    }
}

void presence_edge_up(struct presence *presence, const struct id *edge) {
    pthread_mutex_lock(&presence->lock);
    struct edge_entry *entry = find_edge(presence, edge);
    presence->up_count += entry->is_up ? 0 : 1;
    entry->is_up = true;
    entry->heard_at_ms = clock_wall_ms(presence->clock);
    drop_applied(presence, entry); /* it says anew what it has */
    doubt_reports(presence, edge, PRESENCE_SETTLE_MS);
    pthread_mutex_unlock(&presence->lock);
}

void presence_edge_down(struct presence *presence, const struct id *edge) {
    pthread_mutex_lock(&presence->lock);
    struct edge_entry *entry = find_edge(presence, edge);
    presence->up_count -= entry->is_up ? 1 : 0;
    entry->is_up = false;
    presence->alone_since_ms =
        presence->up_count == 0 ? clock_mono_ms(presence->clock) : presence->alone_since_ms;
    doubt_reports(presence, edge, PRESENCE_STALE_MS);
    pthread_mutex_unlock(&presence->lock);
}

void presence_heard(struct presence *presence, const struct id *edge) {
    pthread_mutex_lock(&presence->lock);
    find_edge(presence, edge)->heard_at_ms = clock_wall_ms(presence->clock);
    pthread_mutex_unlock(&presence->lock);
}

/* What edges have applied */

static struct applied *find_applied(struct presence *presence, struct edge_entry *edge,
                                    const struct id *environment) {
    struct applied *applied = map_get(&edge->applied, id_str(environment));
    if (applied == NULL && presence->applied_count < PRESENCE_ENTRIES_MAX) {
        applied = MEMORY_NEW(struct applied);
        (void)map_set(&edge->applied, id_str(environment), applied);
        presence->applied_count++;
    }
    return applied;
}

static void copy_text(struct str text, char *out, size_t size) {
    snprintf(out, size, "%.*s", STR_ARG(text));
}

/* A bundle that could not even be read is of no environment: the log has it. */
void presence_edge_applied(struct presence *presence, const struct id *edge,
                           const struct feed_message *message) {
    if (id_is_none(&message->environment)) {
        return;
    }
    pthread_mutex_lock(&presence->lock);
    struct applied *applied =
        find_applied(presence, find_edge(presence, edge), &message->environment);
    if (applied != NULL && message->type == FEED_MESSAGE_APPLIED) {
        applied->revision = message->revision;
        applied->refused_code[0] = '\0';
    } else if (applied != NULL) {
        copy_text(message->code, applied->refused_code, sizeof(applied->refused_code));
    }
    pthread_mutex_unlock(&presence->lock);
}

void presence_newest(struct presence *presence, const struct id *environment, uint64_t revision) {
    pthread_mutex_lock(&presence->lock);
    (void)map_set(&presence->newest, id_str(environment), (void *)(uintptr_t)revision);
    pthread_mutex_unlock(&presence->lock);
}

void presence_forget(struct presence *presence, const struct id *environment) {
    struct str key;
    void *value;
    pthread_mutex_lock(&presence->lock);
    (void)map_remove(&presence->newest, id_str(environment));
    for (size_t walk = 0; map_next(&presence->edges, &walk, &key, &value);) {
        struct applied *applied =
            map_remove(&((struct edge_entry *)value)->applied, id_str(environment));
        presence->applied_count -= applied != NULL ? 1 : 0;
        memory_free(applied);
    }
    pthread_mutex_unlock(&presence->lock);
}

/* Reports */

static struct environment_entry *find_environment(struct presence *presence, const struct id *id) {
    struct environment_entry *environment = map_get(&presence->environments, id_str(id));
    if (environment == NULL) {
        environment = MEMORY_NEW(struct environment_entry);
        list_init(&environment->warpgates);
        (void)map_set(&presence->environments, id_str(id), environment);
    }
    return environment;
}

/* A warpgate's environment is in its certificate: the first report says it for good. */
static struct warpgate_reports *find_warpgate(struct presence *presence, const struct id *id,
                                              const struct id *environment) {
    struct warpgate_reports *warpgate = map_get(&presence->warpgates, id_str(id));
    if (warpgate == NULL) {
        warpgate = MEMORY_NEW(struct warpgate_reports);
        warpgate->id = *id;
        warpgate->environment = *environment;
        list_init(&warpgate->environment_node);
        list_append(&find_environment(presence, environment)->warpgates,
                    &warpgate->environment_node);
        list_init(&warpgate->reports);
        list_init(&warpgate->changed_node);
        (void)map_set(&presence->warpgates, id_str(id), warpgate);
    }
    return warpgate;
}

static struct report *find_report(struct presence *presence, struct warpgate_reports *warpgate,
                                  const struct id *edge) {
    for (struct list *node = warpgate->reports.next; node != &warpgate->reports;
         node = node->next) {
        struct report *report = CONTAINER_OF(node, struct report, node);
        if (id_eq(&report->edge, edge)) {
            return report;
        }
    }
    struct report *report = MEMORY_NEW(struct report);
    report->edge = *edge;
    list_append(&warpgate->reports, &report->node);
    presence->report_count++;
    return report;
}

static void take_upstreams(struct report *report, const struct feed_message *message) {
    memory_free(report->upstreams);
    report->upstreams = NULL;
    report->upstream_count = message->tunnels > 0 ? message->upstream_count : 0;
    if (report->upstream_count == 0) {
        return;
    }
    report->upstreams = memory_new_array(report->upstream_count, sizeof(report->upstreams[0]));
    for (size_t i = 0; i < report->upstream_count; i++) {
        const struct upstream_state *state = &message->upstreams[i];
        report->upstreams[i].is_known = state->is_known;
        report->upstreams[i].is_up = state->is_up;
        copy_text(state->name, report->upstreams[i].name, sizeof(report->upstreams[i].name));
    }
}

static void take_report(struct presence *presence, const struct id *edge,
                        const struct feed_message *message) {
    struct warpgate_reports *warpgate =
        find_warpgate(presence, &message->warpgate, &message->environment);
    struct report *report = find_report(presence, warpgate, edge);
    presence->generation++;
    report->tunnels = message->tunnels;
    report->is_stale = false;
    report->seen_at_ms = clock_wall_ms(presence->clock);
    take_upstreams(report, message);
    if (message->tunnels > 0) {
        report->applied_revision = message->revision;
        copy_text(message->ip_address, report->ip_address, sizeof(report->ip_address));
        copy_text(message->version, report->version, sizeof(report->version));
        copy_text(message->code, report->refused_code, sizeof(report->refused_code));
    }
    if (!list_is_linked(&warpgate->changed_node)) {
        list_append(&presence->changed, &warpgate->changed_node);
    }
}

void presence_report(struct presence *presence, const struct id *edge,
                     const struct feed_message *message) {
    pthread_mutex_lock(&presence->lock);
    /* Beyond the bound only what is known already is kept up to date. */
    if (presence->report_count < PRESENCE_ENTRIES_MAX ||
        map_get(&presence->warpgates, id_str(&message->warpgate)) != NULL) {
        take_report(presence, edge, message);
    }
    pthread_mutex_unlock(&presence->lock);
}

/* A report of no tunnels is kept until it has been stored, then it says nothing any more. */
static bool is_over(const struct warpgate_reports *warpgate, const struct report *report,
                    int64_t now_ms) {
    return report->is_stale ? now_ms >= report->stale_until_ms
                            : report->tunnels == 0 && !list_is_linked(&warpgate->changed_node);
}

static void sweep_warpgate(struct presence *presence, struct warpgate_reports *warpgate,
                           int64_t now_ms) {
    for (struct list *node = warpgate->reports.next, *next; node != &warpgate->reports;
         node = next) {
        struct report *report = CONTAINER_OF(node, struct report, node);
        next = node->next;
        if (is_over(warpgate, report, now_ms)) {
            drop_report(presence, report);
        }
    }
}

static void sweep_edges(struct presence *presence, int64_t wall_ms) {
    struct str key;
    void *value;
    for (size_t walk = 0; map_next(&presence->edges, &walk, &key, &value);) {
        struct edge_entry *edge = value;
        if (!edge->is_up && wall_ms - edge->heard_at_ms >= PRESENCE_EDGE_KEEP_MS) {
            (void)map_remove(&presence->edges, id_str(&edge->id));
            free_edge(presence, edge);
        }
    }
}

void presence_sweep(struct presence *presence) {
    struct str key;
    void *value;
    pthread_mutex_lock(&presence->lock);
    int64_t now_ms = clock_mono_ms(presence->clock);
    for (size_t walk = 0; map_next(&presence->warpgates, &walk, &key, &value);) {
        struct warpgate_reports *warpgate = value;
        sweep_warpgate(presence, warpgate, now_ms);
        if (list_is_empty(&warpgate->reports) && !list_is_linked(&warpgate->changed_node)) {
            (void)map_remove(&presence->warpgates, id_str(&warpgate->id));
            drop_reports(presence, warpgate);
        }
    }
    sweep_edges(presence, clock_wall_ms(presence->clock));
    pthread_mutex_unlock(&presence->lock);
}

size_t presence_take_changed(struct presence *presence, struct id *warpgates, size_t max) {
    size_t count = 0;
    pthread_mutex_lock(&presence->lock);
    while (count < max && !list_is_empty(&presence->changed)) {
        struct warpgate_reports *warpgate =
            CONTAINER_OF(presence->changed.next, struct warpgate_reports, changed_node);
        list_remove(&warpgate->changed_node);
        warpgates[count++] = warpgate->id;
    }
    pthread_mutex_unlock(&presence->lock);
    return count;
}

size_t presence_count(struct presence *presence) {
    pthread_mutex_lock(&presence->lock);
    size_t count = presence->warpgates.count;
    pthread_mutex_unlock(&presence->lock);
    return count;
}
