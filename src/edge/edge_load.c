#include "edge/edge_load.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t read_cpu_us(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* Resident; 0 where the system does not tell. */
static uint64_t read_memory(void) {
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    bool is_read = fscanf(file, "%lu %lu", &total, &resident) == 2;
    (void)fclose(file);
    return is_read ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t count_requests(const struct edge *edge) {
    uint64_t count = 0;
    for (unsigned i = 0; i < edge->worker_count; i++) {
        count += atomic_load_explicit(&edge->workers[i]->request_count, memory_order_relaxed);
    }
    return count;
}

static unsigned per_second(uint64_t count, int64_t ms) {
    return (unsigned)(count * 1000 / (uint64_t)ms);
}

const struct feed_load *edge_load_measure(struct edge *edge) {
    int64_t now_ms = loop_now_ms(edge->loop);
    int64_t passed_ms = now_ms - edge->load_at_ms;
    if (passed_ms < EDGE_LOAD_INTERVAL_MS && edge->load_at_ms != 0) {
        return &edge->load;
    }
    int64_t cpu_us = read_cpu_us();
    uint64_t requests = count_requests(edge);
    edge->load = (struct feed_load){
        .tunnels = (unsigned)edge_roster_ready_count(edge->roster),
        .memory_bytes = read_memory(),
        .environments = (unsigned)edge->workers[0]->environments.count,
    };
    for (unsigned i = 0; i < edge->worker_count; i++) {
        edge->load.connections += (unsigned)edge_roster_visitors_on(edge->roster, i);
    }
    if (edge->load_at_ms != 0) {
        edge->load.requests_per_second = per_second(requests - edge->load_requests, passed_ms);
        edge->load.cpu_percent = (unsigned)((cpu_us - edge->load_cpu_us) / (passed_ms * 10));
    }
    edge->load_at_ms = now_ms;
    edge->load_cpu_us = cpu_us;
    edge->load_requests = requests;
    return &edge->load;
}
