#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static void sets_and_gets(void **state) {
    struct map map;
    int a;
    int b;
    (void)state;
    map_init(&map);
    assert_null(map_get(&map, STR("x")));
    assert_null(map_remove(&map, STR("x")));
    char key[] = "key";
    assert_null(map_set(&map, str_from(key), &a));
    key[0] = 'X'; /* the map has a copy */
    assert_ptr_equal(map_get(&map, STR("key")), &a);
    assert_ptr_equal(map_set(&map, STR("key"), &b), &a);
    assert_int_equal(map.count, 1);
    assert_null(map_set(&map, STR(""), &a));
    assert_null(map_set(&map, STR("key\0"), &a));
    assert_ptr_equal(map_get(&map, STR("key")), &b);
    assert_ptr_equal(map_get(&map, str_make(NULL, 0)), &a);
    assert_ptr_equal(map_remove(&map, STR("key")), &b);
    assert_null(map_get(&map, STR("key")));
    assert_int_equal(map.count, 2);
    map_fini(&map);
    assert_null(map_get(&map, STR("")));
}

static struct str number_key(int number, char text[16]) {
    return str_make(text, (size_t)snprintf(text, 16, "key-%d", number));
}

/* Against a plain array: what is in, what is out. */
static void agrees_with_an_array(void **state) {
    static int values[1000];
    static bool is_in[1000];
    struct map map;
    char text[16];
    unsigned dice = 1;
    size_t count = 0;
    (void)state;
    map_init(&map);
    for (int round = 0; round < 50000; round++) {
        dice = dice * 1103515245u + 12345u;
        int i = (int)(dice >> 16) % 1000;
        struct str key = number_key(i, text);
        assert_ptr_equal(map_get(&map, key), is_in[i] ? &values[i] : NULL);
        void *former = (dice >> 12 & 1) ? map_set(&map, key, &values[i]) : map_remove(&map, key);
        assert_ptr_equal(former, is_in[i] ? &values[i] : NULL);
        bool was_in = is_in[i];
        is_in[i] = dice >> 12 & 1;
        count = count + is_in[i] - was_in;
        assert_int_equal(map.count, count);
        assert_true(map.cap <= 4096);
    }
    map_fini(&map);
}

/* One key at a time, ever new ones: tombstones must not fill the table or make it grow. */
static void recovers_tombstones(void **state) {
    struct map map;
    char text[16];
    int value;
    (void)state;
    map_init(&map);
    for (int i = 0; i < 10000; i++) {
        assert_null(map_set(&map, number_key(i, text), &value));
        assert_ptr_equal(map_remove(&map, number_key(i, text)), &value);
    }
    assert_int_equal(map.count, 0);
    assert_true(map.cap <= 16);
    map_fini(&map);
}

static void walks_and_removes(void **state) {
    struct map map;
    int values[100] = {0};
    char text[16];
    size_t at = 0;
    struct str key;
    void *value;
    (void)state;
    map_init(&map);
    assert_false(map_next(&map, &at, &key, &value));
    for (int i = 0; i < 100; i++) {
        assert_null(map_set(&map, number_key(i, text), &values[i]));
    }
    for (at = 0; map_next(&map, &at, &key, &value);) {
        *(int *)value += 1;
        if (((int *)value - values) % 2 == 0) {
            assert_ptr_equal(map_remove(&map, key), value);
        }
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(values[i], 1);
        assert_ptr_equal(map_get(&map, number_key(i, text)), i % 2 == 0 ? NULL : &values[i]);
    }
    map_fini(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_and_gets),
        cmocka_unit_test(agrees_with_an_array),
        cmocka_unit_test(recovers_tombstones),
        cmocka_unit_test(walks_and_removes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
