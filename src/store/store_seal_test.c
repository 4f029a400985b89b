#include "store/store_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct store_seal_key make_key(uint32_t version, uint8_t seed) {
    struct store_seal_key key = {.version = version};
    memset(key.bytes, seed, sizeof(key.bytes));
    return key;
}

static void test_opens_only_there_and_as_it_was(void **state) {
    (void)state;
    char place_text[STORE_SEAL_PLACE_SIZE];
    char other_text[STORE_SEAL_PLACE_SIZE];
    uint8_t sealed[5 + STORE_SEAL_OVERHEAD];
    uint8_t opened[5];
    struct store_seal_key key = make_key(7, 1);
    struct store_seal_key wrong = make_key(7, 2);
    struct str place = store_seal_place(place_text, "route", STR("rte_1"), "path");
    struct str other = store_seal_place(other_text, "route", STR("rte_2"), "path");
    store_seal_close(random_system(), &key, place, STR("/shop"), sealed);
    struct str text = str_make(sealed, sizeof(sealed));
    assert_true(store_seal_is_sealed(text));
    assert_int_equal(store_seal_version(text), 7);
    assert_int_equal(store_seal_open(&key, place, text, opened), STATUS_OK);
    assert_memory_equal(opened, "/shop", 5);
    assert_int_equal(store_seal_open(&key, other, text, opened), STATUS_INVALID);
    assert_int_equal(store_seal_open(&wrong, place, text, opened), STATUS_INVALID);
    sealed[20] ^= 1;
    assert_int_equal(store_seal_open(&key, place, text, opened), STATUS_INVALID);
    assert_false(store_seal_is_sealed(str_make(sealed, STORE_SEAL_OVERHEAD - 1)));
}

static void test_wrapped_keys(void **state) {
    (void)state;
    uint8_t wrapped[STORE_SEAL_WRAPPED_BYTES];
    uint8_t bytes[2][AEAD_KEY_BYTES] = {{1}, {2}};
    struct store_seal_key master, other;
    struct store_seal_key key = make_key(3, 9);
    struct store_seal_key found = {.version = 3};
    struct why why;
    uint32_t version = 0;
    store_seal_master(bytes[0], &master);
    store_seal_master(bytes[1], &other);
    assert_int_not_equal(master.version, other.version);
    store_seal_wrap(random_system(), &master, STR("system"), &key, wrapped);
    struct str text = str_make(wrapped, sizeof(wrapped));
    assert_int_equal(store_seal_wrapped_version(text, &version, &why), STATUS_OK);
    assert_int_equal(version, master.version);
    assert_int_equal(store_seal_unwrap(&master, STR("system"), text, &found, &why), STATUS_OK);
    assert_memory_equal(found.bytes, key.bytes, sizeof(key.bytes));
    assert_int_equal(store_seal_unwrap(&other, STR("system"), text, &found, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "master_key_wrong");
    assert_int_equal(store_seal_unwrap(&master, STR("lookup"), text, &found, &why), STATUS_INVALID);
    found.version = 4;
    assert_int_equal(store_seal_unwrap(&master, STR("system"), text, &found, &why), STATUS_INVALID);
    text.len--;
    assert_int_equal(store_seal_unwrap(&master, STR("system"), text, &found, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "data_corrupt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_only_there_and_as_it_was),
        cmocka_unit_test(test_wrapped_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
