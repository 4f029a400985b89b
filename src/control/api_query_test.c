#include "control/api_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {"live", "revoked", NULL};
static const struct api_member members[] = {
    {"name", API_TEXT, .min = 1, .max = 8},
    {"status", API_WORD, .words = words},
    {"dry_run", API_BOOLEAN},
    {"count", API_INTEGER, .min = 1, .max = 9},
    {"from", API_TIME},
};
static const struct api_schema filters = {"", members, sizeof(members) / sizeof(members[0])};
static const struct api_operation operation = {.list = API_LIST_TIME, .query = &filters};

static void begin(struct api_call *call, const struct api_operation *asked, const char *query) {
    *call = (struct api_call){.operation = asked, .query = str_from(query)};
    arena_init(&call->arena);
}

static void end(struct api_call *call) {
    json_decref(call->asked.filters);
    arena_fini(&call->arena);
}

static void test_all_of_them(void **state) {
    struct api_call call;
    (void)state;
    begin(&call, &operation,
          "limit=3&cursor=abc&order=asc&include=total&name=a%26b+c%C3%A4&status=live&dry_run=true"
          "&count=7&from=2030-01-31T12:00:00Z");
    assert_int_equal(api_query_read(&call), STATUS_OK);
    assert_true(str_eq(call.asked.limit, STR("3")));
    assert_true(str_eq(call.asked.cursor, STR("abc")));
    assert_true(str_eq(call.asked.order, STR("asc")));
    assert_true(call.asked.wants_total);
    assert_true(str_eq(api_call_filter(&call, "name"), STR("a&b c\xc3\xa4")));
    assert_true(str_eq(api_call_filter(&call, "status"), STR("live")));
    assert_true(api_call_filter_boolean(&call, "dry_run", false));
    assert_int_equal(api_call_filter_integer(&call, "count", 0), 7);
    assert_true(api_call_has_filter(&call, "from"));
    end(&call);
}

static void test_nothing(void **state) {
    struct api_call call;
    (void)state;
    begin(&call, &operation, "");
    assert_int_equal(api_query_read(&call), STATUS_OK);
    assert_false(call.asked.wants_total);
    assert_int_equal(api_call_filter(&call, "name").len, 0);
    assert_false(api_call_has_filter(&call, "name"));
    assert_true(api_call_filter_boolean(&call, "dry_run", true));
    assert_int_equal(api_call_filter_integer(&call, "count", 5), 5);
    end(&call);
}

static void expect_refused(const struct api_operation *asked, const char *query) {
    struct api_call call;
    begin(&call, asked, query);
    if (api_query_read(&call) != STATUS_INVALID) {
        fail_msg("%s is accepted", query);
    }
    assert_string_equal(call.why.slug, "query_invalid");
    end(&call);
}

static void test_what_is_refused(void **state) {
    static const char *const queries[] = {
        "nam=x",
        "name",
        "name=",
        "name=a&name=b",
        "=x",
        "&",
        "name=123456789",
        "status=dead",
        "dry_run=1",
        "count=0",
        "count=10",
        "count=-1",
        "count=1.5",
        "count=",
        "name=%",
        "name=%4",
        "name=%zz",
        "name=%00",
        "name=%ff",
        "name=%c3",
        "include=all",
        "include",
        "from=tomorrow",
        "limit=1&limit=1",
        "name=%0a",
        "name=a;count=1",
        "NAME=x",
        "name[]=x",
        "include=total&include=total",
    };
    static const struct api_operation bare = {.list = API_LIST_NONE};
    static const struct api_operation placed = {.list = API_LIST_PLACE};
    char text[API_QUERY_BYTES_MAX + 8];
    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        if (strcmp(queries[i], "name=a;count=1") != 0) {
            expect_refused(&operation, queries[i]);
        }
        expect_refused(&bare, queries[i]);
    }
    expect_refused(&operation, "name=a;count=1"); /* longer than a name may be */
    expect_refused(&bare, "limit=1");
    expect_refused(&bare, "include=total");
    expect_refused(&placed, "order=asc");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    expect_refused(&operation, text);
}

static void test_what_is_required(void **state) {
    static const struct api_member required[] = {{"from", API_TIME, .is_required = true}};
    static const struct api_schema needs = {"", required, 1};
    static const struct api_operation asked = {.query = &needs};
    (void)state;
    expect_refused(&asked, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_them),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_is_required),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
