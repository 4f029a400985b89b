/* key.h: private and public keys. EC P-256 throughout: every TLS stack and every JOSE library has it, and it is fast.
 *
 * Only the named curve: keys with explicit curve parameters, of other curves or of other kinds are refused when read.
 */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

/* base64url of the SHA-256 of the public key's SubjectPublicKeyInfo, terminated */
#define KEY_ID_SIZE 44

/* DER of a P-256 SubjectPublicKeyInfo with an uncompressed point: always this long, the last 64 bytes are x and y. */
#define KEY_SPKI_BYTES 91
#define KEY_COORDINATE_BYTES 32
#define KEY_COORDINATES_BYTES 64
#define KEY_SPKI_X (KEY_SPKI_BYTES - KEY_COORDINATES_BYTES) /* offset of x */
#define KEY_SPKI_Y (KEY_SPKI_BYTES - KEY_COORDINATE_BYTES)  /* offset of y */

/* EVP_PKEY is OpenSSL's, reference-counted: free with EVP_PKEY_free. */
EVP_PKEY *key_new(void); /* aborts if the generator fails */
/* PKCS#8 PEM, unencrypted; init `out` before and fini it wiped. */
enum status key_private_pem(EVP_PKEY *key, struct buf *out) MUST_USE;
enum status key_public_pem(EVP_PKEY *key, struct buf *out) MUST_USE;
/* STATUS_INVALID (slug key_malformed or key_type) unless it is one P-256 key. */
enum status key_from_private_pem(struct str pem, EVP_PKEY **key, struct why *why) MUST_USE;
enum status key_from_public_pem(struct str pem, EVP_PKEY **key, struct why *why) MUST_USE;
/* Aborts if it is not a P-256 key: every key in use has passed key_spki or was made here. */
void key_id(EVP_PKEY *key, char out[KEY_ID_SIZE]);

/* The one encoding that a public key has here. STATUS_INVALID unless it is a P-256 key. */
enum status key_spki(const EVP_PKEY *key, uint8_t out[KEY_SPKI_BYTES]) MUST_USE;
/* STATUS_INVALID unless it is exactly that encoding of a point on the curve. */
enum status key_from_spki(struct str spki, EVP_PKEY **key) MUST_USE;
/* x, then y. STATUS_INVALID unless they are a point on the curve. */
enum status key_from_coordinates(const uint8_t xy[KEY_COORDINATES_BYTES], EVP_PKEY **key) MUST_USE;

#endif
