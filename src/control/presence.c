#include "control/presence.h"

#include <pthread.h>
#include <stdio.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"

/* What one edge said last of one warpgate. */
struct report {
    struct list node; /* in its warpgate's reports */
    struct id edge;
    unsigned tunnels;
    bool is_stale;          /* its edge is not there, or is back and has not repeated it */
    int64_t stale_until_ms; /* mono: when it is dropped */
    int64_t seen_at_ms;     /* wall */
    uint64_t applied_revision;
    char ip_address[STORE_WARPGATE_IP_MAX + 1];
    char version[STORE_WARPGATE_VERSION_MAX + 1];
    char refused_code[STORE_WARPGATE_REFUSED_CODE_MAX + 1];
};

struct warpgate_reports {
    struct list reports;
    struct list changed_node; /* linked while something is to be kept */
    struct id id;
};

struct edge_entry {
    bool is_up;
    int64_t heard_at_ms; /* wall */
};

struct presence {
    pthread_mutex_t lock;
    const struct clock *clock;
    struct map warpgates; /* id -> struct warpgate_reports */
    struct map edges;     /* id -> struct edge_entry */
    struct list changed;
    size_t report_count;
    size_t up_count;
};

const char *presence_status_name(enum presence_status status) {
    static const char *const names[] = {
        [PRESENCE_CONNECTED] = "connected",
        [PRESENCE_DISCONNECTED] = "disconnected",
        [PRESENCE_UNKNOWN] = "unknown",
    };
    return names[status];
}

struct presence *presence_new(const struct clock *clock) {
    struct presence *presence = MEMORY_NEW(struct presence);
    presence->clock = clock;
    pthread_mutex_init(&presence->lock, NULL);
    map_init(&presence->warpgates);
    map_init(&presence->edges);
    list_init(&presence->changed);
    return presence;
}

static void drop_report(struct presence *presence, struct report *report) {
    list_remove(&report->node);
    memory_free(report);
    presence->report_count--;
}

static void drop_reports(struct presence *presence, struct warpgate_reports *warpgate) {
    while (!list_is_empty(&warpgate->reports)) {
        drop_report(presence, CONTAINER_OF(warpgate->reports.next, struct report, node));
    }
    list_remove(&warpgate->changed_node);
    memory_free(warpgate);
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
        memory_free(value);
    }
    map_fini(&presence->warpgates);
    map_fini(&presence->edges);
    pthread_mutex_destroy(&presence->lock);
    memory_free(presence);
}

/* Edges */

static struct edge_entry *find_edge(struct presence *presence, const struct id *edge) {
    struct edge_entry *entry = map_get(&presence->edges, id_str(edge));
    if (entry == NULL) {
        entry = MEMORY_NEW(struct edge_entry);
        (void)map_set(&presence->edges, id_str(edge), entry);
    }
    return entry;
}

/* Everything that this edge said becomes doubtful until it says it again. */
static void doubt_reports(struct presence *presence, const struct id *edge, int64_t for_ms) {
    int64_t until_ms = clock_mono_ms(presence->clock) + for_ms;
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
    doubt_reports(presence, edge, PRESENCE_SETTLE_MS);
    pthread_mutex_unlock(&presence->lock);
}

void presence_edge_down(struct presence *presence, const struct id *edge) {
    pthread_mutex_lock(&presence->lock);
    struct edge_entry *entry = find_edge(presence, edge);
    presence->up_count -= entry->is_up ? 1 : 0;
    entry->is_up = false;
    doubt_reports(presence, edge, PRESENCE_STALE_MS);
    pthread_mutex_unlock(&presence->lock);
}

void presence_heard(struct presence *presence, const struct id *edge) {
    pthread_mutex_lock(&presence->lock);
    find_edge(presence, edge)->heard_at_ms = clock_wall_ms(presence->clock);
    pthread_mutex_unlock(&presence->lock);
}

/* Reports */

static struct warpgate_reports *find_warpgate(struct presence *presence, const struct id *id) {
    struct warpgate_reports *warpgate = map_get(&presence->warpgates, id_str(id));
    if (warpgate == NULL) {
        warpgate = MEMORY_NEW(struct warpgate_reports);
        warpgate->id = *id;
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

static void copy_text(struct str text, char *out, size_t size) {
    snprintf(out, size, "%.*s", STR_ARG(text));
}

static void take_report(struct presence *presence, const struct id *edge,
                        const struct feed_message *message) {
    struct warpgate_reports *warpgate = find_warpgate(presence, &message->warpgate);
    struct report *report = find_report(presence, warpgate, edge);
    report->tunnels = message->tunnels;
    report->is_stale = false;
    report->seen_at_ms = clock_wall_ms(presence->clock);
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
    pthread_mutex_unlock(&presence->lock);
}

/* Views */

static void merge_report(struct presence *presence, const struct report *report,
                         struct presence_view *view) {
    const struct edge_entry *edge = map_get(&presence->edges, id_str(&report->edge));
    bool is_live = !report->is_stale && report->tunnels > 0;
    int64_t seen_at_ms = is_live && edge != NULL ? edge->heard_at_ms : report->seen_at_ms;
    view->is_known = true;
    if (is_live) {
        view->status = PRESENCE_CONNECTED;
    } else if (report->is_stale && report->tunnels > 0 && view->status != PRESENCE_CONNECTED) {
        view->status = PRESENCE_UNKNOWN;
    }
    if (report->applied_revision > view->applied_revision) {
        view->applied_revision = report->applied_revision;
    }
    if (seen_at_ms >= view->seen_at_ms) {
        view->seen_at_ms = seen_at_ms;
        if (report->ip_address[0] != '\0') {
            copy_text(str_from(report->ip_address), view->ip_address, sizeof(view->ip_address));
            copy_text(str_from(report->version), view->version, sizeof(view->version));
        }
        copy_text(str_from(report->refused_code), view->refused_code, sizeof(view->refused_code));
    }
}

void presence_get(struct presence *presence, const struct id *id, struct presence_view *view) {
    pthread_mutex_lock(&presence->lock);
    *view = (struct presence_view){.status = PRESENCE_DISCONNECTED};
    struct warpgate_reports *warpgate = map_get(&presence->warpgates, id_str(id));
    if (warpgate != NULL) {
        for (struct list *node = warpgate->reports.next; node != &warpgate->reports;
             node = node->next) {
            merge_report(presence, CONTAINER_OF(node, struct report, node), view);
        }
    } else if (presence->up_count == 0) {
        view->status = PRESENCE_UNKNOWN; /* nobody is there to say */
    }
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
