#include "store/store_rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_catalog.h"
#include "store/store_hostname.h"
#include "store/store_master_key.h"
#include "store/store_outbox.h"
#include "store/store_setting.h"
#include "store/store_test_kit.h"

static struct store_tool open_tool(struct fixture *f) {
    struct store_tool tool;
    const struct store_config config = {
        .data_folder = f->folder, .database = f->url, .clock = &f->clock};
    assert_int_equal(store_tool_open(&tool, &config, STORE_TOOL_WRITE, &f->why), STATUS_OK);
    return tool;
}

static struct fixture_tenant fill(struct fixture *f) {
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "Acme", "shop.example.net", 1);
    (void)fixture_member(f, "ada@example.com");
    assert_int_equal(store_setting_set(f->tx, STR("note"), STR("kept")), STATUS_OK);
    struct store_mail mail = {.expires_at_ms = INT64_MAX, .recipient = STR("ada@example.com")};
    mail.message = STR("of no organization");
    assert_int_equal(store_outbox_insert(f->tx, &mail), STATUS_OK);
    fixture_commit(f);
    return t;
}

static void expect_all(struct fixture *f, const struct fixture_tenant *t) {
    struct store_environment environment;
    struct store_member member;
    struct store_mail *mails = NULL;
    size_t mail_count = 0;
    struct buf text;
    buf_init(&text, 100);
    fixture_begin(f, STORE_READ);
    assert_int_equal(
        store_environment_find_any(f->tx, STR("shop.example.net"), &f->arena, &environment),
        STATUS_OK);
    assert_true(str_eq(environment.hostname, STR("shop.example.net")));
    assert_true(id_eq(&environment.object.id, &t->environment));
    assert_int_equal(store_member_find_any(f->tx, STR("ada@example.com"), &f->arena, &member),
                     STATUS_OK);
    assert_true(str_eq(member.email, STR("ada@example.com")));
    assert_int_equal(store_setting_get(f->tx, STR("note"), &text), STATUS_OK);
    assert_true(str_eq(buf_str(&text), STR("kept")));
    assert_int_equal(store_outbox_due_any(f->tx, 2, &f->arena, &mails, &mail_count), STATUS_OK);
    assert_int_equal(mail_count, 1);
    assert_true(str_eq(mails[0].message, STR("of no organization")));
    store_tx_rollback(&f->tx);
    buf_fini(&text);
}

/* The open store makes an organization afterwards: it has to find the new key. */
static void test_master_key_under_an_open_store(void **state) {
    struct fixture *f = *state;
    uint8_t next[STORE_MASTER_KEY_BYTES];
    uint64_t count = 0;
    char path[512];
    char beside[520];
    struct fixture_tenant t = fill(f);
    struct store_master_key key = {.folder = f->folder};
    const struct store_key_source source = store_master_key_source(&key);
    struct store_tool tool = open_tool(f);
    fixture_path(f, "master.key", path);
    snprintf(beside, sizeof(beside), "%s.next", path);
    assert_int_equal(store_master_key_file(beside, random_system(), true, next, &f->why),
                     STATUS_OK);
    assert_int_equal(store_rotation_master(&tool, &source, next, &count, &f->why), STATUS_OK);
    assert_true(count >= 3);
    store_tool_close(&tool);
    expect_all(f, &t);
    fixture_begin(f, STORE_WRITE);
    (void)fixture_organization(f, "Later");
    fixture_commit(f);
    /* As after a crash before the files changed names. */
    store_close(&f->store);
    assert_int_equal(fixture_open(f), STATUS_OK);
    assert_int_not_equal(access(beside, F_OK), 0);
    expect_all(f, &t);
}

static void test_master_key_that_is_wrong(void **state) {
    struct fixture *f = *state;
    uint8_t next[STORE_MASTER_KEY_BYTES] = {1};
    uint64_t count = 0;
    struct secret text;
    struct fixture_tenant t = fill(f);
    secret_init(&text);
    assert_int_equal(secret_set(&text, STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
                     STATUS_OK);
    struct store_master_key key = {.folder = f->folder, .text = &text};
    const struct store_key_source source = store_master_key_source(&key);
    struct store_tool tool = open_tool(f);
    assert_int_equal(store_rotation_master(&tool, &source, next, &count, &f->why), STATUS_DENIED);
    assert_string_equal(f->why.slug, "master_key_wrong");
    assert_int_equal(store_rotation_data_keys(&tool, &source, &count, &f->why), STATUS_DENIED);
    store_tool_close(&tool);
    expect_all(f, &t);
}

static enum status count_versions(void *context, const struct store_value *columns, size_t count) {
    int64_t *numbers = context;
    assert_int_equal(count, 2);
    numbers[0] = columns[0].number;
    numbers[1] = columns[1].number;
    return STATUS_OK;
}

static void test_data_keys_under_an_open_store(void **state) {
    struct fixture *f = *state;
    uint64_t count = 0;
    int64_t numbers[2] = {0};
    struct fixture_tenant t = fill(f);
    struct store_master_key key = {.folder = f->folder};
    const struct store_key_source source = store_master_key_source(&key);
    expect_all(f, &t);
    struct store_tool tool = open_tool(f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_rotation_data_keys(&tool, &source, &count, &f->why), STATUS_OK);
        assert_true(count >= 6);
        expect_all(f, &t);
        fixture_begin(f, STORE_WRITE);
        (void)fixture_project(f, t.organization, i == 0 ? "one" : i == 1 ? "two" : "three");
        fixture_commit(f);
    }
    assert_int_equal(tool.driver->begin(tool.connection, false, &f->why), STATUS_OK);
    assert_int_equal(tool.driver->query(tool.connection,
                                        "SELECT MIN(version), MAX(version) FROM data_key WHERE "
                                        "scope <> 'lookup'",
                                        NULL, 0, count_versions, numbers, &f->why),
                     STATUS_OK);
    tool.driver->rollback(tool.connection);
    store_tool_close(&tool);
    assert_int_equal(numbers[0], 4);
    assert_int_equal(numbers[1], 4);
    store_close(&f->store);
    assert_int_equal(fixture_open(f), STATUS_OK);
    expect_all(f, &t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_master_key_under_an_open_store, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_master_key_that_is_wrong, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_data_keys_under_an_open_store, fixture_setup,
                                        fixture_teardown),
    };
    return store_test_database_run(tests);
}
