/* digest.h: SHA-256 and HMAC-SHA-256. */
#ifndef PKI_DIGEST_H
#define PKI_DIGEST_H

#include <stdint.h>

#include "base/str.h"

#define DIGEST_BYTES 32

void digest_sha256(struct str text, uint8_t out[DIGEST_BYTES]);
void digest_hmac_sha256(struct str key, struct str text, uint8_t out[DIGEST_BYTES]);

#endif
