/* aead.h: AES-256-GCM (NIST SP 800-38D): sealing with a 96-bit nonce and a 128-bit tag.
 *
 * The caller never uses a nonce twice with one key: random ones are good for 2^32 messages of a key.
 */
#ifndef PKI_AEAD_H
#define PKI_AEAD_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#define AEAD_KEY_BYTES 32
#define AEAD_NONCE_BYTES 12
#define AEAD_TAG_BYTES 16

/* Writes text.len + AEAD_TAG_BYTES bytes: the ciphertext, then the tag. `context` is authenticated along with it. Aborts if the
 * library fails. */
void aead_seal(const uint8_t key[AEAD_KEY_BYTES], const uint8_t nonce[AEAD_NONCE_BYTES],
               struct str context, struct str text, uint8_t *out);
/* Writes sealed.len - AEAD_TAG_BYTES bytes, or nothing but zeros. STATUS_INVALID: key, nonce, context or bytes are not the ones
 * it was sealed with. */
enum status aead_open(const uint8_t key[AEAD_KEY_BYTES], const uint8_t nonce[AEAD_NONCE_BYTES],
                      struct str context, struct str sealed, uint8_t *out) MUST_USE;

#endif
