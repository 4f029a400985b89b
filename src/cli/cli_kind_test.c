#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli_kind.h"

static void test_every_kind(void **state) {
    struct why why = {0};
    (void)state;
    for (size_t i = 0; cli_kind_at(i) != NULL; i++) {
        const struct cli_kind *kind = cli_kind_at(i);
        assert_ptr_equal(cli_kind_find(kind->name, &why), kind);
        assert_ptr_equal(cli_kind_find(kind->plural, &why), kind);
        assert_true(kind->parent == NULL || cli_kind_find(kind->parent, &why) != NULL);
        assert_true((strstr(kind->list, "%s") != NULL) == (kind->parent != NULL));
        assert_int_equal(strncmp(kind->list, "/v1/", 4), 0);
        (void)cli_kind_find("nothing", &why);
        assert_non_null(strstr(why.text, kind->name));
    }
}

static void test_unknown(void **state) {
    struct why why = {0};
    (void)state;
    assert_null(cli_kind_find("secrets", &why));
    assert_string_equal(why.slug, "kind_unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
