#include "control/api_limit.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "pki/digest.h"

#define WAYS 8 /* buckets that fall together */
#define SETS (API_LIMIT_BUCKETS / WAYS)
#define KEY_BYTES 32
#define PART 1000 /* tokens are counted in thousandths */

struct bucket {
    uint64_t key; /* 0: free */
    int64_t parts;
    int64_t at_ms; /* mono: when `parts` was right */
};

struct rule {
    const char *policy;
    int64_t per_second;
};

struct api_limit {
    const struct clock *clock;
    uint8_t hash_key[KEY_BYTES];
    struct rule rules[API_LIMIT_KIND_COUNT];
    pthread_mutex_t lock;
    struct bucket buckets[SETS][WAYS];
};

struct api_limit *api_limit_new(const struct clock *clock, const struct random *random,
                                uint32_t reads_per_second) {
    struct api_limit *limit = MEMORY_NEW(struct api_limit);
    int64_t reads = reads_per_second == 0 ? API_LIMIT_READS_PER_SECOND : reads_per_second;
    limit->clock = clock;
    limit->rules[API_LIMIT_READ] = (struct rule){"read", reads};
    limit->rules[API_LIMIT_WRITE] = (struct rule){"write", reads < 5 ? 1 : reads / 5};
    limit->rules[API_LIMIT_STRANGER] = (struct rule){"address", API_LIMIT_STRANGER_PER_SECOND};
    random_fill(random, limit->hash_key, sizeof(limit->hash_key));
    pthread_mutex_init(&limit->lock, NULL);
    return limit;
}

void api_limit_free(struct api_limit **at) {
    struct api_limit *limit = *at;
    *at = NULL;
    if (limit != NULL) {
        pthread_mutex_destroy(&limit->lock);
        memory_free(limit);
    }
}

static uint64_t hash(const struct api_limit *limit, enum api_limit_kind kind, struct str who) {
    uint8_t mac[DIGEST_BYTES];
    uint8_t key[KEY_BYTES];
    uint64_t number;
    memcpy(key, limit->hash_key, sizeof(key));
    key[0] ^= (uint8_t)kind;
    digest_hmac_sha256(str_make(key, sizeof(key)), who, mac);
    memcpy(&number, mac, sizeof(number));
    return number == 0 ? 1 : number;
}

static int64_t capacity(const struct rule *rule) {
    return rule->per_second * API_LIMIT_WINDOW_SECONDS * PART;
}

/* The bucket of this key, or the place of the stalest beside it, as a full one. */
static struct bucket *find_bucket(struct api_limit *limit, const struct rule *rule, uint64_t key,
                                  int64_t now_ms) {
    struct bucket *set = limit->buckets[key % SETS];
    struct bucket *stalest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (set[i].key == 0 || (stalest->key != 0 && set[i].at_ms < stalest->at_ms)) {
            stalest = &set[i];
        }
    }
    *stalest = (struct bucket){.key = key, .parts = capacity(rule), .at_ms = now_ms};
    return stalest;
}

static void fill(struct bucket *bucket, const struct rule *rule, int64_t now_ms) {
    int64_t max = capacity(rule);
    int64_t passed_ms = now_ms - bucket->at_ms;
    /* After a window it is full, whatever was in it; so nothing overflows. */
    if (passed_ms >= INT64_C(1000) * API_LIMIT_WINDOW_SECONDS) {
        bucket->parts = max;
    } else if (passed_ms > 0) {
        bucket->parts += passed_ms * rule->per_second;
    }
    bucket->parts = bucket->parts > max ? max : bucket->parts;
    bucket->at_ms = now_ms;
}

static int64_t seconds_for(int64_t parts, const struct rule *rule) {
    int64_t per_second = rule->per_second * PART;
    return parts <= 0 ? 0 : (parts + per_second - 1) / per_second;
}

bool api_limit_take(struct api_limit *limit, enum api_limit_kind kind, struct str who,
                    struct api_limit_state *state) {
    const struct rule *rule = &limit->rules[kind];
    uint64_t key = hash(limit, kind, who);
    pthread_mutex_lock(&limit->lock);
    int64_t now_ms = clock_mono_ms(limit->clock);
    struct bucket *bucket = find_bucket(limit, rule, key, now_ms);
    fill(bucket, rule, now_ms);
    bool has_token = bucket->parts >= PART;
    if (has_token) {
        bucket->parts -= PART;
    }
    int64_t parts = bucket->parts;
    pthread_mutex_unlock(&limit->lock);
    *state = (struct api_limit_state){
        .policy = rule->policy,
        .quota = capacity(rule) / PART,
        .window_seconds = API_LIMIT_WINDOW_SECONDS,
        .remaining = parts / PART,
        .full_in_seconds = seconds_for(capacity(rule) - parts, rule),
        .retry_after_seconds = has_token ? 0 : seconds_for(PART - parts, rule),
    };
    return has_token;
}
