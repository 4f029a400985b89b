/* control_embedded_test.c: the edge of one process is one edge, however often it starts and whatever it is called meanwhile. */
#include "control/control_test_kit.h"

#include <string.h>

#include "pki/cert_chain.h"
#include "store/store_edge.h"

/* Who it is at this start. */
static struct id start_edge(struct kit *kit) {
    struct control_edge_identity made;
    struct cert_identity identity;
    struct why why = {0};
    assert_int_equal(control_issue_edge(kit->control, &made, &why), STATUS_OK);
    assert_int_equal(cert_chain_identity(buf_str(&made.certificate_pem), CERT_EDGE,
                                         control_trust_domain(kit->control), &identity, &why),
                     STATUS_OK);
    buf_fini(&made.certificate_pem);
    buf_fini_wiped(&made.key_pem);
    return identity.subject;
}

static void change(struct kit *kit, const struct id *id, const char *name, bool is_revoked) {
    struct store_tx *tx = NULL;
    struct store_edge row;
    struct arena arena;
    struct why why = {0};
    arena_init(&arena);
    assert_int_equal(store_tx_begin(kit->control->store, STORE_WRITE, &why, &tx), STATUS_OK);
    assert_int_equal(store_edge_get(tx, id, &arena, &row), STATUS_OK);
    row.name = str_from(name);
    assert_int_equal(store_edge_update(tx, &row), STATUS_OK);
    if (is_revoked) {
        assert_int_equal(store_edge_revoke(tx, id), STATUS_OK);
    }
    assert_int_equal(store_tx_commit(&tx), STATUS_OK);
    arena_fini(&arena);
}

static void write_file(const struct kit *kit, const char *text) {
    char path[4200];
    (void)snprintf(path, sizeof(path), "%s/edge.id", kit->control->data_folder);
    if (text == NULL) {
        assert_int_equal(unlink(path), 0);
        return;
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_it_is_the_same_at_each_start(void **state) {
    struct kit *kit = *state;
    struct id first = start_edge(kit);
    struct id second = start_edge(kit);
    assert_true(id_eq(&first, &second));
    change(kit, &first, "frankfurt", false);
    second = start_edge(kit);
    assert_true(id_eq(&first, &second));
}

static void test_without_the_file_it_goes_by_name_and_address(void **state) {
    struct kit *kit = *state;
    struct id first = start_edge(kit);
    write_file(kit, NULL);
    struct id second = start_edge(kit);
    assert_true(id_eq(&first, &second));
    change(kit, &first, "frankfurt", false);
    write_file(kit, NULL);
    second = start_edge(kit);
    assert_false(id_eq(&first, &second));
}

static void test_a_file_that_is_no_good_is_written_anew(void **state) {
    static const char *const texts[] = {"", "nonsense\n", "edg_01m7x9enkrefn8a5hbzrkfkn8m\n"};
    struct kit *kit = *state;
    struct id first = start_edge(kit);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file(kit, texts[i]);
        struct id again = start_edge(kit);
        assert_true(id_eq(&first, &again));
    }
    change(kit, &first, "frankfurt", false);
    struct id again = start_edge(kit);
    assert_true(id_eq(&first, &again));
}

static void test_one_that_was_revoked_is_another_then(void **state) {
    struct kit *kit = *state;
    struct id first = start_edge(kit);
    change(kit, &first, "frankfurt", true);
    struct id second = start_edge(kit);
    assert_false(id_eq(&first, &second));
    struct id third = start_edge(kit);
    assert_true(id_eq(&second, &third));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_the_same_at_each_start),
        TEST(test_without_the_file_it_goes_by_name_and_address),
        TEST(test_a_file_that_is_no_good_is_written_anew),
        TEST(test_one_that_was_revoked_is_another_then),
    };
    return store_test_database_run(tests);
}
