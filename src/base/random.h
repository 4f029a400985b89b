/* random.h: randomness, passed in so that tests own it. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    void (*fill)(void *context, void *out, size_t len);
    void *context;
};

/* The kernel's generator (getrandom); aborts if it fails. Lives forever, safe from any thread. */
const struct random *random_system(void);
void random_fill(const struct random *random, void *out, size_t len);
uint64_t random_u64(const struct random *random);
/* Uniform in [0, bound), bound > 0. */
uint64_t random_below(const struct random *random, uint64_t bound);

/* A reproducible generator for tests and simulations; never for secrets. */
struct random_seeded {
    struct random random;
    uint64_t state;
};
void random_seeded_init(struct random_seeded *seeded, uint64_t seed);

#endif
