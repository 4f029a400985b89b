#include "net/tls_session.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "net/net_test_kit.h"

/* Two sessions on a socket pair, moved in turns until both have come to an end of their handshake. */
struct pair {
    int fds[2];
    struct tls_session client;
    struct tls_session server;
    enum tls_result client_result;
    enum tls_result server_result;
    struct why client_why;
    struct why server_why;
};

static struct kit_cert *root;
static struct kit_cert *stranger;
static struct kit_cert *leaf_a;
static struct kit_cert *leaf_b;

static int make_certificates(void **state) {
    (void)state;
    root = kit_root();
    stranger = kit_root();
    leaf_a = kit_leaf(root, "a.test");
    leaf_b = kit_leaf(root, "b.test");
    return 0;
}

static int free_certificates(void **state) {
    (void)state;
    kit_cert_free(root);
    kit_cert_free(stranger);
    kit_cert_free(leaf_a);
    kit_cert_free(leaf_b);
    return 0;
}

static void pair_open(struct pair *pair, struct tls_context *client, struct tls_context *server,
                      const char *name) {
    *pair = (struct pair){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair->fds), 0);
    assert_int_equal(tls_session_open(&pair->client, client, pair->fds[0], name), STATUS_OK);
    assert_int_equal(tls_session_open(&pair->server, server, pair->fds[1], NULL), STATUS_OK);
}

static bool is_waiting(enum tls_result result) {
    return result == TLS_WAIT_READ || result == TLS_WAIT_WRITE;
}

static void pair_shake(struct pair *pair) {
    pair->client_result = pair->server_result = TLS_WAIT_READ;
    for (int i = 0; i < 20; i++) {
        if (is_waiting(pair->client_result)) {
            pair->client_result = tls_session_handshake(&pair->client);
        }
        if (is_waiting(pair->server_result)) {
            pair->server_result = tls_session_handshake(&pair->server);
        }
    }
    if (!is_waiting(pair->client_result) && pair->client_result != TLS_DONE) {
        tls_session_why(&pair->client, "server.test", &pair->client_why);
    }
    if (!is_waiting(pair->server_result) && pair->server_result != TLS_DONE) {
        tls_session_why(&pair->server, "client.test", &pair->server_why);
    }
}

static void pair_close(struct pair *pair) {
    tls_session_close(&pair->client);
    tls_session_close(&pair->server);
    close(pair->fds[0]);
    close(pair->fds[1]);
}

/* A handshake between contexts that are given up. */
static struct pair shake(struct tls_context *client, struct tls_context *server, const char *name) {
    struct pair pair;
    pair_open(&pair, client, server, name);
    pair_shake(&pair);
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
    return pair;
}

static struct tls_context *visitor_server(void) {
    struct tls_context *context = tls_context_new(TLS_VISITOR_SERVER);
    kit_add_host(context, "a.test", leaf_a);
    kit_add_host(context, "b.test", leaf_b);
    return context;
}

static void test_visitor_is_served_by_name(void **state) {
    (void)state;
    struct tls_context *server = visitor_server();
    struct tls_context *client = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    const char *names[] = {"a.test", "b.test"};
    for (int i = 0; i < 2; i++) {
        struct pair pair;
        pair_open(&pair, client, server, names[i]);
        pair_shake(&pair);
        assert_int_equal(pair.client_result, TLS_DONE);
        assert_int_equal(pair.server_result, TLS_DONE);
        assert_string_equal(pair.server.server_name, names[i]);
        X509 *shown = SSL_get0_peer_certificate(pair.client.ssl);
        assert_int_equal(X509_check_host(shown, names[i], 0, 0, NULL), 1);
        pair_close(&pair);
    }
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void test_unknown_and_missing_names_are_refused(void **state) {
    (void)state;
    struct pair pair = shake(kit_context(TLS_HTTPS_CLIENT, NULL, root), visitor_server(), "c.test");
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_int_equal(pair.client_result, TLS_FAILED);
    assert_string_equal(pair.client_why.slug, "tls_handshake");
    assert_non_null(strstr(pair.client_why.text, "unrecognized_name"));

    /* An address is not sent as a name. */
    pair = shake(kit_context(TLS_HTTPS_CLIENT, NULL, root), visitor_server(), "127.0.0.1");
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_non_null(strstr(pair.client_why.text, "unrecognized_name"));
}

/* A wildcard stands for one label (RFC 6125 §6.4.3), and an exact name goes before it. */
static void test_wildcards_serve_one_label(void **state) {
    (void)state;
    struct kit_cert *wild = kit_leaf(root, "*.w.test");
    const struct {
        const char *name;
        bool is_served;
    } cases[] = {{"z.w.test", true}, {"b.test", true}, {"w.test", false}, {"y.z.w.test", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tls_context *server = tls_context_new(TLS_VISITOR_SERVER);
        kit_add_host(server, "*.w.test", wild);
        kit_add_host(server, "b.test", leaf_b);
        struct pair pair = shake(kit_context(TLS_HTTPS_CLIENT, NULL, root), server, cases[i].name);
        assert_int_equal(pair.client_result, cases[i].is_served ? TLS_DONE : TLS_FAILED);
    }
    kit_cert_free(wild);
}

static void test_wrong_authority_tells_what_to_do(void **state) {
    (void)state;
    struct pair pair =
        shake(kit_context(TLS_HTTPS_CLIENT, NULL, stranger), visitor_server(), "a.test");
    assert_int_equal(pair.client_result, TLS_FAILED);
    assert_string_equal(pair.client_why.slug, "tls_verify");
    assert_non_null(strstr(pair.client_why.text, "server.test"));
    assert_non_null(strstr(pair.client_why.text, "--ca-file"));
    assert_string_equal(pair.server_why.slug, "tls_verify"); /* by the alert */
}

static void test_wrong_name_is_refused(void **state) {
    (void)state;
    struct tls_context *server = tls_context_new(TLS_VISITOR_SERVER);
    kit_add_host(server, "b.test", leaf_a);
    struct pair pair = shake(kit_context(TLS_HTTPS_CLIENT, NULL, root), server, "b.test");
    assert_string_equal(pair.client_why.slug, "tls_verify");
    assert_non_null(strstr(pair.client_why.text, "another name"));
}

static struct pair shake_timed(long from_s, long until_s) {
    struct kit_cert *leaf = kit_cert_timed(root, "a.test", "serverAuth", from_s, until_s);
    struct tls_context *server = tls_context_new(TLS_VISITOR_SERVER);
    kit_add_host(server, "a.test", leaf);
    kit_cert_free(leaf);
    return shake(kit_context(TLS_HTTPS_CLIENT, NULL, root), server, "a.test");
}

static void test_certificate_times_have_a_minute_of_leeway(void **state) {
    (void)state;
    assert_int_equal(shake_timed(-3600, -30).client_result, TLS_DONE);
    assert_int_equal(shake_timed(30, 3600).client_result, TLS_DONE);
    struct pair pair = shake_timed(-3600, -90);
    assert_int_equal(pair.client_result, TLS_FAILED);
    assert_non_null(strstr(pair.client_why.text, "expired"));
    pair = shake_timed(90, 3600);
    assert_int_equal(pair.client_result, TLS_FAILED);
    assert_non_null(strstr(pair.client_why.text, "not valid yet"));
}

/* Leeway forgives the time and nothing else. */
static void test_leeway_does_not_forgive_a_stranger(void **state) {
    (void)state;
    struct kit_cert *leaf = kit_cert_timed(stranger, "a.test", "serverAuth", -3600, -30);
    struct tls_context *server = tls_context_new(TLS_VISITOR_SERVER);
    kit_add_host(server, "a.test", leaf);
    kit_cert_free(leaf);
    struct pair pair = shake(kit_context(TLS_HTTPS_CLIENT, NULL, root), server, "a.test");
    assert_string_equal(pair.client_why.slug, "tls_verify");
}

static struct tls_context *tunnel_server(void) {
    return kit_context(TLS_TUNNEL_SERVER, leaf_a, root);
}

static void test_tunnel_stands_with_certificates_on_both_sides(void **state) {
    (void)state;
    struct pair pair;
    struct tls_context *client = kit_context(TLS_TUNNEL_CLIENT, leaf_b, root);
    struct tls_context *server = tunnel_server();
    pair_open(&pair, client, server, "edge.test"); /* a name that is not verified: the role is */
    pair_shake(&pair);
    assert_int_equal(pair.client_result, TLS_DONE);
    assert_int_equal(pair.server_result, TLS_DONE);
    assert_string_equal(SSL_get_version(pair.server.ssl), "TLSv1.3");
    assert_int_equal(sk_X509_num(SSL_get0_verified_chain(pair.server.ssl)), 2);
    /* no tickets: nothing to resume with */
    uint8_t byte;
    size_t len;
    assert_int_equal(tls_session_read(&pair.client, &byte, 1, &len), TLS_WAIT_READ);
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(pair.client.ssl)), 0);
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void test_tunnel_wants_a_certificate_of_its_own_authority(void **state) {
    (void)state;
    struct pair pair =
        shake(kit_context(TLS_TUNNEL_CLIENT, NULL, root), tunnel_server(), "edge.test");
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_string_equal(pair.server_why.slug, "tls_verify");
    assert_non_null(strstr(pair.server_why.text, "no certificate"));

    struct kit_cert *foreign = kit_leaf(stranger, "x.test");
    pair = shake(kit_context(TLS_TUNNEL_CLIENT, foreign, root), tunnel_server(), "edge.test");
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_string_equal(pair.server_why.slug, "tls_verify");

    /* Without anchors a tunnel trusts nobody. */
    pair = shake(kit_context(TLS_TUNNEL_CLIENT, leaf_b, root),
                 kit_context(TLS_TUNNEL_SERVER, leaf_a, NULL), "edge.test");
    assert_string_equal(pair.server_why.slug, "tls_verify");
    pair = shake(kit_context(TLS_TUNNEL_CLIENT, leaf_b, NULL), tunnel_server(), "edge.test");
    assert_string_equal(pair.client_why.slug, "tls_verify");
    kit_cert_free(foreign);
}

/* Whoever has a certificate of our authority and lets anybody in is no edge. */
static void test_tunnel_client_has_to_be_asked_for_its_certificate(void **state) {
    (void)state;
    struct pair pair;
    struct tls_context *client = kit_context(TLS_TUNNEL_CLIENT, leaf_b, root);
    struct tls_context *server = kit_context(TLS_API_SERVER, leaf_a, root);
    pair_open(&pair, client, server, "edge.test");
    SSL_set_alpn_protos(pair.client.ssl, (const unsigned char *)"\x02h2", 3);
    pair_shake(&pair);
    assert_int_equal(pair.client_result, TLS_FAILED);
    assert_string_equal(pair.client_why.slug, "tls_handshake");
    assert_non_null(strstr(pair.client_why.text, "did not ask"));
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void test_tunnel_client_learns_of_a_refused_certificate(void **state) {
    (void)state;
    struct pair pair;
    struct tls_context *client = kit_context(TLS_TUNNEL_CLIENT, NULL, root);
    struct tls_context *server = tunnel_server();
    struct why why = {0};
    uint8_t byte;
    size_t len;
    pair_open(&pair, client, server, "edge.test");
    pair_shake(&pair);
    /* In TLS 1.3 the client has finished before the server judges it. */
    assert_int_equal(pair.client_result, TLS_DONE);
    assert_int_equal(tls_session_read(&pair.client, &byte, 1, &len), TLS_FAILED);
    tls_session_why(&pair.client, "the edge", &why);
    assert_string_equal(why.slug, "tls_verify");
    assert_string_equal(why.text, "the edge wants a certificate, and we have none to show");
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void test_tunnel_refuses_tls_1_2(void **state) {
    (void)state;
    struct pair pair;
    struct tls_context *client = kit_context(TLS_TUNNEL_CLIENT, leaf_b, root);
    struct tls_context *server = tunnel_server();
    pair_open(&pair, client, server, "edge.test");
    SSL_set_min_proto_version(pair.client.ssl, TLS1_2_VERSION);
    SSL_set_max_proto_version(pair.client.ssl, TLS1_2_VERSION);
    pair_shake(&pair);
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_int_equal(pair.client_result, TLS_FAILED);
    assert_non_null(strstr(pair.server_why.text, "TLS version"));
    assert_non_null(strstr(pair.client_why.text, "TLS version"));
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void test_visitor_may_use_tls_1_2(void **state) {
    (void)state;
    struct pair pair;
    struct tls_context *client = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    struct tls_context *server = visitor_server();
    pair_open(&pair, client, server, "a.test");
    SSL_set_max_proto_version(pair.client.ssl, TLS1_2_VERSION);
    pair_shake(&pair);
    assert_int_equal(pair.server_result, TLS_DONE);
    assert_string_equal(SSL_get_version(pair.server.ssl), "TLSv1.2");
    pair_close(&pair);
    pair_open(&pair, client, server, "a.test");
    SSL_set_min_proto_version(pair.client.ssl, TLS1_1_VERSION);
    SSL_set_max_proto_version(pair.client.ssl, TLS1_1_VERSION);
    pair_shake(&pair);
    assert_int_not_equal(pair.server_result, TLS_DONE);
    assert_int_not_equal(pair.client_result, TLS_DONE);
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void test_own_protocol_must_be_negotiated(void **state) {
    (void)state;
    /* No ALPN at all. */
    struct pair pair;
    struct tls_context *client = kit_context(TLS_TUNNEL_CLIENT, leaf_b, root);
    struct tls_context *server = tunnel_server();
    pair_open(&pair, client, server, "edge.test");
    SSL_set_alpn_protos(pair.client.ssl, NULL, 0);
    pair_shake(&pair);
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_int_equal(pair.client_result, TLS_FAILED);
    assert_non_null(strstr(pair.server_why.text, "ALPN"));
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
    /* Another one. */
    pair = shake(kit_context(TLS_CONTROL_CLIENT, leaf_b, root), tunnel_server(), "a.test");
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_non_null(strstr(pair.client_why.text, "protocol"));
}

static void check_alpn(const char *offer, unsigned int len, const char *expected) {
    struct pair pair;
    struct tls_context *client = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    struct tls_context *server = visitor_server();
    pair_open(&pair, client, server, "a.test");
    SSL_set_alpn_protos(pair.client.ssl, (const unsigned char *)offer, len);
    pair_shake(&pair);
    const unsigned char *protocol;
    unsigned int protocol_len;
    SSL_get0_alpn_selected(pair.server.ssl, &protocol, &protocol_len);
    assert_int_equal(pair.server_result, expected != NULL ? TLS_DONE : TLS_FAILED);
    if (expected != NULL) {
        assert_true(str_eq(str_make(protocol, protocol_len), str_from(expected)));
    }
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void test_visitors_get_h2_when_they_offer_it(void **state) {
    (void)state;
    check_alpn("\x08http/1.1\x02h2", 12, "h2");
    check_alpn("\x08http/1.1", 9, "http/1.1");
    check_alpn("", 0, "");
    check_alpn("\x03"
               "foo",
               4, NULL);
    check_alpn("\x13mezusphere-tunnel/1", 20, NULL);
}

/* A server that knows one protocol and insists on it. */
static int select_one(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                      const unsigned char *in, unsigned int in_len, void *context) {
    const unsigned char *known = context;
    unsigned char *found;
    (void)ssl;
    if (SSL_select_next_proto(&found, out_len, known, known[0] + 1U, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

static void check_offer(enum tls_offer offer, const char *server_knows,
                        const char *chosen_protocol) {
    struct tls_context *client = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    struct tls_context *server = visitor_server();
    struct pair pair;
    tls_context_set_offer(client, offer);
    if (server_knows == NULL) {
        SSL_CTX_set_alpn_select_cb(tls_context_ssl(server), NULL, NULL);
    } else {
        SSL_CTX_set_alpn_select_cb(tls_context_ssl(server), select_one,
                                   (void *)(uintptr_t)server_knows);
    }
    pair_open(&pair, client, server, "a.test");
    pair_shake(&pair);
    assert_int_equal(pair.client_result, chosen_protocol != NULL ? TLS_DONE : TLS_FAILED);
    if (chosen_protocol != NULL) {
        const unsigned char *alpn;
        unsigned int len;
        SSL_get0_alpn_selected(pair.client.ssl, &alpn, &len);
        assert_true(str_eq(str_make(alpn, len), str_from(chosen_protocol)));
    } else {
        assert_string_equal(pair.client_why.slug, "tls_handshake");
    }
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

/* What an upstream speaks is its choice among what we offer; without ALPN it is HTTP/1.1, if we do that. */
static void test_upstreams_choose_among_what_is_offered(void **state) {
    (void)state;
    check_offer(TLS_OFFER_BOTH, "\x02h2", "h2");
    check_offer(TLS_OFFER_BOTH, "\x08http/1.1", "http/1.1");
    check_offer(TLS_OFFER_BOTH, NULL, "");
    check_offer(TLS_OFFER_HTTP1, "\x08http/1.1", "http/1.1");
    check_offer(TLS_OFFER_HTTP1, NULL, "");
    check_offer(TLS_OFFER_HTTP1, "\x02h2", NULL);
    check_offer(TLS_OFFER_H2, "\x02h2", "h2");
    check_offer(TLS_OFFER_H2, "\x08http/1.1", NULL);
    check_offer(TLS_OFFER_H2, NULL, NULL);
}

/* An upstream that is named by its address is verified by it. */
static void test_addresses_are_verified(void **state) {
    (void)state;
    static const struct {
        const char *names; /* in the certificate */
        const char *asked;
        bool is_good;
    } cases[] = {
        {"a.test,IP:127.0.0.1", "127.0.0.1", true},
        {"a.test,IP:127.0.0.1", "127.0.0.2", false},
        {"a.test,IP:::1", "::1", true},
        {"a.test,IP:::1", "::2", false},
        {"127.0.0.1", "127.0.0.1", false}, /* a name that looks like one is none */
        {"a.test", "127.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_cert *leaf = kit_leaf(root, cases[i].names);
        struct pair pair = shake(kit_context(TLS_HTTPS_CLIENT, NULL, root),
                                 kit_context(TLS_API_SERVER, leaf, NULL), cases[i].asked);
        assert_int_equal(pair.client_result, cases[i].is_good ? TLS_DONE : TLS_FAILED);
        if (!cases[i].is_good) {
            assert_string_equal(pair.client_why.slug, "tls_verify");
            assert_non_null(strstr(pair.client_why.text, "IP address"));
        }
        kit_cert_free(leaf);
    }
}

static void test_control_takes_clients_with_and_without_a_certificate(void **state) {
    (void)state;
    struct pair pair = shake(kit_context(TLS_CONTROL_CLIENT, NULL, root),
                             kit_context(TLS_CONTROL_SERVER, leaf_a, root), "a.test");
    assert_int_equal(pair.server_result, TLS_DONE);
    assert_int_equal(pair.client_result, TLS_DONE);
    pair = shake(kit_context(TLS_CONTROL_CLIENT, leaf_b, root),
                 kit_context(TLS_CONTROL_SERVER, leaf_a, root), "a.test");
    assert_int_equal(pair.server_result, TLS_DONE);
    struct kit_cert *foreign = kit_leaf(stranger, "x.test");
    pair = shake(kit_context(TLS_CONTROL_CLIENT, foreign, root),
                 kit_context(TLS_CONTROL_SERVER, leaf_a, root), "a.test");
    assert_int_equal(pair.server_result, TLS_FAILED);
    pair = shake(kit_context(TLS_CONTROL_CLIENT, NULL, root),
                 kit_context(TLS_CONTROL_SERVER, leaf_a, root), "b.test");
    assert_int_equal(pair.client_result, TLS_FAILED);
    assert_string_equal(pair.client_why.slug, "tls_verify");
    kit_cert_free(foreign);
}

/* ---- tickets ---- */

static struct tls_context *chosen;

static struct tls_context *choose(void *context, const struct tls_hello *hello) {
    (void)context;
    (void)hello;
    return chosen;
}

static SSL_SESSION *last_session;

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    (void)ssl;
    SSL_SESSION_free(last_session);
    last_session = session;
    return 1;
}

/* One visit through `base`, handed to `to`; true if it was resumed. Keeps the ticket that it got. */
static bool visit(struct tls_context *base, struct tls_context *to, struct tls_context *client,
                  const char *name, int max_version, SSL_SESSION *resume) {
    struct pair pair;
    uint8_t byte;
    size_t len;
    pair_open(&pair, client, base, name);
    SSL_set_min_proto_version(pair.client.ssl, TLS1_2_VERSION);
    SSL_set_max_proto_version(pair.client.ssl, max_version);
    SSL_clear_options(pair.client.ssl, SSL_OP_NO_TICKET); /* ours never resumes; visitors do */
    if (resume != NULL) {
        assert_int_equal(SSL_set_session(pair.client.ssl, resume), 1);
    }
    chosen = to;
    tls_session_set_choose(&pair.server, choose, NULL);
    pair_shake(&pair);
    (void)tls_session_read(&pair.client, &byte, 1, &len); /* takes the tickets */
    (void)tls_session_shutdown(&pair.client);             /* else OpenSSL spoils the session */
    bool is_resumed = pair.server_result == TLS_DONE && SSL_session_reused(pair.server.ssl) == 1;
    pair_close(&pair);
    return is_resumed;
}

static void check_tickets(int version) {
    struct tls_context *base = tls_context_new(TLS_VISITOR_SERVER);
    struct tls_ticket_ring *ring = tls_ticket_ring_new(clock_system(), random_system());
    tls_context_set_tickets(base, ring);
    tls_ticket_ring_unref(&ring);
    struct tls_context *visitor = visitor_server();
    struct tls_context *api = kit_context(TLS_API_SERVER, leaf_a, NULL);
    struct tls_context *tunnel = tunnel_server();
    struct tls_context *client = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    struct tls_context *tunnel_client = kit_context(TLS_TUNNEL_CLIENT, leaf_b, root);
    SSL_CTX_set_session_cache_mode(tls_context_ssl(client),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls_context_ssl(client), keep_session);

    assert_false(visit(base, visitor, client, "a.test", version, NULL));
    assert_non_null(last_session);
    SSL_SESSION *ticket = last_session;
    last_session = NULL;
    assert_true(visit(base, visitor, client, "a.test", version, ticket));
    /* another host, another role: never resumed */
    SSL_SESSION *copy = SSL_SESSION_dup(ticket);
    SSL_SESSION_set1_hostname(copy, "b.test");
    assert_false(visit(base, visitor, client, "b.test", version, copy));
    assert_false(visit(base, api, client, "a.test", version, ticket));
    if (version == TLS1_3_VERSION) {
        assert_false(visit(base, tunnel, tunnel_client, "a.test", version, ticket));
    }
    SSL_SESSION_free(copy);
    SSL_SESSION_free(ticket);
    SSL_SESSION_free(last_session);
    last_session = NULL;
    struct tls_context *all[] = {base, visitor, api, tunnel, client, tunnel_client};
    for (size_t i = 0; i < 6; i++) {
        tls_context_unref(&all[i]);
    }
}

static void test_tickets_stay_with_host_and_role(void **state) {
    (void)state;
    check_tickets(TLS1_3_VERSION);
    check_tickets(TLS1_2_VERSION);
}

/* The rules of the chosen context hold although the handshake began with another's (SSL_set_SSL_CTX carries few over). */
static void test_chosen_context_rules(void **state) {
    (void)state;
    struct pair pair;
    struct tls_context *base = visitor_server();
    struct tls_context *server = tunnel_server();
    struct tls_context *client = kit_context(TLS_TUNNEL_CLIENT, NULL, root);
    chosen = server;
    pair_open(&pair, client, base, "edge.test");
    tls_session_set_choose(&pair.server, choose, NULL);
    pair_shake(&pair);
    assert_int_equal(pair.server_result, TLS_FAILED); /* no certificate */
    assert_non_null(strstr(pair.server_why.text, "no certificate"));
    pair_close(&pair);

    pair_open(&pair, client, base, "edge.test");
    SSL_set_min_proto_version(pair.client.ssl, TLS1_2_VERSION);
    SSL_set_max_proto_version(pair.client.ssl, TLS1_2_VERSION);
    tls_session_set_choose(&pair.server, choose, NULL);
    pair_shake(&pair);
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_non_null(strstr(pair.server_why.text, "TLS version"));
    pair_close(&pair);

    chosen = NULL;
    pair_open(&pair, client, base, "a.test");
    tls_session_set_choose(&pair.server, choose, NULL);
    pair_shake(&pair);
    assert_int_equal(pair.server_result, TLS_FAILED);
    assert_non_null(strstr(pair.client_why.text, "unrecognized_name"));
    pair_close(&pair);
    tls_context_unref(&base);
    tls_context_unref(&server);
    tls_context_unref(&client);
}

/* What one connection left in OpenSSL's error queue does not judge the next. */
static void test_foreign_errors_do_no_harm(void **state) {
    (void)state;
    struct pair pair;
    struct tls_context *client = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    struct tls_context *server = visitor_server();
    pair_open(&pair, client, server, "a.test");
    pair_shake(&pair);
    uint8_t bytes[16];
    size_t len = 0;
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_PACKET);
    assert_int_equal(tls_session_read(&pair.server, bytes, sizeof(bytes), &len), TLS_WAIT_READ);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_PACKET);
    assert_int_equal(tls_session_write(&pair.client, (const uint8_t *)"hello", 5, &len), TLS_DONE);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_PACKET);
    assert_int_equal(tls_session_read(&pair.server, bytes, sizeof(bytes), &len), TLS_DONE);
    assert_int_equal(len, 5);
    assert_int_equal(tls_session_shutdown(&pair.client), TLS_DONE);
    assert_int_equal(tls_session_read(&pair.server, bytes, sizeof(bytes), &len), TLS_END);
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void test_plain_bytes_are_named(void **state) {
    (void)state;
    struct pair pair;
    struct tls_context *client = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    struct tls_context *server = visitor_server();
    pair_open(&pair, client, server, "a.test");
    assert_int_equal(write(pair.fds[0], "GET / HTTP/1.1\r\n\r\n", 18), 18);
    assert_int_equal(tls_session_handshake(&pair.server), TLS_FAILED);
    tls_session_why(&pair.server, "192.0.2.1", &pair.server_why);
    assert_string_equal(pair.server_why.text, "192.0.2.1 speaks plain HTTP on a TLS port");
    pair_close(&pair);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

/* Who knows no more of the other side than its root's fingerprint: that root and no other, and all else as always. */
static void test_a_root_is_pinned(void **state) {
    (void)state;
    struct kit_cert *foreign = kit_leaf(stranger, "a.test");
    const struct {
        const struct kit_cert *trusted, *leaf, *shown;
        const char *name;
        enum tls_result result;
    } cases[] = {{root, leaf_a, root, "a.test", TLS_DONE},
                 {root, leaf_a, root, "b.test", TLS_FAILED},
                 {stranger, leaf_a, root, "a.test", TLS_FAILED},
                 {root, foreign, root, "a.test", TLS_FAILED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tls_context *client = tls_context_new(TLS_CONTROL_CLIENT);
        struct tls_context *server = tls_context_new(TLS_CONTROL_SERVER);
        char chain[2 * sizeof(root->chain_pem)];
        uint8_t digest[EVP_MAX_MD_SIZE];
        assert_int_equal(X509_digest(cases[i].trusted->x509, EVP_sha256(), digest, NULL), 1);
        tls_context_pin_root(client, digest);
        (void)snprintf(chain, sizeof(chain), "%s%s", cases[i].leaf->chain_pem,
                       cases[i].shown->chain_pem);
        assert_int_equal(
            tls_context_set_certificate(server, str_from(chain), kit_key(cases[i].leaf), NULL),
            STATUS_OK);
        assert_int_equal(shake(client, server, cases[i].name).client_result, cases[i].result);
    }
    kit_cert_free(foreign);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_visitor_is_served_by_name),
        cmocka_unit_test(test_unknown_and_missing_names_are_refused),
        cmocka_unit_test(test_wildcards_serve_one_label),
        cmocka_unit_test(test_wrong_authority_tells_what_to_do),
        cmocka_unit_test(test_wrong_name_is_refused),
        cmocka_unit_test(test_certificate_times_have_a_minute_of_leeway),
        cmocka_unit_test(test_leeway_does_not_forgive_a_stranger),
        cmocka_unit_test(test_tunnel_stands_with_certificates_on_both_sides),
        cmocka_unit_test(test_tunnel_wants_a_certificate_of_its_own_authority),
        cmocka_unit_test(test_tunnel_client_has_to_be_asked_for_its_certificate),
        cmocka_unit_test(test_tunnel_client_learns_of_a_refused_certificate),
        cmocka_unit_test(test_tunnel_refuses_tls_1_2),
        cmocka_unit_test(test_visitor_may_use_tls_1_2),
        cmocka_unit_test(test_own_protocol_must_be_negotiated),
        cmocka_unit_test(test_visitors_get_h2_when_they_offer_it),
        cmocka_unit_test(test_upstreams_choose_among_what_is_offered),
        cmocka_unit_test(test_addresses_are_verified),
        cmocka_unit_test(test_control_takes_clients_with_and_without_a_certificate),
        cmocka_unit_test(test_tickets_stay_with_host_and_role),
        cmocka_unit_test(test_chosen_context_rules),
        cmocka_unit_test(test_foreign_errors_do_no_harm),
        cmocka_unit_test(test_plain_bytes_are_named),
        cmocka_unit_test(test_a_root_is_pinned),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
