#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_str(struct str s, const char *wanted) {
    assert_true(str_eq(s, str_from(wanted)));
}

static void makes(void **state) {
    (void)state;
    assert_int_equal(str_from("abc").len, 3);
    assert_true(str_is_empty(str_from(NULL)));
    assert_non_null(str_from(NULL).at);
    assert_str(str_make("abcd", 2), "ab");
    assert_int_equal(STR("a\0b").len, 3);
}

static void compares(void **state) {
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("ab"), STR("abc")));
    assert_true(str_eq(str_make(NULL, 0), STR("")));
    assert_true(str_eq_nocase(STR("Host-X"), STR("hOST-x")));
    assert_false(str_eq_nocase(STR("a["), STR("a{"))); /* 0x20 apart, but no letters */
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    assert_false(str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4"))); /* only ASCII folds */
}

static void finds_ends(void **state) {
    (void)state;
    assert_true(str_starts_with(STR("/api/x"), STR("/api")));
    assert_false(str_starts_with(STR("/ap"), STR("/api")));
    assert_true(str_starts_with(STR("x"), STR("")));
    assert_true(str_ends_with(STR("a.example"), STR(".example")));
    assert_false(str_ends_with(STR("example"), STR(".example")));
    assert_false(str_ends_with(STR("a.exampla"), STR(".example")));
}

static void takes_parts(void **state) {
    struct str head;
    struct str tail;
    (void)state;
    assert_str(str_sub(STR("abcdef"), 2, 3), "cde");
    assert_str(str_sub(STR("abcdef"), 4, SIZE_MAX), "ef");
    assert_str(str_sub(STR("abc"), 9, 1), "");
    assert_int_equal(str_find(STR("abc"), 'c'), 2);
    assert_int_equal(str_find(STR("abc"), 'x'), 3);
    assert_int_equal(str_find(str_make(NULL, 0), 'x'), 0);
    assert_true(str_cut(STR("a=b=c"), '=', &head, &tail));
    assert_str(head, "a");
    assert_str(tail, "b=c");
    assert_true(str_cut(STR("a="), '=', &head, &tail));
    assert_str(tail, "");
    assert_false(str_cut(STR("abc"), '=', &head, &tail));
    assert_str(head, "abc");
    assert_str(tail, "");
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR(" \t ")), "");
    assert_str(str_trim(STR("\na")), "\na");
}

static void reads_numbers(void **state) {
    uint64_t value = 77;
    (void)state;
    assert_int_equal(str_to_u64(STR("0"), 10, &value), STATUS_OK);
    assert_int_equal(value, 0);
    assert_int_equal(str_to_u64(STR("007"), 10, &value), STATUS_OK);
    assert_int_equal(value, 7);
    assert_int_equal(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &value), STATUS_OK);
    assert_true(value == UINT64_MAX);
}

static void refuses_numbers(void **state) {
    static const struct str bad[] = {
        STR_INIT(""),   STR_INIT("-1"),  STR_INIT("+1"),  STR_INIT(" 1"),
        STR_INIT("1 "), STR_INIT("0x1"), STR_INIT("1\0"), STR_INIT("99999999999999999999999a"),
    };
    uint64_t value = 77;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(str_to_u64(bad[i], UINT64_MAX, &value), STATUS_INVALID);
    }
    assert_int_equal(str_to_u64(STR("11"), 10, &value), STATUS_TOO_LARGE);
    assert_int_equal(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &value), STATUS_TOO_LARGE);
    assert_int_equal(str_to_u64(STR("184467440737095516160"), UINT64_MAX, &value),
                     STATUS_TOO_LARGE);
    assert_int_equal(value, 77);
}

static void copies_terminated(void **state) {
    char out[4];
    (void)state;
    assert_int_equal(str_to_cstr(STR("abc"), out, sizeof(out)), STATUS_OK);
    assert_string_equal(out, "abc");
    assert_int_equal(str_to_cstr(STR("abcd"), out, sizeof(out)), STATUS_TOO_LARGE);
    assert_int_equal(str_to_cstr(STR(""), out, 0), STATUS_TOO_LARGE);
    assert_int_equal(str_to_cstr(STR("a\0b"), out, sizeof(out)), STATUS_INVALID);
    assert_int_equal(str_to_cstr(str_make(NULL, 0), out, 1), STATUS_OK);
}

static void lowers(void **state) {
    char text[] = "AbZ[@\xc4";
    (void)state;
    str_lower(str_from(text), text);
    assert_string_equal(text, "abz[@\xc4");
}

static void hashes_by_content(void **state) {
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
    }
    for (size_t len = 0; len < sizeof(text); len++) {
        char copy[sizeof(text)];
        memcpy(copy, text, sizeof(copy));
        uint64_t hash = str_hash(str_make(text, len));
        assert_true(hash == str_hash(str_make(copy, len)));
        assert_true(hash != str_hash(str_make(text, len + 1)));
        for (size_t i = 0; i < len; i++) {
            copy[i] = (char)(copy[i] ^ 1);
            assert_true(hash != str_hash(str_make(copy, len)));
            copy[i] = (char)(copy[i] ^ 1);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes),
        cmocka_unit_test(compares),
        cmocka_unit_test(finds_ends),
        cmocka_unit_test(takes_parts),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(refuses_numbers),
        cmocka_unit_test(copies_terminated),
        cmocka_unit_test(lowers),
        cmocka_unit_test(hashes_by_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
