/* conn_test_kit.h: two ends of one loopback connection, for the tests of conn*.c. */
#ifndef NET_CONN_TEST_KIT_H
#define NET_CONN_TEST_KIT_H

#include <sys/socket.h>
#include <unistd.h>

#include "net/net_test_kit.h"

#define MIB (1024 * 1024)

/* A client and a server end of one loopback connection, plain or TLS, each with its engine double. */
struct bench {
    struct loop *loop;
    struct tls_context *client_tls;
    struct tls_context *server_tls;
    struct kit_side client;
    struct kit_side server;
    int listen_fd;
    struct address address;
};

static struct kit_cert *root;
static struct kit_cert *leaf;

static inline int make_certificates(void **state) {
    (void)state;
    root = kit_root();
    leaf = kit_leaf(root, "a.test");
    return 0;
}

static inline int free_certificates(void **state) {
    (void)state;
    kit_cert_free(root);
    kit_cert_free(leaf);
    return 0;
}

static const struct conn_timeouts no_timeouts = {0};

static inline void bench_init(struct bench *bench, bool is_tls) {
    *bench = (struct bench){.loop = kit_loop()};
    if (is_tls) {
        bench->client_tls = kit_context(TLS_TUNNEL_CLIENT, leaf, root);
        bench->server_tls = kit_context(TLS_TUNNEL_SERVER, leaf, root);
    }
    kit_side_init(&bench->client, bench->loop);
    kit_side_init(&bench->server, bench->loop);
    bench->listen_fd = kit_listen(&bench->address);
}

static inline void bench_connect(struct bench *bench, const struct conn_timeouts *client_timeouts) {
    struct conn_connect_config config = {.address = bench->address,
                                         .tls = bench->client_tls,
                                         .server_name = "a.test",
                                         .timeouts = *client_timeouts};
    bench->client.is_inside = true;
    bench->client.conn = conn_connect(bench->loop, &config, &kit_side_events, &bench->client);
    bench->client.is_inside = false;
}

static inline int bench_accept_fd(struct bench *bench) {
    int fd = -1;
    for (int i = 0; i < 1000 && fd < 0; i++) {
        fd = socket_accept(bench->listen_fd);
        if (fd < 0) {
            usleep(1000);
        }
    }
    assert_true(fd >= 0);
    return fd;
}

static inline void bench_accept(struct bench *bench, const struct conn_timeouts *timeouts) {
    int fd = bench_accept_fd(bench);
    bench->server.is_inside = true;
    bench->server.conn =
        conn_accept(bench->loop, fd, bench->server_tls, timeouts, &kit_side_events, &bench->server);
    bench->server.is_inside = false;
}

static inline void bench_open(struct bench *bench) {
    bench_connect(bench, &no_timeouts);
    bench_accept(bench, &no_timeouts);
    kit_until_established(bench->loop, &bench->client, &bench->server);
    assert_true(bench->client.is_established && bench->server.is_established);
}

static inline void bench_fini(struct bench *bench) {
    if (bench->client.conn != NULL) {
        conn_abort(bench->client.conn);
    }
    if (bench->server.conn != NULL) {
        conn_abort(bench->server.conn);
    }
    kit_run_for(bench->loop, 1);
    kit_side_fini(&bench->client);
    kit_side_fini(&bench->server);
    assert_false(bench->client.engine.is_pattern_broken);
    assert_false(bench->server.engine.is_pattern_broken);
    assert_int_equal(bench->client.engine.fed_while_deaf, 0);
    assert_int_equal(bench->server.engine.fed_while_deaf, 0);
    close(bench->listen_fd);
    tls_context_unref(&bench->client_tls);
    tls_context_unref(&bench->server_tls);
    kit_loop_free(bench->loop);
}

struct goal {
    const struct kit_engine *engine;
    uint64_t bytes;
};

static inline bool has_received(void *context) {
    const struct goal *goal = context;
    return goal->engine->received >= goal->bytes;
}

static inline void until_received(struct bench *bench, const struct kit_engine *engine,
                                  uint64_t bytes) {
    struct goal goal = {engine, bytes};
    kit_until(bench->loop, has_received, &goal);
    assert_int_equal(engine->received, bytes);
}

static inline void send_more(struct kit_side *side, uint64_t bytes) {
    side->engine.to_send += bytes;
    engine_notify(&side->engine.engine);
}

#endif
