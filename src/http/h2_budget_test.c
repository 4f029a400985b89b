#include "http/h2_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int64_t now_ms;

static int64_t read_now(void *context) {
    (void)context;
    return now_ms;
}

static const struct clock test_clock = {read_now, read_now, NULL};

static void begin(struct h2_budget *budget) {
    now_ms = 5000;
    h2_budget_init(budget, &test_clock, false);
}

/* One frame of zeros; false when overdrawn. */
static bool scan_frame(struct h2_budget *budget, uint8_t type, uint8_t flags, uint32_t stream_id,
                       size_t len) {
    static uint8_t frame[9 + 16384];
    const uint8_t head[9] = {(uint8_t)(len >> 16),
                             (uint8_t)(len >> 8),
                             (uint8_t)len,
                             type,
                             flags,
                             (uint8_t)(stream_id >> 24),
                             (uint8_t)(stream_id >> 16),
                             (uint8_t)(stream_id >> 8),
                             (uint8_t)stream_id};
    memcpy(frame, head, sizeof head);
    return h2_budget_scan(budget, frame, 9 + len);
}

static size_t frames_until_overdrawn(struct h2_budget *budget, uint8_t type, uint8_t flags,
                                     size_t len) {
    size_t count = 0;
    while (count < 100000 && scan_frame(budget, type, flags, 0, len)) {
        count++;
    }
    return count;
}

static void test_frames_cost(void **state) {
    static const struct {
        const char *what;
        uint8_t type;
        uint8_t flags;
        size_t len;
        size_t count; /* that go in at once */
    } cases[] = {
        {"empty data", 0, 0, 0, 500},     {"padding alone", 0, 8, 100, 1000},
        {"data", 0, 0, 10, 100000},       {"data end", 0, 1, 0, 100000},
        {"late headers", 1, 4, 10, 1000}, {"priority", 2, 0, 5, 1000},
        {"reset", 3, 0, 4, 250},          {"settings", 4, 0, 0, 250},
        {"push", 5, 0, 8, 250},           {"ping", 6, 0, 8, 500},
        {"goaway", 7, 0, 8, 250},         {"window update", 8, 0, 4, 1064},
        {"continuation", 9, 4, 0, 8},     {"unknown", 77, 0, 30, 500},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct h2_budget budget;
        begin(&budget);
        size_t count = frames_until_overdrawn(&budget, cases[i].type, cases[i].flags, cases[i].len);
        if (count != cases[i].count) {
            fail_msg("%s: %zu", cases[i].what, count);
        }
    }
}

static void test_refill(void **state) {
    struct h2_budget budget;
    (void)state;
    begin(&budget);
    assert_int_equal(frames_until_overdrawn(&budget, 3, 0, 4), 250);
    now_ms += 1000; /* the one that overdrew is paid, too */
    assert_int_equal(frames_until_overdrawn(&budget, 3, 0, 4), 124);
    now_ms += 1000000;
    assert_int_equal(frames_until_overdrawn(&budget, 3, 0, 4), 250);
    now_ms -= 500;
    assert_false(h2_budget_charge(&budget, 1));
}

static void test_updates_are_earned(void **state) {
    struct h2_budget budget;
    (void)state;
    begin(&budget);
    for (size_t i = 0; i < 10000; i++) {
        h2_budget_data_sent(&budget);
        assert_true(scan_frame(&budget, 8, 0, 0, 4));
        assert_true(scan_frame(&budget, 8, 0, 1, 4));
    }
    assert_int_equal(frames_until_overdrawn(&budget, 8, 0, 4), 1064);
}

static void test_pings_are_earned(void **state) {
    struct h2_budget budget;
    (void)state;
    begin(&budget);
    for (size_t i = 0; i < 10000; i++) {
        h2_budget_data_sent(&budget);
        assert_true(scan_frame(&budget, 6, 0, 0, 8));
    }
    assert_int_equal(frames_until_overdrawn(&budget, 6, 0, 8), 500);
}

/* What a server needs to answer is free; what goes beyond costs as it does a visitor. */
static void test_answers_are_free(void **state) {
    struct h2_budget budget;
    (void)state;
    begin(&budget);
    for (uint32_t id = 1; id < 20000; id += 2) {
        h2_budget_exchange_opened(&budget);
        assert_true(scan_frame(&budget, 1, 4, id, 10));
        assert_true(scan_frame(&budget, 1, 5, id, 10));
        assert_true(scan_frame(&budget, 3, 0, id, 4));
    }
    assert_int_equal(budget.points, H2_BUDGET_BURST);
    assert_int_equal(frames_until_overdrawn(&budget, 3, 0, 4), 250);
    begin(&budget);
    for (size_t i = 0; i < 10; i++) {
        h2_budget_exchange_opened(&budget);
    }
    assert_int_equal(frames_until_overdrawn(&budget, 1, 4, 10), 180 + 1000);
    begin(&budget); /* what can be saved up has an end */
    for (size_t i = 0; i < 1000000; i++) {
        h2_budget_exchange_opened(&budget);
        h2_budget_data_sent(&budget);
    }
    assert_true(budget.heads_left < H2_BUDGET_SAVED_MAX + 18);
    assert_true(budget.updates_left < H2_BUDGET_SAVED_MAX + 4);
    assert_true(budget.pings_left <= H2_BUDGET_SAVED_MAX);
    assert_true(budget.resets_left <= H2_BUDGET_SAVED_MAX);
}

static void test_header_blocks(void **state) {
    struct h2_budget budget;
    (void)state;
    begin(&budget);
    assert_false(h2_budget_is_in_head(&budget));
    assert_true(scan_frame(&budget, 1, 0, 1, 16384));
    assert_true(h2_budget_is_in_head(&budget));
    assert_true(scan_frame(&budget, 9, 0, 1, 16384));
    assert_true(scan_frame(&budget, 9, 4, 1, 16384));
    assert_false(h2_budget_is_in_head(&budget));
    assert_true(scan_frame(&budget, 1, 0, 3, 16384)); /* the next block counts anew */
    assert_true(scan_frame(&budget, 9, 0, 3, 16384));
    assert_true(scan_frame(&budget, 9, 0, 3, 16384));
    assert_true(scan_frame(&budget, 9, 0, 3, 16384));
    assert_false(scan_frame(&budget, 9, 4, 3, 1));
}

static void test_preface_and_pieces(void **state) {
    static const uint8_t preface[24] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const uint8_t headers[12] = {0, 0, 3, 1, 4, 0, 0, 0, 1, 'a', 'b', 'c'};
    struct h2_budget budget;
    (void)state;
    h2_budget_init(&budget, &test_clock, true);
    assert_false(h2_budget_is_in_head(&budget));
    assert_true(h2_budget_scan(&budget, preface, 10));
    assert_true(h2_budget_is_in_head(&budget));
    assert_true(h2_budget_scan(&budget, preface + 10, 14));
    assert_false(h2_budget_is_in_head(&budget));
    for (size_t i = 0; i < sizeof headers; i++) {
        assert_true(h2_budget_scan(&budget, headers + i, 1));
        assert_int_equal(h2_budget_is_in_head(&budget), i >= 8 && i < 11);
    }
    assert_int_equal(budget.last_stream_id, 1);
    assert_int_equal(budget.points, H2_BUDGET_BURST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_cost),        cmocka_unit_test(test_refill),
        cmocka_unit_test(test_updates_are_earned), cmocka_unit_test(test_header_blocks),
        cmocka_unit_test(test_pings_are_earned),   cmocka_unit_test(test_answers_are_free),
        cmocka_unit_test(test_preface_and_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
