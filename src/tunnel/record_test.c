#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "tunnel/record.h"

static json_t *make_object(const char *text) {
    json_t *tree = NULL;
    assert_int_equal(json_parse(str_from(text), &tree, NULL), STATUS_OK);
    return tree;
}

static void test_records_survive_any_fragmentation(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    json_t *first = make_object("{\"type\":\"ping\"}");
    json_t *second = make_object("{\"type\":\"applied\",\"revision\":7}");
    assert_int_equal(record_write(first, &out), STATUS_OK);
    assert_int_equal(record_write(second, &out), STATUS_OK);
    assert_memory_equal(buf_bytes(&out), "\0\0\0\x0f{\"type\":\"ping\"}", 19);
    for (size_t step = 1; step <= buf_len(&out); step++) {
        struct record_reader reader;
        record_reader_init(&reader);
        size_t count = 0;
        for (size_t at = 0; at < buf_len(&out); at += step) {
            size_t len = buf_len(&out) - at < step ? buf_len(&out) - at : step;
            assert_int_equal(record_reader_feed(&reader, buf_bytes(&out) + at, len, NULL),
                             STATUS_OK);
            json_t *object = NULL;
            while (record_reader_next(&reader, &object, NULL) == STATUS_OK) {
                assert_true(json_equal(object, count == 0 ? first : second));
                json_decref(object);
                count++;
            }
        }
        assert_int_equal(count, 2);
        record_reader_fini(&reader);
    }
    json_decref(first);
    json_decref(second);
    buf_fini(&out);
}

static void expect_broken(const char *bytes, size_t len, enum status feed_status,
                          const char *slug) {
    struct record_reader reader;
    struct why why = {.slug = ""};
    json_t *object = NULL;
    record_reader_init(&reader);
    assert_int_equal(record_reader_feed(&reader, (const uint8_t *)bytes, len, &why), feed_status);
    if (feed_status == STATUS_OK) {
        assert_int_equal(record_reader_next(&reader, &object, &why), STATUS_INVALID);
    }
    assert_string_equal(why.slug, slug);
    record_reader_fini(&reader);
}

static void test_broken_records_are_refused(void **state) {
    (void)state;
    expect_broken("\0\0\0\1{", 5, STATUS_OK, "record_length");
    expect_broken("\0\0\0\0", 4, STATUS_OK, "record_length");
    expect_broken("\0\x80\0\1", 4, STATUS_TOO_LARGE, "record_length");
    expect_broken("\xff\xff\xff\xff", 4, STATUS_TOO_LARGE, "record_length");
    expect_broken("\0\0\0\2{]", 6, STATUS_OK, "json_invalid");
    expect_broken("\0\0\0\2{}", 6, STATUS_OK, "member_missing");
    expect_broken("\0\0\0\2[]", 6, STATUS_OK, "member_type");
    expect_broken("\0\0\0\x0a{\"type\":1}", 14, STATUS_OK, "member_type");
    expect_broken("\0\0\0\x0b{\"type\":\"\"}", 15, STATUS_OK, "member_value");
}

/* The head alone is enough: nothing of it is kept. */
static void test_an_owner_may_allow_less(void **state) {
    (void)state;
    struct record_reader reader;
    struct why why = {.slug = ""};
    record_reader_init(&reader);
    reader.bytes_max = RECORD_WARPGATE_BYTES_MAX;
    assert_int_equal(record_reader_feed(&reader, (const uint8_t *)"\0\0\x40\0", 4, &why),
                     STATUS_OK);
    record_reader_fini(&reader);
    record_reader_init(&reader);
    reader.bytes_max = RECORD_WARPGATE_BYTES_MAX;
    assert_int_equal(record_reader_feed(&reader, (const uint8_t *)"\0\0\x40\1", 4, &why),
                     STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "record_length");
    record_reader_fini(&reader);
}

static void test_an_incomplete_record_waits(void **state) {
    (void)state;
    struct record_reader reader;
    json_t *object = NULL;
    record_reader_init(&reader);
    assert_int_equal(record_reader_next(&reader, &object, NULL), STATUS_AGAIN);
    assert_int_equal(record_reader_feed(&reader, (const uint8_t *)"\0\x80\0\0{", 5, NULL),
                     STATUS_OK);
    assert_int_equal(record_reader_next(&reader, &object, NULL), STATUS_AGAIN);
    record_reader_fini(&reader);
}

static void test_a_full_buffer_takes_no_record(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, 8);
    json_t *object = make_object("{\"type\":\"ping\"}");
    assert_int_equal(record_write(object, &out), STATUS_TOO_LARGE);
    assert_int_equal(buf_len(&out), 0);
    json_decref(object);
    buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_survive_any_fragmentation),
        cmocka_unit_test(test_broken_records_are_refused),
        cmocka_unit_test(test_an_owner_may_allow_less),
        cmocka_unit_test(test_an_incomplete_record_waits),
        cmocka_unit_test(test_a_full_buffer_takes_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
