/* store_metric.h: how an environment and each of its routes did, step by step: what charts are drawn from.
 *
 * A row is of one environment, one route (or none: all that has no route of its own) and one step of time: a minute, kept for
 * STORE_METRIC_MINUTES_KEPT_MS, or an hour, kept for STORE_METRIC_HOURS_KEPT_MS. It goes with its environment. Both are added to at once, so a
 * chart is the same whichever control plane is asked, and after a restart.
 * Numbers, ids and our own codes alone: nothing here is sealed. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_METRIC_H
#define STORE_STORE_METRIC_H

#include <jansson.h>

#include "base/arena.h"
#include "base/histogram.h"
#include "store/store_tx.h"

#define STORE_METRIC_MINUTE_MS INT64_C(60000)
#define STORE_METRIC_HOUR_MS (60 * STORE_METRIC_MINUTE_MS)
#define STORE_METRIC_MINUTES_KEPT_MS (2 * STORE_METRIC_HOUR_MS)
#define STORE_METRIC_HOURS_KEPT_MS (8 * 24 * STORE_METRIC_HOUR_MS)
#define STORE_METRIC_CLASSES 6 /* no answer, 1xx … 5xx */

struct store_metric {
    struct id organization;
    struct id environment;
    struct id route; /* none: see above */
    int64_t at_ms;   /* the beginning of the step */
    uint64_t status[STORE_METRIC_CLASSES];
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t unlogged;
    struct histogram latency; /* microseconds */
    json_t *codes; /* an object of numbers: borrowed where it is added, owned where it was listed */
};

/* Adds to the minute and to the hour of `at_ms`. STATUS_NOT_FOUND (parent_not_found): no such environment. */
enum status store_metric_add(struct store_tx *tx, const struct store_metric *metric) MUST_USE;
/* Every row of an environment from `from_ms` on, oldest first, each handed to `take`, who may keep nothing of it but what it copies. `route`
 * NULL: of all routes. */
enum status store_metric_each(struct store_tx *tx, const struct id *organization,
                              const struct id *environment, const struct id *route, int64_t step_ms,
                              int64_t from_ms,
                              void (*take)(void *context, const struct store_metric *metric),
                              void *context) MUST_USE;
/* What is too old, of all organizations. */
enum status store_metric_prune_any(struct store_tx *tx) MUST_USE;

#endif
