#include "edge/edge_worker.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_deadline.h"
#include "edge/edge_environment.h"
#include "edge/edge_relay.h"
#include "edge/edge_shed.h"
#include "edge/edge_spread.h"
#include "edge/edge_switch.h"
#include "edge/edge_tunnel.h"
#include "edge/edge_visitor.h"

#define SWEEP_MS EDGE_SHED_WATCH_MS
#define TRIM_VISITORS 64
#define EDGES_BYTES_MAX (64u << 10)
/* how often the fronts that were closed are asked whether their handshakes are over, and when those are cut */
#define CLOSE_CHECK_MS 5
#define CLOSE_WAIT_MS 1000
/* The end: how long each state lasts at most (edge_state.h); FINISHING takes the rest of the grace. */
#define LEAVE_MS 100 /* for warpgates to hear what they are told before their tunnels end */
#define PART_MS 1000 /* for frames that are on their way, and the Close behind them */
#define CUT_MS 1000  /* for what the grace has not ended to end in an orderly way */

/* The services */

static bool tunnel_wants(void *context, struct str server_name, const struct front_hello *hello) {
    const struct edge_worker *worker = context;
    return str_eq(server_name, str_from(worker->edge->tunnel_server_name)) &&
           front_hello_offers(hello, STR(TLS_ALPN_TUNNEL));
}

static struct tls_context *tunnel_tls(void *context) {
    return ((struct edge_worker *)context)->edge->tunnel_tls;
}

static void tunnel_accept(void *context, struct conn *conn) {
    edge_spread_tunnel(context, conn);
}

static bool visitor_wants(void *context, struct str server_name, const struct front_hello *hello) {
    const struct edge_worker *worker = context;
    (void)hello;
    return tls_context_has_host(worker->edge->visitor_tls, server_name);
}

static struct tls_context *visitor_tls(void *context) {
    return ((struct edge_worker *)context)->edge->visitor_tls;
}

static void visitor_accept(void *context, struct conn *conn) {
    edge_spread_visitor(context, conn);
}

static void add_own_services(struct edge_worker *worker, struct front *front) {
    const struct front_service services[] = {
        {
            .name = "tunnels",
            .wants = tunnel_wants,
            .tls = tunnel_tls,
            .accept = tunnel_accept,
            .context = worker,
            .timeouts = {.handshake_ms = 5000, .idle_ms = -1},
        },
        {
            .name = "visitors",
            .wants = visitor_wants,
            .tls = visitor_tls,
            .accept = visitor_accept,
            .context = worker,
            .timeouts = {.half_closed_ms = EDGE_VISITOR_HALF_CLOSED_MS},
            .is_sheddable = true,
        },
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        front_add(front, &services[i]);
    }
}

/* Fronts */

enum status edge_worker_open(struct edge_worker *worker, int fd,
                             void (*add_services)(void *context, struct front *front),
                             void *context, struct why *why) {
    if (worker->front_count == EDGE_LISTENERS_MAX) {
        return why_set(why, STATUS_FAILED, "listeners_full", "too many listening sockets");
    }
    struct front *front;
    enum status status = front_adopt(worker->loop, fd, &front, why);
    if (status != STATUS_OK) {
        return status;
    }
    front_set_tickets(front, worker->edge->tickets);
    front_set_on_pressure(front, edge_shed_descriptors, worker);
    add_services(context, front);
    add_own_services(worker, front);
    worker->fronts[worker->front_count++] = front;
    return STATUS_OK;
}

static size_t count_handshakes(const struct edge_worker *worker) {
    size_t count = 0;
    for (size_t i = 0; i < worker->front_count; i++) {
        count += front_handshake_count(worker->fronts[i]);
    }
    return count;
}

static void free_fronts(struct edge_worker *worker) {
    for (size_t i = 0; i < worker->front_count; i++) {
        front_free(&worker->fronts[i]);
    }
    worker->front_count = 0;
}

static void on_close_check(struct loop_timer *timer) {
    struct edge_worker *worker = timer->context;
    if (count_handshakes(worker) > 0 && loop_now_ms(worker->loop) < worker->close_by_ms) {
        loop_timer_set(timer, CLOSE_CHECK_MS);
        return;
    }
    free_fronts(worker);
    edge_worker_closed(worker);
}

void edge_worker_close(struct edge_worker *worker) {
    for (size_t i = 0; i < worker->front_count; i++) {
        front_close(worker->fronts[i]);
    }
    worker->close_by_ms = loop_now_ms(worker->loop) + CLOSE_WAIT_MS;
    loop_timer_set(&worker->close_timer, 1);
}

/* Upkeep */

/* A crowd leaves its memory with the allocator: given back once most of it has gone. */
static void release_memory(struct edge_worker *worker) {
    if (worker->visitor_count > worker->visitor_peak) {
        worker->visitor_peak = worker->visitor_count;
    }
    if (worker->visitor_peak >= TRIM_VISITORS && worker->visitor_count < worker->visitor_peak / 4) {
        memory_trim();
        worker->visitor_peak = worker->visitor_count;
    }
}

static void on_sweep(struct loop_timer *timer) {
    struct edge_worker *worker = timer->context;
    release_memory(worker);
    edge_deadline_sweep(worker);
    edge_relay_sweep(worker);
    edge_tunnel_sweep(worker);
    edge_shed_sweep(worker);
    if (worker->index == 0) {
        edge_shed_watch(worker->edge);
        edge_report_due(worker->edge); /* what was put off */
    }
    edge_check_ended(worker);
    loop_timer_set(timer, SWEEP_MS);
}

/* The end */

static void close_visitors(struct edge_worker *worker, bool is_cut) {
    log_info("edge.grace_over", "worker=%u visitors=%zu: they are %s", worker->index,
             worker->visitor_count, is_cut ? "cut" : "closed");
    for (struct list *node = worker->visitors.next; node != &worker->visitors; node = node->next) {
        struct edge_visitor *visitor = CONTAINER_OF(node, struct edge_visitor, node);
        if (is_cut) {
            conn_abort(visitor->conn);
        } else {
            edge_visitor_close(visitor);
        }
    }
}

/* The one place where the state changes: does what the new one begins with, and says how long it lasts at most. */
static void enter(struct edge_worker *worker, enum edge_worker_state state) {
    struct loop_timer *timer = &worker->end_timer;
    worker->state = state;
    switch (state) {
    case EDGE_WORKER_RUNNING:
        return;
    case EDGE_WORKER_LEAVING:
        loop_timer_set(timer, LEAVE_MS);
        return;
    case EDGE_WORKER_FINISHING:
        loop_timer_set(timer, worker->grace_ms > LEAVE_MS ? worker->grace_ms - LEAVE_MS : 1);
        return;
    case EDGE_WORKER_PARTING:
        edge_switch_go_away(worker);
        loop_timer_set(timer, PART_MS);
        return;
    case EDGE_WORKER_CLOSING:
        close_visitors(worker, false);
        loop_timer_set(timer, CUT_MS);
        return;
    case EDGE_WORKER_CUTTING:
        close_visitors(worker, true);
        return;
    case EDGE_WORKER_ENDED:
        loop_timer_clear(timer);
        edge_worker_ended(worker);
        return;
    }
}

static void on_end_timer(struct loop_timer *timer) {
    struct edge_worker *worker = timer->context;
    enum edge_worker_state next = worker->state + 1;
    if (next == EDGE_WORKER_PARTING && list_is_empty(&worker->switched)) {
        next = EDGE_WORKER_CLOSING;
    }
    enter(worker, next);
    edge_check_ended(worker);
}

void edge_check_ended(struct edge_worker *worker) {
    /* The roster also counts those that are on their way from another worker. */
    if (worker->state < EDGE_WORKER_FINISHING || worker->state == EDGE_WORKER_ENDED ||
        !list_is_empty(&worker->visitors) ||
        edge_roster_visitors_on(worker->roster, worker->index) > 0) {
        return;
    }
    for (struct list *node = worker->tunnels.next; node != &worker->tunnels; node = node->next) {
        edge_tunnel_end(CONTAINER_OF(node, struct edge_tunnel, node));
    }
    if (list_is_empty(&worker->tunnels)) { /* else each calls again as it goes */
        enter(worker, EDGE_WORKER_ENDED);
    }
}

void edge_worker_stop(struct edge_worker *worker, enum edge_farewell farewell, int64_t grace_ms) {
    worker->grace_ms = grace_ms;
    enter(worker, EDGE_WORKER_LEAVING);
    for (struct list *node = worker->tunnels.next; node != &worker->tunnels; node = node->next) {
        edge_tunnel_take_leave(CONTAINER_OF(node, struct edge_tunnel, node), farewell);
    }
    for (struct list *node = worker->visitors.next; node != &worker->visitors; node = node->next) {
        edge_visitor_drain(CONTAINER_OF(node, struct edge_visitor, node));
    }
}

/* Life */

void edge_worker_init(struct edge_worker *worker, struct loop *loop, uint64_t seed) {
    worker->loop = loop;
    jws_keys_init(&worker->bundle_keys);
    map_init(&worker->environments);
    map_init(&worker->hosts);
    map_init(&worker->revoked);
    buf_init(&worker->edges_jws, EDGES_BYTES_MAX);
    list_init(&worker->visitors);
    list_init(&worker->tunnels);
    list_init(&worker->unread);
    list_init(&worker->switched);
    worker->started_ms = loop_now_ms(loop);
    wheel_init(&worker->wheel, worker->started_ms);
    edge_meter_init(&worker->meter, 1, worker->started_ms);
    edge_offence_init(&worker->offences, seed);
    random_seeded_init(&worker->request_ids, seed);
}

static void *run_thread(void *context) {
    loop_run(((struct edge_worker *)context)->loop);
    return NULL;
}

static void start_thread(struct edge_worker *worker) {
    /* Signals are the main thread's. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    worker->has_thread = pthread_create(&worker->thread, NULL, run_thread, worker) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!worker->has_thread) {
        log_error("edge.no_thread", "worker=%u: the system gives no more threads", worker->index);
        abort();
    }
}

struct edge_worker *edge_worker_new(struct edge *edge, unsigned index, struct loop *loop) {
    struct edge_worker *worker = MEMORY_NEW(struct edge_worker);
    bool is_own = loop == NULL;
    if (is_own) {
        loop = loop_new(loop_clock(edge->loop), loop_random(edge->loop));
    }
    edge_worker_init(worker, loop, random_u64(loop_random(edge->loop)));
    worker->edge = edge;
    worker->roster = edge->roster;
    worker->index = index;
    edge_meter_init(&worker->meter, edge->worker_goal, worker->started_ms);
    worker->mailbox = loop_mailbox_ref(loop);
    loop_timer_init(&worker->sweep_timer, loop, on_sweep, worker);
    loop_timer_init(&worker->end_timer, loop, on_end_timer, worker);
    loop_timer_init(&worker->close_timer, loop, on_close_check, worker);
    worker->open_timers = 3;
    loop_timer_set(&worker->sweep_timer, SWEEP_MS);
    if (is_own) {
        start_thread(worker);
    }
    return worker;
}

static void on_timer_closed(struct loop_timer *timer) {
    struct edge_worker *worker = timer->context;
    if (--worker->open_timers == 0) {
        memory_free(worker);
    }
}

void edge_worker_free(struct edge_worker **at) {
    struct edge_worker *worker = *at;
    size_t position = 0;
    struct str key;
    void *environment;
    *at = NULL;
    struct loop *own = worker->has_thread ? worker->loop : NULL;
    if (own != NULL) {
        loop_stop(own);
        (void)pthread_join(worker->thread, NULL);
    }
    free_fronts(worker);
    loop_mailbox_unref(&worker->mailbox);
    while (map_next(&worker->environments, &position, &key, &environment)) {
        edge_environment_remove(environment);
    }
    map_fini(&worker->environments);
    map_fini(&worker->hosts);
    map_fini(&worker->revoked);
    buf_fini(&worker->edges_jws);
    jws_keys_fini(&worker->bundle_keys);
    edge_meter_fini(&worker->meter);
    loop_timer_close(&worker->sweep_timer, on_timer_closed);
    loop_timer_close(&worker->end_timer, on_timer_closed);
    loop_timer_close(&worker->close_timer, on_timer_closed);
    if (own != NULL) {
        loop_free(&own);
    }
}
