/* api_key.h: service-account keys: 50 base62 characters [0-9A-Za-z], the last 6 of them a checksum.
 *
 * 44 random characters (262 bits), then the CRC-32 (IEEE) of those 44 as 6 base62 digits, most significant first, so that a typo is told
 * before any network. At rest only the SHA-256 of the 50 characters and the first 8 are kept.
 */
#ifndef PKI_API_KEY_H
#define PKI_API_KEY_H

#include "base/random.h"
#include "base/secret.h"
#include "base/status.h"
#include "base/str.h"
#include "pki/digest.h"

#define API_KEY_LENGTH 50
#define API_KEY_PREFIX_LENGTH 8

void api_key_new(const struct random *random, struct secret *key);
/* STATUS_INVALID with why (slugs key_length, key_character, key_checksum) that never quotes the key. */
enum status api_key_check(struct str key, struct why *why) MUST_USE;
void api_key_hash(struct str key, uint8_t out[DIGEST_BYTES]);

#endif
