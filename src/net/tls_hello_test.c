#include "net/tls_hello.h"

#include "net/net_test_kit.h"

static enum status parse_name(const char *bytes, size_t len, struct tls_hello *hello) {
    uint8_t *exact = memory_new(len); /* so that the sanitizer sees one byte too far */
    memcpy(exact, bytes, len);
    enum status status = tls_hello_parse_name(exact, len, hello);
    memory_free(exact);
    return status;
}

#define NAME(bytes) parse_name(bytes, sizeof(bytes) - 1, &hello)

static void test_one_name_is_read_in_lower_case(void **state) {
    (void)state;
    struct tls_hello hello = {0};
    assert_int_equal(NAME("\0\x08\0\0\x05"
                          "A.Org"),
                     STATUS_OK);
    assert_true(str_eq(tls_hello_name(&hello), STR("a.org")));
}

static void test_any_other_form_is_refused(void **state) {
    (void)state;
    struct tls_hello hello = {0};
    assert_int_equal(NAME(""), STATUS_INVALID);
    assert_int_equal(NAME("\0"), STATUS_INVALID);
    assert_int_equal(NAME("\0\0"), STATUS_INVALID);
    assert_int_equal(NAME("\0\x03\0\0\0"), STATUS_INVALID); /* empty name */
    assert_int_equal(NAME("\0\x04\x01\0\x01"
                          "a"),
                     STATUS_INVALID); /* unknown type */
    assert_int_equal(NAME("\0\x05\0\0\x01"
                          "a"),
                     STATUS_INVALID); /* list too long */
    assert_int_equal(NAME("\0\x04\0\0\x02"
                          "a"),
                     STATUS_INVALID); /* name too long */
    assert_int_equal(NAME("\0\x05\0\0\x01"
                          "ab"),
                     STATUS_INVALID); /* bytes after it */
    assert_int_equal(NAME("\0\x08\0\0\x01"
                          "a\0\0\x01"
                          "b"),
                     STATUS_INVALID); /* two names */
    assert_int_equal(NAME("\0\x06\0\0\x03"
                          "a\0b"),
                     STATUS_INVALID);
    assert_int_equal(NAME("\0\x06\0\0\x03"
                          "a/b"),
                     STATUS_INVALID);
    assert_int_equal(NAME("\0\x05\0\0\x02"
                          "a."),
                     STATUS_INVALID);
    assert_true(str_is_empty(tls_hello_name(&hello)));
}

static void test_names_are_bounded(void **state) {
    (void)state;
    struct tls_hello hello = {0};
    char bytes[5 + 254];
    memset(bytes, 'a', sizeof(bytes));
    memcpy(bytes, "\0\xff\0\0\xfc", 5);
    bytes[1] = (char)(253 + 3 - 256);
    bytes[0] = 1;
    bytes[4] = (char)253;
    assert_int_equal(parse_name(bytes, 5 + 253, &hello), STATUS_OK);
    bytes[1]++;
    bytes[4]++;
    assert_int_equal(parse_name(bytes, 5 + 254, &hello), STATUS_INVALID);
}

static enum status parse_protocols(const char *bytes, size_t len, struct tls_hello *hello) {
    return tls_hello_parse_protocols((const uint8_t *)bytes, len, hello);
}

#define PROTOCOLS(bytes) parse_protocols(bytes, sizeof(bytes) - 1, &hello)

static void test_protocols(void **state) {
    (void)state;
    struct tls_hello hello = {0};
    assert_false(tls_hello_offers(&hello, STR("h2")));
    assert_int_equal(PROTOCOLS("\0\x0c\x02h2\x08http/1.1"), STATUS_OK);
    assert_true(tls_hello_offers(&hello, STR("h2")));
    assert_true(tls_hello_offers(&hello, STR("http/1.1")));
    assert_false(tls_hello_offers(&hello, STR("http/1")));
    assert_false(tls_hello_offers(&hello, STR("")));
    assert_int_equal(PROTOCOLS("\0\0"), STATUS_INVALID);
    assert_int_equal(PROTOCOLS("\0\x01\0"), STATUS_INVALID);
    assert_int_equal(PROTOCOLS("\0\x03\x03h2"), STATUS_INVALID);
    assert_int_equal(PROTOCOLS("\0\x04\x02h2\0"), STATUS_INVALID);
    assert_int_equal(PROTOCOLS("\0\x04\x02h2"), STATUS_INVALID);
    assert_false(tls_hello_offers(&hello, STR("h2")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_name_is_read_in_lower_case),
        cmocka_unit_test(test_any_other_form_is_refused),
        cmocka_unit_test(test_names_are_bounded),
        cmocka_unit_test(test_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
