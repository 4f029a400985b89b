/* h1_flow.h: when a connection is read and when not: body bytes that its owner has not consumed hold it back.
 *
 * Two marks, so that a relay at full speed does not turn the poller on and off with every read: off above `max_bytes`,
 * on again at half of it. Where many exchanges queue bytes at once (block_pool_is_pressed), less is read ahead for each.
 */
#ifndef HTTP_H1_FLOW_H
#define HTTP_H1_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/block.h"

#define H1_FLOW_BYTES_DEFAULT 65536
#define H1_FLOW_BYTES_PRESSED 8192

struct h1_flow {
    const struct block_pool *pool;
    size_t max_bytes;
    size_t unconsumed_bytes;
    bool is_paused;
};

static inline void h1_flow_init(struct h1_flow *flow, size_t max_bytes,
                                const struct block_pool *pool) {
    *flow = (struct h1_flow){.pool = pool,
                             .max_bytes = max_bytes > 0 ? max_bytes : H1_FLOW_BYTES_DEFAULT};
}

static inline size_t h1_flow_limit(const struct h1_flow *flow) {
    bool is_pressed = flow->max_bytes > H1_FLOW_BYTES_PRESSED && block_pool_is_pressed(flow->pool);
    return is_pressed ? H1_FLOW_BYTES_PRESSED : flow->max_bytes;
}

/* For the next exchange: what the last one left unconsumed is nobody's any more. */
static inline void h1_flow_reset(struct h1_flow *flow) {
    flow->unconsumed_bytes = 0;
    flow->is_paused = false;
}

static inline void h1_flow_deliver(struct h1_flow *flow, size_t len) {
    flow->unconsumed_bytes += len;
    flow->is_paused = flow->is_paused || flow->unconsumed_bytes > h1_flow_limit(flow);
}

/* True if reading goes on because of it. */
static inline bool h1_flow_consume(struct h1_flow *flow, size_t len) {
    flow->unconsumed_bytes -= len < flow->unconsumed_bytes ? len : flow->unconsumed_bytes;
    bool goes_on = flow->is_paused && flow->unconsumed_bytes <= h1_flow_limit(flow) / 2;
    flow->is_paused = flow->is_paused && !goes_on;
    return goes_on;
}

#endif
