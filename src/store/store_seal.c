#include "store/store_seal.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "pki/digest.h"

#define FORMAT 1
#define VERSION_AT 1
#define NONCE_AT 5
#define TEXT_AT (NONCE_AT + AEAD_NONCE_BYTES)

_Static_assert(TEXT_AT + AEAD_TAG_BYTES == STORE_SEAL_OVERHEAD, "what sealing adds");
_Static_assert(STORE_SEAL_OVERHEAD > DIGEST_BYTES, "a keyed hash is never taken for a seal");

static void write_u32(uint32_t value, uint8_t out[4]) {
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static uint32_t read_u32(const uint8_t in[4]) {
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

struct str store_seal_place(char out[STORE_SEAL_PLACE_SIZE], const char *table, struct str row,
                            const char *column) {
    int len = snprintf(out, STORE_SEAL_PLACE_SIZE, "%s|%.*s|%s", table, STR_ARG(row), column);
    return str_make(out,
                    (size_t)len < STORE_SEAL_PLACE_SIZE ? (size_t)len : STORE_SEAL_PLACE_SIZE - 1);
}

void store_seal_close(const struct random *random, const struct store_seal_key *key,
                      struct str place, struct str text, uint8_t *out) {
    out[0] = FORMAT;
    write_u32(key->version, out + VERSION_AT);
    random_fill(random, out + NONCE_AT, AEAD_NONCE_BYTES);
    aead_seal(key->bytes, out + NONCE_AT, place, text, out + TEXT_AT);
}

bool store_seal_is_sealed(struct str sealed) {
    return sealed.len >= STORE_SEAL_OVERHEAD && (uint8_t)sealed.at[0] == FORMAT;
}

uint32_t store_seal_version(struct str sealed) {
    return read_u32((const uint8_t *)sealed.at + VERSION_AT);
}

enum status store_seal_open(const struct store_seal_key *key, struct str place, struct str sealed,
                            uint8_t *out) {
    return aead_open(key->bytes, (const uint8_t *)sealed.at + NONCE_AT, place,
                     str_sub(sealed, TEXT_AT, sealed.len), out);
}

void store_seal_master(const uint8_t bytes[AEAD_KEY_BYTES], struct store_seal_key *master) {
    uint8_t digest[DIGEST_BYTES];
    digest_hmac_sha256(str_make(bytes, AEAD_KEY_BYTES), STR("mezusphere master key"), digest);
    master->version = read_u32(digest);
    memcpy(master->bytes, bytes, AEAD_KEY_BYTES);
}

static struct str place_of_key(char out[STORE_SEAL_PLACE_SIZE], struct str scope,
                               uint32_t version) {
    char column[16];
    snprintf(column, sizeof(column), "%u", version);
    return store_seal_place(out, "data_key", scope, column);
}

void store_seal_wrap(const struct random *random, const struct store_seal_key *master,
                     struct str scope, const struct store_seal_key *key,
                     uint8_t out[STORE_SEAL_WRAPPED_BYTES]) {
    char place[STORE_SEAL_PLACE_SIZE];
    store_seal_close(random, master, place_of_key(place, scope, key->version),
                     str_make(key->bytes, sizeof(key->bytes)), out);
}

static enum status corrupt(struct why *why) {
    return why_set(why, STATUS_INVALID, "data_corrupt",
                   "a data key in the database is damaged: restore a backup of store.db");
}

enum status store_seal_wrong_master(struct why *why) {
    return why_set(why, STATUS_DENIED, "master_key_wrong",
                   "the master key is not the one that this database was made with: restore the "
                   "right one from your backup, or name it with --master-key-file");
}

enum status store_seal_wrapped_version(struct str wrapped, uint32_t *version, struct why *why) {
    if (wrapped.len != STORE_SEAL_WRAPPED_BYTES || !store_seal_is_sealed(wrapped)) {
        return corrupt(why);
    }
    *version = store_seal_version(wrapped);
    return STATUS_OK;
}

enum status store_seal_unwrap(const struct store_seal_key *master, struct str scope,
                              struct str wrapped, struct store_seal_key *key, struct why *why) {
    char place[STORE_SEAL_PLACE_SIZE];
    uint32_t version = 0;
    enum status status = store_seal_wrapped_version(wrapped, &version, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (version != master->version) {
        return store_seal_wrong_master(why);
    }
    status = store_seal_open(master, place_of_key(place, scope, key->version), wrapped, key->bytes);
    return status == STATUS_OK ? STATUS_OK : corrupt(why);
}
