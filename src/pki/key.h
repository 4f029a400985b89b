/* key.h: private and public keys. EC P-256 throughout: every TLS stack and every JOSE library has it, and it is fast. */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

#define KEY_ID_SIZE 44 /* base64url of the SHA-256 of the public key's SubjectPublicKeyInfo, terminated */

/* EVP_PKEY is OpenSSL's, reference-counted: free with EVP_PKEY_free. */
EVP_PKEY *key_new(void); /* aborts if the generator fails */
/* PKCS#8 PEM, unencrypted; init `out` before and fini it wiped. */
enum status key_private_pem(EVP_PKEY *key, struct buf *out) MUST_USE;
enum status key_public_pem(EVP_PKEY *key, struct buf *out) MUST_USE;
/* STATUS_INVALID unless it is one P-256 key. */
enum status key_from_private_pem(struct str pem, EVP_PKEY **key, struct why *why) MUST_USE;
enum status key_from_public_pem(struct str pem, EVP_PKEY **key, struct why *why) MUST_USE;
void key_id(EVP_PKEY *key, char out[KEY_ID_SIZE]);

#endif
