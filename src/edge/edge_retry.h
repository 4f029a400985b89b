/* edge_retry.h: may this request be sent once more? The one place of the whole platform that repeats requests; warpgates never do.
 *
 * Once, and only where that cannot do anything twice:
 *   - the warpgate provably did not process it (REFUSED_STREAM, beyond the last id of a GOAWAY), or says that it did not reach the
 *     workload (`upstream_refused`, `upstream_tls`, `not_ready`), or that the workload did not process it (`upstream_unprocessed`):
 *     any method, if no byte of the body has left that is not at hand any more;
 *   - the tunnel was lost, or a kept-alive connection to the workload was stale: only what is idempotent (RFC 9110 §9.2.2) and
 *     complete without a body.
 * And within a budget of the environment: one for ten requests, saved up over the last EDGE_RETRY_WINDOW_MS to 2 *
 * EDGE_RETRY_WINDOW_MS, and EDGE_RETRY_LEAST in each such time for those that have few. So when everything fails, warpgates see at
 * most 1.1 times what was asked (and those few), and when a tunnel goes, everything that it carried can move.
 */
#ifndef EDGE_EDGE_RETRY_H
#define EDGE_EDGE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define EDGE_RETRY_WINDOW_MS 10000
#define EDGE_RETRY_LEAST 10
#define EDGE_RETRY_TRIES_MAX 2

struct edge_request;

/* Of one environment on one worker. Zeroed memory is an account at its beginning, which edge_retry_earn opens. */
struct edge_retry_budget {
    int64_t window_at_ms;
    uint32_t request_count;          /* in this window */
    uint32_t previous_request_count; /* in the one before */
    uint32_t tenths;                 /* of a retry that may be made */
};

/* A request begins. */
void edge_retry_earn(struct edge_retry_budget *budget, int64_t now_ms);
/* False: overdrawn. */
bool edge_retry_spend(struct edge_retry_budget *budget, int64_t now_ms);

/* Whether the rules allow it; `is_unprocessed`: see above. Spends nothing. */
bool edge_retry_may(const struct edge_request *request, bool is_unprocessed);

#endif
