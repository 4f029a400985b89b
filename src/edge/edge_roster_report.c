#include "edge/edge_roster_report.h"

#include <stdio.h>

#include "base/memory.h"
#include "edge/edge_roster_state.h"

/* so many are told between two times of holding the lock */
#define REPORT_BATCH 16

static bool may_report(const struct edge_roster *roster,
                       const struct edge_roster_warpgate *warpgate) {
    return !warpgate->has_been_reported ||
           clock_mono_ms(roster->clock) - warpgate->reported_at_ms >= EDGE_ROSTER_REPORT_MS;
}

bool edge_roster_report_soon(struct edge_roster *roster, struct edge_roster_warpgate *warpgate) {
    if (!list_is_linked(&warpgate->due_node)) {
        list_append(&roster->due_warpgates, &warpgate->due_node);
    }
    return may_report(roster, warpgate);
}

/* A copy: told without the lock. */
struct report {
    enum feed_message_type type;
    struct id environment;
    struct id warpgate;
    unsigned tunnels;
    uint64_t revision;
    struct edge_roster_upstream upstreams[UPSTREAM_STATE_MAX];
    size_t upstream_count;
    char ip_address[ADDRESS_TEXT_SIZE];
    char version[65];
    char name[65];
    char refused_code[65];
    char anchors[65];
    char root[65];
};

static void copy_warpgate(struct edge_roster_warpgate *warpgate, int64_t now_ms,
                          struct report *report) {
    *report = (struct report){
        .type = FEED_MESSAGE_WARPGATE,
        .environment = warpgate->environment->id,
        .warpgate = warpgate->id,
        .revision = warpgate->applied_revision,
    };
    for (const struct list *node = warpgate->seats.next; node != &warpgate->seats;
         node = node->next) {
        const struct edge_roster_seat *seat = CONTAINER_OF(node, struct edge_roster_seat, node);
        report->tunnels += seat->standing == EDGE_ROSTER_READY && !seat->is_silent ? 1 : 0;
    }
    (void)snprintf(report->ip_address, sizeof report->ip_address, "%s", warpgate->ip_address);
    (void)snprintf(report->version, sizeof report->version, "%s", warpgate->version);
    (void)snprintf(report->name, sizeof report->name, "%s", warpgate->name);
    (void)snprintf(report->refused_code, sizeof report->refused_code, "%s", warpgate->refused_code);
    (void)snprintf(report->anchors, sizeof report->anchors, "%s", warpgate->anchors);
    (void)snprintf(report->root, sizeof report->root, "%s", warpgate->root);
    report->upstream_count = warpgate->upstream_count;
    for (size_t i = 0; i < warpgate->upstream_count; i++) {
        report->upstreams[i] = warpgate->upstreams[i];
    }
    list_remove(&warpgate->due_node);
    warpgate->reported_at_ms = now_ms;
    warpgate->has_been_reported = true;
}

static size_t take_warpgates(struct edge_roster *roster, struct report *reports, size_t max) {
    int64_t now_ms = clock_mono_ms(roster->clock);
    size_t count = 0;
    struct list *node = roster->due_warpgates.next;
    while (node != &roster->due_warpgates && count < max) {
        struct edge_roster_warpgate *warpgate =
            CONTAINER_OF(node, struct edge_roster_warpgate, due_node);
        node = node->next;
        if (!may_report(roster, warpgate)) {
            continue;
        }
        copy_warpgate(warpgate, now_ms, &reports[count++]);
        if (warpgate->seat_count == 0) {
            edge_roster_drop_warpgate(roster, warpgate);
        }
    }
    return count;
}

static size_t take_environments(struct edge_roster *roster, struct report *reports, size_t max) {
    size_t count = 0;
    while (!list_is_empty(&roster->due_environments) && count < max) {
        struct edge_roster_environment *environment =
            CONTAINER_OF(roster->due_environments.next, struct edge_roster_environment, due_node);
        list_remove(&environment->due_node);
        environment->reported_revision = edge_roster_least_revision(roster, environment);
        if (environment->reported_revision != 0) {
            reports[count++] = (struct report){
                .type = FEED_MESSAGE_APPLIED,
                .environment = environment->id,
                .revision = environment->reported_revision,
            };
        }
    }
    return count;
}

void edge_roster_report_all(struct edge_roster *roster) {
    struct str key;
    void *value;
    edge_roster_lock(roster);
    for (size_t i = 0; map_next(&roster->warpgates, &i, &key, &value);) {
        struct edge_roster_warpgate *warpgate = value;
        warpgate->has_been_reported = false;
        (void)edge_roster_report_soon(roster, warpgate);
    }
    for (size_t i = 0; map_next(&roster->environments, &i, &key, &value);) {
        struct edge_roster_environment *environment = value;
        if (!list_is_linked(&environment->due_node)) {
            list_append(&roster->due_environments, &environment->due_node);
        }
    }
    edge_roster_unlock(roster, false);
}

static void tell_report(const struct report *report,
                        void (*tell)(void *context, const struct feed_message *message),
                        void *context) {
    struct feed_message message = {
        .type = report->type,
        .environment = report->environment,
        .warpgate = report->warpgate,
        .tunnels = report->tunnels,
        .ip_address = str_from(report->ip_address),
        .name = str_from(report->name),
        .version = str_from(report->version),
        .revision = report->revision,
        .code = str_from(report->refused_code),
        .anchors = str_from(report->anchors),
        .root = str_from(report->root),
        .upstream_count = report->upstream_count,
    };
    for (size_t i = 0; i < report->upstream_count; i++) {
        message.upstreams[i] = report->upstreams[i].state;
        message.upstreams[i].name = str_from(report->upstreams[i].name);
    }
    tell(context, &message);
}

void edge_roster_report(struct edge_roster *roster,
                        void (*tell)(void *context, const struct feed_message *message),
                        void *context) {
    struct report *reports = memory_new_array(REPORT_BATCH, sizeof *reports);
    size_t count;
    do {
        edge_roster_lock(roster);
        roster->is_woken = false;
        count = take_environments(roster, reports, REPORT_BATCH);
        count += take_warpgates(roster, reports + count, REPORT_BATCH - count);
        edge_roster_unlock(roster, false);
        for (size_t i = 0; i < count; i++) {
            tell_report(&reports[i], tell, context);
        }
    } while (count == REPORT_BATCH);
    memory_free(reports);
}
