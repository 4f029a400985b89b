#include "net/tls_ticket.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_test_kit.h"
#include "net/tls_session.h"

#define HOUR_MS ((int64_t)3600 * 1000)

static int64_t now_ms;

static int64_t tell_time(void *context) {
    (void)context;
    return now_ms;
}

static const struct clock test_clock = {tell_time, tell_time, NULL};

static struct tls_ticket_ring *make_ring(void) {
    return tls_ticket_ring_new(&test_clock, random_system());
}

/* ---- the ring alone ---- */

struct ticket {
    uint8_t name[TLS_TICKET_NAME_BYTES];
    uint8_t iv[16];
    uint8_t sealed[32];
    uint8_t mac[32];
};

static const uint8_t plain[16] = "session's state";

static void finish_mac(EVP_MAC_CTX *mac, const uint8_t *bytes, uint8_t out[32]) {
    size_t len = 0;
    assert_int_equal(EVP_MAC_init(mac, NULL, 0, NULL), 1);
    assert_int_equal(EVP_MAC_update(mac, bytes, 16), 1);
    assert_int_equal(EVP_MAC_final(mac, out, &len, 32), 1);
    assert_int_equal(len, 32);
}

static EVP_MAC_CTX *make_mac(void) {
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(algorithm);
    EVP_MAC_free(algorithm);
    return mac;
}

static struct ticket seal(struct tls_ticket_ring *ring) {
    struct ticket ticket = {0};
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_MAC_CTX *mac = make_mac();
    int len = 0;
    assert_int_equal(tls_ticket_ring_apply(ring, ticket.name, ticket.iv, cipher, mac, true), 1);
    EVP_CIPHER_CTX_set_padding(cipher, 0);
    assert_int_equal(EVP_EncryptUpdate(cipher, ticket.sealed, &len, plain, 16), 1);
    finish_mac(mac, ticket.sealed, ticket.mac);
    EVP_CIPHER_CTX_free(cipher);
    EVP_MAC_CTX_free(mac);
    return ticket;
}

/* What apply answers; if it opens, what was sealed must come out. */
static int unseal(struct tls_ticket_ring *ring, struct ticket *ticket) {
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_MAC_CTX *mac = make_mac();
    uint8_t check[32];
    uint8_t bytes[32];
    int len = 0;
    int result = tls_ticket_ring_apply(ring, ticket->name, ticket->iv, cipher, mac, false);
    if (result > 0) {
        finish_mac(mac, ticket->sealed, check);
        assert_memory_equal(check, ticket->mac, 32);
        EVP_CIPHER_CTX_set_padding(cipher, 0);
        assert_int_equal(EVP_DecryptUpdate(cipher, bytes, &len, ticket->sealed, 16), 1);
        assert_memory_equal(bytes, plain, 16);
    }
    EVP_CIPHER_CTX_free(cipher);
    EVP_MAC_CTX_free(mac);
    return result;
}

static void test_a_key_seals_then_opens_then_is_gone(void **state) {
    (void)state;
    now_ms = 1700000000000;
    struct tls_ticket_ring *ring = make_ring();
    struct ticket ticket = seal(ring);
    assert_int_equal(unseal(ring, &ticket), 1);
    now_ms += 12 * HOUR_MS - 1;
    assert_int_equal(unseal(ring, &ticket), 1);
    struct ticket same = seal(ring);
    assert_memory_equal(same.name, ticket.name, sizeof(ticket.name));
    assert_memory_not_equal(same.iv, ticket.iv, sizeof(ticket.iv));
    now_ms += 1;
    assert_int_equal(unseal(ring, &ticket), 2); /* renewed */
    struct ticket next = seal(ring);
    assert_memory_not_equal(next.name, ticket.name, sizeof(ticket.name));
    now_ms += 24 * HOUR_MS - 1;
    assert_int_equal(unseal(ring, &ticket), 2);
    now_ms += 1;
    assert_int_equal(unseal(ring, &ticket), 0);
    assert_int_equal(unseal(ring, &next), 2);
    now_ms += 1000 * HOUR_MS;
    assert_int_equal(unseal(ring, &next), 0);
    tls_ticket_ring_unref(&ring);
}

static void test_strangers_tickets(void **state) {
    (void)state;
    now_ms = 1700000000000;
    struct tls_ticket_ring *ring = make_ring();
    struct tls_ticket_ring *other = make_ring();
    struct ticket ticket = seal(ring);
    assert_int_equal(unseal(other, &ticket), 0);
    ticket.name[15] ^= 1;
    assert_int_equal(unseal(ring, &ticket), 0);
    tls_ticket_ring_unref(&ring);
    tls_ticket_ring_unref(&other);
}

static void test_a_clock_that_is_set_back(void **state) {
    (void)state;
    now_ms = 1700000000000;
    struct tls_ticket_ring *ring = make_ring();
    struct ticket ticket = seal(ring);
    now_ms -= 1000 * HOUR_MS;
    struct ticket next = seal(ring); /* else the old one would seal for a month */
    assert_memory_not_equal(next.name, ticket.name, sizeof(ticket.name));
    tls_ticket_ring_unref(&ring);
}

static void test_a_successor_goes_on(void **state) {
    (void)state;
    uint8_t blob[TLS_TICKET_BLOB_MAX];
    now_ms = 1700000000000;
    struct tls_ticket_ring *ring = make_ring();
    struct tls_ticket_ring *successor = make_ring();
    struct ticket oldest = seal(ring);
    now_ms += 13 * HOUR_MS;
    struct ticket older = seal(ring);
    now_ms += 13 * HOUR_MS;
    struct ticket newest = seal(ring);
    size_t len = tls_ticket_ring_export(ring, blob);
    assert_int_equal(tls_ticket_ring_import(successor, str_make(blob, len)), STATUS_OK);
    assert_int_equal(unseal(successor, &oldest), 2);
    assert_int_equal(unseal(successor, &older), 2);
    assert_int_equal(unseal(successor, &newest), 1);
    struct ticket theirs = seal(successor);
    assert_int_equal(unseal(ring, &theirs), 1);
    /* What has expired meanwhile is not taken along. */
    now_ms += 30 * HOUR_MS;
    assert_int_equal(tls_ticket_ring_import(successor, str_make(blob, len)), STATUS_OK);
    assert_int_equal(unseal(successor, &oldest), 0);
    assert_int_equal(unseal(successor, &newest), 2);
    now_ms += 30 * HOUR_MS;
    assert_int_equal(tls_ticket_ring_import(successor, str_make(blob, len)), STATUS_INVALID);
    tls_ticket_ring_unref(&ring);
    tls_ticket_ring_unref(&successor);
}

static void test_malformed_blobs_change_nothing(void **state) {
    (void)state;
    uint8_t blob[TLS_TICKET_BLOB_MAX + 1];
    now_ms = 1700000000000;
    struct tls_ticket_ring *ring = make_ring();
    struct tls_ticket_ring *other = make_ring();
    (void)seal(other);
    now_ms += 13 * HOUR_MS;
    size_t len = tls_ticket_ring_export(other, blob);
    struct ticket ticket = seal(ring);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(tls_ticket_ring_import(ring, str_make(blob, i)), STATUS_INVALID);
    }
    assert_int_equal(tls_ticket_ring_import(ring, str_make(blob, len + 1)), STATUS_INVALID);
    for (size_t i = 0; i < 6; i++) { /* the head */
        blob[i] ^= 4;
        assert_int_equal(tls_ticket_ring_import(ring, str_make(blob, len)), STATUS_INVALID);
        blob[i] ^= 4;
    }
    size_t time_at = 6 + 80; /* of the newest */
    blob[time_at] ^= 0x80;
    assert_int_equal(tls_ticket_ring_import(ring, str_make(blob, len)), STATUS_INVALID);
    blob[time_at] ^= 0x80;
    blob[time_at + 3] ^= 1; /* older than the next */
    assert_int_equal(tls_ticket_ring_import(ring, str_make(blob, len)), STATUS_INVALID);
    blob[time_at + 3] ^= 1;
    now_ms -= 2 * HOUR_MS; /* from the future */
    assert_int_equal(tls_ticket_ring_import(ring, str_make(blob, len)), STATUS_INVALID);
    now_ms += 2 * HOUR_MS;
    assert_int_equal(unseal(ring, &ticket), 1);
    assert_int_equal(tls_ticket_ring_import(ring, str_make(blob, len)), STATUS_OK);
    assert_int_equal(unseal(ring, &ticket), 0);
    tls_ticket_ring_unref(&ring);
    tls_ticket_ring_unref(&other);
}

static void *seal_and_unseal(void *context) {
    for (int i = 0; i < 2000; i++) {
        struct ticket ticket = seal(context);
        assert_int_equal(unseal(context, &ticket), 1);
    }
    return NULL;
}

static void test_many_threads(void **state) {
    (void)state;
    now_ms = 1700000000000;
    struct tls_ticket_ring *ring = make_ring();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, seal_and_unseal, ring), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    tls_ticket_ring_unref(&ring);
}

/* ---- handshakes ---- */

static struct kit_cert *root;
static struct kit_cert *leaf_a;

static int make_certificates(void **state) {
    (void)state;
    root = kit_root();
    leaf_a = kit_leaf(root, "a.test");
    return 0;
}

static int free_certificates(void **state) {
    (void)state;
    kit_cert_free(root);
    kit_cert_free(leaf_a);
    return 0;
}

static SSL_SESSION *last_session;
static int session_count;

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    (void)ssl;
    SSL_SESSION_free(last_session);
    last_session = session;
    session_count++;
    return 1;
}

/* A process: a front's first context, and a service's. */
struct process {
    struct tls_ticket_ring *ring;
    struct tls_context *first;
    struct tls_context *service;
};

static struct process process_new(enum tls_role role, struct tls_ticket_ring *ring) {
    struct process process = {.ring = ring, .first = tls_context_new(TLS_VISITOR_SERVER)};
    tls_context_set_tickets(process.first, ring);
    process.service = kit_context(role, role == TLS_VISITOR_SERVER ? NULL : leaf_a, NULL);
    if (role == TLS_VISITOR_SERVER) {
        kit_add_host(process.service, "a.test", leaf_a);
    }
    return process;
}

static void process_free(struct process *process) {
    tls_context_unref(&process->first);
    tls_context_unref(&process->service);
    tls_ticket_ring_unref(&process->ring);
}

static struct tls_context *choose(void *context, const struct tls_hello *hello) {
    (void)hello;
    return ((struct process *)context)->service;
}

static struct tls_context *make_client(void) {
    struct tls_context *client = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    SSL_CTX_set_session_cache_mode(tls_context_ssl(client),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls_context_ssl(client), keep_session);
    return client;
}

/* A renewed ticket is announced by the callback with TLS 1.3 alone. */
static void note_renewed_12(SSL *ssl, const SSL_SESSION *former) {
    const unsigned char *tickets[2];
    size_t lens[2];
    SSL_SESSION *session = SSL_get1_session(ssl);
    SSL_SESSION_get0_ticket(session, &tickets[0], &lens[0]);
    SSL_SESSION_get0_ticket(former, &tickets[1], &lens[1]);
    if (lens[0] == lens[1] && memcmp(tickets[0], tickets[1], lens[0]) == 0) {
        SSL_SESSION_free(session);
        return;
    }
    (void)keep_session(ssl, session);
}

/* One visit; true if it was resumed. What tickets it got is counted. */
static bool visit(struct process *process, struct tls_context *client, int version,
                  SSL_SESSION *resume) {
    struct tls_session ends[2];
    enum tls_result results[2] = {TLS_WAIT_READ, TLS_WAIT_READ};
    int fds[2];
    uint8_t byte;
    size_t len;
    session_count = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(tls_session_open(&ends[0], client, fds[0], "a.test"), STATUS_OK);
    assert_int_equal(tls_session_open(&ends[1], process->first, fds[1], NULL), STATUS_OK);
    tls_session_set_choose(&ends[1], choose, process);
    SSL_set_min_proto_version(ends[0].ssl, version);
    SSL_set_max_proto_version(ends[0].ssl, version);
    SSL_clear_options(ends[0].ssl, SSL_OP_NO_TICKET);
    if (resume != NULL) {
        SSL_SESSION *copy = SSL_SESSION_dup(resume); /* OpenSSL's clients use one only once */
        assert_int_equal(SSL_set_session(ends[0].ssl, copy), 1);
        SSL_SESSION_free(copy);
    }
    for (int i = 0; i < 20; i++) {
        int at = i % 2;
        if (results[at] == TLS_WAIT_READ) {
            results[at] = tls_session_handshake(&ends[at]);
        }
    }
    assert_int_equal(results[0], TLS_DONE);
    assert_int_equal(results[1], TLS_DONE);
    (void)tls_session_read(&ends[0], &byte, 1, &len); /* takes the tickets */
    bool is_resumed = SSL_session_reused(ends[1].ssl) == 1;
    if (is_resumed && version == TLS1_2_VERSION) {
        note_renewed_12(ends[0].ssl, resume);
    }
    for (int i = 0; i < 2; i++) {
        (void)tls_session_shutdown(&ends[i]); /* else OpenSSL spoils the session */
    }
    for (int i = 0; i < 2; i++) {
        tls_session_close(&ends[i]);
        close(fds[i]);
    }
    return is_resumed;
}

static SSL_SESSION *take_session(void) {
    SSL_SESSION *session = last_session;
    assert_non_null(session);
    last_session = NULL;
    return session;
}

static void drop_session(SSL_SESSION **session) {
    SSL_SESSION_free(*session);
    SSL_SESSION_free(last_session);
    *session = last_session = NULL;
}

static void check_two_processes(enum tls_role role, int version) {
    uint8_t blob[TLS_TICKET_BLOB_MAX];
    now_ms = clock_wall_ms(clock_system());
    struct process one = process_new(role, make_ring());
    struct process worker = process_new(role, tls_ticket_ring_ref(one.ring));
    struct process stranger = process_new(role, make_ring());
    struct process successor = process_new(role, make_ring());
    size_t len = tls_ticket_ring_export(one.ring, blob);
    assert_int_equal(tls_ticket_ring_import(successor.ring, str_make(blob, len)), STATUS_OK);
    struct tls_context *client = make_client();

    assert_false(visit(&one, client, version, NULL));
    assert_int_equal(session_count, 1);
    SSL_SESSION *session = take_session();
    assert_true(visit(&one, client, version, session));
    assert_int_equal(session_count, version == TLS1_3_VERSION);
    assert_true(visit(&worker, client, version, session));
    assert_true(visit(&successor, client, version, session));
    assert_false(visit(&stranger, client, version, session));

    drop_session(&session);
    tls_context_unref(&client);
    process_free(&one);
    process_free(&worker);
    process_free(&stranger);
    process_free(&successor);
}

static void test_workers_and_successors_resume_each_other(void **state) {
    (void)state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        check_two_processes(TLS_VISITOR_SERVER, versions[i]);
        check_two_processes(TLS_API_SERVER, versions[i]);
    }
}

/* Tickets of one role do not open the other, though the ring is the same. */
static void check_roles(int version) {
    now_ms = clock_wall_ms(clock_system());
    struct process visitors = process_new(TLS_VISITOR_SERVER, make_ring());
    struct process api = process_new(TLS_API_SERVER, tls_ticket_ring_ref(visitors.ring));
    struct tls_context *client = make_client();
    assert_false(visit(&visitors, client, version, NULL));
    SSL_SESSION *session = take_session();
    assert_false(visit(&api, client, version, session));
    drop_session(&session);
    assert_false(visit(&api, client, version, NULL));
    session = take_session();
    assert_false(visit(&visitors, client, version, session));
    assert_true(visit(&api, client, version, session));
    drop_session(&session);
    tls_context_unref(&client);
    process_free(&visitors);
    process_free(&api);
}

static void test_tickets_stay_with_their_role(void **state) {
    (void)state;
    check_roles(TLS1_2_VERSION);
    check_roles(TLS1_3_VERSION);
}

/* A ticket of an old key is taken, and a new one given in its place; then the new one does for as long again. */
static void check_renewal(int version) {
    now_ms = clock_wall_ms(clock_system());
    struct process process = process_new(TLS_VISITOR_SERVER, make_ring());
    struct tls_context *client = make_client();
    assert_false(visit(&process, client, version, NULL));
    SSL_SESSION *session = take_session();
    now_ms += 20 * HOUR_MS;
    assert_true(visit(&process, client, version, session));
    assert_int_equal(session_count, 1);
    SSL_SESSION *renewed = take_session();
    now_ms += 17 * HOUR_MS; /* the first key is gone */
    assert_false(visit(&process, client, version, session));
    assert_true(visit(&process, client, version, renewed));
    SSL_SESSION_free(renewed);
    drop_session(&session);
    tls_context_unref(&client);
    process_free(&process);
}

static void test_old_tickets_are_renewed(void **state) {
    (void)state;
    check_renewal(TLS1_2_VERSION);
    check_renewal(TLS1_3_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_seals_then_opens_then_is_gone),
        cmocka_unit_test(test_strangers_tickets),
        cmocka_unit_test(test_a_clock_that_is_set_back),
        cmocka_unit_test(test_a_successor_goes_on),
        cmocka_unit_test(test_malformed_blobs_change_nothing),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_workers_and_successors_resume_each_other),
        cmocka_unit_test(test_tickets_stay_with_their_role),
        cmocka_unit_test(test_old_tickets_are_renewed),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
