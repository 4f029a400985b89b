#include "edge/edge_roster.h"

#include <pthread.h>
#include <stdio.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "net/address.h"

/* A visitor stays where it was accepted until its worker has this many more than the least busy one, and an eighth. */
#define UNEVEN_VISITORS 2
#define UPSTREAM_NAME_SIZE 65
/* so many are told between two times of holding the lock */
#define REPORT_BATCH 16

/* What is known of an upstream, with a name of its own. */
struct roster_upstream {
    char name[UPSTREAM_NAME_SIZE];
    struct upstream_state state;
};

struct roster_environment {
    struct list due_node;
    struct id id;
    unsigned seats[EDGE_WORKERS_MAX]; /* of tunnels that are not leaving */
    unsigned ready[EDGE_WORKERS_MAX];
    uint64_t applied[EDGE_WORKERS_MAX]; /* 0: the worker does not know it */
    uint64_t reported_revision;
    size_t warpgate_count;
};

struct roster_warpgate {
    struct list due_node;
    struct list seats; /* struct edge_roster_seat.node */
    size_t seat_count;
    struct id id;
    struct roster_environment *environment;
    char ip_address[ADDRESS_TEXT_SIZE];
    char version[65];
    char name[65];
    char refused_code[65];
    struct roster_upstream *upstreams; /* NULL: it has said nothing of them */
    size_t upstream_count;
    uint64_t
        applied_revision; /* the newest that one of its tunnels has told: they share one policy */
    int64_t reported_at_ms;
    bool has_been_reported;
    int64_t moved_at_ms; /* 0: none of its tunnels was yet */
};

struct edge_roster_seat {
    struct list node;
    struct edge_roster *roster;
    struct roster_warpgate *warpgate;
    unsigned worker;
    enum edge_roster_standing standing;
    uint64_t applied_revision;
    int64_t surplus_since_ms; /* 0: it is not */
};

struct edge_roster {
    pthread_mutex_t lock;
    const struct clock *clock;
    unsigned worker_count;
    struct map warpgates;
    struct map environments;
    struct list due_warpgates;
    struct list due_environments;
    size_t visitors[EDGE_WORKERS_MAX];
    bool is_woken;
    void (*on_due)(void *context);
    void *context;
};

struct edge_roster *edge_roster_new(unsigned worker_count, const struct clock *clock,
                                    void (*on_due)(void *context), void *context) {
    struct edge_roster *roster = MEMORY_NEW(struct edge_roster);
    (void)pthread_mutex_init(&roster->lock, NULL);
    roster->clock = clock;
    roster->worker_count = worker_count;
    roster->on_due = on_due;
    roster->context = context;
    map_init(&roster->warpgates);
    map_init(&roster->environments);
    list_init(&roster->due_warpgates);
    list_init(&roster->due_environments);
    return roster;
}

static void free_warpgate(struct roster_warpgate *warpgate) {
    while (!list_is_empty(&warpgate->seats)) {
        struct list *node = warpgate->seats.next;
        list_remove(node);
        memory_free(CONTAINER_OF(node, struct edge_roster_seat, node));
    }
    list_remove(&warpgate->due_node);
    memory_free(warpgate->upstreams);
    memory_free(warpgate);
}

void edge_roster_free(struct edge_roster **at) {
    struct edge_roster *roster = *at;
    struct str key;
    void *value;
    *at = NULL;
    if (roster == NULL) {
        return;
    }
    for (size_t i = 0; map_next(&roster->warpgates, &i, &key, &value);) {
        free_warpgate(value);
    }
    for (size_t i = 0; map_next(&roster->environments, &i, &key, &value);) {
        memory_free(value);
    }
    map_fini(&roster->warpgates);
    map_fini(&roster->environments);
    (void)pthread_mutex_destroy(&roster->lock);
    memory_free(roster);
}

/* The lock; and what is to be done when it has been given back. */

static void lock(struct edge_roster *roster) {
    (void)pthread_mutex_lock(&roster->lock);
}

static bool may_report(const struct edge_roster *roster, const struct roster_warpgate *warpgate) {
    return !warpgate->has_been_reported ||
           clock_mono_ms(roster->clock) - warpgate->reported_at_ms >= EDGE_ROSTER_REPORT_MS;
}

/* Wakes the feed's worker, once, when there is something to report at once. */
static void unlock(struct edge_roster *roster, bool is_due) {
    bool is_first = is_due && !roster->is_woken;
    roster->is_woken |= is_due;
    (void)pthread_mutex_unlock(&roster->lock);
    if (is_first) {
        roster->on_due(roster->context);
    }
}

/* Puts it on the list, and tells whether it may be reported now. */
static bool put_due(struct edge_roster *roster, struct roster_warpgate *warpgate) {
    if (!list_is_linked(&warpgate->due_node)) {
        list_append(&roster->due_warpgates, &warpgate->due_node);
    }
    return may_report(roster, warpgate);
}

/* Environments */

static struct roster_environment *find_environment(const struct edge_roster *roster,
                                                   const struct id *id) {
    return map_get(&roster->environments, id_str(id));
}

static struct roster_environment *make_environment(struct edge_roster *roster,
                                                   const struct id *id) {
    struct roster_environment *environment = find_environment(roster, id);
    if (environment == NULL) {
        environment = MEMORY_NEW(struct roster_environment);
        environment->id = *id;
        list_init(&environment->due_node);
        (void)map_set(&roster->environments, id_str(id), environment);
    }
    return environment;
}

/* What all workers have in force. */
static uint64_t least_revision(const struct edge_roster *roster,
                               const struct roster_environment *environment) {
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < roster->worker_count; i++) {
        least = environment->applied[i] < least ? environment->applied[i] : least;
    }
    return least;
}

static void drop_unused(struct edge_roster *roster, struct roster_environment *environment) {
    bool is_known = environment->warpgate_count > 0;
    for (unsigned i = 0; i < roster->worker_count; i++) {
        is_known |= environment->applied[i] != 0;
    }
    if (!is_known) {
        list_remove(&environment->due_node);
        (void)map_remove(&roster->environments, id_str(&environment->id));
        memory_free(environment);
    }
}

void edge_roster_applied(struct edge_roster *roster, unsigned worker, const struct id *id,
                         uint64_t revision) {
    if (roster == NULL) {
        return;
    }
    lock(roster);
    struct roster_environment *environment = make_environment(roster, id);
    environment->applied[worker] = revision;
    bool is_due = least_revision(roster, environment) > environment->reported_revision;
    if (is_due && !list_is_linked(&environment->due_node)) {
        list_append(&roster->due_environments, &environment->due_node);
    }
    unlock(roster, is_due);
}

void edge_roster_forget(struct edge_roster *roster, unsigned worker, const struct id *id) {
    if (roster == NULL) {
        return;
    }
    lock(roster);
    struct roster_environment *environment = find_environment(roster, id);
    if (environment != NULL) {
        environment->applied[worker] = 0;
        environment->reported_revision = 0;
        drop_unused(roster, environment);
    }
    unlock(roster, false);
}

bool edge_roster_serves(struct edge_roster *roster, const struct id *id) {
    bool is_served = false;
    if (roster == NULL) {
        return false;
    }
    lock(roster);
    const struct roster_environment *environment = find_environment(roster, id);
    for (unsigned i = 0; environment != NULL && i < roster->worker_count; i++) {
        is_served |= environment->ready[i] > 0;
    }
    unlock(roster, false);
    return is_served;
}

size_t edge_roster_ready_count(struct edge_roster *roster) {
    size_t count = 0;
    struct str key;
    void *value;
    lock(roster);
    for (size_t at = 0; map_next(&roster->environments, &at, &key, &value);) {
        const struct roster_environment *environment = value;
        for (unsigned i = 0; i < roster->worker_count; i++) {
            count += environment->ready[i];
        }
    }
    unlock(roster, false);
    return count;
}

/* Tunnels */

static struct roster_warpgate *make_warpgate(struct edge_roster *roster,
                                             const struct cert_identity *identity) {
    struct roster_warpgate *warpgate = map_get(&roster->warpgates, id_str(&identity->subject));
    if (warpgate == NULL) {
        warpgate = MEMORY_NEW(struct roster_warpgate);
        warpgate->id = identity->subject;
        warpgate->environment = make_environment(roster, &identity->environment);
        warpgate->environment->warpgate_count++;
        list_init(&warpgate->due_node);
        list_init(&warpgate->seats);
        (void)map_set(&roster->warpgates, id_str(&identity->subject), warpgate);
    }
    return warpgate;
}

static unsigned count_seats(const struct roster_warpgate *warpgate, unsigned worker) {
    unsigned count = 0;
    for (const struct list *node = warpgate->seats.next; node != &warpgate->seats;
         node = node->next) {
        const struct edge_roster_seat *seat = CONTAINER_OF(node, struct edge_roster_seat, node);
        count += seat->worker == worker && seat->standing != EDGE_ROSTER_LEAVING ? 1 : 0;
    }
    return count;
}

/* Fewer is better, first of this warpgate, then of its environment. */
static uint64_t weigh(const struct roster_warpgate *warpgate, unsigned worker) {
    return (uint64_t)count_seats(warpgate, worker) << 32 | warpgate->environment->seats[worker];
}

static unsigned choose_worker(const struct edge_roster *roster,
                              const struct roster_warpgate *warpgate, unsigned own) {
    unsigned best = own;
    for (unsigned i = 0; i < roster->worker_count; i++) {
        if (weigh(warpgate, i) < weigh(warpgate, best)) {
            best = i;
        }
    }
    return best;
}

struct edge_roster_seat *edge_roster_sit(struct edge_roster *roster, unsigned own,
                                         const struct cert_identity *identity,
                                         const char *ip_address) {
    if (roster == NULL) {
        return NULL;
    }
    lock(roster);
    struct roster_warpgate *warpgate = make_warpgate(roster, identity);
    struct edge_roster_seat *seat = NULL;
    if (warpgate->seat_count < EDGE_ROSTER_SEATS_MAX) {
        seat = MEMORY_NEW(struct edge_roster_seat);
        seat->roster = roster;
        seat->warpgate = warpgate;
        seat->worker = choose_worker(roster, warpgate, own);
        warpgate->environment->seats[seat->worker]++;
        warpgate->seat_count++;
        list_append(&warpgate->seats, &seat->node);
        (void)snprintf(warpgate->ip_address, sizeof warpgate->ip_address, "%s", ip_address);
    }
    unlock(roster, false);
    return seat;
}

unsigned edge_roster_seat_worker(const struct edge_roster_seat *seat) {
    return seat != NULL ? seat->worker : 0;
}

void edge_roster_greet(struct edge_roster_seat *seat, const char *version, const char *name) {
    if (seat == NULL) {
        return;
    }
    struct roster_warpgate *warpgate = seat->warpgate;
    lock(seat->roster);
    (void)snprintf(warpgate->version, sizeof warpgate->version, "%s", version);
    (void)snprintf(warpgate->name, sizeof warpgate->name, "%s", name);
    unlock(seat->roster, false);
}

/* The newest that was told counts: a warpgate has one policy for all its tunnels. What the last one left with stays. */
static void sum_up(struct roster_warpgate *warpgate) {
    uint64_t newest = 0;
    for (const struct list *node = warpgate->seats.next; node != &warpgate->seats;
         node = node->next) {
        const struct edge_roster_seat *seat = CONTAINER_OF(node, struct edge_roster_seat, node);
        newest = seat->applied_revision > newest ? seat->applied_revision : newest;
    }
    if (newest != 0) {
        warpgate->applied_revision = newest;
    }
}

/* Keeps the environment's counts true. */
static void set_standing(struct edge_roster_seat *seat, enum edge_roster_standing standing) {
    struct roster_environment *environment = seat->warpgate->environment;
    if (seat->standing == standing) {
        return;
    }
    if (seat->standing == EDGE_ROSTER_READY) {
        environment->ready[seat->worker]--;
    }
    if (seat->standing != EDGE_ROSTER_LEAVING && standing == EDGE_ROSTER_LEAVING) {
        environment->seats[seat->worker]--;
    }
    if (standing == EDGE_ROSTER_READY) {
        environment->ready[seat->worker]++;
    }
    seat->standing = standing;
}

void edge_roster_stand(struct edge_roster_seat *seat, enum edge_roster_standing standing,
                       uint64_t applied_revision, const char *refused_code) {
    if (seat == NULL) {
        return;
    }
    struct edge_roster *roster = seat->roster;
    lock(roster);
    /* who is leaving does not come back */
    if (seat->standing != EDGE_ROSTER_LEAVING) {
        set_standing(seat, standing);
    }
    seat->applied_revision = applied_revision;
    (void)snprintf(seat->warpgate->refused_code, sizeof seat->warpgate->refused_code, "%s",
                   refused_code);
    sum_up(seat->warpgate);
    unlock(roster, put_due(roster, seat->warpgate));
}

static bool has_changed(const struct roster_warpgate *warpgate, const struct upstream_state *states,
                        size_t count) {
    if (warpgate->upstreams == NULL || warpgate->upstream_count != count) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        const struct roster_upstream *known = &warpgate->upstreams[i];
        if (known->state.is_up != states[i].is_up || known->state.is_known != states[i].is_known ||
            !str_eq(str_from(known->name), states[i].name)) {
            return true;
        }
    }
    return false;
}

void edge_roster_health(struct edge_roster_seat *seat, const struct upstream_state *states,
                        size_t count) {
    if (seat == NULL) {
        return;
    }
    struct edge_roster *roster = seat->roster;
    struct roster_warpgate *warpgate = seat->warpgate;
    bool is_due = false;
    lock(roster);
    if (has_changed(warpgate, states, count)) {
        memory_free(warpgate->upstreams);
        warpgate->upstreams = memory_new_array(count > 0 ? count : 1, sizeof *warpgate->upstreams);
        warpgate->upstream_count = count;
        for (size_t i = 0; i < count; i++) {
            struct roster_upstream *upstream = &warpgate->upstreams[i];
            (void)snprintf(upstream->name, sizeof upstream->name, "%.*s", STR_ARG(states[i].name));
            upstream->state = states[i];
        }
        is_due = put_due(roster, warpgate);
    }
    unlock(roster, is_due);
}

/* Ready, beside another one there, while a worker has none. */
static bool is_surplus(const struct edge_roster_seat *seat) {
    if (seat->standing != EDGE_ROSTER_READY || count_seats(seat->warpgate, seat->worker) < 2) {
        return false;
    }
    for (unsigned i = 0; i < seat->roster->worker_count; i++) {
        if (count_seats(seat->warpgate, i) == 0) {
            return true;
        }
    }
    return false;
}

static bool should_move(struct edge_roster_seat *seat, int64_t now_ms) {
    struct roster_warpgate *warpgate = seat->warpgate;
    if (!is_surplus(seat)) {
        seat->surplus_since_ms = 0;
        return false;
    }
    if (seat->surplus_since_ms == 0) {
        seat->surplus_since_ms = now_ms;
    }
    if (now_ms - seat->surplus_since_ms < EDGE_ROSTER_UNEVEN_MS ||
        (warpgate->moved_at_ms != 0 && now_ms - warpgate->moved_at_ms < EDGE_ROSTER_MOVE_MS)) {
        return false;
    }
    warpgate->moved_at_ms = now_ms;
    return true;
}

bool edge_roster_should_move(struct edge_roster_seat *seat) {
    if (seat == NULL) {
        return false;
    }
    lock(seat->roster);
    bool should = should_move(seat, clock_mono_ms(seat->roster->clock));
    unlock(seat->roster, false);
    return should;
}

/* One that never was reported need not be reported gone. */
static void drop_warpgate(struct edge_roster *roster, struct roster_warpgate *warpgate) {
    struct roster_environment *environment = warpgate->environment;
    (void)map_remove(&roster->warpgates, id_str(&warpgate->id));
    free_warpgate(warpgate);
    environment->warpgate_count--;
    drop_unused(roster, environment);
}

void edge_roster_leave(struct edge_roster_seat **at) {
    struct edge_roster_seat *seat = *at;
    *at = NULL;
    if (seat == NULL) {
        return;
    }
    struct edge_roster *roster = seat->roster;
    struct roster_warpgate *warpgate = seat->warpgate;
    bool is_due = false;
    lock(roster);
    set_standing(seat, EDGE_ROSTER_LEAVING);
    list_remove(&seat->node);
    warpgate->seat_count--;
    memory_free(seat);
    if (warpgate->has_been_reported || warpgate->seat_count > 0) {
        sum_up(warpgate);
        is_due = put_due(roster, warpgate);
    } else {
        drop_warpgate(roster, warpgate);
    }
    unlock(roster, is_due);
}

/* Visitors */

static bool may_serve(const struct roster_environment *environment, unsigned worker) {
    return environment == NULL || environment->ready[worker] > 0;
}

static unsigned choose_for_visitor(const struct edge_roster *roster, unsigned own,
                                   const struct roster_environment *environment) {
    unsigned best = own;
    bool has_best = may_serve(environment, own);
    for (unsigned i = 0; i < roster->worker_count; i++) {
        if (may_serve(environment, i) &&
            (!has_best || roster->visitors[i] < roster->visitors[best])) {
            best = i;
            has_best = true;
        }
    }
    size_t least = roster->visitors[best];
    bool is_even = roster->visitors[own] < least + UNEVEN_VISITORS + least / 8;
    return is_even && may_serve(environment, own) ? own : best;
}

unsigned edge_roster_visitor_came(struct edge_roster *roster, unsigned own, const struct id *id) {
    if (roster == NULL) {
        return own;
    }
    lock(roster);
    unsigned worker =
        choose_for_visitor(roster, own, id != NULL ? find_environment(roster, id) : NULL);
    roster->visitors[worker]++;
    unlock(roster, false);
    return worker;
}

void edge_roster_visitor_left(struct edge_roster *roster, unsigned worker) {
    if (roster != NULL) {
        lock(roster);
        roster->visitors[worker]--;
        unlock(roster, false);
    }
}

size_t edge_roster_visitors_on(struct edge_roster *roster, unsigned worker) {
    size_t count = 0;
    if (roster != NULL) {
        lock(roster);
        count = roster->visitors[worker];
        unlock(roster, false);
    }
    return count;
}

size_t edge_roster_visitor_count(struct edge_roster *roster) {
    size_t count = 0;
    if (roster != NULL) {
        lock(roster);
        for (unsigned i = 0; i < roster->worker_count; i++) {
            count += roster->visitors[i];
        }
        unlock(roster, false);
    }
    return count;
}

/* Reports */

/* A copy: told without the lock. */
struct report {
    enum feed_message_type type;
    struct id environment;
    struct id warpgate;
    unsigned tunnels;
    uint64_t revision;
    struct roster_upstream upstreams[UPSTREAM_STATE_MAX];
    size_t upstream_count;
    char ip_address[ADDRESS_TEXT_SIZE];
    char version[65];
    char name[65];
    char refused_code[65];
};

static void copy_warpgate(struct roster_warpgate *warpgate, int64_t now_ms, struct report *report) {
    *report = (struct report){
        .type = FEED_MESSAGE_WARPGATE,
        .environment = warpgate->environment->id,
        .warpgate = warpgate->id,
        .revision = warpgate->applied_revision,
    };
    for (const struct list *node = warpgate->seats.next; node != &warpgate->seats;
         node = node->next) {
        const struct edge_roster_seat *seat = CONTAINER_OF(node, struct edge_roster_seat, node);
        report->tunnels += seat->standing == EDGE_ROSTER_READY ? 1 : 0;
    }
    (void)snprintf(report->ip_address, sizeof report->ip_address, "%s", warpgate->ip_address);
    (void)snprintf(report->version, sizeof report->version, "%s", warpgate->version);
    (void)snprintf(report->name, sizeof report->name, "%s", warpgate->name);
    (void)snprintf(report->refused_code, sizeof report->refused_code, "%s", warpgate->refused_code);
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
        struct roster_warpgate *warpgate = CONTAINER_OF(node, struct roster_warpgate, due_node);
        node = node->next;
        if (!may_report(roster, warpgate)) {
            continue;
        }
        copy_warpgate(warpgate, now_ms, &reports[count++]);
        if (warpgate->seat_count == 0) {
            drop_warpgate(roster, warpgate);
        }
    }
    return count;
}

static size_t take_environments(struct edge_roster *roster, struct report *reports, size_t max) {
    size_t count = 0;
    while (!list_is_empty(&roster->due_environments) && count < max) {
        struct roster_environment *environment =
            CONTAINER_OF(roster->due_environments.next, struct roster_environment, due_node);
        list_remove(&environment->due_node);
        environment->reported_revision = least_revision(roster, environment);
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
    lock(roster);
    for (size_t i = 0; map_next(&roster->warpgates, &i, &key, &value);) {
        struct roster_warpgate *warpgate = value;
        warpgate->has_been_reported = false;
        (void)put_due(roster, warpgate);
    }
    for (size_t i = 0; map_next(&roster->environments, &i, &key, &value);) {
        struct roster_environment *environment = value;
        if (!list_is_linked(&environment->due_node)) {
            list_append(&roster->due_environments, &environment->due_node);
        }
    }
    unlock(roster, false);
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
        lock(roster);
        roster->is_woken = false;
        count = take_environments(roster, reports, REPORT_BATCH);
        count += take_warpgates(roster, reports + count, REPORT_BATCH - count);
        unlock(roster, false);
        for (size_t i = 0; i < count; i++) {
            tell_report(&reports[i], tell, context);
        }
    } while (count == REPORT_BATCH);
    memory_free(reports);
}
