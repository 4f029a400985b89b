/* cert_write.h: writes one X.509 certificate (RFC 5280) from plain values.
 *
 * Names and extensions are built as objects, never from configuration text, so nothing in a value can become syntax.
 */
#ifndef PKI_CERT_WRITE_H
#define PKI_CERT_WRITE_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/status.h"
#include "base/str.h"

#define CERT_WRITE_NAMES_MAX 5

struct cert_write_name {
    int kind; /* GEN_URI or GEN_DNS */
    struct str text;
};

struct cert_write {
    const char *common_name; /* NULL: empty subject, and then the alternative names are critical */
    bool is_ca;
    int path_length; /* of a CA */
    bool is_server;  /* EKU; none is written when both are false */
    bool is_client;
    struct cert_write_name names[CERT_WRITE_NAMES_MAX];
    size_t name_count;
    int64_t not_before_ms; /* wall; whole seconds are written */
    int64_t not_after_ms;
};

/* Signs for the public part of `key` with the issuer's certificate and key; `issuer` NULL: self-signed. The serial is random,
 * 127 bits. A new certificate, or NULL when OpenSSL fails. */
X509 *cert_write(const struct cert_write *record, EVP_PKEY *key, X509 *issuer,
                 EVP_PKEY *issuer_key) MUST_USE;

#endif
