#include "store/store_setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

static enum status get(struct fixture *f, const char *name, struct buf *value) {
    buf_init(value, STORE_SETTING_BYTES_MAX);
    return store_setting_get(f->tx, str_from(name), value);
}

static void test_set_get_delete(void **state) {
    struct fixture *f = *state;
    struct buf value;
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(get(f, "ca", &value), STATUS_NOT_FOUND);
    assert_int_equal(store_setting_set(f->tx, STR("ca"), STR("one")), STATUS_OK);
    assert_int_equal(store_setting_set(f->tx, STR("ca"), str_make("t\0wo", 4)), STATUS_OK);
    assert_int_equal(get(f, "ca", &value), STATUS_OK);
    assert_true(str_eq(buf_str(&value), str_make("t\0wo", 4)));
    buf_fini_wiped(&value);
    buf_init(&value, 3);
    assert_int_equal(store_setting_get(f->tx, STR("ca"), &value), STATUS_TOO_LARGE);
    buf_fini(&value);
    assert_int_equal(store_setting_delete(f->tx, STR("ca")), STATUS_OK);
    assert_int_equal(get(f, "ca", &value), STATUS_NOT_FOUND);
    assert_int_equal(store_setting_delete(f->tx, STR("ca")), STATUS_NOT_FOUND);
}

static void test_limits(void **state) {
    struct fixture *f = *state;
    struct buf value;
    char *large = calloc(1, STORE_SETTING_BYTES_MAX + 1);
    static const char *const names[] = {"", "CA", "a b", "a|b", "ä"};
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(
        store_setting_set(f->tx, STR("signing.keys_2"), str_make(large, STORE_SETTING_BYTES_MAX)),
        STATUS_OK);
    assert_int_equal(get(f, "signing.keys_2", &value), STATUS_OK);
    assert_int_equal(buf_len(&value), STORE_SETTING_BYTES_MAX);
    buf_fini(&value);
    assert_int_equal(
        store_setting_set(f->tx, STR("x"), str_make(large, STORE_SETTING_BYTES_MAX + 1)),
        STATUS_TOO_LARGE);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(store_setting_set(f->tx, str_from(names[i]), STR("x")), STATUS_INVALID);
    }
    free(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_set_get_delete, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_limits, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
