/* store_usage.h: what has been used, by hour and by month: what is billed. And which records of edges have been taken, so that none is twice.
 *
 * A row is of one environment. It carries its project without a reference to either: what was used outlives who used it, and goes with the
 * organization alone. A month is closed STORE_USAGE_CLOSE_MS after its end, and final: what comes later for it is booked to the first hour
 * that is open. Times are UTC. Months are kept as long as the organization, hours for STORE_USAGE_HOURS_KEPT_MS.
 * Numbers and ids alone: nothing here is sealed. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_USAGE_H
#define STORE_STORE_USAGE_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_USAGE_HOUR_MS INT64_C(3600000)
#define STORE_USAGE_CLOSE_MS (72 * STORE_USAGE_HOUR_MS)
#define STORE_USAGE_HOURS_KEPT_MS (400 * 24 * STORE_USAGE_HOUR_MS)
#define STORE_USAGE_SOURCE_KEPT_MS (90 * 24 * STORE_USAGE_HOUR_MS)
#define STORE_USAGE_PROCESS_MAX 64

enum store_usage_grain {
    STORE_USAGE_HOUR,
    STORE_USAGE_MONTH,
};

struct store_usage {
    struct id organization;
    struct id project;
    struct id environment;
    int64_t at_ms; /* the beginning of the hour or month */
    uint64_t requests;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* The first moment of the hour or month that this one is in. */
int64_t store_usage_start_ms(enum store_usage_grain grain, int64_t at_ms);
/* Of the month after this one's. */
int64_t store_usage_next_month_ms(int64_t at_ms);
bool store_usage_is_closed(int64_t month_ms, int64_t now_ms);
/* When something of `at_ms` is booked that arrives at `now_ms`: never in the future, never in a closed month. */
int64_t store_usage_booked_ms(int64_t at_ms, int64_t now_ms);

/* Whether this record of an edge's process is new, and takes it down if so: in the transaction that takes what is in it.
 * STATUS_END: it was taken before. */
enum status store_usage_claim(struct store_tx *tx, const struct id *edge, struct str process,
                              uint64_t sequence) MUST_USE;
/* Adds to the hour and to the month, by `at_ms` as booked. STATUS_NOT_FOUND (parent_not_found): no such organization. */
enum status store_usage_add(struct store_tx *tx, const struct store_usage *usage) MUST_USE;
/* Of one organization, by time, project and environment; at most `limit` rows. `project` and `environment` may be none: of all. */
enum status store_usage_list(struct store_tx *tx, const struct store_usage *of,
                             enum store_usage_grain grain, int64_t from_ms, int64_t until_ms,
                             size_t limit, struct arena *arena, struct store_usage **rows,
                             size_t *count) MUST_USE;
/* The same, summed over projects and environments: one row for each hour or month that has any, without ids. */
enum status store_usage_sum(struct store_tx *tx, const struct store_usage *of,
                            enum store_usage_grain grain, int64_t from_ms, int64_t until_ms,
                            size_t limit, struct arena *arena, struct store_usage **rows,
                            size_t *count) MUST_USE;
/* Hours and sources that are too old, of all organizations. */
enum status store_usage_prune_any(struct store_tx *tx) MUST_USE;

#endif
