#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/socket.h"
#include "warpgate/warpgate_dial.h"

static struct loop *loop;
static struct warpgate_parts parts;
static struct {
    struct conn *conn;
    struct address peer;
    struct why why;
    bool is_told;
    bool is_closed;
} outcome;

static void ignore(void *context) {
    (void)context;
}

static const struct warpgate_parts_events events = {.on_settled = ignore};

static void on_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)owner;
    (void)conn;
    (void)why;
    outcome.is_closed = true;
}

static const struct conn_events conn_events = {.on_closed = on_closed};

static void on_dialled(void *context, struct conn *conn, const struct why *why) {
    (void)context;
    outcome.is_told = true;
    outcome.conn = conn;
    if (conn == NULL) {
        outcome.why = *why;
        return;
    }
    conn_set_events(conn, &conn_events, NULL);
    outcome.peer = *conn_peer_address(conn);
    conn_abort(conn);
}

static int begin(void **state) {
    (void)state;
    loop = loop_new(clock_system(), random_system());
    parts = (struct warpgate_parts){.loop = loop, .events = &events};
    memset(&outcome, 0, sizeof(outcome));
    return 0;
}

static int end(void **state) {
    (void)state;
    for (int i = 0; i < 1000 && parts.open_count > 0; i++) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        usleep(100);
    }
    assert_int_equal(parts.open_count, 0);
    loop_free(&loop);
    return 0;
}

static void run(const struct warpgate_dial_config *config) {
    int64_t end_ms = clock_mono_ms(clock_system()) + 5000;
    (void)warpgate_dial_start(&parts, config, on_dialled, NULL);
    assert_false(outcome.is_told);
    while (!outcome.is_told && clock_mono_ms(clock_system()) < end_ms) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        usleep(500);
    }
    assert_true(outcome.is_told);
    for (int i = 0; i < 10; i++) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
    assert_int_equal(outcome.is_closed, outcome.conn != NULL);
}

static int listen_at(const char *ip, uint16_t *port) {
    struct address address;
    struct why why;
    int fd;
    assert_int_equal(address_from_ip(str_from(ip), 0, &address), STATUS_OK);
    assert_int_equal(socket_listen(&address, &fd, &why), STATUS_OK);
    socket_local_address(fd, &address);
    *port = address_port(&address);
    return fd;
}

static void test_the_second_address_of_a_name(void **state) {
    (void)state;
    struct warpgate_known known = {.count = 0};
    struct warpgate_dial_config config = {
        .host = "workload.localhost", .connect_ms = 2000, .known = &known};
    int listener = listen_at("::1", &config.port);
    run(&config);
    assert_non_null(outcome.conn);
    assert_int_equal(outcome.peer.storage.ss_family, AF_INET6);
    assert_int_equal(known.count, 2);
    (void)close(listener);
}

static void test_a_numeric_address(void **state) {
    (void)state;
    struct warpgate_dial_config config = {.host = "127.0.0.1"};
    int listener = listen_at("127.0.0.1", &config.port);
    run(&config);
    assert_non_null(outcome.conn);
    (void)close(listener);
}

/* Nobody speaks TLS there: that is what is told, and not that the other address refused. */
static void test_what_got_furthest_is_told(void **state) {
    (void)state;
    struct warpgate_dial_config config = {.host = "localhost",
                                          .connect_ms = 2000,
                                          .timeouts = {.handshake_ms = 300},
                                          .server_name = "localhost"};
    config.tls = tls_context_new(TLS_CONTROL_CLIENT);
    int listener = listen_at("127.0.0.1", &config.port);
    run(&config);
    assert_null(outcome.conn);
    assert_string_equal(outcome.why.slug, "timeout_handshake");
    assert_string_equal(warpgate_dial_step(outcome.why.slug), "tls");
    tls_context_unref(&config.tls);
    (void)close(listener);
}

static void test_nobody_there(void **state) {
    (void)state;
    struct warpgate_dial_config config = {.host = "localhost", .connect_ms = 2000};
    (void)close(listen_at("127.0.0.1", &config.port));
    run(&config);
    assert_null(outcome.conn);
    assert_string_equal(outcome.why.slug, "tcp_connect");
}

static void test_cancelled_in_each_step(void **state) {
    (void)state;
    struct warpgate_dial_config config = {
        .host = "localhost", .connect_ms = 2000, .server_name = "localhost"};
    config.tls = tls_context_new(TLS_CONTROL_CLIENT);
    int listener = listen_at("127.0.0.1", &config.port);
    for (int turns = 0; turns < 6; turns++) {
        struct warpgate_dial *dial = warpgate_dial_start(&parts, &config, on_dialled, NULL);
        for (int i = 0; i < turns; i++) {
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        }
        warpgate_dial_cancel(&dial);
        assert_null(dial);
    }
    for (int i = 0; i < 50; i++) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_false(outcome.is_told);
    tls_context_unref(&config.tls);
    (void)close(listener);
}

static void test_steps_have_names(void **state) {
    (void)state;
    static const struct {
        const char *slug;
        const char *step;
    } cases[] = {
        {"name_unresolved", "resolve"}, {"tcp_connect", "tcp"},    {"timeout_connect", "tcp"},
        {"proxy_auth", "proxy"},        {"proxy_closed", "proxy"}, {"timeout_proxy", "proxy"},
        {"tls_verify", "tls"},          {"tls_handshake", "tls"},  {"timeout_handshake", "tls"},
        {"role_eku", "role"},           {"key_unknown", "answer"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(warpgate_dial_step(cases[i].slug), cases[i].step);
        assert_true(strlen(warpgate_dial_advice(cases[i].slug)) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_second_address_of_a_name, begin, end),
        cmocka_unit_test_setup_teardown(test_a_numeric_address, begin, end),
        cmocka_unit_test_setup_teardown(test_what_got_furthest_is_told, begin, end),
        cmocka_unit_test_setup_teardown(test_nobody_there, begin, end),
        cmocka_unit_test_setup_teardown(test_cancelled_in_each_step, begin, end),
        cmocka_unit_test(test_steps_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
