/* jws.h: compact JWS (RFC 7515) with ES256 (RFC 7518 §3.4) and nothing else.
 *
 * The algorithm comes from the key, never from the header; the header must be exactly {"alg":"ES256","typ":…,"kid":…} in any
 * order: crit, jku, jwk, x5u and other members are refused, duplicates too. Constant-time where it matters; size-bounded.
 */
#ifndef PKI_JWS_H
#define PKI_JWS_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"
#include "pki/key.h"

#define JWS_HEADER_BYTES_MAX 512
#define JWS_TYPE_LENGTH_MAX 64 /* letters, digits and + - . / */
#define JWS_KEYS_MAX 8
#define JWS_KEYS_TEXT_MAX 8192

/* Public keys that may have signed, by key id. */
struct jws_keys {
    struct {
        char kid[KEY_ID_SIZE];
        EVP_PKEY *key; /* owned */
    } at[JWS_KEYS_MAX];
    size_t count;
};

void jws_keys_init(struct jws_keys *keys);
void jws_keys_fini(struct jws_keys *keys);
/* Takes a reference; a key that is there already is not added again. STATUS_TOO_LARGE, STATUS_INVALID (not P-256). */
enum status jws_keys_add(struct jws_keys *keys, EVP_PKEY *key) MUST_USE;
/* A JWKS document (RFC 7517) of P-256 keys, both ways. Each member has exactly kty, crv, kid, x, y and may have use and alg;
 * kid must be the key's id (key.h). What `keys` (initialised) held is replaced, or kept on failure. STATUS_INVALID with why
 * (slug jwks_invalid or json.h's). */
enum status jws_keys_parse(struct str jwks, struct jws_keys *keys, struct why *why) MUST_USE;
enum status jws_keys_write(const struct jws_keys *keys, struct buf *out) MUST_USE;

/* `typ` such as "mezusphere-bundle". STATUS_INVALID (typ, or the key is not P-256), STATUS_TOO_LARGE, STATUS_FAILED. */
enum status jws_sign(EVP_PKEY *key, struct str typ, struct str payload, struct buf *out) MUST_USE;
/* The verified payload is appended to `payload` (whose maximum bounds it). STATUS_INVALID (jws_malformed, jws_header,
 * jws_type), STATUS_DENIED (jws_unknown_key, jws_signature), STATUS_TOO_LARGE (jws_too_large). */
enum status jws_verify(const struct jws_keys *keys, struct str typ, struct str jws,
                       struct buf *payload, struct why *why) MUST_USE;

#endif
