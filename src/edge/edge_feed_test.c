/* edge_feed_test.c: the edge's ear; the control plane at the other end of a socket says what the test tells it. */
#include "edge/edge_feed.h"

#include "base/json.h"
#include "base/memory.h"
#include "edge/edge_feeds.h"
#include "edge/edge_test_kit.h"
#include "pki/ca.h"
#include "tunnel/tunnel_channel.h"

#define DOMAIN "example.net"
#define CONTROL "api." DOMAIN
#define HOST KIT_HOST

static struct kit *kit;
static struct ca *ca;
static struct edge edge;
static unsigned synced_count;

/* The control plane. */
static struct tls_context *control_tls;
static struct conn *control_conn;
static struct tunnel_channel *channel; /* NULL: nobody has asked for a feed, or it is over */
static unsigned answer_status;
static unsigned call_count;
static unsigned connect_count;
static char heard[8192];

static void on_record(void *owner, const json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    size_t len = strlen(heard);
    (void)owner;
    (void)snprintf(heard + len, sizeof(heard) - len, "%s\n", text);
    free(text);
}

static void on_channel_closed(void *owner, const struct why *why) {
    (void)owner;
    (void)why;
    tunnel_channel_free(&channel);
}

static void on_call(void *context, struct http_stream *stream, const struct http_head *head,
                    bool is_end) {
    static const struct tunnel_channel_events events = {.on_record = on_record,
                                                        .on_closed = on_channel_closed};
    const struct http_head answer = {.status = answer_status};
    (void)context;
    assert_false(is_end);
    assert_true(str_eq(head->path, STR(FEED_PATH)));
    call_count++;
    channel = tunnel_channel_new(&events, NULL);
    tunnel_channel_attach(channel, stream);
    http_stream_send_head(stream, &answer, false);
}

static void on_control_established(void *owner, struct conn *conn) {
    const struct h1_server_config config = {.pool = loop_block_pool(kit->loop),
                                            .server = {.on_request = on_call},
                                            .scheme = STR("https")};
    (void)owner;
    conn_set_engine(conn, h1_server_engine(h1_server_new(&config)));
}

static void on_control_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)why;
    control_conn = conn == control_conn ? NULL : control_conn;
}

static int connect_control(void *context) {
    static const struct conn_events events = {.on_established = on_control_established,
                                              .on_closed = on_control_closed};
    static const struct conn_timeouts timeouts = {.idle_ms = -1};
    int fds[2];
    (void)context;
    connect_count++;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    control_conn = conn_accept(kit->loop, fds[1], control_tls, &timeouts, &events, NULL);
    return fds[0];
}

/* Certificates */

static void issue(enum cert_role role, const char *name, struct buf *chain, struct buf *key_pem) {
    static const enum id_kind kinds[] = {[CERT_EDGE] = ID_EDGE, [CERT_CONTROL] = ID_CONTROL};
    struct ca_leaf leaf = {
        .role = role, .dns_names = {str_from(name)}, .dns_name_count = 1, .lifetime_seconds = 3600};
    EVP_PKEY *key = key_new();
    if (role != CERT_SERVICE) {
        leaf.subject = id_new(kinds[role], clock_system(), random_system());
    }
    buf_init(chain, 65536);
    buf_init(key_pem, 4096);
    assert_int_equal(ca_issue(ca, &leaf, key, clock_system(), chain, NULL, NULL), STATUS_OK);
    assert_int_equal(key_private_pem(key, key_pem), STATUS_OK);
    EVP_PKEY_free(key);
}

static struct tls_context *make_tls(enum tls_role tls_role, enum cert_role role, const char *name) {
    struct tls_context *tls = tls_context_new(tls_role);
    struct buf chain;
    struct buf key_pem;
    issue(role, name, &chain, &key_pem);
    assert_int_equal(tls_context_set_certificate(tls, buf_str(&chain), buf_str(&key_pem), NULL),
                     STATUS_OK);
    assert_int_equal(tls_context_set_trust(tls, ca_root_pem(ca), NULL), STATUS_OK);
    buf_fini(&chain);
    buf_fini(&key_pem);
    return tls;
}

/* What it says */

static void say(const struct feed_message *message) {
    json_t *object = feed_message_write(message);
    assert_non_null(object);
    tunnel_channel_send(channel, object);
    json_decref(object);
}

static void say_keys(void) {
    struct buf text;
    json_t *jwks = NULL;
    buf_init(&text, 65536);
    assert_int_equal(jws_keys_write(&kit->worker.bundle_keys, &text), STATUS_OK);
    assert_int_equal(json_parse(buf_str(&text), &jwks, NULL), STATUS_OK);
    say(&(struct feed_message){.type = FEED_MESSAGE_KEYS, .jwks = jwks});
    json_decref(jwks);
    buf_fini(&text);
}

static void say_host(void) {
    struct buf chain;
    struct buf key_pem;
    issue(CERT_SERVICE, HOST, &chain, &key_pem);
    say(&(struct feed_message){.type = FEED_MESSAGE_HOST,
                               .hostname = STR(HOST),
                               .chain = buf_str(&chain),
                               .key = buf_str(&key_pem)});
    buf_fini(&chain);
    buf_fini(&key_pem);
}

static void say_bundle(unsigned revision) {
    struct kit *writer = kit_new(); /* signs with the same key, and keeps nothing */
    EVP_PKEY *key = writer->key;
    struct why why = {0};
    writer->key = kit->key;
    (void)kit_offer(writer, HOST, revision, true, &why);
    writer->key = key;
    say(&(struct feed_message){.type = FEED_MESSAGE_ENVIRONMENT, .bundle = buf_str(&writer->jws)});
    kit_free(writer);
}

static void say_synced(void) {
    say(&(struct feed_message){.type = FEED_MESSAGE_SYNCED});
}

/* The test */

static void on_synced(void *context) {
    (void)context;
    synced_count++;
}

static void on_due(void *context) {
    (void)context;
}

static int start(void **state) {
    const struct edge_config config = {.connect_control = connect_control,
                                       .control_address = CONTROL ":443",
                                       .control_server_name = STR(CONTROL)};
    (void)state;
    kit = kit_new();
    assert_int_equal(ca_new(STR(DOMAIN), clock_system(), &ca, NULL), STATUS_OK);
    edge = (struct edge){.loop = kit->loop,
                         .worker_count = 1,
                         .workers = {&kit->worker},
                         .trust_domain = DOMAIN,
                         .certificate_renew_at_ms = INT64_MAX,
                         .on_synced = on_synced};
    edge.roster = edge_roster_new(1, clock_system(), on_due, NULL);
    edge.visitor_tls = tls_context_new(TLS_VISITOR_SERVER);
    edge.control_tls = make_tls(TLS_CONTROL_CLIENT, CERT_EDGE, "edge." DOMAIN);
    control_tls = make_tls(TLS_CONTROL_SERVER, CERT_CONTROL, CONTROL);
    kit->worker.edge = &edge;
    kit->worker.roster = edge.roster;
    answer_status = 200;
    synced_count = call_count = connect_count = 0;
    heard[0] = '\0';
    edge.feeds = edge_feeds_new(&edge, &config);
    assert_non_null(edge.feeds);
    return 0;
}

static int stop(void **state) {
    (void)state;
    edge_feeds_free(&edge.feeds);
    if (control_conn != NULL) {
        conn_abort(control_conn);
    }
    tunnel_channel_free(&channel);
    kit_turn(kit);
    struct edge_roster *roster = edge.roster;
    kit_free(kit);
    edge_roster_free(&roster);
    map_fini(&edge.host_names);
    map_fini(&edge.revocations);
    tls_context_unref(&edge.visitor_tls);
    tls_context_unref(&edge.control_tls);
    tls_context_unref(&control_tls);
    ca_free(&ca);
    return 0;
}

static void run_until_called(unsigned count) {
    while (call_count < count) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
}

static void run_until_heard(const char *text) {
    while (strstr(heard, text) == NULL) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
}

static void run_until_synced(unsigned count) {
    while (synced_count < count) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
}

static void the_whole_state_is_taken(void **state) {
    (void)state;
    edge_feeds_start(edge.feeds);
    run_until_called(1);
    run_until_heard("\"type\":\"hello\"");
    say_keys();
    say_host();
    say_bundle(7);
    say_synced();
    run_until_synced(1);
    assert_true(tls_context_has_host(edge.visitor_tls, STR(HOST)));
    assert_int_equal(kit_environment(kit)->bundle->revision, 7);
    run_until_heard("\"revision\":7,\"type\":\"applied\"");
}

static void what_the_next_sync_does_not_mention_is_gone(void **state) {
    (void)state;
    edge_feeds_start(edge.feeds);
    run_until_called(1);
    say_host();
    say_bundle(7);
    say_synced();
    run_until_synced(1);
    conn_abort(control_conn);
    run_until_called(2);                   /* by itself */
    assert_non_null(kit_environment(kit)); /* what it knows serves meanwhile */
    say_synced();
    while (kit_environment(kit) != NULL) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
    assert_false(tls_context_has_host(edge.visitor_tls, STR(HOST)));
    assert_int_equal(synced_count, 1); /* told once */
}

static void what_is_refused_is_told_and_forgets_nothing(void **state) {
    (void)state;
    edge_feeds_start(edge.feeds);
    run_until_called(1);
    say_host();
    say_bundle(7);
    say_synced();
    run_until_synced(1);
    conn_abort(control_conn);
    run_until_called(2);
    heard[0] = '\0';
    say(&(struct feed_message){.type = FEED_MESSAGE_ENVIRONMENT, .bundle = STR("e30.e30.e30")});
    say_synced();
    run_until_heard("\"type\":\"refused\"");
    say(&(struct feed_message){.type = FEED_MESSAGE_HOST_REMOVED, .hostname = STR(HOST)});
    while (tls_context_has_host(edge.visitor_tls, STR(HOST))) { /* it was there until now */
        (void)uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
    assert_int_equal(kit_environment(kit)->bundle->revision, 7);
}

static void what_cannot_be_read_ends_the_connection(void **state) {
    (void)state;
    edge_feeds_start(edge.feeds);
    run_until_called(1);
    json_t *bad = json_pack("{s:s,s:i}", "type", "revoked", "warpgate", 1);
    tunnel_channel_send(channel, bad);
    json_decref(bad);
    run_until_called(2);
}

static void another_status_is_no_feed(void **state) {
    (void)state;
    answer_status = 403;
    edge_feeds_start(edge.feeds);
    run_until_called(2);
    assert_int_equal(synced_count, 0);
}

/* A certificate of the platform's own, but of another part. */
static void who_is_no_control_plane_is_told_nothing(void **state) {
    (void)state;
    tls_context_unref(&control_tls);
    control_tls = make_tls(TLS_CONTROL_SERVER, CERT_EDGE, CONTROL);
    edge_feeds_start(edge.feeds);
    while (connect_count < 3) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
    assert_int_equal(call_count, 0);
}

static void a_place_that_is_none(void **state) {
    const struct edge_config config = {.control_address = "nowhere:port",
                                       .control_server_name = STR(CONTROL)};
    (void)state;
    assert_null(edge_feed_new(&edge, &config));
    assert_null(edge_feeds_new(&edge, &config));
    edge_feed_report(NULL, &(struct feed_message){.type = FEED_MESSAGE_PING});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_whole_state_is_taken),
        TEST(what_the_next_sync_does_not_mention_is_gone),
        TEST(what_is_refused_is_told_and_forgets_nothing),
        TEST(what_cannot_be_read_ends_the_connection),
        TEST(another_status_is_no_feed),
        TEST(who_is_no_control_plane_is_told_nothing),
        TEST(a_place_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
