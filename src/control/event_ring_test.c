#include "control/event_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const struct event_ring *ring, uint64_t after, uint64_t number,
                   const char *data) {
    const struct event_ring_item *item = event_ring_after(ring, after);
    assert_non_null(item);
    assert_int_equal(item->number, number);
    assert_true(str_eq(str_make(item->data, item->data_len), str_from(data)));
}

static void test_an_empty_one(void **state) {
    struct event_ring ring;
    (void)state;
    event_ring_init(&ring, 3, 100);
    assert_true(event_ring_reaches(&ring, 0));
    assert_false(event_ring_reaches(&ring, 1));
    assert_null(event_ring_after(&ring, 0));
    event_ring_fini(&ring);
}

static void test_the_oldest_go(void **state) {
    struct event_ring ring;
    (void)state;
    event_ring_init(&ring, 3, 100);
    for (int i = 1; i <= 5; i++) {
        char data[2] = {(char)('0' + i), '\0'};
        assert_int_equal(event_ring_add(&ring, "x", str_from(data))->number, i);
    }
    assert_false(event_ring_reaches(&ring, 0));
    assert_false(event_ring_reaches(&ring, 1));
    for (uint64_t i = 2; i <= 5; i++) {
        assert_true(event_ring_reaches(&ring, i));
    }
    assert_false(event_ring_reaches(&ring, 6));
    expect(&ring, 0, 3, "3");
    expect(&ring, 3, 4, "4");
    expect(&ring, 4, 5, "5");
    assert_null(event_ring_after(&ring, 5));
    event_ring_fini(&ring);
}

static void test_bytes_are_bounded(void **state) {
    struct event_ring ring;
    (void)state;
    event_ring_init(&ring, 10, 10);
    event_ring_add(&ring, "x", STR("1234"));
    event_ring_add(&ring, "x", STR("5678"));
    event_ring_add(&ring, "x", STR("9abc"));
    assert_int_equal(ring.count, 2);
    expect(&ring, 0, 2, "5678");
    event_ring_add(&ring, "x", STR("0123456789"));
    assert_int_equal(ring.count, 1);
    expect(&ring, 0, 4, "0123456789");
    event_ring_fini(&ring);
}

static void test_what_is_too_large_leaves_a_gap(void **state) {
    struct event_ring ring;
    (void)state;
    event_ring_init(&ring, 10, 10);
    event_ring_add(&ring, "x", STR("1"));
    assert_null(event_ring_add(&ring, "x", STR("0123456789A")));
    assert_false(event_ring_reaches(&ring, 1));
    assert_true(event_ring_reaches(&ring, 2));
    assert_null(event_ring_skip(&ring));
    assert_true(event_ring_reaches(&ring, 3));
    event_ring_add(&ring, "x", STR("2"));
    assert_false(event_ring_reaches(&ring, 2));
    expect(&ring, 3, 4, "2");
    event_ring_fini(&ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_one),
        cmocka_unit_test(test_the_oldest_go),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_what_is_too_large_leaves_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
