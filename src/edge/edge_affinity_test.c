#include "edge/edge_affinity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct id environment = {"env_01jd3m8k6vq2x7r9t4w5y6z8ab"};
static const struct id warpgate = {"wg_01jd3m8k6vq2x7r9t4w5y6z8a0"};

/* SHA-256 of "affinity env_01jd3m8k6vq2x7r9t4w5y6z8ab wg_01jd3m8k6vq2x7r9t4w5y6z8a0": the same at every edge, whatever its version. */
static void the_value_is_fixed(void **state) {
    char text[EDGE_AFFINITY_SIZE];
    (void)state;
    edge_affinity_make(&environment, &warpgate, text);
    assert_string_equal(text, "c52e8a2fd57b0a87");
    const struct id other = {"wg_01jd3m8k6vq2x7r9t4w5y6z8a1"};
    edge_affinity_make(&environment, &other, text);
    assert_string_not_equal(text, "c52e8a2fd57b0a87");
}

static void it_is_given_and_taken(void **state) {
    struct arena arena;
    struct http_fields fields = {0};
    (void)state;
    arena_init(&arena);
    edge_affinity_give(&fields, &arena, "0123456789abcdef");
    assert_true(str_eq(fields.at[0].name, STR("set-cookie")));
    assert_true(str_eq(fields.at[0].value,
                       STR("__Host-warpgate-affinity=0123456789abcdef; Path=/; Secure; HttpOnly; "
                           "SameSite=Lax")));
    fields.count = 0;
    http_fields_add(&fields, &arena, STR("cookie"),
                    STR("a=1; __Host-warpgate-affinity=0123456789abcdef; b"));
    assert_true(str_eq(edge_affinity_take(&fields, &arena), STR("0123456789abcdef")));
    assert_true(str_eq(fields.at[0].value, STR("a=1; b")));
    assert_true(str_is_empty(edge_affinity_take(&fields, &arena)));
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_value_is_fixed),
                                       cmocka_unit_test(it_is_given_and_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
