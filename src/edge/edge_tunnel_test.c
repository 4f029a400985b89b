/* edge_tunnel_test.c: a tunnel from its first record to its end; at the far end of a socket a warpgate says what the test tells it. */
#include "edge/edge_tunnel.h"

#include "base/memory.h"
#include "edge/edge_balance.h"
#include "edge/edge_test_kit.h"

static struct kit *kit;
static struct edge edge;
static struct edge_tunnel *tunnel; /* the only one; not to be used once it is gone */

/* The far end. */
static int fd;
static struct h2_session *far;
static struct tunnel_channel *channel;
static char heard[8192]; /* the types of records, and what they say */
static bool is_cut;

static void on_record(void *owner, const json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    (void)owner;
    (void)snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%s\n", text);
    free(text);
}

static void on_channel_closed(void *owner, const struct why *why) {
    (void)owner;
    (void)why;
}

static void on_request(void *context, struct http_stream *stream, const struct http_head *head,
                       bool is_end) {
    static const struct tunnel_channel_events events = {.on_record = on_record,
                                                        .on_closed = on_channel_closed};
    const struct http_head ok = {.status = 200};
    (void)context;
    assert_false(is_end);
    assert_true(str_eq(head->path, STR(TUNNEL_CONTROL_PATH)));
    channel = tunnel_channel_new(&events, NULL);
    http_stream_attach(stream, tunnel_channel_stream_events(), channel);
    tunnel_channel_attach(channel, stream);
    http_stream_send_head(stream, &ok, false);
}

/* Until neither end has anything more to say. */
static void settle(void) {
    struct engine *engine = h2_session_engine(far);
    for (unsigned quiet = 0; quiet < 3; quiet++) {
        uint8_t buffer[65536];
        const uint8_t *bytes;
        ssize_t got;
        (void)uv_run(loop_uv(kit->loop), UV_RUN_NOWAIT);
        while ((got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
            engine->ops->feed(engine, buffer, (size_t)got);
            quiet = 0;
        }
        is_cut = is_cut || got == 0;
        for (size_t len; !is_cut && (len = engine->ops->peek(engine, &bytes)) > 0; quiet = 0) {
            ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
            assert_int_equal(sent, len);
            engine->ops->wrote(engine, len);
        }
    }
}

static void on_established(void *owner, struct conn *conn) {
    (void)conn;
    *(bool *)owner = true;
}

/* What comes before accepting: a connection that stands. */
static struct conn *make_conn(void) {
    static const struct conn_events events = {.on_established = on_established,
                                              .on_closed = kit_on_conn_closed};
    static const struct conn_timeouts timeouts = {.idle_ms = -1};
    bool is_established = false;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    fd = fds[1];
    struct conn *conn = conn_accept(kit->loop, fds[0], NULL, &timeouts, &events, &is_established);
    for (unsigned i = 0; i < 100 && !is_established; i++) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_NOWAIT);
    }
    assert_true(is_established);
    return conn;
}

static void accept_tunnel(void) {
    struct cert_identity identity = {0};
    (void)snprintf(identity.environment.text, ID_SIZE, "%s", KIT_ENVIRONMENT);
    (void)snprintf(identity.subject.text, ID_SIZE, "%s", kit_warpgates[0]);
    edge_tunnel_accept(&kit->worker, make_conn(), &identity, NULL);
    if (!list_is_empty(&kit->worker.tunnels)) {
        tunnel = CONTAINER_OF(kit->worker.tunnels.next, struct edge_tunnel, node);
    }
    settle();
}

static int start(void **state) {
    const struct h2_config config = {.role = H2_SERVER,
                                     .profile = H2_TUNNEL,
                                     .clock = clock_system(),
                                     .server = {on_request, NULL}};
    (void)state;
    kit = kit_new();
    kit_configure(kit, 1);
    edge = (struct edge){.worker_count = 2};
    kit->worker.edge = &edge;
    heard[0] = '\0';
    is_cut = false;
    channel = NULL;
    struct h2_config with_pool = config;
    with_pool.pool = loop_block_pool(kit->loop);
    far = h2_session_new(&with_pool);
    accept_tunnel();
    return 0;
}

static int stop(void **state) {
    struct engine *engine = h2_session_engine(far);
    (void)state;
    tunnel_channel_free(&channel);
    engine->ops->lost(engine);
    engine->ops->free(engine);
    (void)close(fd);
    for (unsigned i = 0; i < 100 && !list_is_empty(&kit->worker.tunnels); i++) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_NOWAIT);
    }
    assert_true(list_is_empty(&kit->worker.tunnels));
    kit_free(kit);
    return 0;
}

static void say(const char *text) {
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    tunnel_channel_send(channel, object);
    json_decref(object);
    settle();
}

static void greet(void) {
    say("{\"type\":\"hello\",\"version\":\"1\",\"name\":\"x\",\"capabilities\":[],"
        "\"upstreams\":[\"default\",\"api\"]}");
    say("{\"type\":\"applied\",\"revision\":1}");
}

static struct edge_tunnel *pick(void) {
    const struct edge_balance_wish wish = {.upstream = STR_INIT("default")};
    return edge_balance_pick(kit_environment(kit), &wish);
}

static void it_is_ready_after_hello_and_a_bundle(void **state) {
    (void)state;
    assert_non_null(strstr(heard, "\"type\":\"bundle\""));
    assert_non_null(strstr(heard, "{\"count\":2,\"type\":\"tunnels\"}"));
    assert_null(pick());
    say("{\"type\":\"applied\",\"revision\":1}"); /* from whom? */
    assert_null(pick());
    greet();
    assert_ptr_equal(pick(), tunnel);
    assert_non_null(edge_warpgate_find(tunnel->warpgate, STR("api")));
    assert_null(edge_warpgate_find(tunnel->warpgate, STR("other")));
}

static void each_newer_bundle_is_sent(void **state) {
    (void)state;
    greet();
    heard[0] = '\0';
    kit_configure(kit, 2);
    settle();
    assert_non_null(strstr(heard, "\"type\":\"bundle\""));
    assert_int_equal(kit_environment(kit)->bundle->revision, 1);
    say("{\"type\":\"applied\",\"revision\":2}");
    assert_int_equal(kit_environment(kit)->bundle->revision, 2);
}

static void a_bundle_that_was_refused_is_noted(void **state) {
    (void)state;
    greet();
    kit_configure(kit, 2);
    settle();
    say("{\"type\":\"refused\",\"revision\":0,\"code\":\"jws_signature\",\"detail\":\"x\"}");
    assert_int_equal(tunnel->refused_revision, 2);
    assert_string_equal(tunnel->refused_code, "jws_signature");
    assert_int_equal(kit_environment(kit)->bundle->revision, 2);
}

static void health_is_kept(void **state) {
    (void)state;
    greet();
    say("{\"type\":\"health\",\"upstreams\":[{\"name\":\"default\",\"state\":\"down\"},"
        "{\"name\":\"api\",\"state\":\"up\"}]}");
    assert_true(edge_warpgate_find(tunnel->warpgate, STR("default"))->is_down);
    assert_false(edge_warpgate_find(tunnel->warpgate, STR("api"))->is_down);
}

static void nonsense_ends_it(void **state) {
    (void)state;
    greet();
    say("{\"type\":\"applied\",\"revision\":-1}");
    assert_true(is_cut);
    assert_null(pick());
}

static void too_much_talk_ends_it(void **state) {
    (void)state;
    greet();
    for (unsigned i = 0; i < 900; i++) {
        say("{\"type\":\"applied\",\"revision\":1}");
    }
    assert_false(is_cut);
    for (unsigned i = 0; i < 900 && !is_cut; i++) {
        say("{\"type\":\"applied\",\"revision\":1}");
    }
    assert_true(is_cut);
}

static void a_warpgate_that_drains_gets_nothing_new(void **state) {
    (void)state;
    greet();
    h2_session_drain(far);
    settle();
    assert_int_equal(tunnel->state, EDGE_TUNNEL_DRAINING);
    assert_null(pick());
    assert_true(kit_environment(kit)->has_served);
    assert_false(is_cut);
}

static void a_revoked_one_is_told_and_cut(void **state) {
    (void)state;
    greet();
    edge_tunnel_revoke(tunnel, STR("key_revoked"));
    settle();
    assert_non_null(strstr(heard, "{\"reason\":\"key_revoked\",\"type\":\"revoked\"}"));
    assert_null(pick());
    assert_false(is_cut);
    kit_pass(kit, 400);
    settle();
    assert_true(is_cut);
}

static void without_its_control_stream_it_is_none(void **state) {
    (void)state;
    greet();
    tunnel_channel_free(&channel);
    settle();
    assert_true(is_cut);
}

static void a_lost_one_is_off_the_lists(void **state) {
    (void)state;
    greet();
    assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
    for (unsigned i = 0; i < 100 && !list_is_empty(&kit->worker.tunnels); i++) {
        (void)uv_run(loop_uv(kit->loop), UV_RUN_NOWAIT);
    }
    assert_false(edge_environment_is_served(kit_environment(kit)));
    assert_true(list_is_empty(&kit->worker.tunnels));
}

/* Its warpgate could not renew: while no control plane is heard, the tunnel stays for a day; then its warpgate has ten minutes. */
static void a_live_one_outlasts_its_certificate(void **state) {
    (void)state;
    greet();
    tunnel->identity.not_after_ms = clock_wall_ms(loop_clock(kit->loop));
    kit_pass(kit, EDGE_TUNNEL_GRACE_MS - 1000);
    assert_int_equal(tunnel->state, EDGE_TUNNEL_READY);
    atomic_store(&edge.has_feed, true);
    atomic_store(&edge.feed_since_ms, loop_now_ms(kit->loop));
    kit_pass(kit, 500);
    assert_int_equal(tunnel->state, EDGE_TUNNEL_READY);
    kit_pass(kit, 1000);
    assert_int_equal(tunnel->state, EDGE_TUNNEL_CLOSED); /* the day is over, whatever is heard */
}

static void with_a_control_plane_it_is_to_renew(void **state) {
    (void)state;
    greet();
    atomic_store(&edge.has_feed, true);
    atomic_store(&edge.feed_since_ms, loop_now_ms(kit->loop));
    tunnel->identity.not_after_ms =
        clock_wall_ms(loop_clock(kit->loop)) + EDGE_TUNNEL_RENEWAL_MS - EDGE_TUNNEL_LEEWAY_MS;
    kit_pass(kit, EDGE_TUNNEL_RENEWAL_MS - 1000);
    assert_int_equal(tunnel->state, EDGE_TUNNEL_READY);
    (void)uv_run(loop_uv(kit->loop), UV_RUN_NOWAIT);
    kit_pass(kit, 2000);
    (void)uv_run(loop_uv(kit->loop), UV_RUN_NOWAIT);
    kit_pass(kit, 1);
    assert_int_equal(tunnel->state, EDGE_TUNNEL_CLOSED);
}

static void the_list_of_edges_is_handed_on(void **state) {
    (void)state;
    greet();
    assert_null(strstr(heard, "\"type\":\"edges\""));
    assert_int_equal(buf_append_str(&kit->worker.edges_jws, STR("a.b.c")), STATUS_OK);
    edge_tunnel_send_edges(tunnel);
    settle();
    assert_non_null(strstr(heard, "{\"jws\":\"a.b.c\",\"type\":\"edges\"}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_is_ready_after_hello_and_a_bundle),
        TEST(each_newer_bundle_is_sent),
        TEST(a_bundle_that_was_refused_is_noted),
        TEST(health_is_kept),
        TEST(nonsense_ends_it),
        TEST(too_much_talk_ends_it),
        TEST(a_warpgate_that_drains_gets_nothing_new),
        TEST(a_revoked_one_is_told_and_cut),
        TEST(without_its_control_stream_it_is_none),
        TEST(a_live_one_outlasts_its_certificate),
        TEST(with_a_control_plane_it_is_to_renew),
        TEST(the_list_of_edges_is_handed_on),
        TEST(a_lost_one_is_off_the_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
