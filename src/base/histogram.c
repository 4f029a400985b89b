#include "base/histogram.h"

#include <stdbool.h>
#include <string.h>

uint64_t histogram_middle(unsigned bucket) {
    if (bucket < 16) {
        return bucket;
    }
    unsigned shift = (bucket - 16) / 8 + 1;
    uint64_t width = (uint64_t)1 << shift;
    return (8 + (uint64_t)((bucket - 16) % 8)) * width + width / 2;
}

static uint32_t add(uint32_t a, uint32_t b) {
    return b > UINT32_MAX - a ? UINT32_MAX : a + b;
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        into->counts[i] = add(into->counts[i], from->counts[i]);
    }
}

uint64_t histogram_count(const struct histogram *histogram) {
    uint64_t count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += histogram->counts[i];
    }
    return count;
}

uint64_t histogram_quantile(const struct histogram *histogram, unsigned permille) {
    uint64_t count = histogram_count(histogram);
    uint64_t rank = (count * permille + 999) / 1000; /* of the value that is looked for, from 1 */
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen > 0 && seen >= rank) {
            return histogram_middle(i);
        }
    }
    return 0;
}

json_t *histogram_write(const struct histogram *histogram) {
    json_t *array = json_array();
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->counts[i] > 0) {
            json_array_append_new(array, json_integer(i));
            json_array_append_new(array, json_integer(histogram->counts[i]));
        }
    }
    return array;
}

static bool is_in(const json_t *number, json_int_t min, json_int_t max) {
    return json_is_integer(number) && json_integer_value(number) >= min &&
           json_integer_value(number) <= max;
}

enum status histogram_read(const json_t *array, struct histogram *histogram, struct why *why) {
    json_int_t least = 0;
    size_t size = json_array_size(array);
    bool is_good = json_is_array(array) && size % 2 == 0;
    memset(histogram, 0, sizeof(*histogram));
    for (size_t i = 0; i < size && is_good; i += 2) {
        const json_t *bucket = json_array_get(array, i);
        const json_t *count = json_array_get(array, i + 1);
        is_good = is_in(bucket, least, HISTOGRAM_BUCKETS - 1) && is_in(count, 1, UINT32_MAX);
        if (is_good) {
            histogram->counts[json_integer_value(bucket)] = (uint32_t)json_integer_value(count);
            least = json_integer_value(bucket) + 1;
        }
    }
    return is_good ? STATUS_OK
                   : why_set(why, STATUS_INVALID, "histogram_invalid",
                             "a histogram is pairs of bucket and count, the buckets rising");
}
