/* edge_hear_test.c: several feeds, one state: the newest holds, and one that was left behind takes nothing away and brings nothing back. */
#include "edge/edge_hear.h"

#include "edge/edge_environment.h"
#include "edge/edge_test_kit.h"

static struct kit *kit;
static struct edge edge;

static int start(void **state) {
    (void)state;
    kit = kit_new();
    edge = (struct edge){.loop = kit->loop, .worker_count = 1, .workers = {&kit->worker}};
    edge.visitor_tls = tls_context_new(TLS_VISITOR_SERVER);
    kit->worker.edge = &edge;
    return 0;
}

static int stop(void **state) {
    (void)state;
    kit_free(kit);
    map_fini(&edge.host_names);
    map_fini(&edge.revocations);
    tls_context_unref(&edge.visitor_tls);
    return 0;
}

static void hear(struct edge_hearing *hearing, const struct feed_message *message) {
    struct why why = {0};
    assert_int_equal(edge_hear(&edge, hearing, message, NULL, &why), STATUS_OK);
}

static void begin(struct edge_hearing *hearing, uint64_t as_of_ms) {
    edge_hear_begin(&edge, hearing);
    hear(hearing, &(struct feed_message){.type = FEED_MESSAGE_STATE, .as_of_ms = as_of_ms});
}

/* The kit's one environment, at this revision. */
static enum status hear_bundle(struct edge_hearing *hearing, unsigned revision) {
    struct why why = {0};
    struct kit *writer = kit_new(); /* signs with the same key, and keeps nothing */
    EVP_PKEY *key = writer->key;
    writer->key = kit->key;
    (void)kit_offer(writer, KIT_HOST, revision, true, &why);
    writer->key = key;
    const struct feed_message message = {.type = FEED_MESSAGE_ENVIRONMENT,
                                         .bundle = buf_str(&writer->jws)};
    enum status status = edge_hear(&edge, hearing, &message, NULL, &why);
    kit_free(writer);
    return status;
}

static void end(struct edge_hearing *hearing) {
    hear(hearing, &(struct feed_message){.type = FEED_MESSAGE_SYNCED});
}

static uint64_t revision(void) {
    const struct edge_environment *environment = kit_environment(kit);
    return environment != NULL ? environment->newest_revision : 0;
}

static void the_newest_holds_whoever_brings_it(void **state) {
    struct edge_hearing one;
    struct edge_hearing other;
    (void)state;
    begin(&one, 1000000);
    assert_int_equal(hear_bundle(&one, 7), STATUS_OK);
    end(&one);
    begin(&other, 1000000);
    assert_int_equal(hear_bundle(&other, 8), STATUS_OK);
    end(&other);
    assert_int_equal(revision(), 8);
    assert_int_equal(hear_bundle(&one, 7), STATUS_CONFLICT);
    assert_int_equal(hear_bundle(&one, 9), STATUS_OK);
    assert_int_equal(revision(), 9);
}

/* Two syncs at a time: each forgets what it does not mention, and neither what the other has mentioned since it began. */
static void syncs_beside_each_other(void **state) {
    struct edge_hearing one;
    struct edge_hearing other;
    (void)state;
    begin(&one, 1000000);
    begin(&other, 1000000);
    assert_int_equal(hear_bundle(&other, 7), STATUS_OK);
    assert_int_equal(hear_bundle(&one, 7), STATUS_OK);
    end(&one);
    end(&other);
    assert_int_equal(revision(), 7);
    /* what one tells live while the other syncs is not forgotten by that */
    begin(&other, 1000000);
    assert_int_equal(hear_bundle(&one, 8), STATUS_OK);
    end(&other);
    assert_int_equal(revision(), 8);
    begin(&other, 1000000);
    end(&other);
    assert_int_equal(revision(), 0);
}

static void one_left_behind_takes_nothing_away(void **state) {
    struct edge_hearing one;
    struct edge_hearing behind;
    (void)state;
    begin(&one, 1000000);
    assert_int_equal(hear_bundle(&one, 7), STATUS_OK);
    end(&one);
    begin(&behind, 900000);
    assert_true(behind.is_behind);
    end(&behind);
    assert_int_equal(revision(), 7);
    /* clocks that differ a little are no sign */
    begin(&behind, 999000);
    assert_false(behind.is_behind);
    end(&behind);
    assert_int_equal(revision(), 0);
}

static void one_left_behind_brings_nothing_back(void **state) {
    struct edge_hearing one;
    struct edge_hearing behind;
    (void)state;
    begin(&one, 1000000);
    assert_int_equal(hear_bundle(&one, 7), STATUS_OK);
    end(&one);
    begin(&one, 2000000);
    end(&one); /* deleted */
    assert_int_equal(revision(), 0);
    begin(&behind, 1000000);
    assert_int_equal(hear_bundle(&behind, 7), STATUS_OK);
    end(&behind);
    assert_int_equal(revision(), 0);
    assert_int_equal(edge.newest_as_of_ms, 2000000);
}

/* A part that was refused: the last good stays, whatever was mentioned. */
static void a_flawed_sync_takes_nothing_away(void **state) {
    struct edge_hearing one;
    struct why why = {0};
    (void)state;
    begin(&one, 1000000);
    assert_int_equal(hear_bundle(&one, 7), STATUS_OK);
    end(&one);
    begin(&one, 1000001);
    const struct feed_message bad = {.type = FEED_MESSAGE_ENVIRONMENT,
                                     .bundle = STR_INIT("e30.e30.e30")};
    assert_int_not_equal(edge_hear(&edge, &one, &bad, NULL, &why), STATUS_OK);
    end(&one);
    assert_int_equal(revision(), 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_newest_holds_whoever_brings_it), TEST(syncs_beside_each_other),
        TEST(one_left_behind_takes_nothing_away), TEST(one_left_behind_brings_nothing_back),
        TEST(a_flawed_sync_takes_nothing_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
