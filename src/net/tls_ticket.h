/* tls_ticket.h: the keys that session tickets are sealed with (RFC 5077 §4, RFC 8446 §4.6.1), one ring for all loops of a process.
 *
 * Keys are random. A new one seals for TLS_TICKET_SEAL_MS; after that it still opens for TLS_TICKET_OPEN_MS, and what it opens
 * is renewed. Then it is wiped. Nothing runs on a timer: a ring looks at the clock whenever it is used.
 * A ring goes on in the process that replaces this one (export, import), so that visitors do not all come for a full handshake at once.
 * What a ticket is good for, role and server name, is not the ring's business but tls_context's.
 * Counted, safe from any thread.
 */
#ifndef NET_TLS_TICKET_H
#define NET_TLS_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "base/str.h"

#define TLS_TICKET_SEAL_MS ((int64_t)12 * 3600 * 1000)
#define TLS_TICKET_OPEN_MS ((int64_t)24 * 3600 * 1000)
#define TLS_TICKET_KEYS_MAX 4
#define TLS_TICKET_NAME_BYTES 16
#define TLS_TICKET_BLOB_MAX 512

struct tls_ticket_ring;

struct tls_ticket_ring *tls_ticket_ring_new(const struct clock *clock, const struct random *random);
struct tls_ticket_ring *tls_ticket_ring_ref(struct tls_ticket_ring *ring);
void tls_ticket_ring_unref(struct tls_ticket_ring **ring); /* the last one wipes */

/* The keys, at most TLS_TICKET_BLOB_MAX bytes: a secret, which the caller wipes. */
size_t tls_ticket_ring_export(struct tls_ticket_ring *ring, uint8_t out[TLS_TICKET_BLOB_MAX]);
/* Puts an exported ring's keys in place of this one's. STATUS_INVALID (nothing changes): malformed, nothing in it that is
 * still good, or from the future. */
enum status tls_ticket_ring_import(struct tls_ticket_ring *ring, struct str blob) MUST_USE;

/* What OpenSSL's SSL_CTX_set_tlsext_ticket_key_evp_cb wants of its callback, with its parameters and results. */
int tls_ticket_ring_apply(struct tls_ticket_ring *ring, uint8_t name[TLS_TICKET_NAME_BYTES],
                          uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool is_sealing);

#endif
