/* An exported ring:
 *   "MZTK" 1 count, then for each key, newest first: name (16 bytes), cipher key (32), MAC key (32), time it was made
 *   (8, big-endian, milliseconds since 1970)
 */
#include "net/tls_ticket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/memory.h"
#include "base/secret.h"

#define KEY_BYTES 32
#define RECORD_BYTES (TLS_TICKET_NAME_BYTES + 2 * KEY_BYTES + 8)
#define HEAD_BYTES 6
#define LIFE_MS (TLS_TICKET_SEAL_MS + TLS_TICKET_OPEN_MS)
/* Clocks of two processes on one machine do not differ, but the clock may be set back between them. */
#define FUTURE_MS_MAX ((int64_t)3600 * 1000)

_Static_assert(HEAD_BYTES + TLS_TICKET_KEYS_MAX * RECORD_BYTES <= TLS_TICKET_BLOB_MAX, "blob");

static const uint8_t blob_head[5] = {'M', 'Z', 'T', 'K', 1};

struct ticket_key {
    uint8_t name[TLS_TICKET_NAME_BYTES];
    uint8_t cipher_key[KEY_BYTES];
    uint8_t mac_key[KEY_BYTES];
    int64_t made_at_ms; /* wall */
};

struct tls_ticket_ring {
    atomic_int refs;
    const struct clock *clock;
    const struct random *random;
    EVP_CIPHER *cipher;   /* fetched once: looking it up costs more than using it */
    pthread_mutex_t lock; /* over what follows */
    struct ticket_key keys[TLS_TICKET_KEYS_MAX]; /* newest first */
    size_t count;
};

struct tls_ticket_ring *tls_ticket_ring_new(const struct clock *clock,
                                            const struct random *random) {
    struct tls_ticket_ring *ring = MEMORY_NEW(struct tls_ticket_ring);
    atomic_init(&ring->refs, 1);
    ring->clock = clock;
    ring->random = random;
    ring->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    pthread_mutex_init(&ring->lock, NULL);
    return ring;
}

struct tls_ticket_ring *tls_ticket_ring_ref(struct tls_ticket_ring *ring) {
    atomic_fetch_add(&ring->refs, 1);
    return ring;
}

void tls_ticket_ring_unref(struct tls_ticket_ring **at) {
    struct tls_ticket_ring *ring = *at;
    *at = NULL;
    if (ring == NULL || atomic_fetch_sub(&ring->refs, 1) != 1) {
        return;
    }
    secret_wipe(ring->keys, sizeof(ring->keys));
    EVP_CIPHER_free(ring->cipher);
    pthread_mutex_destroy(&ring->lock);
    memory_free(ring);
}

/* ---- the keys, under the lock ---- */

static void drop_expired(struct tls_ticket_ring *ring, int64_t now_ms) {
    while (ring->count > 0 && ring->keys[ring->count - 1].made_at_ms + LIFE_MS <= now_ms) {
        ring->count--;
        secret_wipe(&ring->keys[ring->count], sizeof(ring->keys[0]));
    }
}

static void add_key(struct tls_ticket_ring *ring, int64_t now_ms) {
    if (ring->count == TLS_TICKET_KEYS_MAX) {
        ring->count--;
    }
    memmove(&ring->keys[1], &ring->keys[0], ring->count * sizeof(ring->keys[0]));
    ring->count++;
    struct ticket_key *key = &ring->keys[0];
    random_fill(ring->random, key->name, sizeof(key->name));
    random_fill(ring->random, key->cipher_key, sizeof(key->cipher_key));
    random_fill(ring->random, key->mac_key, sizeof(key->mac_key));
    key->made_at_ms = now_ms;
}

static void turn(struct tls_ticket_ring *ring, int64_t now_ms) {
    drop_expired(ring, now_ms);
    bool is_from_the_future =
        ring->count > 0 && ring->keys[0].made_at_ms > now_ms + FUTURE_MS_MAX; /* set back */
    if (ring->count == 0 || is_from_the_future ||
        ring->keys[0].made_at_ms + TLS_TICKET_SEAL_MS <= now_ms) {
        add_key(ring, now_ms);
    }
}

/* The newest, or the one of that name. False if there is none. */
static bool take_key(struct tls_ticket_ring *ring, const uint8_t *name, struct ticket_key *key,
                     bool *is_newest) {
    bool is_found = false;
    pthread_mutex_lock(&ring->lock);
    turn(ring, clock_wall_ms(ring->clock));
    for (size_t i = 0; i < ring->count && !is_found; i++) {
        const struct ticket_key *at = &ring->keys[i];
        /* The name is no secret: it stands in every ticket. */
        is_found = name == NULL || memcmp(at->name, name, sizeof(at->name)) == 0;
        if (is_found) {
            *key = *at;
            *is_newest = i == 0;
        }
    }
    pthread_mutex_unlock(&ring->lock);
    return is_found;
}

/* ---- for OpenSSL ---- */

static bool use_mac(EVP_MAC_CTX *mac, struct ticket_key *key) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, key->mac_key, KEY_BYTES),
        OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 6),
        OSSL_PARAM_END,
    };
    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

static int seal(struct tls_ticket_ring *ring, struct ticket_key *key, uint8_t *name, uint8_t *iv,
                EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) {
    random_fill(ring->random, iv, (size_t)EVP_CIPHER_get_iv_length(ring->cipher));
    memcpy(name, key->name, TLS_TICKET_NAME_BYTES);
    bool is_ready = EVP_EncryptInit_ex2(cipher, ring->cipher, key->cipher_key, iv, NULL) == 1 &&
                    use_mac(mac, key);
    return is_ready ? 1 : -1;
}

static int open_with(struct tls_ticket_ring *ring, struct ticket_key *key, bool is_newest,
                     const uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) {
    bool is_ready = EVP_DecryptInit_ex2(cipher, ring->cipher, key->cipher_key, iv, NULL) == 1 &&
                    use_mac(mac, key);
    if (!is_ready) {
        return -1;
    }
    return is_newest ? 1 : 2; /* 2: and give a new one */
}

int tls_ticket_ring_apply(struct tls_ticket_ring *ring, uint8_t name[TLS_TICKET_NAME_BYTES],
                          uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool is_sealing) {
    struct ticket_key key;
    bool is_newest;
    if (ring->cipher == NULL) {
        return -1;
    }
    if (!take_key(ring, is_sealing ? NULL : name, &key, &is_newest)) {
        return 0; /* not ours, or too old: a full handshake */
    }
    int result = is_sealing ? seal(ring, &key, name, iv, cipher, mac)
                            : open_with(ring, &key, is_newest, iv, cipher, mac);
    secret_wipe(&key, sizeof(key));
    return result;
}

/* ---- to a successor ---- */

static uint8_t *write_key(uint8_t *at, const struct ticket_key *key) {
    memcpy(at, key->name, TLS_TICKET_NAME_BYTES);
    at += TLS_TICKET_NAME_BYTES;
    memcpy(at, key->cipher_key, KEY_BYTES);
    at += KEY_BYTES;
    memcpy(at, key->mac_key, KEY_BYTES);
    at += KEY_BYTES;
    for (int shift = 56; shift >= 0; shift -= 8) {
        *at++ = (uint8_t)((uint64_t)key->made_at_ms >> shift);
    }
    return at;
}

static const uint8_t *read_key(const uint8_t *at, struct ticket_key *key) {
    memcpy(key->name, at, TLS_TICKET_NAME_BYTES);
    at += TLS_TICKET_NAME_BYTES;
    memcpy(key->cipher_key, at, KEY_BYTES);
    at += KEY_BYTES;
    memcpy(key->mac_key, at, KEY_BYTES);
    at += KEY_BYTES;
    uint64_t made_at_ms = 0;
    for (int i = 0; i < 8; i++) {
        made_at_ms = made_at_ms << 8 | *at++;
    }
    key->made_at_ms = made_at_ms > INT64_MAX ? INT64_MAX : (int64_t)made_at_ms;
    return at;
}

size_t tls_ticket_ring_export(struct tls_ticket_ring *ring, uint8_t out[TLS_TICKET_BLOB_MAX]) {
    uint8_t *at = out;
    pthread_mutex_lock(&ring->lock);
    turn(ring, clock_wall_ms(ring->clock));
    memcpy(at, blob_head, sizeof(blob_head));
    at += sizeof(blob_head);
    *at++ = (uint8_t)ring->count;
    for (size_t i = 0; i < ring->count; i++) {
        at = write_key(at, &ring->keys[i]);
    }
    pthread_mutex_unlock(&ring->lock);
    return (size_t)(at - out);
}

static enum status parse_blob(struct str blob, int64_t now_ms, struct ticket_key *keys,
                              size_t *count) {
    if (blob.len < HEAD_BYTES || memcmp(blob.at, blob_head, sizeof(blob_head)) != 0) {
        return STATUS_INVALID;
    }
    const uint8_t *at = (const uint8_t *)blob.at + sizeof(blob_head);
    *count = *at++;
    if (*count == 0 || *count > TLS_TICKET_KEYS_MAX ||
        blob.len != HEAD_BYTES + *count * RECORD_BYTES) {
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < *count; i++) {
        at = read_key(at, &keys[i]);
        int64_t latest_ms = i == 0 ? now_ms + FUTURE_MS_MAX : keys[i - 1].made_at_ms;
        if (keys[i].made_at_ms > latest_ms) {
            return STATUS_INVALID;
        }
    }
    return keys[0].made_at_ms + LIFE_MS > now_ms ? STATUS_OK : STATUS_INVALID;
}

enum status tls_ticket_ring_import(struct tls_ticket_ring *ring, struct str blob) {
    struct ticket_key keys[TLS_TICKET_KEYS_MAX] = {0};
    size_t count = 0;
    int64_t now_ms = clock_wall_ms(ring->clock);
    enum status status = parse_blob(blob, now_ms, keys, &count);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&ring->lock);
        memcpy(ring->keys, keys, sizeof(keys));
        ring->count = count;
        drop_expired(ring, now_ms);
        pthread_mutex_unlock(&ring->lock);
    }
    secret_wipe(keys, sizeof(keys));
    return status;
}
