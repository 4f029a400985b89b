/* h1_flow.h: when a connection is read and when not: body bytes that its owner has not consumed hold it back.
 *
 * Two marks, so that a relay at full speed does not turn the poller on and off with every read: off above `max_bytes`,
 * on again at half of it.
 */
#ifndef HTTP_H1_FLOW_H
#define HTTP_H1_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#define H1_FLOW_BYTES_DEFAULT 65536

struct h1_flow {
    size_t max_bytes;
    size_t unconsumed_bytes;
    bool is_paused;
};

static inline void h1_flow_init(struct h1_flow *flow, size_t max_bytes) {
    *flow = (struct h1_flow){.max_bytes = max_bytes > 0 ? max_bytes : H1_FLOW_BYTES_DEFAULT};
}

/* For the next exchange: what the last one left unconsumed is nobody's any more. */
static inline void h1_flow_reset(struct h1_flow *flow) {
    flow->unconsumed_bytes = 0;
    flow->is_paused = false;
}

static inline void h1_flow_deliver(struct h1_flow *flow, size_t len) {
    flow->unconsumed_bytes += len;
    flow->is_paused = flow->is_paused || flow->unconsumed_bytes > flow->max_bytes;
}

/* True if reading goes on because of it. */
static inline bool h1_flow_consume(struct h1_flow *flow, size_t len) {
    flow->unconsumed_bytes -= len < flow->unconsumed_bytes ? len : flow->unconsumed_bytes;
    bool goes_on = flow->is_paused && flow->unconsumed_bytes <= flow->max_bytes / 2;
    flow->is_paused = flow->is_paused && !goes_on;
    return goes_on;
}

#endif
