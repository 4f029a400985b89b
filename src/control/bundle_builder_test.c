#include "control/control_test_kit.h"

#include "control/bundle_builder.h"
#include "store/store_project.h"
#include "store/store_route.h"
#include "tunnel/signed_bundle.h"

#define PAGES_ENVIRONMENTS 230

/* Straight into the store: these tests are of what a bundle becomes, not of who
 * may change it. */
static struct id add_environment(struct kit *kit, const char *name, const char *const *paths,
                                 size_t count) {
    struct store_tx *tx = NULL;
    struct why why = {0};
    char hostname[64];
    snprintf(hostname, sizeof(hostname), "%s.%s", name, KIT_DOMAIN);
    struct store_project project = {.object = {.organization = kit->organization},
                                    .name = str_from(name)};
    assert_int_equal(store_tx_begin(kit->control->store, STORE_WRITE, &why, &tx), STATUS_OK);
    assert_int_equal(store_project_insert(tx, &project), STATUS_OK);
    struct store_environment environment = {
        .object = {.organization = kit->organization},
        .project = project.object.id,
        .is_enabled = true,
        .name = STR_INIT("production"),
        .hostname = str_from(hostname),
    };
    assert_int_equal(store_environment_insert(tx, &environment), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        struct store_route route = {
            .object = {.organization = kit->organization},
            .environment = environment.object.id,
            .match = STR_INIT("regexp"),
            .path = str_from(paths[i]),
            .upstream = STR_INIT("default"),
        };
        assert_int_equal(store_route_insert(tx, &route), STATUS_OK);
    }
    assert_int_equal(store_tx_commit(&tx), STATUS_OK);
    return environment.object.id;
}

static enum status build(struct kit *kit, const struct id *environment, struct change_list *changes,
                         struct why *why) {
    struct store_tx *tx = NULL;
    assert_int_equal(store_tx_begin(kit->control->store, STORE_READ, why, &tx), STATUS_OK);
    enum status status = bundle_builder_make(kit->control->bundle_key, tx, &kit->organization,
                                             environment, changes, why);
    store_tx_rollback(&tx);
    return status;
}

static void test_what_is_built_opens(void **state) {
    static const char *const paths[] = {"/a", "/b/.*"};
    struct kit *kit = *state;
    struct change_list changes;
    struct jws_keys keys;
    struct bundle *bundle = NULL;
    struct why why = {0};
    struct id environment = add_environment(kit, "opens", paths, 2);
    change_list_init(&changes);
    assert_int_equal(build(kit, &environment, &changes, &why), STATUS_OK);
    struct change *change = change_list_take(&changes);
    assert_int_equal(change->kind, CHANGE_ENVIRONMENT);
    assert_string_equal(change->hostname, "opens." KIT_DOMAIN);
    jws_keys_init(&keys);
    assert_int_equal(jws_keys_parse(buf_str(&kit->control->bundle_jwks), &keys, &why), STATUS_OK);
    assert_int_equal(signed_bundle_open(&keys, str_make(change->bundle, change->bundle_len),
                                        &environment, 0, &bundle, &why),
                     STATUS_OK);
    assert_int_equal(bundle->revision, change->revision);
    assert_true(bundle->is_enabled);
    assert_int_equal(bundle->hostname_count, 1);
    assert_int_equal(bundle->route_count, 2);
    assert_true(str_eq(bundle->routes[1].path, STR("/b/.*")));
    assert_true(id_eq(&bundle->organization, &kit->organization));
    /* The same revision twice is no news. */
    struct bundle *again = NULL;
    assert_int_equal(signed_bundle_open(&keys, str_make(change->bundle, change->bundle_len),
                                        &environment, change->revision, &again, &why),
                     STATUS_CONFLICT);
    bundle_unref(&bundle);
    jws_keys_fini(&keys);
    change_free(&change);
    change_list_fini(&changes);
}

static struct bundle *open_newest(struct kit *kit, const struct id *environment) {
    struct change_list changes;
    struct jws_keys keys;
    struct bundle *bundle = NULL;
    struct why why = {0};
    change_list_init(&changes);
    jws_keys_init(&keys);
    assert_int_equal(build(kit, environment, &changes, &why), STATUS_OK);
    struct change *change = change_list_take(&changes);
    assert_int_equal(jws_keys_parse(buf_str(&kit->control->bundle_jwks), &keys, &why), STATUS_OK);
    assert_int_equal(signed_bundle_open(&keys, str_make(change->bundle, change->bundle_len),
                                        environment, 0, &bundle, &why),
                     STATUS_OK);
    jws_keys_fini(&keys);
    change_free(&change);
    return bundle;
}

static void test_options_are_in_it(void **state) {
    struct kit *kit = *state;
    struct id environment;
    (void)kit_add_project(kit, "options", &environment);
    (void)kit_make(kit, kit_path("environments", &environment, "/routes"), "{\"path\":\"/plain\"}");
    (void)kit_make(kit, kit_path("environments", &environment, "/routes"),
                   "{\"path\":\"/set\",\"timeouts\":{\"connect_ms\":250,\"idle_ms\":2000},"
                   "\"sticky\":true}");
    struct kit_call call = {.token = kit->token,
                            .body = "{\"health_checks\":[{\"path\":\"/healthz\"}]}"};
    kit_run(kit, "PATCH", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 200);
    kit_done(&call);
    struct bundle *bundle = open_newest(kit, &environment);
    assert_int_equal(bundle->route_count, 2);
    assert_int_equal(bundle->routes[0].timeouts.connect_ms, 5000);
    assert_int_equal(bundle->routes[0].timeouts.first_byte_ms, 60000);
    assert_int_equal(bundle->routes[0].timeouts.idle_ms, 0);
    assert_false(bundle->routes[0].is_sticky);
    assert_int_equal(bundle->routes[1].timeouts.connect_ms, 250);
    assert_int_equal(bundle->routes[1].timeouts.first_byte_ms, 60000);
    assert_int_equal(bundle->routes[1].timeouts.idle_ms, 2000);
    assert_true(bundle->routes[1].is_sticky);
    assert_int_equal(bundle->health_check_count, 1);
    assert_true(str_eq(bundle->health_checks[0].upstream, STR("default")));
    assert_true(str_eq(bundle->health_checks[0].path, STR("/healthz")));
    assert_int_equal(bundle->health_checks[0].interval_ms, 10000);
    assert_int_equal(bundle->health_checks[0].timeout_ms, 3000);
    bundle_unref(&bundle);
}

static void test_what_would_be_refused_is_not_signed(void **state) {
    static const char *const paths[] = {"/(unclosed"};
    struct kit *kit = *state;
    struct change_list changes;
    struct why why = {0};
    struct id environment = add_environment(kit, "refused", paths, 1);
    change_list_init(&changes);
    assert_int_equal(build(kit, &environment, &changes, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "bundle_too_large");
    assert_null(changes.first);
}

static void test_an_environment_that_is_not_there(void **state) {
    static const struct id none = {.text = "env_00000000000000000000000000"};
    struct kit *kit = *state;
    struct change_list changes;
    struct why why = {0};
    change_list_init(&changes);
    assert_int_equal(build(kit, &none, &changes, &why), STATUS_NOT_FOUND);
    assert_null(changes.first);
}

/* At start one bad environment must not keep the others from being served. */
static void test_all_but_the_bad_one(void **state) {
    static const char *const good[] = {"/"};
    static const char *const bad[] = {"/("};
    struct kit *kit = *state;
    struct change_list changes;
    struct why why = {0};
    struct id served = add_environment(kit, "served", good, 1);
    struct id broken = add_environment(kit, "broken", bad, 1);
    bool has_served = false;
    change_list_init(&changes);
    log_set_level(LOG_ERROR);
    assert_int_equal(
        bundle_builder_make_all(kit->control->bundle_key, kit->control->store, &changes, &why),
        STATUS_OK);
    for (struct change *change = changes.first; change != NULL; change = change->next) {
        has_served = has_served || id_eq(&change->environment, &served);
        assert_false(id_eq(&change->environment, &broken));
    }
    assert_true(has_served);
    change_list_fini(&changes);
}

/* More than a page of them, so that several threads have something to do. */
static void test_each_once(void **state) {
    static const char *const paths[] = {"/"};
    struct kit *kit = *state;
    struct change_list changes;
    struct why why = {0};
    char name[16];
    size_t count = 0;
    for (unsigned i = 0; i < PAGES_ENVIRONMENTS; i++) {
        snprintf(name, sizeof(name), "many-%u", i);
        (void)add_environment(kit, name, paths, 1);
    }
    change_list_init(&changes);
    assert_int_equal(
        bundle_builder_make_all(kit->control->bundle_key, kit->control->store, &changes, &why),
        STATUS_OK);
    for (struct change *change = changes.first; change != NULL; change = change->next) {
        count += strncmp(change->hostname, "many-", 5) == 0;
        for (struct change *later = change->next; later != NULL; later = later->next) {
            assert_false(id_eq(&change->environment, &later->environment));
        }
    }
    assert_int_equal(count, PAGES_ENVIRONMENTS);
    change_list_fini(&changes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_built_opens),
        cmocka_unit_test(test_options_are_in_it),
        cmocka_unit_test(test_what_would_be_refused_is_not_signed),
        cmocka_unit_test(test_an_environment_that_is_not_there),
        cmocka_unit_test(test_all_but_the_bad_one),
        cmocka_unit_test(test_each_once),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
