/* Connecting: refused, absent, not trusted, and Unix sockets. */
#include "net/conn.h"

#include "net/conn_test_kit.h"

static void test_refused(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    int spare = kit_listen(&bench.address);
    close(spare); /* nobody listens there now */
    bench_connect(&bench, &no_timeouts);
    assert_false(bench.client.is_closed);
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_string_equal(bench.client.why.slug, "tcp_connect");
    assert_non_null(strstr(bench.client.why.text, "refused"));
    assert_non_null(strstr(bench.client.why.text, "127.0.0.1:"));
    bench_fini(&bench);
}

static void connect_unix(struct bench *bench, const char *path) {
    struct conn_connect_config config = {.unix_path = path};
    bench->client.conn = conn_connect(bench->loop, &config, &kit_side_events, &bench->client);
}

static void test_unix_socket(void **state) {
    (void)state;
    struct bench bench;
    struct why why;
    char path[64];
    bench_init(&bench, false);
    snprintf(path, sizeof(path), "/tmp/conn_test.%d", (int)getpid());
    close(bench.listen_fd);
    assert_int_equal(socket_unix_address(path, &bench.address), STATUS_OK);
    assert_int_equal(socket_listen(&bench.address, &bench.listen_fd, &why), STATUS_OK);
    connect_unix(&bench, path);
    bench_accept(&bench, &no_timeouts);
    kit_until_established(bench.loop, &bench.client, &bench.server);
    send_more(&bench.client, MIB);
    until_received(&bench, &bench.server.engine, MIB);
    unlink(path);
    bench_fini(&bench);
}

static void test_unix_socket_that_is_not_there(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, false);
    connect_unix(&bench, "/nonexistent/socket");
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_string_equal(bench.client.why.slug, "tcp_connect");
    assert_non_null(strstr(bench.client.why.text, "/nonexistent/socket"));
    bench_fini(&bench);
    bench_init(&bench, false);
    char path[200];
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    connect_unix(&bench, path);
    kit_until_true(bench.loop, &bench.client.is_closed);
    assert_string_equal(bench.client.why.slug, "tcp_connect");
    bench_fini(&bench);
}

static void test_wrong_authority(void **state) {
    (void)state;
    struct bench bench;
    struct kit_cert *stranger = kit_root();
    struct why why;
    bench_init(&bench, true);
    assert_int_equal(tls_context_set_trust(bench.client_tls, kit_chain(stranger), &why), STATUS_OK);
    bench_connect(&bench, &no_timeouts);
    bench_accept(&bench, &no_timeouts);
    kit_until_closed(bench.loop, &bench.client, &bench.server);
    assert_string_equal(bench.client.why.slug, "tls_verify");
    assert_non_null(strstr(bench.client.why.text, "--ca-file"));
    assert_non_null(strstr(bench.client.why.text, "a.test"));
    kit_cert_free(stranger);
    bench_fini(&bench);
}

static void test_a_connected_descriptor_is_adopted(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench, true);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)connect(fd, (const struct sockaddr *)&bench.address.storage, bench.address.len);
    struct conn_connect_config config = {
        .address = bench.address, .tls = bench.client_tls, .server_name = "a.test"};
    bench.client.is_inside = true;
    bench.client.conn = conn_adopt(bench.loop, fd, &config, &kit_side_events, &bench.client);
    bench.client.is_inside = false;
    bench_accept(&bench, &no_timeouts);
    kit_until_established(bench.loop, &bench.client, &bench.server);
    assert_string_equal(bench.server.server_name, "a.test");
    send_more(&bench.client, MIB);
    until_received(&bench, &bench.server.engine, MIB);
    bench_fini(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_a_connected_descriptor_is_adopted),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_unix_socket_that_is_not_there),
        cmocka_unit_test(test_wrong_authority),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
