#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_request.h"
#include "store/store_test_kit.h"

#define DAY INT64_C(86400000)

static struct id insert(struct fixture *f, const struct fixture_tenant *tenant, const char *entry) {
    struct store_request request = {
        .object = {.id = id_new(ID_REQUEST, &f->clock, random_system()),
                   .organization = tenant->organization},
        .environment = tenant->environment,
        .entry = str_from(entry),
    };
    assert_int_equal(store_request_insert(f->tx, &request), STATUS_OK);
    return request.object.id;
}

static size_t list(struct fixture *f, const struct id *organization, const struct id *environment,
                   struct store_request **rows) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_DESCENDING};
    size_t count = 0;
    assert_int_equal(
        store_request_list(f->tx, organization, environment, &page, &f->arena, rows, &count),
        STATUS_OK);
    return count;
}

static void test_newest_first_and_of_one_tenant(void **state) {
    struct fixture *f = *state;
    struct store_request *rows = NULL;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    struct fixture_tenant two = fixture_tenant(f, "two", "two.example", 2);
    insert(f, &one, "{\"path\":\"/a\"}");
    f->now_ms++;
    struct id last = insert(f, &one, "{\"path\":\"/b\"}");
    insert(f, &two, "{\"path\":\"/c\"}");
    assert_int_equal(list(f, &one.organization, &one.environment, &rows), 2);
    assert_true(id_eq(&rows[0].object.id, &last));
    assert_true(str_eq(rows[0].entry, STR("{\"path\":\"/b\"}")));
    assert_int_equal(list(f, &two.organization, &one.environment, &rows), 0);
}

static void test_the_same_again_changes_nothing(void **state) {
    struct fixture *f = *state;
    struct store_request *rows = NULL;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    struct store_request request = {
        .object = {.id = insert(f, &one, "{\"a\":1}"), .organization = one.organization},
        .environment = one.environment,
        .entry = STR("{\"a\":2}")};
    assert_int_equal(store_request_insert(f->tx, &request), STATUS_OK);
    assert_int_equal(list(f, &one.organization, &one.environment, &rows), 1);
    assert_true(str_eq(rows[0].entry, STR("{\"a\":1}")));
}

static void test_too_many_and_too_old_go(void **state) {
    struct fixture *f = *state;
    struct store_request *rows = NULL;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    struct fixture_tenant two = fixture_tenant(f, "two", "two.example", 2);
    struct id first = insert(f, &one, "{}");
    insert(f, &two, "{}");
    fixture_commit(f);
    f->now_ms += DAY;
    fixture_begin(f, STORE_WRITE);
    for (size_t i = 0; i < STORE_REQUEST_ROWS_MAX; i++) {
        insert(f, &one, "{}");
    }
    assert_int_equal(store_request_trim(f->tx, &one.organization, &one.environment, 0), STATUS_OK);
    struct store_page page = {.limit = 1, .order = STORE_ASCENDING};
    size_t count = 0;
    assert_int_equal(store_request_list(f->tx, &one.organization, &one.environment, &page,
                                        &f->arena, &rows, &count),
                     STATUS_OK);
    assert_false(id_eq(&rows[0].object.id, &first));
    assert_true(page.has_more);
    assert_int_equal(list(f, &two.organization, &two.environment, &rows), 1);
    assert_int_equal(
        store_request_trim(f->tx, &two.organization, &two.environment, f->now_ms - DAY + 1),
        STATUS_OK);
    assert_int_equal(list(f, &two.organization, &two.environment, &rows), 0);
}

static void test_of_no_environment(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant one = fixture_tenant(f, "one", "one.example", 1);
    struct store_request request = {.object.organization = one.organization,
                                    .environment =
                                        id_new(ID_ENVIRONMENT, &f->clock, random_system()),
                                    .entry = STR("{}")};
    assert_int_equal(store_request_insert(f->tx, &request), STATUS_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_newest_first_and_of_one_tenant),
        TEST(test_the_same_again_changes_nothing),
        TEST(test_too_many_and_too_old_go),
        TEST(test_of_no_environment),
    };
    return store_test_database_run(tests);
}
