/* front_test_kit.h: a front with two services, for its tests. */
#ifndef NET_FRONT_TEST_KIT_H
#define NET_FRONT_TEST_KIT_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/front.h"
#include "net/net_test_kit.h"
#include "net/socket.h"

/* One port, two services as on an edge: tunnels by protocol, visitors by name. */
struct service {
    struct tls_context *tls;
    const char *protocol; /* NULL: any */
    struct str suffix;
    struct kit_side side; /* of the last connection */
    int accepted_count;
    int closed_count;
    int asked_count;
    bool is_counting; /* engines are not set, many connections */
};

struct stage {
    struct loop *loop;
    int fd; /* the listening socket, of which each front has a number of its own */
    struct address address;
    struct front *front;
    struct service visitors;
    struct service tunnels;
    struct tls_context *visitor_tls;
    struct tls_context *tunnel_tls;
};

static struct kit_cert *root;
static struct kit_cert *leaf_a;
static struct kit_cert *leaf_b;
static struct kit_cert *leaf_edge;

static inline int make_certificates(void **state) {
    (void)state;
    root = kit_root();
    leaf_a = kit_leaf(root, "a.test");
    leaf_b = kit_leaf(root, "b.test");
    leaf_edge = kit_leaf(root, "edge.test");
    return 0;
}

static inline int free_certificates(void **state) {
    (void)state;
    kit_cert_free(root);
    kit_cert_free(leaf_a);
    kit_cert_free(leaf_b);
    kit_cert_free(leaf_edge);
    return 0;
}

static inline bool service_wants(void *context, struct str name, const struct front_hello *hello) {
    struct service *service = context;
    service->asked_count++;
    return str_ends_with(name, service->suffix) &&
           (service->protocol == NULL || front_hello_offers(hello, str_from(service->protocol)));
}

static inline struct tls_context *service_tls(void *context) {
    return ((struct service *)context)->tls;
}

static inline void count_closed(void *owner, struct conn *conn, const struct why *why) {
    (void)conn;
    (void)why;
    ((struct service *)owner)->closed_count++;
}

static const struct conn_events counting_events = {NULL, count_closed};

static inline void service_accept(void *context, struct conn *conn) {
    struct service *service = context;
    service->accepted_count++;
    if (service->is_counting) {
        conn_set_events(conn, &counting_events, service);
        return;
    }
    conn_set_events(conn, &kit_side_events, &service->side);
    kit_side_established(&service->side, conn);
}

static inline void stage_add(struct stage *stage, struct service *service, const char *name,
                             int64_t handshake_ms) {
    const struct front_service entry = {
        .name = name,
        .wants = service_wants,
        .tls = service_tls,
        .accept = service_accept,
        .context = service,
        .timeouts = {.handshake_ms = handshake_ms},
    };
    front_add(stage->front, &entry);
}

static inline struct front *stage_front(struct stage *stage, struct loop *loop) {
    struct front *front = NULL;
    struct why why = {0};
    assert_int_equal(front_adopt(loop, socket_dup(stage->fd), &front, &why), STATUS_OK);
    return front;
}

static inline void stage_init(struct stage *stage) {
    struct why why = {0};
    *stage = (struct stage){.loop = kit_loop()};
    assert_int_equal(address_from_ip(STR("127.0.0.1"), 0, &stage->address), STATUS_OK);
    assert_int_equal(socket_listen(&stage->address, &stage->fd, &why), STATUS_OK);
    socket_local_address(stage->fd, &stage->address);
    stage->front = stage_front(stage, stage->loop);
    stage->tunnels.tls = kit_context(TLS_TUNNEL_SERVER, leaf_edge, root);
    stage->tunnels.protocol = TLS_ALPN_TUNNEL;
    stage->tunnels.suffix = STR("edge.test");
    stage->visitors.tls = tls_context_new(TLS_VISITOR_SERVER);
    stage->visitors.suffix = STR(".test");
    kit_add_host(stage->visitors.tls, "a.test", leaf_a);
    kit_add_host(stage->visitors.tls, "b.test", leaf_b);
    kit_side_init(&stage->tunnels.side, stage->loop);
    kit_side_init(&stage->visitors.side, stage->loop);
    stage->visitors.side.engine.is_echo = true;
    stage_add(stage, &stage->tunnels, "tunnels", 0);
    stage_add(stage, &stage->visitors, "visitors", 0);
    stage->visitor_tls = kit_context(TLS_HTTPS_CLIENT, NULL, root);
    stage->tunnel_tls = kit_context(TLS_TUNNEL_CLIENT, leaf_a, root);
}

static inline void stage_fini(struct stage *stage) {
    struct kit_side *sides[] = {&stage->tunnels.side, &stage->visitors.side};
    front_free(&stage->front);
    for (int i = 0; i < 2; i++) {
        if (sides[i]->conn != NULL) {
            conn_abort(sides[i]->conn);
        }
    }
    kit_run_for(stage->loop, 1);
    for (int i = 0; i < 2; i++) {
        kit_side_fini(sides[i]);
    }
    tls_context_unref(&stage->tunnels.tls);
    tls_context_unref(&stage->visitors.tls);
    tls_context_unref(&stage->visitor_tls);
    tls_context_unref(&stage->tunnel_tls);
    kit_loop_free(stage->loop);
    close(stage->fd);
}

static inline struct conn *stage_connect(struct stage *stage, struct tls_context *tls,
                                         const char *name, struct kit_side *client) {
    struct conn_connect_config config = {
        .address = stage->address, .tls = tls, .server_name = name};
    kit_side_init(client, stage->loop);
    client->conn = conn_connect(stage->loop, &config, &kit_side_events, client);
    return client->conn;
}

static inline void close_client(struct stage *stage, struct kit_side *client) {
    if (client->conn != NULL) {
        conn_abort(client->conn);
    }
    kit_until_true(stage->loop, &client->is_closed);
    kit_side_fini(client);
}

static inline bool has_come(void *context) {
    const struct kit_side *const *sides = context;
    return (sides[0]->is_established || sides[0]->is_closed) &&
           (sides[1]->is_established || sides[0]->is_closed);
}

static inline void until_served(struct stage *stage, struct kit_side *client,
                                struct kit_side *server) {
    struct kit_side *sides[2] = {client, server};
    kit_until(stage->loop, has_come, sides);
    assert_true(client->is_established && server->is_established);
}

static inline int raw_connect(struct stage *stage) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&stage->address.storage, stage->address.len), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

#endif
