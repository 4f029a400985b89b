#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/api_cursor.h"

#include "control/api_query.h"

static const uint8_t key[CONTROL_CURSOR_KEY_BYTES] = {1, 2, 3};
static const uint8_t other_key[CONTROL_CURSOR_KEY_BYTES] = {3, 2, 1};

static struct api_cursor make_cursor(void) {
    struct api_cursor cursor = {
        .list = STR_INIT("/v1/organizations"), .order = STORE_DESCENDING, .position = 12345};
    cursor.id = id_new(ID_PROJECT, clock_system(), random_system());
    return cursor;
}

static void test_round_trip(void **state) {
    char text[API_CURSOR_SIZE];
    struct api_cursor made = make_cursor();
    struct api_cursor read = {.list = made.list, .order = made.order};
    (void)state;
    api_cursor_write(key, &made, text);
    assert_true(strlen(text) < API_CURSOR_SIZE);
    assert_int_equal(api_cursor_read(key, str_from(text), &read), STATUS_OK);
    assert_true(id_eq(&read.id, &made.id));
    assert_int_equal(read.position, 12345);
}

static void test_only_for_its_own_list(void **state) {
    char text[API_CURSOR_SIZE];
    struct api_cursor made = make_cursor();
    struct api_cursor other_list = {.list = STR_INIT("/v1/other"), .order = made.order};
    struct api_cursor other_order = {.list = made.list, .order = STORE_ASCENDING};
    struct api_cursor same = {.list = made.list, .order = made.order};
    (void)state;
    api_cursor_write(key, &made, text);
    assert_int_equal(api_cursor_read(key, str_from(text), &other_list), STATUS_INVALID);
    assert_int_equal(api_cursor_read(key, str_from(text), &other_order), STATUS_INVALID);
    assert_int_equal(api_cursor_read(other_key, str_from(text), &same), STATUS_INVALID);
}

static void test_forged_ones(void **state) {
    static const char *const texts[] = {"", "x", "forged", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "not base64 !"};
    char text[API_CURSOR_SIZE];
    struct api_cursor made = make_cursor();
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct api_cursor read = {.list = made.list, .order = made.order};
        assert_int_equal(api_cursor_read(key, str_from(texts[i]), &read), STATUS_INVALID);
    }
    api_cursor_write(key, &made, text);
    for (size_t i = 0; text[i] != '\0'; i++) {
        struct api_cursor read = {.list = made.list, .order = made.order};
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(api_cursor_read(key, str_from(text), &read), STATUS_INVALID);
        text[i] = kept;
    }
}

/* Queries, without a store: the control plane is nothing but the key. */

static enum status read_page(enum api_list list, const char *path, struct store_page *page,
                             struct why *why) {
    struct control control = {.loop = NULL};
    struct api_operation operation = {.list = list};
    struct api_call call = {.control = &control, .operation = &operation};
    struct str bare;
    arena_init(&call.arena);
    memcpy(control.cursor_key, key, sizeof(key));
    call.head.path = str_from(path);
    (void)str_cut(call.head.path, '?', &bare, &call.query);
    enum status status = api_query_read(&call);
    if (status == STATUS_OK) {
        status = api_cursor_page(&call, page);
    }
    *why = call.why;
    json_decref(call.asked.filters);
    arena_fini(&call.arena);
    return status;
}

static void test_queries_that_are_right(void **state) {
    struct store_page page;
    struct why why;
    (void)state;
    assert_int_equal(read_page(API_LIST_TIME, "/v1/x", &page, &why), STATUS_OK);
    assert_int_equal(page.limit, API_CURSOR_LIMIT_DEFAULT);
    assert_int_equal(page.order, STORE_DESCENDING);
    assert_false(page.has_cursor);
    assert_int_equal(read_page(API_LIST_TIME, "/v1/x?order=asc&limit=200", &page, &why), STATUS_OK);
    assert_int_equal(page.limit, 200);
    assert_int_equal(page.order, STORE_ASCENDING);
    assert_int_equal(read_page(API_LIST_PLACE, "/v1/x?limit=1", &page, &why), STATUS_OK);
    assert_int_equal(page.order, STORE_ASCENDING);
    assert_false(page.wants_total);
    assert_int_equal(read_page(API_LIST_PLACE, "/v1/x?include=total", &page, &why), STATUS_OK);
    assert_true(page.wants_total);
}

static void test_queries_that_are_wrong(void **state) {
    static const struct {
        enum api_list list;
        const char *path;
        const char *slug;
    } cases[] = {
        {API_LIST_TIME, "/v1/x?limit=0", "query_invalid"},
        {API_LIST_TIME, "/v1/x?limit=201", "query_invalid"},
        {API_LIST_TIME, "/v1/x?limit=-1", "query_invalid"},
        {API_LIST_TIME, "/v1/x?limit=", "query_invalid"},
        {API_LIST_TIME, "/v1/x?limit", "query_invalid"},
        {API_LIST_TIME, "/v1/x?limit=1&limit=2", "query_invalid"},
        {API_LIST_TIME, "/v1/x?order=up", "query_invalid"},
        {API_LIST_TIME, "/v1/x?bogus=1", "query_invalid"},
        {API_LIST_TIME, "/v1/x?&", "query_invalid"},
        {API_LIST_TIME, "/v1/x?cursor=forged", "cursor_invalid"},
        {API_LIST_PLACE, "/v1/x?order=asc", "query_invalid"},
        {API_LIST_NONE, "/v1/x?limit=1", "query_invalid"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_page page;
        struct why why;
        assert_int_equal(read_page(cases[i].list, cases[i].path, &page, &why), STATUS_INVALID);
        assert_string_equal(why.slug, cases[i].slug);
    }
}

static void test_filters(void **state) {
    static const char *const filters[] = {"role", "email", NULL};
    static const struct {
        const char *query;
        const char *email; /* NULL: refused */
    } cases[] = {
        {"limit=3", ""},
        {"email=ada%40example.com&limit=3", "ada@example.com"},
        {"role=owner&email=a+b%2bc%25", "a b+c%"},
        {"email=", NULL},
        {"email=a&email=b", NULL},
        {"email=%4", NULL},
        {"email=%4x", NULL},
        {"email=%", NULL},
        {"email=%ff", NULL},
        {"name=x", NULL},
    };
    struct control control = {.loop = NULL};
    const struct api_operation operation = {.list = API_LIST_TIME, .filters = filters};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct api_call call = {.control = &control, .operation = &operation};
        struct store_page page;
        arena_init(&call.arena);
        call.query = str_from(cases[i].query);
        enum status status = api_query_read(&call);
        if (status == STATUS_OK) {
            status = api_cursor_page(&call, &page);
        }
        assert_int_equal(status, cases[i].email != NULL ? STATUS_OK : STATUS_INVALID);
        if (cases[i].email != NULL) {
            assert_true(str_eq(api_cursor_filter(&call, "email"), str_from(cases[i].email)));
        }
        json_decref(call.asked.filters);
        arena_fini(&call.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_only_for_its_own_list),
        cmocka_unit_test(test_forged_ones),
        cmocka_unit_test(test_queries_that_are_right),
        cmocka_unit_test(test_queries_that_are_wrong),
        cmocka_unit_test(test_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
