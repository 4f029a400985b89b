/* store_seal.h: the sealed form of a text, and data keys wrapped by the master key. Pure: keys and places are given.
 *
 * A sealed value is
 *     1 byte format (1) | 4 bytes version of the key, big-endian | 12 bytes nonce | ciphertext | 16 bytes tag
 * AES-256-GCM with the associated data "table|row|column", so that a value put anywhere else does not open. A wrapped data key is
 * the same with a master key, "data_key|scope|version"; a master key's version is drawn from the key itself, and tells it apart.
 */
#ifndef STORE_STORE_SEAL_H
#define STORE_STORE_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/status.h"
#include "base/str.h"
#include "pki/aead.h"

#define STORE_SEAL_OVERHEAD 33 /* what sealing adds, in bytes */
#define STORE_SEAL_WRAPPED_BYTES (AEAD_KEY_BYTES + STORE_SEAL_OVERHEAD)
#define STORE_SEAL_PLACE_SIZE 192

struct store_seal_key {
    uint32_t version; /* never 0 for a data key */
    uint8_t bytes[AEAD_KEY_BYTES];
};

/* "table|row|column": what a seal is bound to. */
struct str store_seal_place(char out[STORE_SEAL_PLACE_SIZE], const char *table, struct str row,
                            const char *column);
/* Writes text.len + STORE_SEAL_OVERHEAD bytes. */
void store_seal_close(const struct random *random, const struct store_seal_key *key,
                      struct str place, struct str text, uint8_t *out);
bool store_seal_is_sealed(struct str sealed);
/* Of the key that `sealed` (which is) wants. */
uint32_t store_seal_version(struct str sealed);
/* Writes sealed.len - STORE_SEAL_OVERHEAD bytes. STATUS_INVALID: not with this key, not in this place, or not as it was. */
enum status store_seal_open(const struct store_seal_key *key, struct str place, struct str sealed,
                            uint8_t *out) MUST_USE;

/* A master key with its version. */
void store_seal_master(const uint8_t bytes[AEAD_KEY_BYTES], struct store_seal_key *master);
void store_seal_wrap(const struct random *random, const struct store_seal_key *master,
                     struct str scope, const struct store_seal_key *key,
                     uint8_t out[STORE_SEAL_WRAPPED_BYTES]);
/* STATUS_INVALID (data_corrupt) where `wrapped` cannot be a wrapped key; else *version is that of its master key. */
enum status store_seal_wrapped_version(struct str wrapped, uint32_t *version,
                                       struct why *why) MUST_USE;
/* Fills key->bytes; key->version is given. STATUS_INVALID (data_corrupt), STATUS_DENIED (master_key_wrong). */
enum status store_seal_unwrap(const struct store_seal_key *master, struct str scope,
                              struct str wrapped, struct store_seal_key *key,
                              struct why *why) MUST_USE;
/* The why of a master key that is not the database's. */
enum status store_seal_wrong_master(struct why *why);

#endif
