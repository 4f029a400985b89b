#include "store/store_audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MARK "tell-tale"

static struct id add(struct fixture *f, struct id organization, struct id actor, struct id target,
                     const char *action) {
    struct store_audit event = {
        .object = {.organization = organization},
        .actor = actor,
        .target = target,
        .action = str_from(action),
        .actor_name = STR_INIT(MARK "@example.com"),
        .ip_address = STR_INIT("192.0.2.1"),
        .before = STR_INIT("{\"path\":\"/" MARK "\"}"),
    };
    f->now_ms++;
    assert_int_equal(store_audit_insert(f->tx, &event), STATUS_OK);
    return event.object.id;
}

static void test_rows_come_back(void **state) {
    struct fixture *f = *state;
    struct store_audit row;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant other = fixture_tenant(f, "B", "b.example", 2);
    struct id member = fixture_member(f, "ada@example.com");
    struct id id = add(f, t.organization, member, t.project, "project.created");
    fixture_commit(f);
    fixture_begin(f, STORE_READ);
    assert_int_equal(store_audit_get(f->tx, &t.organization, &id, &f->arena, &row), STATUS_OK);
    assert_true(id_eq(&row.actor, &member));
    assert_true(id_eq(&row.target, &t.project));
    assert_true(id_is_none(&row.environment));
    assert_true(str_eq(row.action, STR("project.created")));
    assert_true(str_eq(row.actor_name, STR(MARK "@example.com")));
    assert_true(str_eq(row.before, STR("{\"path\":\"/" MARK "\"}")));
    assert_true(str_is_empty(row.after));
    assert_int_equal(row.object.created_at_ms, FIXTURE_START_MS);
    assert_int_equal(store_audit_get(f->tx, &other.organization, &id, &f->arena, &row),
                     STATUS_NOT_FOUND);
}

static size_t list(struct fixture *f, struct id organization,
                   const struct store_audit_filter *filter) {
    struct store_page page = {.limit = 100, .order = STORE_DESCENDING};
    struct store_audit *rows = NULL;
    size_t count = 0;
    assert_int_equal(
        store_audit_list(f->tx, &organization, filter, &page, &f->arena, &rows, &count), STATUS_OK);
    return count;
}

static void test_filters(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant other = fixture_tenant(f, "B", "b.example", 2);
    struct id ada = fixture_member(f, "ada@example.com");
    struct id bob = fixture_member(f, "bob@example.com");
    add(f, t.organization, ada, t.project, "project.created");
    add(f, t.organization, bob, t.project, "project.updated");
    add(f, t.organization, ada, t.key, "key.created");
    add(f, other.organization, ada, other.project, "project.created");
    struct store_audit placed = {.object = {.organization = t.organization},
                                 .project = t.project,
                                 .environment = t.environment,
                                 .action = STR_INIT("route.created")};
    assert_int_equal(store_audit_insert(f->tx, &placed), STATUS_OK);
    fixture_commit(f);
    f->now_ms += 1000;
    fixture_begin(f, STORE_WRITE);
    add(f, t.organization, ada, t.key, "key.revoked");
    const struct {
        struct store_audit_filter filter;
        size_t count;
    } cases[] = {
        {{.since_ms = 0}, 5},
        {{.actor = bob}, 1},
        {{.target = t.project}, 2},
        {{.action = STR_INIT("key.created")}, 1},
        {{.action = STR_INIT("key")}, 0},
        {{.actor = ada, .target = t.key}, 2},
        {{.project = t.project}, 1},
        {{.environment = t.environment}, 1},
        {{.environment = other.environment}, 0},
        {{.since_ms = FIXTURE_START_MS + 1}, 1},
        {{.until_ms = FIXTURE_START_MS + 1}, 4},
        {{.since_ms = FIXTURE_START_MS, .until_ms = FIXTURE_START_MS}, 0},
        {{.since_ms = -5, .until_ms = INT64_MAX}, 5},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(list(f, t.organization, &cases[i].filter), cases[i].count);
    }
}

static void test_pages(void **state) {
    struct fixture *f = *state;
    static const struct store_audit_filter all = {.since_ms = 0};
    struct store_page page = {.limit = 2, .order = STORE_DESCENDING};
    struct store_audit *rows = NULL;
    struct id ids[5];
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    for (size_t i = 0; i < COUNT(ids); i++) {
        ids[i] = add(f, t.organization, t.key, t.key, "key.created");
    }
    for (size_t seen = 0; seen < COUNT(ids); seen += count) {
        assert_int_equal(
            store_audit_list(f->tx, &t.organization, &all, &page, &f->arena, &rows, &count),
            STATUS_OK);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            assert_true(id_eq(&rows[i].object.id, &ids[COUNT(ids) - 1 - seen - i]));
        }
        page.has_cursor = true;
        page.after = rows[count - 1].object.id;
    }
    assert_false(page.has_more);
}

static void test_the_installation_has_its_own(void **state) {
    struct fixture *f = *state;
    static const struct id none = {.text = ""};
    static const struct store_audit_filter all = {.since_ms = 0};
    const struct store_audit_filter action = {.action = STR_INIT("edge.joined")};
    struct store_page page = {.limit = 10, .order = STORE_DESCENDING};
    struct store_audit *rows = NULL;
    size_t count = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct id id = add(f, none, none, none, "edge.joined");
    add(f, none, none, none, "ca.rotated");
    assert_int_equal(list(f, t.organization, &all), 0);
    assert_int_equal(store_audit_list_free(f->tx, &action, &page, &f->arena, &rows, &count),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(id_eq(&rows[0].object.id, &id));
    assert_true(id_is_none(&rows[0].object.organization));
    assert_true(str_eq(rows[0].before, STR("{\"path\":\"/" MARK "\"}")));
}

static void test_pruning(void **state) {
    struct fixture *f = *state;
    static const struct id none = {.text = ""};
    static const struct store_audit_filter all = {.since_ms = 0};
    uint64_t deleted = 0;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    for (int i = 0; i < 5; i++) {
        add(f, t.organization, none, none, "route.created");
    }
    add(f, none, none, none, "edge.joined");
    f->now_ms += 1000;
    add(f, t.organization, none, none, "route.updated");
    assert_int_equal(store_audit_prune_any(f->tx, FIXTURE_START_MS + 500, 3, &deleted), STATUS_OK);
    assert_int_equal(deleted, 3);
    assert_int_equal(list(f, t.organization, &all), 3);
    assert_int_equal(store_audit_prune_any(f->tx, FIXTURE_START_MS + 500, 3, &deleted), STATUS_OK);
    assert_int_equal(deleted, 2);
    assert_int_equal(list(f, t.organization, &all), 1);
    assert_int_equal(store_audit_prune_any(f->tx, FIXTURE_START_MS + 500, 3, &deleted), STATUS_OK);
    assert_int_equal(deleted, 0);
}

static void test_projects(void **state) {
    struct fixture *f = *state;
    struct id project;
    fixture_begin(f, STORE_WRITE);
    struct fixture_tenant t = fixture_tenant(f, "A", "a.example", 1);
    struct fixture_tenant other = fixture_tenant(f, "B", "b.example", 2);
    assert_int_equal(store_audit_project_of(f->tx, &t.organization, &t.environment, &project),
                     STATUS_OK);
    assert_true(id_eq(&project, &t.project));
    assert_int_equal(store_audit_project_of(f->tx, &t.organization, &t.service_account, &project),
                     STATUS_OK);
    assert_true(id_eq(&project, &t.project));
    assert_int_equal(store_audit_project_of(f->tx, &t.organization, &other.environment, &project),
                     STATUS_OK);
    assert_true(id_is_none(&project));
    assert_int_equal(store_audit_project_of(f->tx, &t.organization, &t.key, &project), STATUS_OK);
    assert_true(id_is_none(&project));
}

static void test_no_such_organization(void **state) {
    struct fixture *f = *state;
    fixture_begin(f, STORE_WRITE);
    struct store_audit event = {
        .object = {.organization = {.text = "org_00000000000000000000000000"}},
        .action = STR_INIT("x.y")};
    assert_int_not_equal(store_audit_insert(f->tx, &event), STATUS_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rows_come_back),
        TEST(test_filters),
        TEST(test_pages),
        TEST(test_the_installation_has_its_own),
        TEST(test_pruning),
        TEST(test_projects),
        TEST(test_no_such_organization),
    };
    return store_test_database_run(tests);
}
