#include "identity/identity_throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "pki/digest.h"

#define HALF_LIFE_MS (INT64_C(15) * 60 * 1000)
#define ACCOUNT_MAX 254
#define IP_MAX 64

enum scope {
    SCOPE_PAIR,
    SCOPE_PREFIX,
    SCOPE_ACCOUNT,
};
#define SCOPE_COUNT (SCOPE_ACCOUNT + 1)

/* How many failures are free, and how long the wait grows after them: it doubles with each, from one second. */
static const struct {
    unsigned free_failures;
    int64_t wait_max_ms;
} rules[SCOPE_COUNT] = {
    [SCOPE_PAIR] = {5, INT64_C(15) * 60 * 1000},
    [SCOPE_PREFIX] = {20, INT64_C(15) * 60 * 1000},
    /* Softly: a stranger who fails on purpose delays the owner by this much at most. */
    [SCOPE_ACCOUNT] = {20, INT64_C(10) * 1000},
};

struct entry {
    struct list node; /* the stalest first */
    uint8_t key[DIGEST_BYTES];
    unsigned failures;
    int64_t since_ms; /* of the last halving */
    int64_t blocked_until_ms;
};

struct identity_throttle {
    const struct clock *clock;
    pthread_mutex_t lock;
    struct map entries;
    struct list stale;
};

struct keys {
    uint8_t at[SCOPE_COUNT][DIGEST_BYTES];
};

struct identity_throttle *identity_throttle_new(const struct clock *clock) {
    struct identity_throttle *throttle = MEMORY_NEW(struct identity_throttle);
    throttle->clock = clock;
    pthread_mutex_init(&throttle->lock, NULL);
    map_init(&throttle->entries);
    list_init(&throttle->stale);
    return throttle;
}

static struct str key_str(const uint8_t key[DIGEST_BYTES]) {
    return str_make(key, DIGEST_BYTES);
}

static void forget(struct identity_throttle *throttle, struct entry *entry) {
    list_remove(&entry->node);
    map_remove(&throttle->entries, key_str(entry->key));
    memory_free(entry);
}

void identity_throttle_free(struct identity_throttle **throttle) {
    if (*throttle == NULL) {
        return;
    }
    while (!list_is_empty(&(*throttle)->stale)) {
        forget(*throttle, CONTAINER_OF((*throttle)->stale.next, struct entry, node));
    }
    map_fini(&(*throttle)->entries);
    pthread_mutex_destroy(&(*throttle)->lock);
    memory_free(*throttle);
    *throttle = NULL;
}

/* The network that an address stands in: IPv4 /24, IPv6 /64; IPv4 in IPv6 is IPv4. */
static size_t make_prefix(struct str ip, uint8_t out[IP_MAX]) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char text[IP_MAX];
    uint8_t address[16];
    if (str_to_cstr(ip, text, sizeof(text)) != STATUS_OK) {
        return 0;
    }
    if (inet_pton(AF_INET, text, address) == 1) {
        memcpy(out, address, 3);
        return 3;
    }
    if (inet_pton(AF_INET6, text, address) != 1) {
        return 0;
    }
    if (memcmp(address, mapped, sizeof(mapped)) == 0) {
        memcpy(out, address + sizeof(mapped), 3);
        return 3;
    }
    memcpy(out, address, 8);
    return 8;
}

/* What the entries are found by: digests, so that all are of one size whatever was typed. */
static void make_keys(struct str account, struct str ip, struct keys *keys) {
    uint8_t text[2 + IP_MAX + ACCOUNT_MAX];
    struct str typed = str_sub(account, 0, ACCOUNT_MAX);
    size_t prefix_len = make_prefix(ip, text + 2);
    uint8_t *end = text + 2 + prefix_len;
    text[1] = (uint8_t)prefix_len;
    str_lower(typed, (char *)end);
    text[0] = SCOPE_PAIR;
    digest_sha256(str_make(text, 2 + prefix_len + typed.len), keys->at[SCOPE_PAIR]);
    text[0] = SCOPE_PREFIX;
    digest_sha256(str_make(text, 2 + prefix_len), keys->at[SCOPE_PREFIX]);
    *(end - 1) = SCOPE_ACCOUNT;
    digest_sha256(str_make(end - 1, 1 + typed.len), keys->at[SCOPE_ACCOUNT]);
}

static struct entry *find(struct identity_throttle *throttle, const uint8_t key[DIGEST_BYTES]) {
    return map_get(&throttle->entries, key_str(key));
}

static struct entry *find_or_add(struct identity_throttle *throttle,
                                 const uint8_t key[DIGEST_BYTES], int64_t now_ms) {
    struct entry *entry = find(throttle, key);
    if (entry != NULL) {
        list_remove(&entry->node);
        list_append(&throttle->stale, &entry->node);
        return entry;
    }
    if (throttle->entries.count >= IDENTITY_THROTTLE_ENTRIES_MAX) {
        forget(throttle, CONTAINER_OF(throttle->stale.next, struct entry, node));
    }
    entry = MEMORY_NEW(struct entry);
    memcpy(entry->key, key, sizeof(entry->key));
    entry->since_ms = now_ms;
    list_append(&throttle->stale, &entry->node);
    map_set(&throttle->entries, key_str(entry->key), entry);
    return entry;
}

static void decay(struct entry *entry, int64_t now_ms) {
    while (entry->failures > 0 && now_ms - entry->since_ms >= HALF_LIFE_MS) {
        entry->failures /= 2;
        entry->since_ms += HALF_LIFE_MS;
    }
    if (entry->failures == 0) {
        entry->since_ms = now_ms;
    }
}

static void count_attempt(struct entry *entry, enum scope scope, int64_t now_ms) {
    entry->failures++;
    if (entry->failures <= rules[scope].free_failures) {
        return;
    }
    unsigned doublings = entry->failures - rules[scope].free_failures - 1;
    int64_t wait_ms = doublings > 20 ? rules[scope].wait_max_ms : INT64_C(1000) << doublings;
    if (wait_ms > rules[scope].wait_max_ms) {
        wait_ms = rules[scope].wait_max_ms;
    }
    entry->blocked_until_ms = now_ms + wait_ms;
}

enum status identity_throttle_begin(struct identity_throttle *throttle, struct str account,
                                    struct str ip, int64_t *retry_after_seconds, struct why *why) {
    struct keys keys;
    struct entry *entries[SCOPE_COUNT];
    int64_t wait_ms = 0;
    make_keys(account, ip, &keys);
    pthread_mutex_lock(&throttle->lock);
    int64_t now_ms = clock_mono_ms(throttle->clock);
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        entries[i] = find_or_add(throttle, keys.at[i], now_ms);
        decay(entries[i], now_ms);
        if (entries[i]->blocked_until_ms - now_ms > wait_ms) {
            wait_ms = entries[i]->blocked_until_ms - now_ms;
        }
    }
    for (size_t i = 0; i < SCOPE_COUNT && wait_ms == 0; i++) {
        count_attempt(entries[i], (enum scope)i, now_ms);
    }
    pthread_mutex_unlock(&throttle->lock);
    *retry_after_seconds = (wait_ms + 999) / 1000;
    if (wait_ms > 0) {
        return why_set(why, STATUS_UNAVAILABLE, "too_many_attempts",
                       "too many failed attempts: try again in %lld seconds",
                       (long long)*retry_after_seconds);
    }
    return STATUS_OK;
}

/* Whoever could begin was not blocked, so lifting the block that this attempt has set gives nothing away. */
static void take_back(struct identity_throttle *throttle, const uint8_t key[DIGEST_BYTES]) {
    struct entry *entry = find(throttle, key);
    if (entry != NULL) {
        entry->failures -= entry->failures > 0;
        entry->blocked_until_ms = 0;
    }
}

void identity_throttle_succeeded(struct identity_throttle *throttle, struct str account,
                                 struct str ip) {
    struct keys keys;
    make_keys(account, ip, &keys);
    pthread_mutex_lock(&throttle->lock);
    struct entry *pair = find(throttle, keys.at[SCOPE_PAIR]);
    if (pair != NULL) {
        forget(throttle, pair);
    }
    take_back(throttle, keys.at[SCOPE_PREFIX]);
    take_back(throttle, keys.at[SCOPE_ACCOUNT]);
    pthread_mutex_unlock(&throttle->lock);
}

void identity_throttle_cancel(struct identity_throttle *throttle, struct str account,
                              struct str ip) {
    struct keys keys;
    make_keys(account, ip, &keys);
    pthread_mutex_lock(&throttle->lock);
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        take_back(throttle, keys.at[i]);
    }
    pthread_mutex_unlock(&throttle->lock);
}
