#include "control/audit_access.h"

#include "control/control_test_kit.h"

static size_t count_events(struct kit *kit, const char *action) {
    const struct store_audit_filter filter = {.action = str_from(action)};
    struct store_tx *tx = NULL;
    struct why why;
    struct arena arena;
    struct store_audit *rows = NULL;
    struct store_page page = {.limit = 1000, .order = STORE_DESCENDING};
    size_t count = 0;
    arena_init(&arena);
    assert_int_equal(store_tx_begin(kit->control->store, STORE_READ, &why, &tx), STATUS_OK);
    assert_int_equal(store_audit_list_free(tx, &filter, &page, &arena, &rows, &count), STATUS_OK);
    store_tx_rollback(&tx);
    arena_fini(&arena);
    return count;
}

static void test_a_flood_is_bounded(void **state) {
    struct kit *kit = *state;
    struct audit_access_note note = {.action = "session.refused", .code = "credentials_wrong"};
    for (int i = 0; i < 10 * AUDIT_ACCESS_MAX; i++) {
        snprintf(note.email, sizeof(note.email), "guess%d@example.com", i);
        audit_access_add(kit->control->access, &note);
    }
    audit_access_write(kit->control->access, kit->control->store);
    assert_int_equal(count_events(kit, "session.refused"), AUDIT_ACCESS_MAX);
    assert_int_equal(count_events(kit, "refusals.not_recorded"), 1);
    audit_access_write(kit->control->access, kit->control->store); /* once is enough */
    assert_int_equal(count_events(kit, "refusals.not_recorded"), 1);
}

static void test_the_same_is_one(void **state) {
    struct kit *kit = *state;
    struct audit_access_note note = {
        .action = "session.refused", .code = "too_many_attempts", .email = "same@example.com"};
    size_t before = count_events(kit, "session.refused");
    for (int i = 0; i < 1000; i++) {
        audit_access_add(kit->control->access, &note);
    }
    audit_access_write(kit->control->access, kit->control->store);
    assert_int_equal(count_events(kit, "session.refused"), before + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flood_is_bounded),
        cmocka_unit_test(test_the_same_is_one),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
