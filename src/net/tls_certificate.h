/* tls_certificate.h: a certificate chain with its key, and trust anchors, from PEM.
 *
 * What a tls_context presents, one for each host, and whom it trusts. Immutable after parsing and counted, so that a handshake keeps the one
 * it began with while another takes its place; counting, and use, are safe from any thread. The texts are borrowed for the call.
 * Limits: TLS_CHAIN_MAX certificates in a chain, TLS_ANCHORS_MAX anchors. Expiry is not judged here: the peer does that.
 */
#ifndef NET_TLS_CERTIFICATE_H
#define NET_TLS_CERTIFICATE_H

#include <openssl/ssl.h>

#include "base/status.h"
#include "base/str.h"

#define TLS_CHAIN_MAX 8
#define TLS_ANCHORS_MAX 1024

struct tls_certificate;

/* Leaf first, then its issuers; the key belongs to the leaf and is not encrypted. STATUS_INVALID (slugs certificate_invalid,
 * key_invalid, key_mismatch). */
enum status tls_certificate_parse(struct str chain_pem, struct str key_pem,
                                  struct tls_certificate **certificate, struct why *why) MUST_USE;
struct tls_certificate *tls_certificate_ref(struct tls_certificate *certificate);
void tls_certificate_unref(struct tls_certificate **certificate);
/* Makes `ssl` present it. STATUS_FAILED. */
enum status tls_certificate_use(const struct tls_certificate *certificate, SSL *ssl) MUST_USE;

/* A store with these anchors alone; X509_STORE_free. STATUS_INVALID (slug anchors_invalid). */
enum status tls_certificate_parse_anchors(struct str pem, X509_STORE **store,
                                          struct why *why) MUST_USE;

#endif
