/* edge_keep_test.c: what was heard is there for the next process: verified again, and nothing that was forgotten. */
#include "edge/edge_keep.h"

#include "base/json.h"
#include "edge/edge_disk.h"
#include "edge/edge_environment.h"
#include "edge/edge_hear.h"
#include "edge/edge_identity.h"
#include "edge/edge_test_kit.h"

static struct kit *kit;
static struct edge edge;
static struct edge_hearing hearing;
static char folder[64];

/* A process begins: with a kit of its own, and the keys that it is told. */
static void begin(void) {
    struct why why = {0};
    kit = kit_new();
    edge = (struct edge){.loop = kit->loop, .worker_count = 1, .workers = {&kit->worker}};
    edge.visitor_tls = tls_context_new(TLS_VISITOR_SERVER);
    kit->worker.edge = &edge;
    assert_int_equal(edge_disk_open(kit->loop, folder, NULL, &edge.disk, &why), STATUS_OK);
}

static void end(void) {
    edge_disk_close(&edge.disk);
    map_fini(&edge.host_names);
    map_fini(&edge.revocations);
    tls_context_unref(&edge.visitor_tls);
    kit_free(kit);
}

static int start(void **state) {
    (void)state;
    memcpy(folder, "/tmp/edge-keep-XXXXXX", sizeof("/tmp/edge-keep-XXXXXX"));
    assert_non_null(mkdtemp(folder));
    begin();
    return 0;
}

static int stop(void **state) {
    char command[128];
    (void)state;
    end();
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void hear(const struct feed_message *message) {
    struct why why = {0};
    json_t *object = feed_message_write(message);
    assert_int_equal(edge_hear(&edge, &hearing, message, object, &why), STATUS_OK);
    json_decref(object);
}

static void hear_all(unsigned revision) {
    struct buf text;
    json_t *jwks = NULL;
    struct why why = {0};
    buf_init(&text, 65536);
    assert_int_equal(jws_keys_write(&kit->worker.bundle_keys, &text), STATUS_OK);
    assert_int_equal(json_parse(buf_str(&text), &jwks, NULL), STATUS_OK);
    edge_hear_begin(&edge, &hearing);
    hear(&(struct feed_message){.type = FEED_MESSAGE_STATE, .as_of_ms = 1000000});
    hear(&(struct feed_message){.type = FEED_MESSAGE_KEYS, .jwks = jwks});
    if (revision > 0) {
        struct kit *writer = kit_new();
        EVP_PKEY *key = writer->key;
        writer->key = kit->key;
        (void)kit_offer(writer, KIT_HOST, revision, true, &why);
        writer->key = key;
        hear(&(struct feed_message){.type = FEED_MESSAGE_ENVIRONMENT,
                                    .bundle = buf_str(&writer->jws)});
        kit_free(writer);
    }
    const struct id warpgate = {.text = "wg_01jd3m8k6vq2x7r9t4w5y6z8ab"};
    hear(&(struct feed_message){
        .type = FEED_MESSAGE_REVOKED, .warpgate = warpgate, .reason = STR_INIT("key_revoked")});
    hear(&(struct feed_message){.type = FEED_MESSAGE_SYNCED});
    json_decref(jwks);
    buf_fini(&text);
}

static void what_was_heard_is_learned_again(void **state) {
    (void)state;
    assert_false(edge_keep_load(&edge)); /* nothing is there */
    hear_all(7);
    end();
    begin();
    assert_true(edge_keep_load(&edge));
    assert_non_null(kit_environment(kit));
    assert_int_equal(kit_environment(kit)->bundle->revision, 7);
    assert_int_equal(edge.newest_as_of_ms, 1000000);
    assert_non_null(map_get(&kit->worker.revoked, STR("wg_01jd3m8k6vq2x7r9t4w5y6z8ab")));
}

static void what_was_forgotten_is_not_there(void **state) {
    (void)state;
    hear_all(7);
    hear_all(0);
    end();
    begin();
    assert_true(edge_keep_load(&edge));
    assert_null(kit_environment(kit));
}

/* A file under another's name: what it holds is not taken for that. */
static void a_bundle_in_anothers_file_is_refused(void **state) {
    char from[160];
    char to[160];
    (void)state;
    hear_all(7);
    end();
    (void)snprintf(from, sizeof(from), "%s/%s.sealed", folder, KIT_ENVIRONMENT);
    (void)snprintf(to, sizeof(to), "%s/env_01jd3m8k6vq2x7r9t4w5y6z8zz.sealed", folder);
    assert_int_equal(rename(from, to), 0);
    begin();
    assert_true(edge_keep_load(&edge));
    assert_null(kit_environment(kit));
}

static void an_identity_is_kept(void **state) {
    struct edge_identity identity;
    struct edge_identity read;
    struct why why = {0};
    (void)state;
    edge_identity_init(&identity);
    edge_identity_init(&read);
    assert_int_equal(edge_identity_read(edge.disk, &read, &why), STATUS_NOT_FOUND);
    (void)snprintf(identity.edge.text, ID_SIZE, "edg_01jd3m8k6vq2x7r9t4w5y6z8ab");
    (void)snprintf(identity.trust_domain, sizeof(identity.trust_domain), "example.net");
    (void)snprintf(identity.tunnel_server_name, sizeof(identity.tunnel_server_name),
                   "edge.example.net");
    const struct edge_controls controls = {
        .at = {{STR_INIT("api.example.net:443"), STR_INIT("api.example.net")}}, .count = 1};
    assert_int_equal(edge_identity_take_controls(&identity, &controls), STATUS_OK);
    assert_int_equal(buf_append_str(&identity.key_pem, STR("KEY")), STATUS_OK);
    assert_int_equal(edge_identity_write(edge.disk, &identity, &why), STATUS_OK);
    assert_int_equal(edge_identity_read(edge.disk, &read, &why), STATUS_OK);
    assert_true(id_eq(&read.edge, &identity.edge));
    assert_true(str_eq(buf_str(&read.key_pem), STR("KEY")));
    assert_int_equal(read.control_count, 1);
    assert_string_equal(read.control_address[0], "api.example.net:443");
    edge_identity_fini(&identity);
    edge_identity_fini(&read);
    /* something else under its name */
    assert_int_equal(edge_disk_write(edge.disk, EDGE_IDENTITY_NAME, STR("{}"), &why), STATUS_OK);
    edge_identity_init(&read);
    assert_int_equal(edge_identity_read(edge.disk, &read, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "state_malformed");
    edge_identity_fini(&read);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_heard_is_learned_again),
        TEST(what_was_forgotten_is_not_there),
        TEST(a_bundle_in_anothers_file_is_refused),
        TEST(an_identity_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
