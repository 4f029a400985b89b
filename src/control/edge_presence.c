#include "control/edge_presence.h"

#include <pthread.h>
#include <stdio.h>

#include "base/map.h"
#include "base/memory.h"

#define KEEP_MS 60000 /* how often it is worth a write that an edge is still there */

struct present {
    struct id id;
    struct edge_presence_view view;
    bool is_changed;
    int64_t kept_at_ms; /* wall */
};

struct edge_presence {
    const struct clock *clock;
    pthread_mutex_t lock;
    struct map edges; /* id -> struct present */
};

struct edge_presence *edge_presence_new(const struct clock *clock) {
    struct edge_presence *presence = MEMORY_NEW(struct edge_presence);
    presence->clock = clock;
    pthread_mutex_init(&presence->lock, NULL);
    map_init(&presence->edges);
    return presence;
}

void edge_presence_free(struct edge_presence **at) {
    struct edge_presence *presence = *at;
    struct str key;
    void *value;
    *at = NULL;
    if (presence == NULL) {
        return;
    }
    for (size_t walk = 0; map_next(&presence->edges, &walk, &key, &value);) {
        memory_free(value);
    }
    map_fini(&presence->edges);
    pthread_mutex_destroy(&presence->lock);
    memory_free(presence);
}

/* Locks, until leave. */
static struct present *enter(struct edge_presence *presence, const struct id *edge) {
    pthread_mutex_lock(&presence->lock);
    struct present *present = map_get(&presence->edges, id_str(edge));
    if (present == NULL) {
        present = MEMORY_NEW(struct present);
        present->id = *edge;
        (void)map_set(&presence->edges, id_str(edge), present);
    }
    return present;
}

static void leave(struct edge_presence *presence, struct present *present, bool is_changed) {
    int64_t now_ms = clock_wall_ms(presence->clock);
    present->view.seen_at_ms = now_ms;
    present->is_changed |= is_changed || now_ms - present->kept_at_ms > KEEP_MS;
    pthread_mutex_unlock(&presence->lock);
}

void edge_presence_up(struct edge_presence *presence, const struct id *edge, const char *ip_address,
                      int64_t certificate_until_ms) {
    struct present *present = enter(presence, edge);
    present->view.is_connected = true;
    present->view.is_known = true;
    present->view.has_load = false;
    present->view.certificate_until_ms = certificate_until_ms;
    snprintf(present->view.ip_address, sizeof(present->view.ip_address), "%s", ip_address);
    leave(presence, present, true);
}

void edge_presence_down(struct edge_presence *presence, const struct id *edge) {
    struct present *present = enter(presence, edge);
    present->view.is_connected = false;
    present->view.has_load = false;
    leave(presence, present, true);
}

void edge_presence_heard(struct edge_presence *presence, const struct id *edge) {
    leave(presence, enter(presence, edge), false);
}

void edge_presence_version(struct edge_presence *presence, const struct id *edge,
                           struct str version) {
    struct present *present = enter(presence, edge);
    snprintf(present->view.version, sizeof(present->view.version), "%.*s", STR_ARG(version));
    leave(presence, present, true);
}

void edge_presence_renewed(struct edge_presence *presence, const struct id *edge,
                           int64_t certificate_until_ms) {
    struct present *present = enter(presence, edge);
    present->view.certificate_until_ms = certificate_until_ms;
    leave(presence, present, true);
}

void edge_presence_load(struct edge_presence *presence, const struct id *edge,
                        const struct feed_load *load) {
    struct present *present = enter(presence, edge);
    present->view.has_load = true;
    present->view.load = *load;
    leave(presence, present, false);
}

void edge_presence_get(struct edge_presence *presence, const struct id *edge,
                       struct edge_presence_view *view) {
    pthread_mutex_lock(&presence->lock);
    const struct present *present = map_get(&presence->edges, id_str(edge));
    *view = present != NULL ? present->view : (struct edge_presence_view){0};
    pthread_mutex_unlock(&presence->lock);
}

size_t edge_presence_take_changed(struct edge_presence *presence, struct id *edges, size_t max) {
    size_t count = 0;
    struct str key;
    void *value;
    pthread_mutex_lock(&presence->lock);
    int64_t now_ms = clock_wall_ms(presence->clock);
    for (size_t walk = 0; count < max && map_next(&presence->edges, &walk, &key, &value);) {
        struct present *present = value;
        if (present->is_changed) {
            present->is_changed = false;
            present->kept_at_ms = now_ms;
            edges[count++] = present->id;
        }
    }
    pthread_mutex_unlock(&presence->lock);
    return count;
}
