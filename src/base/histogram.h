/* histogram.h: how often which duration occurred, in a fixed size: what latency quantiles are made of.
 *
 * Log-linear buckets: values below 16 are exact; above, each doubling is divided into eight, so that a bucket's middle is within 6.25 %
 * of everything in it. Values from 2^32 on count as the last bucket. With microseconds that is 71 minutes.
 * Counts stop at UINT32_MAX. Merging is adding, so the order does not matter. Not locked.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

#include <jansson.h>

#include "base/status.h"

#define HISTOGRAM_BUCKETS 240

struct histogram {
    uint32_t counts[HISTOGRAM_BUCKETS]; /* zeroed: empty */
};

static inline unsigned histogram_bucket(uint64_t value) {
    if (value < 16) {
        return (unsigned)value;
    }
    if (value > UINT32_MAX) {
        return HISTOGRAM_BUCKETS - 1;
    }
    unsigned exponent = 31 - (unsigned)__builtin_clz((uint32_t)value); /* 4 to 31 */
    return 16 + (exponent - 4) * 8 + ((unsigned)(value >> (exponent - 3)) & 7);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value) {
    uint32_t *count = &histogram->counts[histogram_bucket(value)];
    *count += *count < UINT32_MAX ? 1 : 0;
}

/* The middle of a bucket. */
uint64_t histogram_middle(unsigned bucket);
void histogram_merge(struct histogram *into, const struct histogram *from);
uint64_t histogram_count(const struct histogram *histogram);
/* The value that `permille` of all are not above: 500 is the median. 0 when it is empty. */
uint64_t histogram_quantile(const struct histogram *histogram, unsigned permille);

/* [bucket, count, bucket, count …], without the empty ones. A new array. */
json_t *histogram_write(const struct histogram *histogram);
/* Buckets have to rise, counts have to be 1 to UINT32_MAX. STATUS_INVALID (histogram_invalid). */
enum status histogram_read(const json_t *array, struct histogram *histogram,
                           struct why *why) MUST_USE;

#endif
