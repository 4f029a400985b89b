/* es256.h: ES256 signatures (RFC 7518 §3.4): ECDSA on P-256 with SHA-256, as 64 raw bytes r || s.
 *
 * What bundles and tokens are signed with; jws.h puts it into a text. Raw bytes have one length and no ASN.1 that could be written in two
 * ways. Everything is borrowed for the call; no state, any thread, also with the same key. Texts of any length.
 */
#ifndef PKI_ES256_H
#define PKI_ES256_H

#include <openssl/evp.h>

#include "base/status.h"
#include "base/str.h"

#define ES256_BYTES 64

/* `key` is a P-256 private key. STATUS_FAILED (also without its private part). */
enum status es256_sign(EVP_PKEY *key, struct str text, uint8_t out[ES256_BYTES]) MUST_USE;
/* `key` is a P-256 key. STATUS_DENIED unless the signature holds. */
enum status es256_verify(EVP_PKEY *key, struct str text,
                         const uint8_t signature[ES256_BYTES]) MUST_USE;

#endif
