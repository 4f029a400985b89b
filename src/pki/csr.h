/* csr.h: certificate signing requests (PKCS#10, RFC 2986). From a request, only the public key is ever taken. */
#ifndef PKI_CSR_H
#define PKI_CSR_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

#define CSR_PEM_BYTES_MAX 8192

/* A request for `key` with an empty subject, signed with ECDSA and SHA-256. STATUS_TOO_LARGE, STATUS_FAILED. */
enum status csr_write(EVP_PKEY *key, struct buf *pem) MUST_USE;
/* The public key of a request whose self-signature holds (proof of possession). Subject, extensions and attributes are
 * ignored. STATUS_INVALID (slugs csr_malformed, csr_key: not P-256, csr_signature: it does not hold or is not ECDSA with
 * SHA-256), STATUS_TOO_LARGE. */
enum status csr_public_key(struct str pem, EVP_PKEY **key, struct why *why) MUST_USE;

#endif
