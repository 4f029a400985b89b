#include "net/descriptor_budget.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* Where a process has more than these open without a connection, the pause at EMFILE is what is left. */
#define OTHERS_LOOKED_AT 1024

/* Globals: the limit is the process's, and so is the count. */
static atomic_size_t connection_count;
static atomic_size_t other_count;
static atomic_size_t known_limit = INT_MAX;

void descriptor_budget_raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* refused: the former one stays */
    }
}

void descriptor_budget_count_others(void) {
    size_t count = 0;
    for (int fd = 0; fd < OTHERS_LOOKED_AT; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    descriptor_budget_read_limit();
    size_t connections = atomic_load(&connection_count);
    atomic_store(&other_count, count > connections ? count - connections : 0);
}

void descriptor_budget_take(void) {
    atomic_fetch_add_explicit(&connection_count, 1, memory_order_relaxed);
}

void descriptor_budget_give(void) {
    atomic_fetch_sub_explicit(&connection_count, 1, memory_order_relaxed);
}

void descriptor_budget_read_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        atomic_store(&known_limit, limit.rlim_cur < INT_MAX ? (size_t)limit.rlim_cur : INT_MAX);
    }
}

struct descriptor_budget descriptor_budget_now(void) {
    struct descriptor_budget budget = {
        .limit = atomic_load_explicit(&known_limit, memory_order_relaxed)};
    budget.reserve = budget.limit / 20;
    if (budget.reserve < DESCRIPTOR_BUDGET_RESERVE_MIN) {
        budget.reserve = DESCRIPTOR_BUDGET_RESERVE_MIN;
    }
    if (budget.reserve > budget.limit / 2) {
        budget.reserve = budget.limit / 2;
    }
    budget.used = atomic_load_explicit(&connection_count, memory_order_relaxed) +
                  atomic_load_explicit(&other_count, memory_order_relaxed);
    return budget;
}

size_t descriptor_budget_missing(const struct descriptor_budget *budget) {
    size_t needed = budget->used + budget->reserve;
    return needed > budget->limit ? needed - budget->limit : 0;
}
