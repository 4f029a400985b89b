/* net_test_kit.h: what the tests of this folder share: certificates made on the spot, a loop that is run until something is
 * the case, an engine double, and an owner that records its connection's events. For tests alone. */
#ifndef NET_NET_TEST_KIT_H
#define NET_NET_TEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/memory.h"
#include "net/conn_state.h"
#include "net/socket.h"

/* ---- certificates ---- */

struct kit_cert {
    X509 *x509;
    EVP_PKEY *key;
    char chain_pem[8192];
    char key_pem[2048];
};

static inline struct str kit_chain(const struct kit_cert *cert) {
    return str_from(cert->chain_pem);
}

static inline struct str kit_key(const struct kit_cert *cert) {
    return str_from(cert->key_pem);
}

static inline void kit_add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static inline void kit_write_pem(struct kit_cert *cert) {
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, cert->x509);
    int len = BIO_read(bio, cert->chain_pem, sizeof(cert->chain_pem) - 1);
    cert->chain_pem[len > 0 ? len : 0] = '\0';
    PEM_write_bio_PrivateKey(bio, cert->key, NULL, NULL, 0, NULL, NULL);
    len = BIO_read(bio, cert->key_pem, sizeof(cert->key_pem) - 1);
    cert->key_pem[len > 0 ? len : 0] = '\0';
    BIO_free(bio);
}

/* `issuer` NULL: a root. `dns` NULL: no subject alternative name. Valid from and until so many seconds from now. */
static inline struct kit_cert *kit_cert_timed(const struct kit_cert *issuer, const char *dns,
                                              const char *eku, long from_s, long until_s) {
    static long serial = 1000;
    struct kit_cert *cert = MEMORY_NEW(struct kit_cert);
    cert->key = EVP_EC_gen("P-256");
    cert->x509 = X509_new();
    X509_set_version(cert->x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert->x509), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert->x509), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert->x509), until_s);
    X509_set_pubkey(cert->x509, cert->key);
    X509_NAME *name = X509_get_subject_name(cert->x509);
    char common_name[32];
    snprintf(common_name, sizeof(common_name), issuer == NULL ? "root %ld" : "leaf %ld", serial);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1,
                               0);
    X509 *signer = issuer != NULL ? issuer->x509 : cert->x509;
    X509_set_issuer_name(cert->x509, X509_get_subject_name(signer));
    kit_add_extension(cert->x509, signer, NID_basic_constraints,
                      issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (dns != NULL) {
        char san[300];
        snprintf(san, sizeof(san), "DNS:%s", dns);
        kit_add_extension(cert->x509, signer, NID_subject_alt_name, san);
    }
    if (eku != NULL) {
        kit_add_extension(cert->x509, signer, NID_ext_key_usage, eku);
    }
    X509_sign(cert->x509, issuer != NULL ? issuer->key : cert->key, EVP_sha256());
    kit_write_pem(cert);
    return cert;
}

static inline struct kit_cert *kit_root(void) {
    return kit_cert_timed(NULL, NULL, NULL, -3600, 86400);
}

static inline struct kit_cert *kit_leaf(const struct kit_cert *issuer, const char *dns) {
    return kit_cert_timed(issuer, dns, "serverAuth,clientAuth", -3600, 86400);
}

static inline void kit_cert_free(struct kit_cert *cert) {
    if (cert != NULL) {
        X509_free(cert->x509);
        EVP_PKEY_free(cert->key);
        memory_free(cert);
    }
}

/* A context with a certificate (may be NULL) and trust (may be NULL). */
static inline struct tls_context *kit_context(enum tls_role role, const struct kit_cert *cert,
                                              const struct kit_cert *trust) {
    struct tls_context *context = tls_context_new(role);
    struct why why;
    if (cert != NULL) {
        assert_int_equal(tls_context_set_certificate(context, kit_chain(cert), kit_key(cert), &why),
                         STATUS_OK);
    }
    if (trust != NULL) {
        assert_int_equal(tls_context_set_trust(context, kit_chain(trust), &why), STATUS_OK);
    }
    return context;
}

static inline void kit_add_host(struct tls_context *context, const char *host,
                                const struct kit_cert *cert) {
    struct why why;
    assert_int_equal(
        tls_context_add_host(context, str_from(host), kit_chain(cert), kit_key(cert), &why),
        STATUS_OK);
}

/* ---- running until ---- */

#define KIT_PATIENCE_MS 20000
/* What happens just before a wait is noticed after it. Slow enough that a connection that lives on this tick alone, having
 * forgotten to wake itself, runs out of patience. */
#define KIT_TICK_MS 20

struct kit_wait {
    struct loop *loop;
    bool (*is_over)(void *context);
    void *context;
    uint64_t give_up_at;
    bool has_given_up;
};

static inline void kit_on_check(uv_check_t *check) {
    const struct kit_wait *wait = check->data;
    if (wait->is_over(wait->context)) {
        loop_stop(wait->loop);
    }
}

static inline void kit_on_tick(uv_timer_t *timer) {
    struct kit_wait *wait = timer->data;
    wait->has_given_up = !wait->is_over(wait->context) && uv_hrtime() > wait->give_up_at;
    if (wait->has_given_up) {
        loop_stop(wait->loop);
    }
}

static inline void kit_free_handle(uv_handle_t *handle) {
    memory_free(handle);
}

static inline void kit_until(struct loop *loop, bool (*is_over)(void *context), void *context) {
    struct kit_wait wait = {.loop = loop, .is_over = is_over, .context = context};
    uv_check_t *check = MEMORY_NEW(uv_check_t);
    uv_timer_t *timer = MEMORY_NEW(uv_timer_t);
    uv_check_init(loop_uv(loop), check);
    check->data = &wait;
    uv_timer_init(loop_uv(loop), timer);
    timer->data = &wait;
    if (!is_over(context)) {
        uv_check_start(check, kit_on_check);
        uv_update_time(loop_uv(loop));
        wait.give_up_at = uv_hrtime() + KIT_PATIENCE_MS * UINT64_C(1000000);
        uv_timer_start(timer, kit_on_tick, KIT_TICK_MS, KIT_TICK_MS);
        loop_run(loop);
    }
    uv_close((uv_handle_t *)check, kit_free_handle);
    uv_close((uv_handle_t *)timer, kit_free_handle);
    assert_false(wait.has_given_up);
}

static inline bool kit_is_true(void *context) {
    return *(const bool *)context;
}

static inline void kit_until_true(struct loop *loop, bool *flag) {
    kit_until(loop, kit_is_true, flag);
}

static inline bool kit_is_passed(void *context) {
    return (int64_t)uv_hrtime() >= *(const int64_t *)context;
}

static inline void kit_wake(uv_timer_t *timer) {
    (void)timer;
}

/* Lets the loop run for a while: only to show that something does not happen. */
static inline void kit_run_for(struct loop *loop, uint64_t ms) {
    int64_t until = (int64_t)(uv_hrtime() + ms * 1000000);
    uv_timer_t *timer = MEMORY_NEW(uv_timer_t);
    uv_timer_init(loop_uv(loop), timer);
    uv_update_time(loop_uv(loop));
    uv_timer_start(timer, kit_wake, ms + 1, 1);
    kit_until(loop, kit_is_passed, &until);
    uv_close((uv_handle_t *)timer, kit_free_handle);
}

static inline struct loop *kit_loop(void) {
    return loop_new(clock_system(), random_system());
}

/* Everything given back: to be called last. */
static inline void kit_loop_free(struct loop *loop) {
    kit_run_for(loop, 1);
    assert_int_equal(loop_block_pool(loop)->used_count, 0);
    loop_free(&loop);
}

/* ---- the engine double ---- */

#define KIT_PERIOD 65521

struct kit_engine {
    struct engine engine;
    /* what it does */
    bool is_echo;
    bool is_deaf;     /* wants_read is false */
    size_t deaf_at;   /* becomes deaf when so many bytes were received; 0: never */
    size_t done_at;   /* is done when so many bytes were received; 0: never */
    uint64_t to_send; /* pattern bytes to produce */
    size_t piece_max; /* at most so many in one peek; 0: a period */
    enum engine_phase phase;
    /* what happened */
    uint64_t sent;
    uint64_t received;
    bool is_pattern_broken;
    bool has_end;
    bool outlasts_end; /* set by the test */
    bool is_lost;
    bool is_freed;
    size_t fed_while_deaf;
    struct loop *loop;
    uint64_t turn; /* the last in which it was fed, how much then, and the most in any */
    size_t turn_bytes;
    size_t turn_bytes_max;
    uint64_t write_turn; /* the same of what it wrote, in writes */
    size_t turn_writes;
    size_t turn_writes_max;
    uint64_t phase_change_at; /* sets phase_then when so many bytes were received; 0: never */
    enum engine_phase phase_then;
    struct block_queue echo;
    uint8_t *pattern;
};

static inline void kit_engine_feed(struct engine *engine, const uint8_t *bytes, size_t len) {
    struct kit_engine *kit = (struct kit_engine *)engine;
    if (kit->is_deaf) {
        kit->fed_while_deaf += len;
    }
    for (size_t at = 0; at < len;) {
        size_t offset = (size_t)((kit->received + at) % KIT_PERIOD);
        size_t part = KIT_PERIOD - offset < len - at ? KIT_PERIOD - offset : len - at;
        kit->is_pattern_broken |= memcmp(bytes + at, kit->pattern + offset, part) != 0;
        at += part;
    }
    kit->received += len;
    kit->turn_bytes = kit->turn == loop_turn(kit->loop) ? kit->turn_bytes + len : len;
    kit->turn = loop_turn(kit->loop);
    if (kit->turn_bytes > kit->turn_bytes_max) {
        kit->turn_bytes_max = kit->turn_bytes;
    }
    if (kit->is_echo) {
        block_queue_append(&kit->echo, bytes, len);
        kit->is_deaf |= kit->echo.len > 256 * 1024;
    }
    if (kit->deaf_at > 0 && kit->received >= kit->deaf_at) {
        kit->is_deaf = true;
        kit->deaf_at = 0;
    }
    if (kit->phase_change_at > 0 && kit->received >= kit->phase_change_at) {
        kit->phase = kit->phase_then;
    }
    if (kit->done_at > 0 && kit->received >= kit->done_at) {
        kit->phase = ENGINE_DONE;
    }
}

static inline void kit_engine_feed_end(struct engine *engine) {
    ((struct kit_engine *)engine)->has_end = true;
}

static inline void kit_engine_lost(struct engine *engine) {
    ((struct kit_engine *)engine)->is_lost = true;
}

static inline size_t kit_engine_peek(struct engine *engine, const uint8_t **bytes) {
    struct kit_engine *kit = (struct kit_engine *)engine;
    if (kit->is_echo) {
        return block_queue_peek(&kit->echo, bytes);
    }
    size_t offset = (size_t)(kit->sent % KIT_PERIOD);
    uint64_t left = kit->to_send - kit->sent;
    size_t piece = KIT_PERIOD - offset;
    piece = kit->piece_max > 0 && kit->piece_max < piece ? kit->piece_max : piece;
    *bytes = kit->pattern + offset;
    return left < piece ? (size_t)left : piece;
}

static inline void kit_engine_wrote(struct engine *engine, size_t len) {
    struct kit_engine *kit = (struct kit_engine *)engine;
    kit->sent += len;
    kit->turn_writes = kit->write_turn == loop_turn(kit->loop) ? kit->turn_writes + 1 : 1;
    kit->write_turn = loop_turn(kit->loop);
    if (kit->turn_writes > kit->turn_writes_max) {
        kit->turn_writes_max = kit->turn_writes;
    }
    if (kit->is_echo) {
        block_queue_consume(&kit->echo, len);
        kit->is_deaf = kit->is_deaf && kit->echo.len > 64 * 1024;
    }
}

static inline bool kit_engine_wants_read(const struct engine *engine) {
    return !((const struct kit_engine *)engine)->is_deaf;
}

static inline enum engine_phase kit_engine_phase(const struct engine *engine) {
    return ((const struct kit_engine *)engine)->phase;
}

static inline bool kit_engine_outlasts_end(const struct engine *engine) {
    return ((const struct kit_engine *)engine)->outlasts_end;
}

static inline void kit_engine_release(struct engine *engine) {
    struct kit_engine *kit = (struct kit_engine *)engine;
    assert_true(kit->is_lost);
    assert_false(kit->is_freed);
    block_queue_clear(&kit->echo);
    memory_free(kit->pattern);
    kit->pattern = NULL;
    kit->is_freed = true;
}

/* In the test's storage; only its insides are freed with the connection. */
static inline void kit_engine_init(struct kit_engine *kit, struct loop *loop) {
    static const struct engine_ops ops = {
        kit_engine_feed,  kit_engine_feed_end, kit_engine_lost,
        kit_engine_peek,  kit_engine_wrote,    kit_engine_wants_read,
        kit_engine_phase, kit_engine_release,  kit_engine_outlasts_end,
    };
    *kit = (struct kit_engine){.engine.ops = &ops, .phase = ENGINE_BUSY, .loop = loop};
    block_queue_init(&kit->echo, loop_block_pool(loop));
    kit->pattern = memory_new(KIT_PERIOD);
    for (size_t i = 0; i < KIT_PERIOD; i++) {
        kit->pattern[i] = (uint8_t)(i * 31 + (i >> 8));
    }
}

/* ---- the owner double ---- */

struct kit_side {
    struct conn *conn;
    struct kit_engine engine; /* set on establishment if has_engine */
    bool has_engine;
    bool is_established;
    bool is_closed;
    bool is_inside; /* in a call of ours: nothing may come */
    bool aborts_on_established;
    char alpn[32];
    char server_name[256];
    char version[16];
    bool has_peer_certificate;
    int chain_len;
    struct why why;
};

static inline void kit_side_established(void *owner, struct conn *conn) {
    struct kit_side *side = owner;
    assert_false(side->is_inside);
    assert_false(side->is_established);
    side->is_established = true;
    side->conn = conn;
    struct str alpn = conn_alpn(conn);
    struct str name = conn_server_name(conn);
    snprintf(side->alpn, sizeof(side->alpn), "%.*s", STR_ARG(alpn));
    snprintf(side->server_name, sizeof(side->server_name), "%.*s", STR_ARG(name));
    snprintf(side->version, sizeof(side->version), "%s",
             conn->tls.is_established ? SSL_get_version(conn->tls.ssl) : "");
    side->has_peer_certificate =
        conn->tls.is_established && SSL_get0_peer_certificate(conn->tls.ssl) != NULL;
    side->chain_len = conn_peer_chain(conn) != NULL ? sk_X509_num(conn_peer_chain(conn)) : 0;
    if (side->has_engine) {
        conn_set_engine(conn, &side->engine.engine);
    }
    if (side->aborts_on_established) {
        side->is_inside = true;
        conn_abort(conn);
        side->is_inside = false;
    }
}

static inline void kit_side_closed(void *owner, struct conn *conn, const struct why *why) {
    struct kit_side *side = owner;
    (void)conn;
    assert_false(side->is_inside);
    assert_false(side->is_closed);
    side->is_closed = true;
    side->conn = NULL;
    side->why = *why;
}

static const struct conn_events kit_side_events = {kit_side_established, kit_side_closed};

static inline void kit_side_init(struct kit_side *side, struct loop *loop) {
    *side = (struct kit_side){.has_engine = true};
    kit_engine_init(&side->engine, loop);
}

/* Where the side never got its engine. */
static inline void kit_side_fini(struct kit_side *side) {
    if (side->engine.pattern != NULL) {
        side->engine.is_lost = true;
        kit_engine_release(&side->engine.engine);
    }
}

static inline bool kit_both_are_closed(void *context) {
    struct kit_side *const *sides = context;
    return sides[0]->is_closed && sides[1]->is_closed;
}

static inline void kit_until_closed(struct loop *loop, struct kit_side *a, struct kit_side *b) {
    struct kit_side *sides[2] = {a, b};
    kit_until(loop, kit_both_are_closed, sides);
}

static inline bool kit_both_are_established(void *context) {
    struct kit_side *const *sides = context;
    return (sides[0]->is_established || sides[0]->is_closed) &&
           (sides[1]->is_established || sides[1]->is_closed);
}

static inline void kit_until_established(struct loop *loop, struct kit_side *a,
                                         struct kit_side *b) {
    struct kit_side *sides[2] = {a, b};
    kit_until(loop, kit_both_are_established, sides);
}

static inline struct address kit_loopback(uint16_t port) {
    struct address address;
    assert_int_equal(address_from_ip(STR("127.0.0.1"), port, &address), STATUS_OK);
    return address;
}

/* A listening socket on a free port of loopback. */
static inline int kit_listen(struct address *address) {
    struct why why;
    int fd;
    struct address any = kit_loopback(0);
    assert_int_equal(socket_listen(&any, &fd, &why), STATUS_OK);
    socket_local_address(fd, address);
    return fd;
}

#endif
