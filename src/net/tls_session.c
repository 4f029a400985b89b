#include "net/tls_session.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/memory.h"
#include "net/address.h"

/* ---- opening ---- */

static int session_index;
static pthread_once_t session_index_once = PTHREAD_ONCE_INIT;

static void make_session_index(void) {
    session_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* What a client says and demands about the server's name. Addresses are not server names (RFC 6066 §3). */
static bool set_client_name(const struct tls_session *session, const char *name) {
    SSL *ssl = session->ssl;
    struct address address;
    bool is_ip = address_from_ip(str_from(name), 0, &address) == STATUS_OK;
    if (!is_ip && SSL_set_tlsext_host_name(ssl, name) != 1) {
        return false;
    }
    if (!tls_context_verifies_name(session->context)) {
        return true;
    }
    if (is_ip) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1;
}

enum status tls_session_open(struct tls_session *session, struct tls_context *context, int fd,
                             const char *server_name) {
    pthread_once(&session_index_once, make_session_index);
    *session = (struct tls_session){.context = tls_context_ref(context)};
    if (tls_context_tickets(context) != NULL) {
        session->tickets = tls_ticket_ring_ref(tls_context_tickets(context));
    }
    session->ssl = SSL_new(tls_context_ssl(context));
    if (session->ssl == NULL || SSL_set_fd(session->ssl, fd) != 1 ||
        SSL_set_ex_data(session->ssl, session_index, session) != 1) {
        return STATUS_FAILED;
    }
    if (tls_context_is_server(context)) {
        SSL_set_accept_state(session->ssl); /* the rest follows in the ClientHello callback */
        return STATUS_OK;
    }
    SSL_set_connect_state(session->ssl);
    session->server_name = memory_dup(server_name, strlen(server_name));
    enum status status = tls_context_apply(context, session->ssl, STR_EMPTY);
    if (status == STATUS_OK && !set_client_name(session, server_name)) {
        status = STATUS_FAILED;
    }
    return status;
}

void tls_session_close(struct tls_session *session) {
    SSL_free(session->ssl);
    session->ssl = NULL;
    memory_free(session->server_name);
    session->server_name = NULL;
    tls_ticket_ring_unref(&session->tickets);
    tls_context_unref(&session->context);
}

void tls_session_set_choose(struct tls_session *session, tls_choose_fn choose, void *context) {
    session->choose = choose;
    session->choose_context = context;
}

/* ---- the ClientHello ---- */

static enum status exchange_context(struct tls_session *session, struct tls_context *chosen) {
    if (chosen == session->context) {
        return STATUS_OK;
    }
    if (SSL_set_SSL_CTX(session->ssl, tls_context_ssl(chosen)) == NULL) {
        return STATUS_FAILED;
    }
    tls_context_ref(chosen);
    tls_context_unref(&session->context);
    session->context = chosen;
    return STATUS_OK;
}

static enum status answer_hello(struct tls_session *session, const struct tls_hello *hello) {
    struct tls_context *chosen = session->context;
    if (session->choose != NULL) {
        chosen = session->choose(session->choose_context, hello);
    }
    if (chosen == NULL) {
        return STATUS_NOT_FOUND;
    }
    enum status status = exchange_context(session, chosen);
    if (status != STATUS_OK) {
        return status;
    }
    return tls_context_apply(session->context, session->ssl, tls_hello_name(hello));
}

int tls_session_on_client_hello(SSL *ssl, int *alert, void *context) {
    struct tls_session *session = SSL_get_ex_data(ssl, session_index);
    struct tls_hello hello;
    (void)context;
    *alert = SSL_AD_DECODE_ERROR;
    if (tls_hello_read(ssl, &hello) != STATUS_OK) {
        return SSL_CLIENT_HELLO_ERROR;
    }
    /* After a HelloRetryRequest the hello comes again: what was decided on the first stands (RFC 8446 §4.1.2). */
    struct str name = tls_hello_name(&hello);
    if (session->server_name != NULL && !str_eq(str_from(session->server_name), name)) {
        *alert = SSL_AD_ILLEGAL_PARAMETER;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (session->server_name == NULL && name.len > 0) {
        session->server_name = memory_dup(name.at, name.len);
    }
    enum status status = answer_hello(session, &hello);
    if (status == STATUS_OK) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    *alert = status == STATUS_NOT_FOUND ? SSL_AD_UNRECOGNIZED_NAME : SSL_AD_INTERNAL_ERROR;
    if (session->refusal_alert != 0) {
        *alert = session->refusal_alert;
    }
    return SSL_CLIENT_HELLO_ERROR;
}

int tls_session_on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                          EVP_MAC_CTX *mac, int is_sealing) {
    struct tls_session *session = SSL_get_ex_data(ssl, session_index);
    if (session->tickets == NULL) {
        return 0;
    }
    int result = tls_ticket_ring_apply(session->tickets, name, iv, cipher, mac, is_sealing == 1);
    /* With TLS 1.3 a ticket should be used once (RFC 8446 §C.4): each visit gets the next. */
    bool is_used_up = is_sealing == 0 && SSL_version(ssl) == TLS1_3_VERSION;
    return result == 1 && is_used_up ? 2 : result;
}

/* ---- moving bytes ---- */

static enum tls_result judge(struct tls_session *session, int result) {
    int system_error = errno;
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WAIT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WAIT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_END;
    case SSL_ERROR_SYSCALL:
        session->has_failed = true;
        session->system_error = system_error;
        return TLS_TRUNCATED;
    default:
        break;
    }
    session->has_failed = true;
    session->error = ERR_peek_error();
    bool is_bare_fin = ERR_GET_LIB(session->error) == ERR_LIB_SSL &&
                       ERR_GET_REASON(session->error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    ERR_clear_error();
    return is_bare_fin ? TLS_TRUNCATED : TLS_FAILED;
}

/* SSL_get_error looks at the thread's queue: what another connection left there must not be taken for this one's. */
static void prepare_call(void) {
    if (ERR_peek_error() != 0) { /* clearing an empty queue costs four times as much as looking */
        ERR_clear_error();
    }
    errno = 0;
}

enum tls_result tls_session_handshake(struct tls_session *session) {
    prepare_call();
    int result = SSL_do_handshake(session->ssl);
    if (result != 1) {
        return judge(session, result);
    }
    const unsigned char *protocol;
    unsigned int len;
    SSL_get0_alpn_selected(session->ssl, &protocol, &len);
    if (len == 0 && tls_context_requires_alpn(session->context)) {
        session->has_failed = true;
        session->lacks_alpn = true;
        return TLS_FAILED;
    }
    /* A server's list of signature algorithms comes in its CertificateRequest and nowhere else (RFC 8446 §4.3.2). */
    if (tls_context_must_be_asked(session->context) &&
        SSL_get_sigalgs(session->ssl, -1, NULL, NULL, NULL, NULL, NULL) == 0) {
        session->has_failed = true;
        session->lacks_request = true;
        return TLS_FAILED;
    }
    session->is_established = true;
    return TLS_DONE;
}

enum tls_result tls_session_read(struct tls_session *session, uint8_t *bytes, size_t room,
                                 size_t *len) {
    prepare_call();
    int result = SSL_read_ex(session->ssl, bytes, room, len);
    return result == 1 ? TLS_DONE : judge(session, result);
}

enum tls_result tls_session_write(struct tls_session *session, const uint8_t *bytes, size_t len,
                                  size_t *taken) {
    prepare_call();
    int result = SSL_write_ex(session->ssl, bytes, len, taken);
    return result == 1 ? TLS_DONE : judge(session, result);
}

enum tls_result tls_session_shutdown(struct tls_session *session) {
    if (session->ssl == NULL || session->has_failed || !session->is_established) {
        return TLS_DONE; /* nothing may be said after a failure */
    }
    prepare_call();
    int result = SSL_shutdown(session->ssl);
    return result >= 0 ? TLS_DONE : judge(session, result);
}

bool tls_session_has_pending(const struct tls_session *session) {
    return SSL_has_pending(session->ssl) == 1;
}
