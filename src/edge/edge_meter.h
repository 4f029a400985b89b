/* edge_meter.h: what one worker has counted since it was last asked: for each environment and route, requests by status class, bytes,
 * latencies, the platform's own answers; and the requests that are logged (edge_log.h).
 *
 * Fed by the record step, and by what is relayed for long: edge_meter_take books the bytes of requests that still run. A request costs one
 * look-up and some additions, no lock and no allocation (but a route's first since the last take). The main loop takes what every worker
 * has and merges it (edge_usage.h). Requests of no environment are not counted: nobody is to be charged for them.
 * Threads: the worker's own; what edge_meter_take returns belongs to whoever gets it.
 * Limits: EDGE_METER_ROUTES_MAX routes between two takes: those beyond are counted without their route, exactly otherwise. Environments
 * are at most as many as the worker knows.
 */
#ifndef EDGE_EDGE_METER_H
#define EDGE_EDGE_METER_H

#include <jansson.h>

#include "base/allowance.h"
#include "base/list.h"
#include "policy/bundle.h"
#include "tunnel/usage_record.h"

#define EDGE_METER_ROUTES_MAX 2048

struct edge_request;

struct edge_meter_row {
    struct usage_record_key key;
    struct usage_record_count count;
    struct edge_meter_row *whole; /* the row without a route; itself, if it is that */
    struct allowance logged;      /* of the environment; only in the row without a route */
};

/* An open table, by environment and route. Zeroed: empty. */
struct edge_meter_table {
    struct edge_meter_row **slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t row_count;
    size_t route_count; /* of these, with a route */
    json_t *requests;   /* an array, or NULL: none */
};

struct edge_meter {
    struct edge_meter_table table;
    struct list live; /* struct edge_request.live_node */
    struct allowance_rate log_rate, log_rate_all;
    struct allowance logged_all;
};

/* A request's bytes as far as they are counted. */
struct edge_metered {
    uint64_t in, out;
};

void edge_meter_init(struct edge_meter *meter, unsigned worker_count, int64_t now_ms);
void edge_meter_fini(struct edge_meter *meter);

/* A request begins, and is over: what is not counted yet is. */
void edge_meter_begin(struct edge_request *request);
void edge_meter_end(struct edge_request *request);

/* Everything since the last call; a table of its own, for edge_meter_table_free. */
struct edge_meter_table *edge_meter_take(struct edge_meter *meter, int64_t now_ms);

/* The row of this key, added if need be; without the route where there are too many. */
struct edge_meter_row *edge_meter_table_find(struct edge_meter_table *table,
                                             const struct usage_record_key *key,
                                             const struct allowance_rate *rate, int64_t now_ms);
/* Rows one after another, in no order: begin with *at = 0; NULL at the end. */
struct edge_meter_row *edge_meter_table_next(const struct edge_meter_table *table, size_t *at);
/* Everything of `from` into `into`, whose routes may become too many, too. Requests are not moved. */
void edge_meter_table_merge(struct edge_meter_table *into, const struct edge_meter_table *from);
/* Anything but zero in it. */
bool edge_meter_row_counts(const struct edge_meter_row *row);
void edge_meter_table_clear(struct edge_meter_table *table);
void edge_meter_table_free(struct edge_meter_table **table);

#endif
