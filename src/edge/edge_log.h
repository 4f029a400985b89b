/* edge_log.h: which requests are logged, and what is said of each: never a body, a field or a cookie; the query only where the environment
 * wants it.
 *
 * Called by the meter for each request that is over. Bytes other than 0x21-0x7e, in paths and host names that visitors choose, are written
 * as %XX. Whether an environment is logged at all, and with queries, its bundle says.
 * Limits, for one edge with all its workers: EDGE_LOG_PER_SECOND of each environment and EDGE_LOG_ALL_PER_SECOND in all, with bursts; what is
 * beyond is counted as "unlogged" (tunnel/usage_record.h). USAGE_RECORD_TEXT_MAX bytes of a path, and of a query.
 */
#ifndef EDGE_EDGE_LOG_H
#define EDGE_EDGE_LOG_H

#include "base/allowance.h"

#define EDGE_LOG_PER_SECOND 20
#define EDGE_LOG_BURST 200
#define EDGE_LOG_ALL_PER_SECOND 200
#define EDGE_LOG_ALL_BURST 2000

struct edge_meter_row;
struct edge_request;

/* Each worker's part. */
void edge_log_rates(unsigned worker_count, struct allowance_rate *one, struct allowance_rate *all);
/* `whole`: the row of its environment. */
void edge_log_request(struct edge_request *request, struct edge_meter_row *whole);

#endif
