/* store_export_test.c: an export has everything of its organization, opened, and nothing of anybody else's. */
#include "store/store_export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "store/store_membership.h"
#include "store/store_outbox.h"
#include "store/store_route.h"
#include "store/store_test_kit.h"

static bool holds(const struct buf *buf, const char *text) {
    return strstr((const char *)buf_bytes(buf), text) != NULL;
}

static const char *text_of(const json_t *tree, const char *table, const char *column) {
    const json_t *row = json_array_get(json_object_get(tree, table), 0);
    return json_string_value(json_object_get(row, column));
}

static void test_all_of_one_and_none_of_another(void **state) {
    struct fixture *f = *state;
    struct buf out;
    json_t *tree = NULL;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "Acme & Söhne", "a.example.net", 1);
    struct fixture_tenant b = fixture_tenant(f, "Other", "b.example.net", 2);
    struct id ada = fixture_member(f, "ada@example.com");
    assert_int_equal(store_member_set_role(f->tx, &a.organization, &ada, STORE_ROLE_OWNER),
                     STATUS_OK);
    struct store_route route = {.object.organization = a.organization,
                                .environment = a.environment,
                                .match = STR("prefix"),
                                .path = STR("/{x}"),
                                .upstream = STR("default"),
                                .options = STR("{\"sticky\":true}")};
    struct store_mail mail = {.object.organization = a.organization,
                              .recipient = STR("eve@example.com"),
                              .message = STR("secret link")};
    assert_int_equal(store_route_insert(f->tx, &route), STATUS_OK);
    assert_int_equal(store_outbox_insert(f->tx, &mail), STATUS_OK);
    fixture_commit(f);
    fixture_begin(f, STORE_READ);
    buf_init(&out, 1 << 20);
    assert_int_equal(buf_append_str(&out, STR("{")), STATUS_OK);
    assert_int_equal(store_export_write(f->tx, &a.organization, &out), STATUS_OK);
    assert_int_equal(buf_append_str(&out, STR("}")), STATUS_OK);
    assert_int_equal(json_parse(buf_str(&out), &tree, &f->why), STATUS_OK);
    assert_int_equal(buf_append(&out, "", 1), STATUS_OK);
    assert_string_equal(text_of(tree, "organization", "name"), "Acme & Söhne");
    assert_string_equal(text_of(tree, "organization", "created_at"), "2027-01-15T08:00:00.000Z");
    assert_string_equal(text_of(tree, "environment", "hostname"), "a.example.net");
    assert_string_equal(text_of(tree, "route", "path"), "/{x}");
    assert_string_equal(text_of(tree, "membership", "member_id"), ada.text);
    const json_t *options =
        json_object_get(json_array_get(json_object_get(tree, "route"), 0), "options");
    assert_true(json_is_true(json_object_get(options, "sticky")));
    assert_int_equal(json_array_size(json_object_get(tree, "service_account_key")), 1);
    assert_false(holds(&out, "b.example.net"));
    assert_false(holds(&out, b.organization.text));
    assert_false(holds(&out, "_hash"));
    assert_false(holds(&out, "secret link"));
    json_decref(tree);
    buf_fini(&out);
}

static void test_no_room(void **state) {
    struct fixture *f = *state;
    struct buf out;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant a = fixture_tenant(f, "A", "a.example.net", 1);
    buf_init(&out, 100);
    assert_int_equal(store_export_write(f->tx, &a.organization, &out), STATUS_TOO_LARGE);
    assert_string_equal(f->why.slug, "export_too_large");
    buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_of_one_and_none_of_another, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_room, fixture_setup, fixture_teardown),
    };
    return store_test_database_run(tests);
}
