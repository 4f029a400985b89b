/* tls_context.h: what one side of a TLS connection is set up with, made once and shared by its connections.
 *
 * Five roles, each with fixed rules; there is no way to weaken one by a parameter:
 *   TLS_VISITOR_SERVER  TLS 1.2 and 1.3; ALPN h2, http/1.1; certificate by server name (tls_context_add_host); tickets on
 *   TLS_TUNNEL_SERVER   TLS 1.3 only; client certificate required; no resumption; ALPN mezusphere-tunnel/1
 *   TLS_TUNNEL_CLIENT   the warpgate's end of that; the server has to ask for our certificate
 *   TLS_CONTROL_SERVER  TLS 1.3 only; client certificate asked for and verified if sent; ALPN mezusphere-control/1; no resumption
 *   TLS_CONTROL_CLIENT  enrolment (no certificate yet, host name verified) and the edge's feed (with certificate)
 *   TLS_API_SERVER      TLS 1.2 and 1.3; ALPN h2, http/1.1; one certificate; tickets on
 *   TLS_HTTPS_CLIENT    TLS 1.2 and 1.3; ALPN http/1.1 or as tls_context_set_offer says; host name or IP address verified
 * Peer certificates are verified for their chain and time (with 60 s leeway for skew); which role they carry is judged by the
 * caller from conn_peer_chain with pki/cert_identity.h. All curves X25519 and P-256; AES-GCM and ChaCha20 only; no
 * renegotiation, no compression; a peer's chain has at most 4 issuers and 16 KiB. PEM texts are parsed strictly.
 * A ticket is good for the role and the server name that it was issued for, and nowhere else. Its keys are those of the ring that
 * the handshake's first context was given (the front's); without one OpenSSL makes its own for each context.
 * Setters may be called from any thread while handshakes run: those that began keep what they have.
 */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include <openssl/sha.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/str.h"
#include "net/tls_ticket.h"

enum tls_role {
    TLS_VISITOR_SERVER,
    TLS_TUNNEL_SERVER,
    TLS_TUNNEL_CLIENT,
    TLS_CONTROL_SERVER,
    TLS_CONTROL_CLIENT,
    TLS_API_SERVER,
    TLS_HTTPS_CLIENT,
};

#define TLS_ALPN_TUNNEL "mezusphere-tunnel/1"
#define TLS_ALPN_CONTROL "mezusphere-control/1"

/* What a TLS_HTTPS_CLIENT offers (ALPN). */
enum tls_offer {
    TLS_OFFER_HTTP1, /* also a server that knows no ALPN will do; the default */
    TLS_OFFER_BOTH,  /* h2 rather than http/1.1; conn_alpn tells; empty is http/1.1 */
    TLS_OFFER_H2,    /* nothing else: required on both sides */
};

struct tls_context;

struct tls_context *tls_context_new(enum tls_role role);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context **context);
enum tls_role tls_context_role(const struct tls_context *context);

/* Certificate chain (leaf first) and key, PEM; replaces the former one for new handshakes. STATUS_INVALID with why. */
enum status tls_context_set_certificate(struct tls_context *context, struct str chain_pem,
                                        struct str key_pem, struct why *why) MUST_USE;
/* Trust anchors, PEM, replacing those before. Without this call TLS_CONTROL_CLIENT and TLS_HTTPS_CLIENT use the system's
 * store and the other roles trust nobody: a public certificate opens no tunnel. STATUS_INVALID with why. */
enum status tls_context_set_trust(struct tls_context *context, struct str anchors_pem,
                                  struct why *why) MUST_USE;

/* TLS_CONTROL_CLIENT, before its first connection: trusts the one root whose certificate has this SHA-256 (of the DER), which the server
 * sends at the end of its chain: for whoever knows no more of the other side yet. Everything else is verified as always. */
void tls_context_pin_root(struct tls_context *context, const uint8_t sha256[SHA256_DIGEST_LENGTH]);

/* TLS_VISITOR_SERVER: the certificate for one lower-case host name, or for "*.example.net"; replaces. An exact name goes before a
 * wildcard. A handshake for a name that is not here ends
 * with the alert unrecognized_name. STATUS_INVALID with why. */
enum status tls_context_add_host(struct tls_context *context, struct str host, struct str chain_pem,
                                 struct str key_pem, struct why *why) MUST_USE;
void tls_context_remove_host(struct tls_context *context, struct str host);
bool tls_context_has_host(const struct tls_context *context, struct str host);

/* TLS_HTTPS_CLIENT, before its first connection. */
void tls_context_set_offer(struct tls_context *context, enum tls_offer offer);
/* Servers, before the first handshake; refs it. */
void tls_context_set_tickets(struct tls_context *context, struct tls_ticket_ring *ring);
/* Borrowed; NULL if none was set. */
struct tls_ticket_ring *tls_context_tickets(const struct tls_context *context);

SSL_CTX *tls_context_ssl(struct tls_context *context);

/* For tls_session.h: sets on one connection everything that belongs to the context and that SSL_set_SSL_CTX would not carry
 * over: versions, options, verification, trust, session id context, certificate. `server_name` is the SNI of a server's peer.
 * STATUS_NOT_FOUND: no certificate for that name. STATUS_FAILED. */
enum status tls_context_apply(struct tls_context *context, SSL *ssl,
                              struct str server_name) MUST_USE;
bool tls_context_is_server(const struct tls_context *context);
bool tls_context_requires_alpn(const struct tls_context *context);
bool tls_context_verifies_name(const struct tls_context *context);
bool tls_context_must_be_asked(const struct tls_context *context);

#endif
