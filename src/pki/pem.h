/* pem.h: one block of PEM (RFC 7468, the strict grammar) and its DER.
 *
 * OpenSSL's own reader skips text around a block, takes headers and several labels. Here the text is one block with the
 * label that is asked for and nothing else: lines of 64 characters, the last one shorter, LF or CR LF.
 */
#ifndef PKI_PEM_H
#define PKI_PEM_H

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

#define PEM_BYTES_MAX 8192 /* of the text */

#define PEM_CERTIFICATE STR("CERTIFICATE")
#define PEM_CERTIFICATE_REQUEST STR("CERTIFICATE REQUEST")
#define PEM_PRIVATE_KEY STR("PRIVATE KEY")
#define PEM_PUBLIC_KEY STR("PUBLIC KEY")

/* The bytes of the block; `*len` is at most PEM_BYTES_MAX. STATUS_INVALID, STATUS_TOO_LARGE. */
enum status pem_read(struct str text, struct str label, uint8_t der[PEM_BYTES_MAX],
                     size_t *len) MUST_USE;
/* Appends a block, ending in a newline. STATUS_TOO_LARGE, and then nothing was appended. */
enum status pem_append(struct buf *out, struct str label, const uint8_t *der, size_t len) MUST_USE;

#endif
