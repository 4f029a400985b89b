#include "control/audit_export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

/* What would break lines, columns, spreadsheets and terminals. */
static const struct store_audit hostile = {
    .object = {.id = {.text = "evt_00000000000000000000000000"}},
    .action = STR_INIT("route.created"),
    .actor_name = STR_INIT("=cmd|' /C calc'!A0\r\n\"x\",\x1b[2J\x7f"),
    .ip_address = STR_INIT("@SUM(1)"),
    .after = STR_INIT("{\"path\":\"/\\n,\\\"\"}"),
};

static void test_words(void **state) {
    enum audit_export_format format;
    (void)state;
    assert_int_equal(audit_export_parse(STR_EMPTY, &format), STATUS_OK);
    assert_int_equal(format, AUDIT_EXPORT_NDJSON);
    assert_int_equal(audit_export_parse(STR("csv"), &format), STATUS_OK);
    assert_int_equal(format, AUDIT_EXPORT_CSV);
    assert_int_equal(audit_export_parse(STR("xml"), &format), STATUS_INVALID);
}

static void test_csv(void **state) {
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(audit_export_line(AUDIT_EXPORT_CSV, &hostile, &out), STATUS_OK);
    struct str line = buf_str(&out);
    assert_true(str_eq(
        line, STR("\"evt_00000000000000000000000000\",\"1970-01-01T00:00:00.000Z\",\"\",\"\",\"\","
                  "\"\",\"'=cmd|' /C calc'!A0  \"\"x\"\", [2J \",\"route.created\",\"\",\"\","
                  "\"'@SUM(1)\",\"\",\"{\"\"path\"\":\"\"/\\n,\\\"\"\"\"}\"\r\n")));
    buf_fini(&out);
}

static void test_ndjson(void **state) {
    struct buf out;
    json_t *tree = NULL;
    struct why why;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(audit_export_line(AUDIT_EXPORT_NDJSON, &hostile, &out), STATUS_OK);
    struct str line = buf_str(&out);
    assert_ptr_equal(memchr(line.at, '\n', line.len), line.at + line.len - 1);
    assert_null(memchr(line.at, '\r', line.len));
    assert_null(memchr(line.at, 0x1b, line.len));
    assert_int_equal(json_parse(str_sub(line, 0, line.len - 1), &tree, &why), STATUS_OK);
    assert_string_equal(json_string_value(json_object_get(json_object_get(tree, "actor"), "name")),
                        hostile.actor_name.at);
    json_decref(tree);
    buf_fini(&out);
}

static void test_headings(void **state) {
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(audit_export_heading(AUDIT_EXPORT_NDJSON, &out), STATUS_OK);
    assert_int_equal(buf_len(&out), 0);
    assert_int_equal(audit_export_heading(AUDIT_EXPORT_CSV, &out), STATUS_OK);
    assert_true(buf_len(&out) > 100);
    buf_fini(&out);
}

static void test_no_room(void **state) {
    struct buf out;
    (void)state;
    buf_init(&out, 64);
    assert_int_equal(audit_export_heading(AUDIT_EXPORT_CSV, &out), STATUS_TOO_LARGE);
    assert_int_equal(audit_export_line(AUDIT_EXPORT_NDJSON, &hostile, &out), STATUS_TOO_LARGE);
    assert_int_equal(audit_export_line(AUDIT_EXPORT_CSV, &hostile, &out), STATUS_TOO_LARGE);
    buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),   cmocka_unit_test(test_csv),
        cmocka_unit_test(test_ndjson),  cmocka_unit_test(test_headings),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
