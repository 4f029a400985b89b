#include "http/http_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void fields_keep_order_and_grow(void **state) {
    (void)state;
    struct arena arena;
    struct http_fields fields = {0};
    char names[50][8];
    arena_init(&arena);
    for (int i = 0; i < 50; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i % 10);
        http_fields_add(&fields, &arena, str_from(names[i]), STR("v"));
    }
    assert_int_equal(fields.count, 50);
    for (size_t i = 0; i < 50; i++) {
        assert_string_equal(fields.at[i].name.at, names[i]);
    }
    assert_ptr_equal(http_fields_get(&fields, STR("n3")), &fields.at[3]);
    assert_null(http_fields_get(&fields, STR("n")));
    http_fields_remove(&fields, STR("n3"));
    assert_int_equal(fields.count, 45);
    assert_null(http_fields_get(&fields, STR("n3")));
    assert_true(str_eq(fields.at[3].name, STR("n4")));
    http_fields_remove(&fields, STR("absent"));
    assert_int_equal(fields.count, 45);
    arena_fini(&arena);
}

static void copied_fields_are_a_list_of_their_own(void **state) {
    (void)state;
    struct arena arena;
    struct http_fields from = {0};
    struct http_fields to;
    arena_init(&arena);
    http_fields_copy(&to, &from, &arena, 0);
    assert_int_equal(to.count, 0);
    http_fields_add(&to, &arena, STR("a"), STR("1"));
    assert_int_equal(to.count, 1);
    http_fields_add(&from, &arena, STR("a"), STR("1"));
    http_fields_add(&from, &arena, STR("b"), STR("2"));
    http_fields_copy(&to, &from, &arena, 1);
    const struct http_field *at = to.at;
    http_fields_remove(&to, STR("a"));
    http_fields_add(&to, &arena, STR("c"), STR("3"));
    http_fields_add(&to, &arena, STR("d"), STR("4"));
    assert_ptr_equal(to.at, at); /* the room sufficed */
    assert_int_equal(to.count, 3);
    assert_int_equal(from.count, 2);
    assert_true(str_eq(from.at[0].name, STR("a")));
    assert_true(str_eq(to.at[0].name, STR("b")));
    arena_fini(&arena);
}

static void copy_is_deep(void **state) {
    (void)state;
    struct arena first;
    struct arena second;
    struct http_head copy;
    arena_init(&first);
    arena_init(&second);
    struct http_head head = {.version = HTTP_VERSION_2,
                             .method = arena_str(&first, STR("GET")),
                             .scheme = arena_str(&first, STR("https")),
                             .authority = arena_str(&first, STR("a.example")),
                             .path = arena_str(&first, STR("/x?y")),
                             .protocol = arena_str(&first, STR("websocket")),
                             .takes_trailers = true,
                             .has_content_length = true,
                             .content_length = 7};
    http_fields_add(&head.fields, &first, arena_str(&first, STR("accept")),
                    arena_str(&first, STR("*/*")));
    http_fields_add(&head.fields, &first, arena_str(&first, STR("empty")), STR_EMPTY);
    http_head_copy(&copy, &head, &second);
    arena_fini(&first);
    assert_int_equal(copy.version, HTTP_VERSION_2);
    assert_true(str_eq(copy.method, STR("GET")));
    assert_true(str_eq(copy.scheme, STR("https")));
    assert_true(str_eq(copy.authority, STR("a.example")));
    assert_true(str_eq(copy.path, STR("/x?y")));
    assert_true(str_eq(copy.protocol, STR("websocket")));
    assert_true(copy.takes_trailers);
    assert_int_equal(copy.fields.count, 2);
    assert_true(str_eq(copy.fields.at[0].value, STR("*/*")));
    assert_true(str_eq(copy.fields.at[1].name, STR("empty")));
    assert_int_equal(copy.fields.at[1].value.len, 0);
    assert_true(copy.has_content_length);
    assert_int_equal(copy.content_length, 7);
    http_fields_add(&copy.fields, &second, STR("more"), STR("1"));
    http_fields_add(&copy.fields, &second, STR("still"), STR("2"));
    assert_int_equal(copy.fields.count, 4);
    arena_fini(&second);
}

static void methods_and_statuses(void **state) {
    (void)state;
    assert_true(http_method_is_idempotent(STR("PUT")));
    assert_true(http_method_is_idempotent(STR("HEAD")));
    assert_false(http_method_is_idempotent(STR("POST")));
    assert_false(http_method_is_idempotent(STR("PATCH")));
    assert_false(http_method_is_idempotent(STR("get")));
    assert_string_equal(http_status_reason(404), "Not Found");
    assert_string_equal(http_status_reason(599), "");
    assert_string_equal(http_status_reason(0), "");
    assert_string_equal(http_status_reason(100000), "");
    assert_true(http_response_has_no_body(STR("GET"), 103));
    assert_true(http_response_has_no_body(STR("GET"), 204));
    assert_true(http_response_has_no_body(STR("GET"), 304));
    assert_true(http_response_has_no_body(STR("HEAD"), 200));
    assert_false(http_response_has_no_body(STR("GET"), 205));
    assert_false(http_response_has_no_body(STR("POST"), 200));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_keep_order_and_grow),
        cmocka_unit_test(copied_fields_are_a_list_of_their_own),
        cmocka_unit_test(copy_is_deep),
        cmocka_unit_test(methods_and_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
