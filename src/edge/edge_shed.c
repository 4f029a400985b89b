#include "edge/edge_shed.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_relay.h"
#include "edge/edge_visitor.h"

#define HIGH_PERCENT 85
#define SEVERE_PERCENT 95
#define OVER_PERCENT 80
/* idle for less, and a request may be on its way */
#define IDLE_MS 1000
/* of what waits for readers, cut in one sweep */
#define CUT_SHARE 4

enum edge_pressure edge_shed_judge(enum edge_pressure before, size_t used_bytes,
                                   size_t limit_bytes) {
    if (limit_bytes == 0) {
        return EDGE_PRESSURE_NONE;
    }
    size_t percent_bytes = limit_bytes / 100;
    if (used_bytes > SEVERE_PERCENT * percent_bytes) {
        return EDGE_PRESSURE_SEVERE;
    }
    if (used_bytes > HIGH_PERCENT * percent_bytes) {
        return EDGE_PRESSURE_HIGH;
    }
    bool is_over = before == EDGE_PRESSURE_NONE || used_bytes < OVER_PERCENT * percent_bytes;
    return is_over ? EDGE_PRESSURE_NONE : EDGE_PRESSURE_HIGH;
}

void edge_shed_watch(struct edge *edge) {
    size_t used_bytes = 0;
    if (edge->memory_limit_bytes == 0 || uv_resident_set_memory(&used_bytes) != 0) {
        return;
    }
    enum edge_pressure before = atomic_load(&edge->pressure);
    enum edge_pressure now = edge_shed_judge(before, used_bytes, edge->memory_limit_bytes);
    atomic_store(&edge->pressure, now);
    if (before == EDGE_PRESSURE_NONE && now != EDGE_PRESSURE_NONE) {
        log_warn("edge.memory_scarce", "resident=%zu limit=%zu: new requests are refused",
                 used_bytes, edge->memory_limit_bytes);
    } else if (before != EDGE_PRESSURE_NONE && now == EDGE_PRESSURE_NONE) {
        log_info("edge.memory_recovered", "resident=%zu limit=%zu", used_bytes,
                 edge->memory_limit_bytes);
    }
}

static enum edge_pressure pressure_on(const struct edge_worker *worker) {
    return worker->edge != NULL ? (enum edge_pressure)atomic_load_explicit(&worker->edge->pressure,
                                                                           memory_order_relaxed)
                                : EDGE_PRESSURE_NONE;
}

bool edge_shed_is_on(const struct edge_worker *worker) {
    return pressure_on(worker) != EDGE_PRESSURE_NONE;
}

void edge_shed_sweep(struct edge_worker *worker) {
    enum edge_pressure pressure = pressure_on(worker);
    if (pressure == EDGE_PRESSURE_NONE) {
        return;
    }
    if (pressure == EDGE_PRESSURE_SEVERE) {
        edge_relay_cut_largest(worker, worker->unread_bytes / CUT_SHARE);
    }
    size_t closed = edge_shed_idle(worker, worker->visitor_count, IDLE_MS);
    if (closed > 0) {
        log_info("edge.idle_shed", "worker=%u visitors=%zu", worker->index, closed);
    }
    memory_trim();
}

void edge_shed_descriptors(void *context, size_t missing_count) {
    struct edge_worker *worker = context;
    size_t share = missing_count / worker->edge->worker_count + 1;
    size_t closed = edge_shed_idle(worker, share, 0);
    if (closed > 0) {
        log_info("edge.idle_shed", "worker=%u visitors=%zu", worker->index, closed);
    }
}

static int compare_times(const void *a, const void *b) {
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* Since when it has been idle; INT64_MAX: it is not. */
static int64_t idle_since(const struct edge_visitor *visitor) {
    return edge_visitor_is_idle(visitor) ? conn_last_read_ms(visitor->conn) : INT64_MAX;
}

/* The time at which the `count`th longest idle one became idle. */
static int64_t find_threshold(const struct edge_worker *worker, size_t count, int64_t latest_ms) {
    int64_t *times = memory_new_array(worker->visitor_count + 1, sizeof *times);
    size_t idle_count = 0;
    for (const struct list *node = worker->visitors.next;
         node != &worker->visitors && idle_count < worker->visitor_count; node = node->next) {
        int64_t since_ms = idle_since(CONTAINER_OF(node, struct edge_visitor, node));
        if (since_ms <= latest_ms) {
            times[idle_count++] = since_ms;
        }
    }
    int64_t threshold_ms = latest_ms;
    if (idle_count > count) {
        qsort(times, idle_count, sizeof *times, compare_times);
        threshold_ms = times[count - 1];
    }
    memory_free(times);
    return threshold_ms;
}

size_t edge_shed_idle(struct edge_worker *worker, size_t count, int64_t idle_ms) {
    if (count == 0 || worker->visitor_count == 0) {
        return 0;
    }
    int64_t threshold_ms = find_threshold(worker, count, loop_now_ms(worker->loop) - idle_ms);
    size_t closed = 0;
    for (struct list *node = worker->visitors.next; node != &worker->visitors && closed < count;
         node = node->next) {
        struct edge_visitor *visitor = CONTAINER_OF(node, struct edge_visitor, node);
        if (idle_since(visitor) <= threshold_ms) {
            edge_visitor_close(visitor);
            closed++;
        }
    }
    return closed;
}
