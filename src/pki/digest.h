/* digest.h: SHA-256, at once or piece by piece, and HMAC-SHA-256. */
#ifndef PKI_DIGEST_H
#define PKI_DIGEST_H

#include <stdint.h>

#include "base/str.h"

#define DIGEST_BYTES 32

void digest_sha256(struct str text, uint8_t out[DIGEST_BYTES]);
void digest_hmac_sha256(struct str key, struct str text, uint8_t out[DIGEST_BYTES]);

struct digest_stream;
struct digest_stream *digest_stream_new(void);
void digest_stream_add(struct digest_stream *stream, struct str text);
/* Of all that was added; more may follow. */
void digest_stream_result(const struct digest_stream *stream, uint8_t out[DIGEST_BYTES]);
void digest_stream_free(struct digest_stream **stream);

#endif
