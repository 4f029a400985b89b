#include "edge/edge_balance.h"

#include "base/memory.h"

#include "edge/edge_test_case.h"

static const struct edge_balance_wish any = {.upstream = STR_INIT("default")};

static struct edge_tunnel *join(size_t index) {
    return &kit_connect(kit, index, KIT_HOLD)->tunnel;
}

static struct edge_tunnel *pick(const struct edge_balance_wish *wish) {
    return edge_balance_pick(kit_environment(kit), wish);
}

/* How often each of `count` tunnels is chosen of 1,000. */
static void tally(const struct edge_balance_wish *wish, unsigned counts[KIT_TUNNELS]) {
    memset(counts, 0, KIT_TUNNELS * sizeof(counts[0]));
    for (unsigned i = 0; i < 1000; i++) {
        struct edge_tunnel *tunnel = pick(wish);
        assert_non_null(tunnel);
        counts[CONTAINER_OF(tunnel, struct kit_tunnel, tunnel) - kit->tunnels]++;
    }
}

static struct http_stream *load(struct edge_tunnel *tunnel) {
    static const struct http_stream_events events = {.on_closed = kit_on_closed};
    static struct kit_tunnel owner;
    const struct http_head head = {
        .method = STR("GET"), .scheme = STR("https"), .authority = STR(KIT_HOST), .path = STR("/")};
    struct http_stream *stream = edge_tunnel_open(tunnel, &head, true, &events, &owner);
    assert_non_null(stream);
    return stream;
}

static void set_down(struct edge_tunnel *tunnel) {
    const struct tunnel_message health = {
        .upstreams = {{.name = STR("default"), .is_known = true, .is_up = false}},
        .upstream_count = 1};
    edge_warpgate_report(tunnel->warpgate, &health);
}

static void none_is_none(void **state) {
    (void)state;
    assert_null(pick(&any));
    struct edge_tunnel *only = join(0);
    assert_ptr_equal(pick(&any), only);
    const struct edge_balance_wish another = {.upstream = STR("default"), .tried = only};
    assert_ptr_equal(pick(&another), only); /* there is no other */
    const struct edge_balance_wish elsewhere = {.upstream = STR("default"),
                                                .never = only->warpgate};
    assert_null(pick(&elsewhere));
    kit_lose(&kit->tunnels[0]);
    assert_null(pick(&any));
}

static void equals_are_chosen_equally(void **state) {
    unsigned counts[KIT_TUNNELS];
    (void)state;
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        (void)join(i);
    }
    tally(&any, counts);
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        assert_in_range(counts[i], 150, 350);
    }
}

static void of_two_the_one_with_less_to_do(void **state) {
    (void)state;
    struct edge_tunnel *first = join(0);
    struct edge_tunnel *second = join(1);
    struct http_stream *one = load(first);
    for (unsigned i = 0; i < 50; i++) {
        assert_ptr_equal(pick(&any), second);
    }
    struct http_stream *two = load(second), *three = load(second);
    for (unsigned i = 0; i < 50; i++) {
        assert_ptr_equal(pick(&any), first);
    }
    http_stream_release(one);
    http_stream_release(two);
    http_stream_release(three);
}

static void the_busiest_of_many_is_never_chosen(void **state) {
    unsigned counts[KIT_TUNNELS];
    (void)state;
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        (void)join(i);
    }
    struct http_stream *stream = load(&kit->tunnels[2].tunnel);
    tally(&any, counts);
    assert_int_equal(counts[2], 0);
    http_stream_release(stream);
}

static void what_was_tried_is_chosen_last(void **state) {
    unsigned counts[KIT_TUNNELS];
    (void)state;
    struct edge_tunnel *first = join(0);
    (void)join(1);
    (void)join(2);
    const struct edge_balance_wish another = {.upstream = STR("default"), .tried = first};
    tally(&another, counts);
    assert_int_equal(counts[0], 0);
    const struct edge_balance_wish elsewhere = {.upstream = STR("default"),
                                                .never = first->warpgate};
    tally(&elsewhere, counts);
    assert_int_equal(counts[0], 0);
}

static void the_unhealthy_are_avoided(void **state) {
    unsigned counts[KIT_TUNNELS];
    (void)state;
    set_down(join(0));
    (void)join(1);
    struct edge_tunnel *third = join(2);
    edge_warpgate_note(third->warpgate, STR("default"), EDGE_WARPGATE_REFUSED,
                       loop_now_ms(kit->loop));
    tally(&any, counts);
    assert_int_equal(counts[1], 1000);
    kit_pass(kit, EDGE_WARPGATE_EJECTION_MS);
    tally(&any, counts);
    assert_int_equal(counts[0], 0);
    assert_true(counts[2] > 300);
}

static void when_nearly_all_look_unhealthy_health_is_ignored(void **state) {
    unsigned counts[KIT_TUNNELS];
    (void)state;
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        (void)join(i);
    }
    for (size_t i = 0; i + 2 < KIT_TUNNELS; i++) {
        set_down(&kit->tunnels[i].tunnel);
    }
    tally(&any, counts);
    assert_int_equal(counts[0], 0);
    set_down(&kit->tunnels[2].tunnel); /* one of four is left: fewer than a third */
    tally(&any, counts);
    assert_true(counts[0] > 100 && counts[1] > 100 && counts[2] > 100 && counts[3] > 100);
    set_down(&kit->tunnels[3].tunnel);
    tally(&any, counts);
    assert_true(counts[0] > 100 && counts[3] > 100);
}

static void whoever_declared_the_upstream_gets_it(void **state) {
    unsigned counts[KIT_TUNNELS];
    const struct tunnel_message hello = {.upstreams = {{.name = STR("other")}},
                                         .upstream_count = 1};
    const struct edge_balance_wish unknown = {.upstream = STR("unknown")};
    (void)state;
    edge_warpgate_declare(join(0)->warpgate, &hello);
    set_down(join(1));
    tally(&any, counts);
    assert_int_equal(counts[1], 1000); /* unhealthy, but the only one that has it */
    tally(&unknown, counts);
    assert_true(counts[0] > 300 && counts[1] > 300);
}

static void sticky_visitors_stay(void **state) {
    unsigned counts[KIT_TUNNELS];
    (void)state;
    for (size_t i = 0; i < KIT_TUNNELS; i++) {
        (void)join(i);
    }
    struct edge_tunnel *home = &kit->tunnels[1].tunnel;
    struct http_stream *stream = load(home);
    const struct edge_balance_wish sticky = {.upstream = STR("default"),
                                             .affinity = str_from(home->warpgate->affinity)};
    tally(&sticky, counts);
    assert_int_equal(counts[1], 1000);
    set_down(home);
    tally(&sticky, counts);
    assert_int_equal(counts[1], 0);
    http_stream_release(stream);
}

static void invented_cookies_change_nothing(void **state) {
    static const char *const values[] = {"x", "0123456789abcdef", "0123456789abcdef0123456789",
                                         "\"\"", "wg_01jd3m8k6vq2x7r9t4w5y6z8a0"};
    unsigned counts[KIT_TUNNELS];
    (void)state;
    (void)join(0);
    (void)join(1);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const struct edge_balance_wish sticky = {.upstream = STR("default"),
                                                 .affinity = str_from(values[i])};
        tally(&sticky, counts);
        assert_true(counts[0] > 300 && counts[1] > 300);
    }
}

/* Two tunnels of one warpgate are one choice, within which the less busy one is taken. */
static void warpgates_are_chosen_not_tunnels(void **state) {
    unsigned counts[KIT_TUNNELS];
    (void)state;
    (void)join(0);
    (void)join(1);
    kit_connect_as(kit, 2, 0, KIT_HOLD);
    kit_connect_as(kit, 3, 0, KIT_HOLD);
    struct http_stream *stream = load(&kit->tunnels[0].tunnel);
    struct http_stream *other = load(&kit->tunnels[1].tunnel);
    tally(&any, counts);
    assert_in_range(counts[1], 400, 600);
    assert_int_equal(counts[0], 0);
    http_stream_release(stream);
    http_stream_release(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(none_is_none),
        TEST(equals_are_chosen_equally),
        TEST(of_two_the_one_with_less_to_do),
        TEST(the_busiest_of_many_is_never_chosen),
        TEST(what_was_tried_is_chosen_last),
        TEST(the_unhealthy_are_avoided),
        TEST(when_nearly_all_look_unhealthy_health_is_ignored),
        TEST(whoever_declared_the_upstream_gets_it),
        TEST(sticky_visitors_stay),
        TEST(invented_cookies_change_nothing),
        TEST(warpgates_are_chosen_not_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
