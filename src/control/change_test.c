#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "control/change.h"

static void test_first_in_first_out(void **state) {
    struct change_list list;
    (void)state;
    change_list_init(&list);
    assert_null(change_list_take(&list));
    change_list_add(&list, CHANGE_ENVIRONMENT)->revision = 1;
    change_list_add(&list, CHANGE_REVOKED)->revision = 2;
    struct change *first = change_list_take(&list);
    assert_int_equal(first->kind, CHANGE_ENVIRONMENT);
    assert_null(first->next);
    change_free(&first);
    assert_null(first);
    change_list_add(&list, CHANGE_ENVIRONMENT_REMOVED)->revision = 3;
    struct change *second = change_list_take(&list);
    assert_int_equal(second->revision, 2);
    struct change *third = change_list_take(&list);
    assert_int_equal(third->revision, 3);
    assert_null(change_list_take(&list));
    change_free(&second);
    change_free(&third);
}

static void test_what_is_left_is_freed(void **state) {
    struct change_list list;
    (void)state;
    change_list_init(&list);
    change_list_add(&list, CHANGE_ENVIRONMENT)->bundle = memory_dup("jws", 3);
    change_list_add(&list, CHANGE_REVOKED);
    change_list_fini(&list);
    assert_null(list.first);
    change_list_fini(&list);
}

static void test_lists_are_joined(void **state) {
    struct change_list list;
    struct change_list from;
    (void)state;
    change_list_init(&list);
    change_list_init(&from);
    change_list_append(&list, &from);
    assert_null(list.first);
    change_list_add(&from, CHANGE_ENVIRONMENT)->revision = 1;
    change_list_append(&list, &from);
    assert_null(from.first);
    assert_null(from.last);
    change_list_add(&from, CHANGE_ENVIRONMENT)->revision = 2;
    change_list_append(&list, &from);
    change_list_add(&list, CHANGE_ENVIRONMENT)->revision = 3;
    for (uint64_t revision = 1; revision <= 3; revision++) {
        struct change *change = change_list_take(&list);
        assert_int_equal(change->revision, revision);
        change_free(&change);
    }
    assert_null(list.last);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_what_is_left_is_freed),
        cmocka_unit_test(test_lists_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
