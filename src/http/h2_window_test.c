/* h2_window_test.c: windows over a simulated link: so long, so wide, and with readers of every kind. */
#include "http/h2_test_kit.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define PIECES 4096

/* One direction: bytes come out `delay_ms` after they went in. */
struct link {
    struct piece {
        int64_t due_ms;
        size_t len;
        uint8_t *bytes;
    } pieces[PIECES];
    size_t first;
    size_t count;
};

static struct link links[2];

static void put(struct link *link, struct h2_session *from, int64_t due_ms, size_t room) {
    struct engine *engine = h2_session_engine(from);
    const uint8_t *bytes;
    for (size_t len = engine->ops->peek(engine, &bytes); len > 0 && room > 0;
         len = engine->ops->peek(engine, &bytes)) {
        len = len < room ? len : room;
        room -= len;
        assert_true(link->count < PIECES);
        link->pieces[(link->first + link->count++) % PIECES] =
            (struct piece){due_ms, len, (uint8_t *)memory_dup(bytes, len)};
        engine->ops->wrote(engine, len);
    }
}

static void take(struct link *link, struct h2_session *to, int64_t now_ms) {
    struct engine *engine = h2_session_engine(to);
    while (link->count > 0 && link->pieces[link->first].due_ms <= now_ms) {
        struct piece *piece = &link->pieces[link->first];
        link->first = (link->first + 1) % PIECES;
        link->count--;
        engine->ops->feed(engine, piece->bytes, piece->len);
        memory_free(piece->bytes);
    }
}

static void clear(struct link *link) {
    while (link->count > 0) {
        memory_free(link->pieces[link->first].bytes);
        link->first = (link->first + 1) % PIECES;
        link->count--;
    }
}

/* A thousand megabits, client to server and back. */
#define LINK_BYTES_PER_MS 125000

static void run(struct test_pair *pair, int64_t ms, int64_t delay_ms) {
    for (int64_t end = pair->now_ms + ms; pair->now_ms < end; pair->now_ms++) {
        put(&links[0], pair->client, pair->now_ms + delay_ms, LINK_BYTES_PER_MS);
        put(&links[1], pair->server, pair->now_ms + delay_ms, LINK_BYTES_PER_MS);
        take(&links[0], pair->server, pair->now_ms);
        take(&links[1], pair->client, pair->now_ms);
    }
}

static const uint8_t zeros[MIB];

/* One side never runs dry. */
static void run_full(struct test_pair *pair, struct test_owner *sender, int64_t ms,
                     int64_t delay_ms) {
    for (int64_t i = 0; i < ms; i++) {
        if (sender->stream->unsent < MIB) {
            http_stream_send(sender->stream, zeros, sizeof zeros);
        }
        run(pair, 1, delay_ms);
    }
}

static void end(struct test_pair *pair) {
    test_lose(pair->client);
    test_lose(pair->server);
    clear(&links[0]);
    clear(&links[1]);
    test_pair_free(pair);
}

static void test_one_stream_reaches_its_rate(void **state) {
    (void)state;
    const enum h2_profile profiles[] = {H2_VISITOR, H2_TUNNEL};
    for (size_t i = 0; i < 2; i++) { /* an upload of a visitor, a download through a tunnel */
        struct test_pair *pair = test_pair_new(profiles[i]);
        struct test_owner client = {.consumes = true};
        struct test_owner *server = &pair->owners[0];
        pair->fresh.consumes = true;
        assert_true(test_open(pair, &client, STR("POST"), false));
        run(pair, 100, 25);
        struct test_owner *sender = profiles[i] == H2_VISITOR ? &client : server;
        struct test_owner *reader = profiles[i] == H2_VISITOR ? server : &client;
        if (sender == server) {
            test_answer(server, 200, false);
        }
        run_full(pair, sender, 500, 25);
        size_t ramped = reader->received;
        run_full(pair, sender, 1000, 25);
        size_t rate = reader->received - ramped;
        if (rate < 60 * 1000 * 1000) {
            fail_msg("%zu bytes a second, after %zu in the first half", rate, ramped);
        }
        end(pair);
    }
}

static void test_a_stalled_reader_holds_the_first_window(void **state) {
    (void)state;
    struct test_pair *pair = test_pair_new(H2_VISITOR);
    struct test_owner client = {.consumes = true};
    assert_true(test_open(pair, &client, STR("POST"), false));
    run_full(pair, &client, 1000, 5);
    assert_in_range(pair->owners[0].received, 60 * KIB, 66 * KIB);
    end(pair);
}

/* Whoever reads more slowly than the link could bring it, by far, needs no more either. */
static void test_a_slow_reader_stays_small(void **state) {
    (void)state;
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner client = {.consumes = true};
    struct test_owner *server = &pair->owners[0];
    size_t consumed = 0;
    assert_true(test_open(pair, &client, STR("POST"), false));
    for (unsigned i = 0; i < 1000; i++) {
        run_full(pair, &client, 1, 5);
        size_t part = server->received - consumed;
        part = part < KIB ? part : KIB; /* a megabyte a second */
        if (part > 0) {
            http_stream_consumed(server->stream, part);
            consumed += part;
        }
    }
    assert_in_range(server->received - consumed, 0, 66 * KIB);
    assert_in_range(consumed, 900 * KIB, 1000 * KIB);
    end(pair);
}

/* What a stream held when its reader stopped: all that it had grown to, and never more than the session may grow by. */
static void test_growth_is_bounded_and_given_back(void **state) {
    (void)state;
    enum { STREAMS = 8 };
    struct test_pair *pair = test_pair_new(H2_VISITOR);
    static struct test_owner clients[STREAMS];
    memset(clients, 0, sizeof clients);
    pair->fresh.consumes = true;
    for (unsigned round = 0; round < 2; round++) {
        struct test_owner *servers = pair->owners + (size_t)round * STREAMS;
        for (size_t i = 0; i < STREAMS; i++) {
            clients[i] = (struct test_owner){.consumes = true};
            assert_true(test_open(pair, &clients[i], STR("POST"), false));
        }
        for (size_t i = 0; i < STREAMS; i++) {
            run_full(pair, &clients[i], 500, 25);
        }
        size_t held = 0;
        for (size_t i = 0; i < STREAMS; i++) {
            servers[i].consumes = false;
            held -= servers[i].received;
        }
        for (unsigned ms = 0; ms < 300; ms++) {
            for (size_t i = 0; i < STREAMS; i++) {
                run_full(pair, &clients[i], 1, 25);
            }
        }
        for (size_t i = 0; i < STREAMS; i++) {
            held += servers[i].received;
        }
        /* In the second round there was as much to grow by as in the first. */
        assert_in_range(held, 4 * MIB, 8 * MIB + STREAMS * 64 * KIB);
        for (size_t i = 0; i < STREAMS; i++) {
            test_release(&clients[i]);
        }
        run(pair, 200, 25);
        assert_int_equal(h2_session_stream_count(pair->server), 0);
    }
    end(pair);
}

/* A link that was near, and over which everything now takes long, is a queue, not a distance. */
static void test_queues_do_not_widen(void **state) {
    (void)state;
    struct test_pair *pair = test_pair_new(H2_TUNNEL);
    struct test_owner client = {.consumes = true};
    struct test_owner *server = &pair->owners[0];
    pair->fresh.consumes = true;
    assert_true(test_open(pair, &client, STR("POST"), false));
    run_full(pair, &client, 300, 1);
    run_full(pair, &client, 3000, 25);
    size_t before = server->received;
    server->consumes = false;
    run_full(pair, &client, 300, 25);
    assert_in_range(server->received - before, 64 * KIB, 2 * MIB); /* not 4 */
    end(pair);
}

/* On a link without delay the answers to our PINGs would overdraw a visitor's budget if they were counted. */
static void test_probes_cost_the_peer_nothing(void **state) {
    (void)state;
    struct test_pair *pair = test_pair_new(H2_VISITOR);
    struct test_owner client = {.consumes = true};
    pair->fresh.consumes = true;
    assert_true(test_open(pair, &client, STR("POST"), false));
    for (unsigned i = 0; i < 20000; i++) { /* time stands still */
        http_stream_send(client.stream, zeros, 4 * KIB);
        put(&links[0], pair->client, 0, SIZE_MAX);
        take(&links[0], pair->server, 0);
        put(&links[1], pair->server, 0, SIZE_MAX);
        take(&links[1], pair->client, 0);
    }
    assert_int_equal(pair->owners[0].received, 20000 * 4 * KIB);
    assert_int_equal(pair->ping_acks, 0);
    end(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_stream_reaches_its_rate),
        cmocka_unit_test(test_a_stalled_reader_holds_the_first_window),
        cmocka_unit_test(test_a_slow_reader_stays_small),
        cmocka_unit_test(test_growth_is_bounded_and_given_back),
        cmocka_unit_test(test_queues_do_not_widen),
        cmocka_unit_test(test_probes_cost_the_peer_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
