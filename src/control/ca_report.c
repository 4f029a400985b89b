#include "control/ca_report.h"

#include <pthread.h>

#include "base/map.h"
#include "base/memory.h"

struct kept {
    struct ca_report report;
    int64_t said_at_ms; /* mono */
};

struct ca_reports {
    const struct clock *clock;
    pthread_mutex_t lock;
    struct map peers; /* id -> struct kept */
};

struct ca_reports *ca_report_new(const struct clock *clock) {
    struct ca_reports *reports = MEMORY_NEW(struct ca_reports);
    reports->clock = clock;
    pthread_mutex_init(&reports->lock, NULL);
    map_init(&reports->peers);
    return reports;
}

void ca_report_free(struct ca_reports **at) {
    struct ca_reports *reports = *at;
    struct str key;
    void *value;
    *at = NULL;
    if (reports == NULL) {
        return;
    }
    for (size_t walk = 0; map_next(&reports->peers, &walk, &key, &value);) {
        memory_free(value);
    }
    map_fini(&reports->peers);
    pthread_mutex_destroy(&reports->lock);
    memory_free(reports);
}

static void take_name(struct str name, char out[CA_ANCHORS_SIZE]) {
    if (str_to_cstr(name, out, CA_ANCHORS_SIZE) != STATUS_OK) {
        out[0] = '\0';
    }
}

void ca_report_take(struct ca_reports *reports, const struct id *peer, struct str anchors,
                    struct str root) {
    pthread_mutex_lock(&reports->lock);
    struct kept *kept = map_get(&reports->peers, id_str(peer));
    if (kept == NULL && reports->peers.count < CA_REPORTS_MAX) {
        kept = MEMORY_NEW(struct kept);
        (void)map_set(&reports->peers, id_str(peer), kept);
    }
    if (kept != NULL) {
        take_name(anchors, kept->report.anchors);
        take_name(root, kept->report.root);
        kept->said_at_ms = clock_mono_ms(reports->clock);
    }
    pthread_mutex_unlock(&reports->lock);
}

void ca_report_get(struct ca_reports *reports, const struct id *peer, struct ca_report *report) {
    pthread_mutex_lock(&reports->lock);
    const struct kept *kept = map_get(&reports->peers, id_str(peer));
    *report = kept != NULL ? kept->report : (struct ca_report){.anchors = ""};
    pthread_mutex_unlock(&reports->lock);
}

void ca_report_sweep(struct ca_reports *reports) {
    struct str key;
    void *value;
    pthread_mutex_lock(&reports->lock);
    int64_t now_ms = clock_mono_ms(reports->clock);
    for (size_t walk = 0; map_next(&reports->peers, &walk, &key, &value);) {
        if (now_ms - ((struct kept *)value)->said_at_ms > CA_REPORT_KEEP_MS) {
            (void)map_remove(&reports->peers, key);
            memory_free(value);
        }
    }
    pthread_mutex_unlock(&reports->lock);
}
