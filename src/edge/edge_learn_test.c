#include "edge/edge_learn.h"

#include "edge/edge_test_kit.h"

/* A message's lesson, learned at once. */
static enum status teach(struct kit *kit, const struct feed_message *message, uint64_t generation,
                         struct why *why) {
    struct edge_lesson *lesson = edge_learn_prepare(message, generation, false);
    assert_non_null(lesson);
    enum status status = edge_learn(&kit->worker, lesson, why);
    edge_learn_drop(&lesson);
    assert_null(lesson);
    return status;
}

static struct feed_message bundle_message(struct kit *kit, unsigned revision) {
    struct kit *writer = kit_new(); /* signs with the same key, and keeps nothing */
    EVP_PKEY *key = writer->key;
    struct why why = {0};
    writer->key = kit->key;
    (void)kit_offer(writer, KIT_HOST, revision, true, &why);
    writer->key = key;
    buf_clear(&kit->jws);
    assert_int_equal(buf_append_str(&kit->jws, buf_str(&writer->jws)), STATUS_OK);
    kit_free(writer);
    return (struct feed_message){.type = FEED_MESSAGE_ENVIRONMENT, .bundle = buf_str(&kit->jws)};
}

static void environments_come_and_go(void **state) {
    struct kit *kit = kit_new();
    struct why why = {0};
    (void)state;
    const struct feed_message bundle = bundle_message(kit, 3);
    assert_int_equal(teach(kit, &bundle, 1, &why), STATUS_OK);
    assert_int_equal(kit_environment(kit)->bundle->revision, 3);
    assert_int_equal(teach(kit, &bundle, 1, &why), STATUS_OK); /* known already */
    const struct feed_message removed = {.type = FEED_MESSAGE_ENVIRONMENT_REMOVED,
                                         .environment = {KIT_ENVIRONMENT}};
    assert_int_equal(teach(kit, &removed, 1, &why), STATUS_OK);
    assert_null(kit_environment(kit));
    assert_int_equal(teach(kit, &removed, 1, &why), STATUS_OK);
    kit_free(kit);
}

static void what_a_sync_does_not_mention_is_gone(void **state) {
    struct kit *kit = kit_new();
    struct why why = {0};
    const struct feed_message synced = {.type = FEED_MESSAGE_SYNCED};
    (void)state;
    const struct feed_message bundle = bundle_message(kit, 3);
    assert_int_equal(teach(kit, &bundle, 1, &why), STATUS_OK);
    assert_int_equal(teach(kit, &synced, 1, &why), STATUS_OK);
    assert_non_null(kit_environment(kit));
    assert_int_equal(teach(kit, &synced, 2, &why), STATUS_OK);
    assert_null(kit_environment(kit));
    kit_free(kit);
}

static void after_a_refusal_the_last_good_stays(void **state) {
    struct kit *kit = kit_new();
    struct why why = {0};
    const struct feed_message synced = {.type = FEED_MESSAGE_SYNCED};
    const struct feed_message bad = {.type = FEED_MESSAGE_ENVIRONMENT, .bundle = STR("a.b.c")};
    (void)state;
    const struct feed_message bundle = bundle_message(kit, 3);
    assert_int_equal(teach(kit, &bundle, 1, &why), STATUS_OK);
    assert_int_not_equal(teach(kit, &bad, 2, &why), STATUS_OK);
    assert_int_equal(teach(kit, &synced, 2, &why), STATUS_OK);
    assert_non_null(kit_environment(kit));
    struct edge_lesson *flawed = edge_learn_prepare(&synced, 3, true); /* elsewhere */
    assert_int_equal(edge_learn(&kit->worker, flawed, &why), STATUS_OK);
    edge_learn_drop(&flawed);
    assert_non_null(kit_environment(kit));
    assert_int_equal(teach(kit, &synced, 4, &why), STATUS_OK); /* the next sync is a new one */
    assert_null(kit_environment(kit));
    kit_free(kit);
}

static void keys_that_are_none_are_refused(void **state) {
    struct kit *kit = kit_new();
    struct why why = {0};
    (void)state;
    json_t *jwks = json_object();
    const struct feed_message keys = {.type = FEED_MESSAGE_KEYS, .jwks = jwks};
    assert_int_not_equal(teach(kit, &keys, 1, &why), STATUS_OK);
    json_decref(jwks);
    assert_int_equal(kit->worker.bundle_keys.count, 1);
    const struct feed_message bundle = bundle_message(kit, 1);
    assert_int_equal(teach(kit, &bundle, 1, &why), STATUS_OK);
    kit_free(kit);
}

static void revocations_are_kept(void **state) {
    struct kit *kit = kit_new();
    struct why why = {0};
    const struct feed_message revoked = {.type = FEED_MESSAGE_REVOKED,
                                         .warpgate = {"wg_01jd3m8k6vq2x7r9t4w5y6z8ab"},
                                         .reason = STR("key_revoked")};
    (void)state;
    assert_int_equal(teach(kit, &revoked, 1, &why), STATUS_OK);
    assert_non_null(map_get(&kit->worker.revoked, id_str(&revoked.warpgate)));
    kit_free(kit);
}

static void what_is_not_for_workers_is_no_lesson(void **state) {
    (void)state;
    assert_null(edge_learn_prepare(&(struct feed_message){.type = FEED_MESSAGE_HOST}, 1, false));
    assert_null(edge_learn_prepare(&(struct feed_message){.type = FEED_MESSAGE_PING}, 1, false));
    assert_null(edge_learn_prepare(&(struct feed_message){.type = FEED_MESSAGE_UNKNOWN}, 1, false));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environments_come_and_go),
        cmocka_unit_test(what_a_sync_does_not_mention_is_gone),
        cmocka_unit_test(after_a_refusal_the_last_good_stays),
        cmocka_unit_test(keys_that_are_none_are_refused),
        cmocka_unit_test(revocations_are_kept),
        cmocka_unit_test(what_is_not_for_workers_is_no_lesson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
