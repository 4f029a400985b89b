#include "edge/edge_roster.h"

#include <stdio.h>

#include "base/memory.h"
#include "edge/edge_roster_state.h"

/* A visitor stays where it was accepted until its worker has this many more than the least busy one, and an eighth. */
#define UNEVEN_VISITORS 2

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

static void free_warpgate(struct edge_roster_warpgate *warpgate) {
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

/* The lock */

void edge_roster_lock(struct edge_roster *roster) {
    (void)pthread_mutex_lock(&roster->lock);
}

void edge_roster_unlock(struct edge_roster *roster, bool is_due) {
    bool is_first = is_due && !roster->is_woken;
    roster->is_woken |= is_due;
    (void)pthread_mutex_unlock(&roster->lock);
    if (is_first) {
        roster->on_due(roster->context);
    }
}

/* Environments */

static struct edge_roster_environment *find_environment(const struct edge_roster *roster,
                                                        const struct id *id) {
    return map_get(&roster->environments, id_str(id));
}

static struct edge_roster_environment *make_environment(struct edge_roster *roster,
                                                        const struct id *id) {
    struct edge_roster_environment *environment = find_environment(roster, id);
    if (environment == NULL) {
        environment = MEMORY_NEW(struct edge_roster_environment);
        environment->id = *id;
        list_init(&environment->due_node);
        (void)map_set(&roster->environments, id_str(id), environment);
    }
    return environment;
}

/* What all workers have in force. */
uint64_t edge_roster_least_revision(const struct edge_roster *roster,
                                    const struct edge_roster_environment *environment) {
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < roster->worker_count; i++) {
        least = environment->applied[i] < least ? environment->applied[i] : least;
    }
    return least;
}

static void drop_unused(struct edge_roster *roster, struct edge_roster_environment *environment) {
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
    edge_roster_lock(roster);
    struct edge_roster_environment *environment = make_environment(roster, id);
    environment->applied[worker] = revision;
    bool is_due = edge_roster_least_revision(roster, environment) > environment->reported_revision;
    if (is_due && !list_is_linked(&environment->due_node)) {
        list_append(&roster->due_environments, &environment->due_node);
    }
    edge_roster_unlock(roster, is_due);
}

void edge_roster_forget(struct edge_roster *roster, unsigned worker, const struct id *id) {
    if (roster == NULL) {
        return;
    }
    edge_roster_lock(roster);
    struct edge_roster_environment *environment = find_environment(roster, id);
    if (environment != NULL) {
        environment->applied[worker] = 0;
        environment->reported_revision = 0;
        drop_unused(roster, environment);
    }
    edge_roster_unlock(roster, false);
}

bool edge_roster_serves(struct edge_roster *roster, const struct id *id) {
    bool is_served = false;
    if (roster == NULL) {
        return false;
    }
    edge_roster_lock(roster);
    const struct edge_roster_environment *environment = find_environment(roster, id);
    for (unsigned i = 0; environment != NULL && i < roster->worker_count; i++) {
        is_served |= environment->ready[i] > 0;
    }
    edge_roster_unlock(roster, false);
    return is_served;
}

size_t edge_roster_ready_count(struct edge_roster *roster) {
    size_t count = 0;
    struct str key;
    void *value;
    edge_roster_lock(roster);
    for (size_t at = 0; map_next(&roster->environments, &at, &key, &value);) {
        const struct edge_roster_environment *environment = value;
        for (unsigned i = 0; i < roster->worker_count; i++) {
            count += environment->ready[i];
        }
    }
    edge_roster_unlock(roster, false);
    return count;
}

/* Tunnels */

static struct edge_roster_warpgate *make_warpgate(struct edge_roster *roster,
                                                  const struct cert_identity *identity) {
    struct edge_roster_warpgate *warpgate = map_get(&roster->warpgates, id_str(&identity->subject));
    if (warpgate == NULL) {
        warpgate = MEMORY_NEW(struct edge_roster_warpgate);
        warpgate->id = identity->subject;
        warpgate->environment = make_environment(roster, &identity->environment);
        warpgate->environment->warpgate_count++;
        list_init(&warpgate->due_node);
        list_init(&warpgate->seats);
        (void)map_set(&roster->warpgates, id_str(&identity->subject), warpgate);
    }
    return warpgate;
}

static unsigned count_seats(const struct edge_roster_warpgate *warpgate, unsigned worker) {
    unsigned count = 0;
    for (const struct list *node = warpgate->seats.next; node != &warpgate->seats;
         node = node->next) {
        const struct edge_roster_seat *seat = CONTAINER_OF(node, struct edge_roster_seat, node);
        count += seat->worker == worker && seat->standing != EDGE_ROSTER_LEAVING ? 1 : 0;
    }
    return count;
}

/* Fewer is better, first of this warpgate, then of its environment. */
static uint64_t weigh(const struct edge_roster_warpgate *warpgate, unsigned worker) {
    return (uint64_t)count_seats(warpgate, worker) << 32 | warpgate->environment->seats[worker];
}

static unsigned choose_worker(const struct edge_roster *roster,
                              const struct edge_roster_warpgate *warpgate, unsigned own) {
    unsigned best = own;
    for (unsigned i = 0; i < roster->worker_count; i++) {
        if (weigh(warpgate, i) < weigh(warpgate, best)) {
            best = i;
        }
    }
    return best;
}

struct edge_roster_seat *edge_roster_add(struct edge_roster *roster, unsigned own,
                                         const struct cert_identity *identity,
                                         const char *ip_address) {
    if (roster == NULL) {
        return NULL;
    }
    edge_roster_lock(roster);
    struct edge_roster_warpgate *warpgate = make_warpgate(roster, identity);
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
    edge_roster_unlock(roster, false);
    return seat;
}

unsigned edge_roster_seat_worker(const struct edge_roster_seat *seat) {
    return seat != NULL ? seat->worker : 0;
}

void edge_roster_describe(struct edge_roster_seat *seat, const char *version, const char *name) {
    if (seat == NULL) {
        return;
    }
    struct edge_roster_warpgate *warpgate = seat->warpgate;
    edge_roster_lock(seat->roster);
    (void)snprintf(warpgate->version, sizeof warpgate->version, "%s", version);
    (void)snprintf(warpgate->name, sizeof warpgate->name, "%s", name);
    edge_roster_unlock(seat->roster, false);
}

/* The newest that was told counts: a warpgate has one policy for all its tunnels. What the last one left with stays. */
static void sum_up(struct edge_roster_warpgate *warpgate) {
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
    struct edge_roster_environment *environment = seat->warpgate->environment;
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

void edge_roster_update(struct edge_roster_seat *seat, enum edge_roster_standing standing,
                        uint64_t applied_revision, const char *refused_code) {
    if (seat == NULL) {
        return;
    }
    struct edge_roster *roster = seat->roster;
    edge_roster_lock(roster);
    /* who is leaving does not come back */
    if (seat->standing != EDGE_ROSTER_LEAVING) {
        set_standing(seat, standing);
    }
    seat->applied_revision = applied_revision;
    (void)snprintf(seat->warpgate->refused_code, sizeof seat->warpgate->refused_code, "%s",
                   refused_code);
    sum_up(seat->warpgate);
    edge_roster_unlock(roster, edge_roster_report_soon(roster, seat->warpgate));
}

void edge_roster_prove(struct edge_roster_seat *seat, bool is_proved) {
    if (seat == NULL) {
        return;
    }
    edge_roster_lock(seat->roster);
    seat->is_silent = !is_proved;
    edge_roster_unlock(seat->roster, edge_roster_report_soon(seat->roster, seat->warpgate));
}

void edge_roster_trust(struct edge_roster_seat *seat, struct str anchors, struct str root) {
    if (seat == NULL) {
        return;
    }
    struct edge_roster_warpgate *warpgate = seat->warpgate;
    edge_roster_lock(seat->roster);
    (void)snprintf(warpgate->anchors, sizeof warpgate->anchors, "%.*s", STR_ARG(anchors));
    (void)snprintf(warpgate->root, sizeof warpgate->root, "%.*s", STR_ARG(root));
    edge_roster_unlock(seat->roster, edge_roster_report_soon(seat->roster, warpgate));
}

static bool has_changed(const struct edge_roster_warpgate *warpgate,
                        const struct upstream_state *states, size_t count) {
    if (warpgate->upstreams == NULL || warpgate->upstream_count != count) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        const struct edge_roster_upstream *known = &warpgate->upstreams[i];
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
    struct edge_roster_warpgate *warpgate = seat->warpgate;
    bool is_due = false;
    edge_roster_lock(roster);
    if (has_changed(warpgate, states, count)) {
        memory_free(warpgate->upstreams);
        warpgate->upstreams = memory_new_array(count > 0 ? count : 1, sizeof *warpgate->upstreams);
        warpgate->upstream_count = count;
        for (size_t i = 0; i < count; i++) {
            struct edge_roster_upstream *upstream = &warpgate->upstreams[i];
            (void)snprintf(upstream->name, sizeof upstream->name, "%.*s", STR_ARG(states[i].name));
            upstream->state = states[i];
        }
        is_due = edge_roster_report_soon(roster, warpgate);
    }
    edge_roster_unlock(roster, is_due);
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
    struct edge_roster_warpgate *warpgate = seat->warpgate;
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
    edge_roster_lock(seat->roster);
    bool should = should_move(seat, clock_mono_ms(seat->roster->clock));
    edge_roster_unlock(seat->roster, false);
    return should;
}

/* One that never was reported need not be reported gone. */
void edge_roster_drop_warpgate(struct edge_roster *roster, struct edge_roster_warpgate *warpgate) {
    struct edge_roster_environment *environment = warpgate->environment;
    (void)map_remove(&roster->warpgates, id_str(&warpgate->id));
    free_warpgate(warpgate);
    environment->warpgate_count--;
    drop_unused(roster, environment);
}

void edge_roster_remove(struct edge_roster_seat **at) {
    struct edge_roster_seat *seat = *at;
    *at = NULL;
    if (seat == NULL) {
        return;
    }
    struct edge_roster *roster = seat->roster;
    struct edge_roster_warpgate *warpgate = seat->warpgate;
    bool is_due = false;
    edge_roster_lock(roster);
    set_standing(seat, EDGE_ROSTER_LEAVING);
    list_remove(&seat->node);
    warpgate->seat_count--;
    memory_free(seat);
    if (warpgate->has_been_reported || warpgate->seat_count > 0) {
        sum_up(warpgate);
        is_due = edge_roster_report_soon(roster, warpgate);
    } else {
        edge_roster_drop_warpgate(roster, warpgate);
    }
    edge_roster_unlock(roster, is_due);
}

/* Visitors */

static bool may_serve(const struct edge_roster_environment *environment, unsigned worker) {
    return environment == NULL || environment->ready[worker] > 0;
}

static unsigned choose_for_visitor(const struct edge_roster *roster, unsigned own,
                                   const struct edge_roster_environment *environment) {
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
    edge_roster_lock(roster);
    unsigned worker =
        choose_for_visitor(roster, own, id != NULL ? find_environment(roster, id) : NULL);
    roster->visitors[worker]++;
    edge_roster_unlock(roster, false);
    return worker;
}

void edge_roster_visitor_left(struct edge_roster *roster, unsigned worker) {
    if (roster != NULL) {
        edge_roster_lock(roster);
        roster->visitors[worker]--;
        edge_roster_unlock(roster, false);
    }
}

size_t edge_roster_visitors_on(struct edge_roster *roster, unsigned worker) {
    size_t count = 0;
    if (roster != NULL) {
        edge_roster_lock(roster);
        count = roster->visitors[worker];
        edge_roster_unlock(roster, false);
    }
    return count;
}

size_t edge_roster_visitor_count(struct edge_roster *roster) {
    size_t count = 0;
    if (roster != NULL) {
        edge_roster_lock(roster);
        for (unsigned i = 0; i < roster->worker_count; i++) {
            count += roster->visitors[i];
        }
        edge_roster_unlock(roster, false);
    }
    return count;
}
