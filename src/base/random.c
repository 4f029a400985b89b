#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void fill_from_kernel(void *context, void *out, size_t len) {
    uint8_t *at = out;
    (void)context;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            abort();
        }
        at += got;
        len -= (size_t)got;
    }
}

const struct random *random_system(void) {
    static const struct random system = {fill_from_kernel, NULL};
    return &system;
}

void random_fill(const struct random *random, void *out, size_t len) {
    random->fill(random->context, out, len);
}

uint64_t random_u64(const struct random *random) {
    uint64_t value;
    random_fill(random, &value, sizeof(value));
    return value;
}

uint64_t random_below(const struct random *random, uint64_t bound) {
    /* 2^64 mod bound: values below it would make the low results a little likelier than the others. */
    uint64_t skip = (0 - bound) % bound;
    uint64_t value;
    do {
        value = random_u64(random);
    } while (value < skip);
    return value % bound;
}

/* splitmix64 */
static uint64_t next_seeded(struct random_seeded *seeded) {
    seeded->state += 0x9e3779b97f4a7c15u;
    uint64_t z = seeded->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void fill_seeded(void *context, void *out, size_t len) {
    uint8_t *at = out;
    while (len > 0) {
        uint64_t word = next_seeded(context);
        size_t part = len < sizeof(word) ? len : sizeof(word);
        memcpy(at, &word, part);
        at += part;
        len -= part;
    }
}

void random_seeded_init(struct random_seeded *seeded, uint64_t seed) {
    seeded->random = (struct random){fill_seeded, seeded};
    seeded->state = seed;
}
