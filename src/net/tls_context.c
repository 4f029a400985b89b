#include "net/tls_context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "net/tls_certificate.h"
#include "net/tls_session.h"
#include "net/tls_system_trust.h"

#define LEEWAY_S 60
#define VERIFY_DEPTH_MAX 4
#define PEER_CHAIN_BYTES_MAX (16 * 1024)
/* For visitors with TLS 1.3. OpenSSL would send two; one connection serves a browser, and the next gets its own. */
#define TICKETS_PER_HANDSHAKE 1

/* Servers choose by these orders: AES-128 first, as with TLS 1.2 and as browsers do. Processors have instructions for its SHA-256,
 * and none for SHA-384, which took an eighth of a handshake; the cipher itself is a seventh faster (5.8 instead of 5.1 GB/s). A
 * client without AES hardware names ChaCha20 first, and gets it. */
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_12                                                                                  \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"     \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256"

#define ALPN_HTTP "\x02h2\x08http/1.1"
#define ALPN_HTTP1 "\x08http/1.1"
#define ALPN_H2 "\x02h2"
#define ALPN_TUNNEL_WIRE "\x13" TLS_ALPN_TUNNEL
#define ALPN_CONTROL_WIRE "\x14" TLS_ALPN_CONTROL

struct role_rules {
    bool is_server;
    int min_version;
    int verify_mode;
    struct str alpn; /* wire form, most wanted first */
    bool requires_alpn;
    bool has_tickets;
    bool has_hosts;     /* certificate by server name */
    bool trusts_system; /* when no anchors were given */
    bool verifies_name;
    bool must_be_asked; /* a server that does not want our certificate is none of ours */
};

static const struct role_rules roles[] = {
    [TLS_VISITOR_SERVER] = {.is_server = true,
                            .min_version = TLS1_2_VERSION,
                            .alpn = STR_INIT(ALPN_HTTP),
                            .has_tickets = true,
                            .has_hosts = true},
    [TLS_TUNNEL_SERVER] = {.is_server = true,
                           .min_version = TLS1_3_VERSION,
                           .verify_mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           .alpn = STR_INIT(ALPN_TUNNEL_WIRE),
                           .requires_alpn = true},
    [TLS_TUNNEL_CLIENT] = {.min_version = TLS1_3_VERSION,
                           .verify_mode = SSL_VERIFY_PEER,
                           .alpn = STR_INIT(ALPN_TUNNEL_WIRE),
                           .requires_alpn = true,
                           .must_be_asked = true},
    [TLS_CONTROL_SERVER] = {.is_server = true,
                            .min_version = TLS1_3_VERSION,
                            .verify_mode = SSL_VERIFY_PEER,
                            .alpn = STR_INIT(ALPN_CONTROL_WIRE),
                            .requires_alpn = true},
    [TLS_CONTROL_CLIENT] = {.min_version = TLS1_3_VERSION,
                            .verify_mode = SSL_VERIFY_PEER,
                            .alpn = STR_INIT(ALPN_CONTROL_WIRE),
                            .requires_alpn = true,
                            .trusts_system = true,
                            .verifies_name = true},
    [TLS_API_SERVER] = {.is_server = true,
                        .min_version = TLS1_2_VERSION,
                        .alpn = STR_INIT(ALPN_HTTP),
                        .has_tickets = true},
    [TLS_HTTPS_CLIENT] = {.min_version = TLS1_2_VERSION,
                          .verify_mode = SSL_VERIFY_PEER,
                          .alpn = STR_INIT(ALPN_HTTP1),
                          .trusts_system = true,
                          .verifies_name = true},
};

struct tls_context {
    enum tls_role role;
    const struct role_rules *rules;
    atomic_int refs;
    bool requires_alpn;
    SSL_CTX *ssl;
    struct tls_ticket_ring *tickets;
    bool has_pin;
    uint8_t pin[SHA256_DIGEST_LENGTH]; /* of the one root that is trusted */
    pthread_mutex_t lock;              /* over what follows */
    struct tls_certificate *own;
    X509_STORE *trust;
    X509_STORE *system; /* from the first handshake that needed it; tls_system_trust.h */
    struct map hosts;   /* name to struct tls_certificate */
};

/* The server's choice of protocol: its own preference among what is offered (RFC 7301 §3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned int in_len, void *arg) {
    const struct role_rules *rules = arg;
    (void)ssl;
    unsigned char *found;
    if (SSL_select_next_proto(&found, out_len, (const unsigned char *)rules->alpn.at,
                              (unsigned int)rules->alpn.len, in,
                              in_len) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

/* The root came in the peer's chain, and it is the one that we were told of: OpenSSL goes on and verifies what it signed. */
static bool is_pinned(X509_STORE_CTX *store, X509 *certificate, int error) {
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    return error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN && context != NULL && context->has_pin &&
           X509_digest(certificate, EVP_sha256(), digest, &len) == 1 &&
           len == sizeof(context->pin) && CRYPTO_memcmp(digest, context->pin, len) == 0;
}

/* Clocks differ: a certificate is good from a minute before until a minute after its time. */
static int on_verify(int is_good, X509_STORE_CTX *store) {
    if (is_good) {
        return 1;
    }
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int error = X509_STORE_CTX_get_error(store);
    if (is_pinned(store, certificate, error)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    int64_t now_s = clock_wall_ms(clock_system()) / 1000;
    time_t early = (time_t)(now_s - LEEWAY_S);
    time_t late = (time_t)(now_s + LEEWAY_S);
    bool is_within = (error == X509_V_ERR_CERT_HAS_EXPIRED &&
                      X509_cmp_time(X509_get0_notAfter(certificate), &early) > 0) ||
                     (error == X509_V_ERR_CERT_NOT_YET_VALID &&
                      X509_cmp_time(X509_get0_notBefore(certificate), &late) < 0);
    if (!is_within) {
        return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static void must(int result, const char *what) {
    if (result != 1) {
        log_error("tls.failed", "call=%s error=%s", what, ERR_reason_error_string(ERR_get_error()));
        abort();
    }
}

static void offer_alpn(SSL_CTX *ssl, struct str wire) {
    int result =
        SSL_CTX_set_alpn_protos(ssl, (const unsigned char *)wire.at, (unsigned int)wire.len);
    must(result == 0, "alpn"); /* this one call says 0 for success */
}

static SSL_CTX *make_ssl(const struct role_rules *rules) {
    SSL_CTX *ssl = SSL_CTX_new(rules->is_server ? TLS_server_method() : TLS_client_method());
    must(ssl != NULL, "SSL_CTX_new");
    SSL_CTX_set_security_level(ssl, 2);
    must((int)SSL_CTX_set_min_proto_version(ssl, rules->min_version), "min version");
    must(SSL_CTX_set_ciphersuites(ssl, SUITES_13), "suites 1.3");
    must(SSL_CTX_set_cipher_list(ssl, SUITES_12), "suites 1.2");
    must((int)SSL_CTX_set1_groups_list(ssl, GROUPS), "groups");
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Without this a stream of KeyUpdates keeps one SSL_read busy for as long as the peer likes. */
    SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
    /* Into a buffer for one record: of a larger one OpenSSL moves the whole rest to the front before each record, one and a
     * half copies of everything that a tunnel carries. */
    SSL_CTX_set_read_ahead(ssl, 1);
    /* Tickets carry the state; a cache would only hold memory, and make sessions outlive their role. */
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ssl, TLS_TICKET_OPEN_MS / 1000);
    if (rules->is_server) {
        SSL_CTX_set_client_hello_cb(ssl, tls_session_on_client_hello, NULL);
        SSL_CTX_set_alpn_select_cb(ssl, on_alpn, (void *)(uintptr_t)rules);
    } else {
        offer_alpn(ssl, rules->alpn);
    }
    return ssl;
}

struct tls_context *tls_context_new(enum tls_role role) {
    struct tls_context *context = MEMORY_NEW(struct tls_context);
    context->role = role;
    context->rules = &roles[role];
    context->requires_alpn = context->rules->requires_alpn;
    atomic_init(&context->refs, 1);
    pthread_mutex_init(&context->lock, NULL);
    map_init(&context->hosts);
    context->ssl = make_ssl(context->rules);
    return context;
}

struct tls_context *tls_context_ref(struct tls_context *context) {
    atomic_fetch_add(&context->refs, 1);
    return context;
}

void tls_context_unref(struct tls_context **at) {
    struct tls_context *context = *at;
    *at = NULL;
    if (context == NULL || atomic_fetch_sub(&context->refs, 1) != 1) {
        return;
    }
    size_t walk = 0;
    struct str host;
    void *value;
    while (map_next(&context->hosts, &walk, &host, &value)) {
        struct tls_certificate *certificate = value;
        tls_certificate_unref(&certificate);
    }
    map_fini(&context->hosts);
    tls_certificate_unref(&context->own);
    tls_ticket_ring_unref(&context->tickets);
    X509_STORE_free(context->trust);
    tls_system_trust_give_back(&context->system);
    SSL_CTX_free(context->ssl);
    pthread_mutex_destroy(&context->lock);
    memory_free(context);
}

void tls_context_pin_root(struct tls_context *context, const uint8_t sha256[SHA256_DIGEST_LENGTH]) {
    context->has_pin = true;
    memcpy(context->pin, sha256, sizeof(context->pin));
    X509_STORE_free(context->trust);
    context->trust = X509_STORE_new(); /* nobody else */
    SSL_CTX_set_app_data(context->ssl, context);
}

enum tls_role tls_context_role(const struct tls_context *context) {
    return context->role;
}

SSL_CTX *tls_context_ssl(struct tls_context *context) {
    return context->ssl;
}

void tls_context_set_tickets(struct tls_context *context, struct tls_ticket_ring *ring) {
    tls_ticket_ring_unref(&context->tickets);
    context->tickets = tls_ticket_ring_ref(ring);
    must((int)SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl, tls_session_on_ticket), "tickets");
}

struct tls_ticket_ring *tls_context_tickets(const struct tls_context *context) {
    return context->tickets;
}

bool tls_context_is_server(const struct tls_context *context) {
    return context->rules->is_server;
}

bool tls_context_requires_alpn(const struct tls_context *context) {
    return context->requires_alpn;
}

void tls_context_set_offer(struct tls_context *context, enum tls_offer offer) {
    static const struct str offers[] = {
        [TLS_OFFER_HTTP1] = STR_INIT(ALPN_HTTP1),
        [TLS_OFFER_BOTH] = STR_INIT(ALPN_HTTP),
        [TLS_OFFER_H2] = STR_INIT(ALPN_H2),
    };
    if (context->role != TLS_HTTPS_CLIENT) {
        log_error("tls.offer_misplaced", "role=%d", (int)context->role);
        abort();
    }
    offer_alpn(context->ssl, offers[offer]);
    context->requires_alpn = offer == TLS_OFFER_H2;
}

bool tls_context_verifies_name(const struct tls_context *context) {
    return context->rules->verifies_name;
}

bool tls_context_must_be_asked(const struct tls_context *context) {
    return context->rules->must_be_asked;
}

enum status tls_context_set_certificate(struct tls_context *context, struct str chain_pem,
                                        struct str key_pem, struct why *why) {
    struct tls_certificate *certificate;
    enum status status = tls_certificate_parse(chain_pem, key_pem, &certificate, why);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&context->lock);
    struct tls_certificate *former = context->own;
    context->own = certificate;
    pthread_mutex_unlock(&context->lock);
    tls_certificate_unref(&former);
    return STATUS_OK;
}

enum status tls_context_set_trust(struct tls_context *context, struct str anchors_pem,
                                  struct why *why) {
    X509_STORE *store;
    enum status status = tls_certificate_parse_anchors(anchors_pem, &store, why);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&context->lock);
    X509_STORE *former = context->trust;
    context->trust = store;
    pthread_mutex_unlock(&context->lock);
    X509_STORE_free(former);
    return STATUS_OK;
}

static bool is_lower_host(struct str host) {
    for (size_t i = 0; i < host.len; i++) {
        if (str_lower_char(host.at[i]) != host.at[i]) {
            return false;
        }
    }
    return host.len > 0 && host.len <= TLS_HELLO_NAME_MAX;
}

enum status tls_context_add_host(struct tls_context *context, struct str host, struct str chain_pem,
                                 struct str key_pem, struct why *why) {
    struct tls_certificate *certificate;
    if (!is_lower_host(host)) {
        return why_set(why, STATUS_INVALID, "host_invalid",
                       "a host name is lower case and has 1 to %d bytes", TLS_HELLO_NAME_MAX);
    }
    enum status status = tls_certificate_parse(chain_pem, key_pem, &certificate, why);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&context->lock);
    struct tls_certificate *former = map_set(&context->hosts, host, certificate);
    pthread_mutex_unlock(&context->lock);
    tls_certificate_unref(&former);
    return STATUS_OK;
}

void tls_context_remove_host(struct tls_context *context, struct str host) {
    pthread_mutex_lock(&context->lock);
    struct tls_certificate *former = map_remove(&context->hosts, host);
    pthread_mutex_unlock(&context->lock);
    tls_certificate_unref(&former);
}

/* The certificate of that very name, or the wildcard over it (RFC 6125 §6.4.3: the first label alone). */
static struct tls_certificate *find_host(const struct tls_context *context, struct str host) {
    char wildcard[TLS_HELLO_NAME_MAX + 2];
    struct tls_certificate *exact = map_get(&context->hosts, host);
    size_t dot = str_find(host, '.');
    if (exact != NULL || dot == 0 || dot >= host.len || host.len > TLS_HELLO_NAME_MAX) {
        return exact;
    }
    struct str parent = str_sub(host, dot, host.len);
    wildcard[0] = '*';
    memcpy(wildcard + 1, parent.at, parent.len);
    return map_get(&context->hosts, str_make(wildcard, parent.len + 1));
}

bool tls_context_has_host(const struct tls_context *context, struct str host) {
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&context->lock;
    pthread_mutex_lock(lock);
    bool has = find_host(context, host) != NULL;
    pthread_mutex_unlock(lock);
    return has;
}

/* Both for the length of a handshake's callback, so that a replacement from elsewhere harms nobody. */
static void take_material(struct tls_context *context, struct str server_name,
                          struct tls_certificate **certificate, X509_STORE **trust) {
    pthread_mutex_lock(&context->lock);
    *certificate = context->rules->has_hosts ? find_host(context, server_name) : context->own;
    if (*certificate != NULL) {
        tls_certificate_ref(*certificate);
    }
    *trust = context->trust;
    if (*trust == NULL && context->rules->trusts_system) {
        if (context->system == NULL) {
            context->system = tls_system_trust_take();
        }
        *trust = context->system;
    }
    if (*trust != NULL) {
        X509_STORE_up_ref(*trust);
    }
    pthread_mutex_unlock(&context->lock);
}

/* A ticket opened under another context than it was sealed for is ignored by OpenSSL: full handshake. Ticket keys may be
 * shared between services (they are the first context's), so this is what keeps roles and hosts apart. */
static enum status set_session_scope(const struct tls_context *context, SSL *ssl,
                                     struct str server_name) {
    uint8_t scope[SHA256_DIGEST_LENGTH];
    char text[TLS_HELLO_NAME_MAX + 2];
    if (server_name.len > TLS_HELLO_NAME_MAX) {
        return STATUS_FAILED;
    }
    text[0] = (char)('0' + (int)context->role);
    if (server_name.len > 0) {
        memcpy(text + 1, server_name.at, server_name.len);
    }
    unsigned int len = 0;
    if (EVP_Digest(text, server_name.len + 1, scope, &len, EVP_sha256(), NULL) != 1) {
        return STATUS_FAILED;
    }
    return SSL_set_session_id_context(ssl, scope, len) == 1 ? STATUS_OK : STATUS_FAILED;
}

static void set_rules(const struct role_rules *rules, SSL *ssl) {
    SSL_set_min_proto_version(ssl, rules->min_version);
    SSL_set_max_proto_version(ssl, 0);
    SSL_set_verify(ssl, rules->verify_mode, on_verify);
    SSL_set_verify_depth(ssl, VERIFY_DEPTH_MAX);
    SSL_set_max_cert_list(ssl, PEER_CHAIN_BYTES_MAX);
    SSL_set_security_level(ssl, 2);
    if (rules->has_tickets) {
        SSL_clear_options(ssl, SSL_OP_NO_TICKET);
        SSL_set_num_tickets(ssl, TICKETS_PER_HANDSHAKE);
    } else {
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_set_num_tickets(ssl, 0);
    }
}

enum status tls_context_apply(struct tls_context *context, SSL *ssl, struct str server_name) {
    const struct role_rules *rules = context->rules;
    struct tls_certificate *certificate;
    X509_STORE *trust;
    take_material(context, server_name, &certificate, &trust);
    if (certificate == NULL && rules->is_server) {
        X509_STORE_free(trust);
        return STATUS_NOT_FOUND;
    }
    set_rules(rules, ssl);
    if (trust != NULL) {
        SSL_set1_verify_cert_store(ssl, trust);
        X509_STORE_free(trust);
    }
    enum status status =
        rules->is_server ? set_session_scope(context, ssl, server_name) : STATUS_OK;
    if (status == STATUS_OK && certificate != NULL) {
        status = tls_certificate_use(certificate, ssl);
    }
    tls_certificate_unref(&certificate);
    return status;
}
