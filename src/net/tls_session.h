/* tls_session.h: TLS on one connection's descriptor: handshake, read, write, shutdown, and in words why it failed.
 *
 * Stands between conn.h and OpenSSL; embedded in a connection. A server's session may exchange its context inside the
 * ClientHello callback (front.h). OpenSSL's error queue belongs to the thread and not to the connection, so it is
 * emptied before each call: what one visitor left behind never judges another.
 */
#ifndef NET_TLS_SESSION_H
#define NET_TLS_SESSION_H

#include "net/tls_context.h"
#include "net/tls_hello.h"

enum tls_result {
    TLS_DONE,       /* done; bytes moved where there are any */
    TLS_WAIT_READ,  /* again when the descriptor is readable */
    TLS_WAIT_WRITE, /* again when it is writable */
    TLS_END,        /* the peer said close_notify */
    TLS_TRUNCATED,  /* the peer went away without saying so: a reset or a bare FIN */
    TLS_FAILED,     /* protocol or verification: see tls_session_why */
};

/* The context that takes this connection on (borrowed), or NULL: unrecognized_name, or what it put into refusal_alert. */
typedef struct tls_context *(*tls_choose_fn)(void *context, const struct tls_hello *hello);

struct tls_session {
    SSL *ssl; /* NULL: not open */
    struct tls_context *context;
    struct tls_ticket_ring
        *tickets; /* of the context that the handshake began with; NULL if none */
    /* that the client asked for; on servers lower case, and NULL if it sent none */
    char *server_name;
    tls_choose_fn choose;
    void *choose_context;
    int refusal_alert; /* 0: none */
    bool is_established;
    bool has_failed;
    bool lacks_alpn;
    bool lacks_request; /* the server did not ask for our certificate, and had to */
    unsigned long error;
    int system_error;
};

/* Begins TLS on `fd`, in the direction of the context's role. `server_name`: clients only. STATUS_FAILED. */
enum status tls_session_open(struct tls_session *session, struct tls_context *context, int fd,
                             const char *server_name) MUST_USE;
void tls_session_close(struct tls_session *session);
/* Server: asks `choose` for the context inside the ClientHello callback. */
void tls_session_set_choose(struct tls_session *session, tls_choose_fn choose, void *context);

enum tls_result tls_session_handshake(struct tls_session *session);
enum tls_result tls_session_read(struct tls_session *session, uint8_t *bytes, size_t room,
                                 size_t *len);
/* At most one record. What was begun with TLS_WAIT_WRITE is repeated with the same bytes, at least as many. */
enum tls_result tls_session_write(struct tls_session *session, const uint8_t *bytes, size_t len,
                                  size_t *taken);
/* Sends close_notify. */
enum tls_result tls_session_shutdown(struct tls_session *session);
bool tls_session_has_pending(const struct tls_session *session);

/* After TLS_FAILED or TLS_TRUNCATED: slugs tls_verify, tls_handshake, peer_reset. `peer` names it. */
void tls_session_why(const struct tls_session *session, const char *peer, struct why *why);

/* For SSL_CTX_set_tlsext_ticket_key_evp_cb, by tls_context.c. */
int tls_session_on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                          EVP_MAC_CTX *mac, int is_sealing);
/* For SSL_CTX_set_client_hello_cb, by tls_context.c. */
int tls_session_on_client_hello(SSL *ssl, int *alert, void *context);

#endif
