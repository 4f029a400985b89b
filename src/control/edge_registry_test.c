#include "control/control_test_kit.h"

#include "control/edge_registry.h"
#include "tunnel/signed_edges.h"

static struct change describe(unsigned number, uint64_t revision) {
    struct change change = {.kind = CHANGE_EDGE, .revision = revision, .is_enabled = true};
    snprintf(change.edge.text, sizeof(change.edge.text), "edg_%026u", number);
    snprintf(change.address, sizeof(change.address), "edge-%u.example.net:443", number);
    return change;
}

static void open_list(struct kit *kit, struct edge_registry *registry, uint64_t newer_than,
                      struct signed_edges *list) {
    struct jws_keys keys;
    jws_keys_init(&keys);
    assert_int_equal(jws_keys_parse(buf_str(&kit->control->bundle_jwks), &keys, NULL), STATUS_OK);
    assert_int_equal(
        signed_edges_open(&keys, edge_registry_signed(registry), newer_than, list, NULL),
        STATUS_OK);
    jws_keys_fini(&keys);
}

static void test_the_list_is_signed_and_follows(void **state) {
    struct kit *kit = *state;
    struct edge_registry *registry = edge_registry_new(kit->control);
    struct signed_edges list;
    struct change one = describe(1, 1);
    struct change two = describe(2, 1);
    assert_true(edge_registry_apply(registry, &two));
    assert_true(edge_registry_apply(registry, &one));
    open_list(kit, registry, 0, &list);
    assert_int_equal(list.edge_count, 2);
    assert_true(str_eq(list.edges[0].address, STR("edge-1.example.net:443")));
    uint64_t revision = list.revision;
    signed_edges_fini(&list);
    two.revision = 2;
    two.is_revoked = true;
    assert_true(edge_registry_apply(registry, &two));
    open_list(kit, registry, revision, &list);
    assert_int_equal(list.edge_count, 1);
    assert_true(signed_edges_is_revoked(&list, &two.edge));
    assert_false(signed_edges_is_revoked(&list, &one.edge));
    revision = list.revision;
    signed_edges_fini(&list);
    one.revision = 2;
    one.is_enabled = false;
    assert_true(edge_registry_apply(registry, &one));
    open_list(kit, registry, revision, &list);
    assert_int_equal(list.edge_count, 0);
    signed_edges_fini(&list);
    edge_registry_free(&registry);
}

static void test_whom_it_lets_in(void **state) {
    struct kit *kit = *state;
    struct edge_registry *registry = edge_registry_new(kit->control);
    struct why why = {0};
    struct change change = describe(1, 2);
    change.is_revoked = true;
    assert_int_equal(edge_registry_judge(registry, &change.edge, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "edge_unknown");
    assert_true(edge_registry_apply(registry, &change));
    assert_int_equal(edge_registry_judge(registry, &change.edge, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "edge_revoked");
    /* what is older, and comes late, brings nobody back */
    struct change late = describe(1, 1);
    assert_false(edge_registry_apply(registry, &late));
    assert_int_equal(edge_registry_judge(registry, &change.edge, &why), STATUS_DENIED);
    struct change other = describe(2, 1);
    assert_true(edge_registry_apply(registry, &other));
    assert_int_equal(edge_registry_judge(registry, &other.edge, &why), STATUS_OK);
    edge_registry_free(&registry);
}

/* A warpgate takes no more than so many: which ones is not left to chance. */
static void test_too_many(void **state) {
    struct kit *kit = *state;
    struct edge_registry *registry = edge_registry_new(kit->control);
    struct signed_edges list;
    for (unsigned i = ENROLMENT_EDGES_MAX + 5; i > 0; i--) {
        struct change change = describe(i, 1);
        assert_true(edge_registry_apply(registry, &change));
    }
    open_list(kit, registry, 0, &list);
    assert_int_equal(list.edge_count, ENROLMENT_EDGES_MAX);
    assert_true(str_eq(list.edges[0].address, STR("edge-1.example.net:443")));
    signed_edges_fini(&list);
    edge_registry_free(&registry);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_list_is_signed_and_follows),
        cmocka_unit_test(test_whom_it_lets_in),
        cmocka_unit_test(test_too_many),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
