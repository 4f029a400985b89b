/* feed_edge_test.c: what an edge is told and what is heard from it, over a stream that is nothing but two buffers. */
#include "control/control_test_kit.h"

#include <string.h>

#include "base/memory.h"
#include "control/feed_edge.h"
#include "control/presence.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "tunnel/record.h"
#include "tunnel/signed_bundle.h"

struct fake_stream {
    struct http_stream stream;
    struct arena arena;
    struct record_reader sent;
    unsigned status;
    bool is_released;
};

static const struct id edge = {.text = "edg_00000000000000000000000001"};

static void take_head(struct http_stream *stream, const struct http_head *head, bool is_end) {
    (void)is_end;
    CONTAINER_OF(stream, struct fake_stream, stream)->status = head->status;
}

static void take_bytes(struct http_stream *stream, const uint8_t *bytes, size_t len) {
    struct why why;
    assert_int_equal(record_reader_feed(&CONTAINER_OF(stream, struct fake_stream, stream)->sent,
                                        bytes, len, &why),
                     STATUS_OK);
}

static void take_end(struct http_stream *stream, const struct http_fields *trailers) {
    (void)stream;
    (void)trailers;
}

static void take_consumed(struct http_stream *stream, size_t len) {
    (void)stream;
    (void)len;
}

static void take_release(struct http_stream *stream) {
    CONTAINER_OF(stream, struct fake_stream, stream)->is_released = true;
}

static const struct http_stream_ops fake_ops = {
    .send_head = take_head,
    .send = take_bytes,
    .end = take_end,
    .consumed = take_consumed,
    .release = take_release,
};

static void fake_init(struct fake_stream *fake) {
    *fake = (struct fake_stream){.stream = {.ops = &fake_ops}};
    arena_init(&fake->arena);
    fake->stream.arena = &fake->arena;
    record_reader_init(&fake->sent);
}

static void fake_fini(struct fake_stream *fake) {
    record_reader_fini(&fake->sent);
    arena_fini(&fake->arena);
}

/* The next message that was sent; NULL: none. */
static json_t *next_message(struct fake_stream *fake, struct feed_message *message) {
    json_t *object = NULL;
    struct why why;
    enum status status = record_reader_next(&fake->sent, &object, &why);
    if (status == STATUS_AGAIN) {
        return NULL;
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(feed_message_read(object, message, &why), STATUS_OK);
    return object;
}

static void say(struct fake_stream *fake, const struct feed_message *message) {
    struct buf record;
    json_t *object = feed_message_write(message);
    buf_init(&record, RECORD_BYTES_MAX);
    assert_int_equal(record_write(object, &record), STATUS_OK);
    fake->stream.events->on_data(fake->stream.owner, buf_bytes(&record), buf_len(&record));
    json_decref(object);
    buf_fini(&record);
}

static void say_hello(struct fake_stream *fake) {
    const struct feed_message hello = {.type = FEED_MESSAGE_HELLO, .version = STR_INIT("1.0")};
    say(fake, &hello);
}

/* How many messages of each kind are waiting; takes them. */
static void count_messages(struct fake_stream *fake, unsigned counts[FEED_MESSAGE_PING + 1]) {
    struct feed_message message;
    memset(counts, 0, (FEED_MESSAGE_PING + 1) * sizeof(counts[0]));
    for (json_t *object = next_message(fake, &message); object != NULL;
         object = next_message(fake, &message)) {
        counts[message.type]++;
        json_decref(object);
    }
}

static struct id make_environment(struct kit *kit, const char *name) {
    char body[64];
    struct id id = {.text = ""};
    struct kit_call call = {.token = kit->token};
    snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    struct id project =
        kit_make(kit, kit_path("organizations", &kit->organization, "/projects"), body);
    kit_run(kit, "GET", kit_path("projects", &project, "/environments"), &call);
    snprintf(id.text, sizeof(id.text), "%s",
             json_string_value(
                 json_object_get(json_array_get(json_object_get(call.answer, "items"), 0), "id")));
    kit_done(&call);
    return id;
}

static void test_the_whole_state(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    struct feed_message message;
    struct jws_keys keys;
    struct why why = {0};
    unsigned environments = 0;
    bool is_synced = false;
    struct id environment = make_environment(kit, "whole");
    fake_init(&fake);
    jws_keys_init(&keys);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    assert_int_equal(fake.status, 200);
    say_hello(&fake);
    json_t *object = next_message(&fake, &message);
    assert_int_equal(message.type, FEED_MESSAGE_STATE);
    assert_true(message.as_of_ms + 1000 > (uint64_t)clock_wall_ms(clock_system()));
    json_decref(object);
    object = next_message(&fake, &message);
    assert_int_equal(message.type, FEED_MESSAGE_KEYS);
    struct buf jwks;
    buf_init(&jwks, 8192);
    assert_int_equal(json_write(message.jwks, &jwks), STATUS_OK);
    assert_int_equal(jws_keys_parse(buf_str(&jwks), &keys, &why), STATUS_OK);
    buf_fini(&jwks);
    json_decref(object);
    object = next_message(&fake, &message);
    assert_int_equal(message.type, FEED_MESSAGE_CONTROLS);
    assert_true(str_eq(message.controls.at[0].server_name, STR("api." KIT_DOMAIN)));
    json_decref(object);
    object = next_message(&fake, &message);
    assert_int_equal(message.type, FEED_MESSAGE_EDGES);
    json_decref(object);
    object = next_message(&fake, &message);
    assert_int_equal(message.type, FEED_MESSAGE_ANCHORS);
    assert_true(str_starts_with(message.anchors, STR("-----BEGIN CERTIFICATE-----")));
    json_decref(object);
    object = next_message(&fake, &message);
    assert_int_equal(message.type, FEED_MESSAGE_HOST);
    assert_true(str_eq(message.hostname, STR("*." KIT_DOMAIN)));
    assert_true(str_starts_with(message.key, STR("-----BEGIN PRIVATE KEY")));
    json_decref(object);
    for (object = next_message(&fake, &message); object != NULL;
         object = next_message(&fake, &message)) {
        assert_false(is_synced); /* nothing follows it but changes */
        if (message.type == FEED_MESSAGE_ENVIRONMENT) {
            struct bundle *bundle = NULL;
            assert_int_equal(signed_bundle_open(&keys, message.bundle, NULL, 0, &bundle, &why),
                             STATUS_OK);
            environments += id_eq(&bundle->environment, &environment) ? 1 : 0;
            bundle_unref(&bundle);
        }
        is_synced = message.type == FEED_MESSAGE_SYNCED;
        json_decref(object);
    }
    assert_int_equal(environments, 1);
    assert_true(is_synced);
    jws_keys_fini(&keys);
    feed_hub_end(kit->control->hub);
    assert_true(fake.is_released);
    fake_fini(&fake);
}

static void test_changes(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    unsigned counts[FEED_MESSAGE_PING + 1];
    struct id environment = make_environment(kit, "changes");
    fake_init(&fake);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    say_hello(&fake);
    count_messages(&fake, counts);
    (void)kit_make(kit, kit_path("environments", &environment, "/routes"), "{\"path\":\"/\"}");
    count_messages(&fake, counts);
    assert_int_equal(counts[FEED_MESSAGE_ENVIRONMENT], 1);
    struct kit_call call = {.token = kit->token, .if_match = "*"};
    kit_run(kit, "DELETE", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 204);
    count_messages(&fake, counts);
    assert_int_equal(counts[FEED_MESSAGE_ENVIRONMENT_REMOVED], 1);
    assert_int_equal(counts[FEED_MESSAGE_ENVIRONMENT], 0);
    kit_done(&call);
    feed_hub_end(kit->control->hub);
    fake_fini(&fake);
}

/* Two processes with one certificate: the younger one is believed, whichever comes first, and nothing flaps. */
static void test_the_younger_of_two_has_the_feed(void **state) {
    struct kit *kit = *state;
    struct fake_stream older;
    struct fake_stream younger;
    fake_init(&older);
    fake_init(&younger);
    assert_true(feed_hub_may_join(kit->control->hub, &edge, 100));
    feed_edge_begin(kit->control->hub, &edge, 100, &older.stream);
    assert_true(feed_hub_may_join(kit->control->hub, &edge, 100)); /* itself, come back */
    assert_true(feed_hub_may_join(kit->control->hub, &edge, 200));
    feed_edge_begin(kit->control->hub, &edge, 200, &younger.stream);
    assert_true(older.is_released);
    assert_false(feed_hub_may_join(kit->control->hub, &edge, 100));
    assert_false(younger.is_released);
    feed_hub_end(kit->control->hub);
    assert_true(feed_hub_may_join(kit->control->hub, &edge, 100));
    fake_fini(&older);
    fake_fini(&younger);
}

/* Pool threads finish in any order: what is older than what is here is dropped. */
static void test_an_older_bundle_is_dropped(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    unsigned counts[FEED_MESSAGE_PING + 1];
    struct change_list changes;
    static const struct id environment = {.text = "env_00000000000000000000000009"};
    static const uint64_t revisions[] = {8, 7, 8};
    fake_init(&fake);
    change_list_init(&changes);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    say_hello(&fake);
    count_messages(&fake, counts);
    for (size_t i = 0; i < 3; i++) {
        struct change *change = change_list_add(&changes, CHANGE_ENVIRONMENT);
        change->environment = environment;
        change->revision = revisions[i];
        change->bundle = memory_dup("jws", 3);
        change->bundle_len = 3;
        snprintf(change->hostname, sizeof(change->hostname), "x." KIT_DOMAIN);
    }
    feed_hub_apply(kit->control->hub, &changes);
    count_messages(&fake, counts);
    assert_int_equal(counts[FEED_MESSAGE_ENVIRONMENT], 1);
    change_list_add(&changes, CHANGE_ENVIRONMENT_REMOVED)->environment = environment;
    feed_hub_apply(kit->control->hub, &changes);
    feed_hub_end(kit->control->hub);
    fake_fini(&fake);
}

/* A host name that the wildcard does not cover has a certificate of its own, for as long as it is there. */
static void test_a_host_of_another_domain(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    unsigned counts[FEED_MESSAGE_PING + 1];
    struct change_list changes;
    static const struct id environment = {.text = "env_00000000000000000000000008"};
    fake_init(&fake);
    change_list_init(&changes);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    say_hello(&fake);
    count_messages(&fake, counts);
    struct change *change = change_list_add(&changes, CHANGE_ENVIRONMENT);
    change->environment = environment;
    change->revision = 1;
    change->bundle = memory_dup("jws", 3);
    change->bundle_len = 3;
    snprintf(change->hostname, sizeof(change->hostname), "shop.example.org");
    feed_hub_apply(kit->control->hub, &changes);
    count_messages(&fake, counts);
    assert_int_equal(counts[FEED_MESSAGE_HOST], 1);
    assert_int_equal(counts[FEED_MESSAGE_ENVIRONMENT], 1);
    change_list_add(&changes, CHANGE_ENVIRONMENT_REMOVED)->environment = environment;
    feed_hub_apply(kit->control->hub, &changes);
    count_messages(&fake, counts);
    assert_int_equal(counts[FEED_MESSAGE_HOST_REMOVED], 1);
    feed_hub_end(kit->control->hub);
    fake_fini(&fake);
}

static void test_what_an_edge_reports(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    struct presence_view view;
    static const struct id warpgate = {.text = "wg_00000000000000000000000001"};
    const struct feed_message report = {
        .type = FEED_MESSAGE_WARPGATE,
        .warpgate = warpgate,
        .environment = {.text = "env_00000000000000000000000001"},
        .tunnels = 2,
        .ip_address = STR_INIT("192.0.2.1"),
        .name = STR_INIT("box"),
        .version = STR_INIT("1.0"),
        .revision = 3,
        .code = STR_INIT(""),
    };
    fake_init(&fake);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    say_hello(&fake);
    say(&fake, &report);
    presence_get(kit->control->presence, &warpgate, &view);
    assert_int_equal(view.status, PRESENCE_CONNECTED);
    assert_int_equal(view.applied_revision, 3);
    fake.stream.events->on_closed(fake.stream.owner, HTTP_CLOSE_LOST);
    presence_get(kit->control->presence, &warpgate, &view);
    assert_int_equal(view.status, PRESENCE_UNKNOWN);
    fake_fini(&fake);
}

static uint64_t revision_at_edge(struct kit *kit, const struct id *environment) {
    struct presence_edge at = {.applied_revision = 0};
    (void)presence_edges(kit->control->presence, environment, &at, 1);
    return at.applied_revision;
}

/* Of environments that there are, and only as long. */
static void test_what_an_edge_has_applied(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    static const struct id stranger = {.text = "env_00000000000000000000000077"};
    struct id environment = make_environment(kit, "applied");
    struct feed_message applied = {
        .type = FEED_MESSAGE_APPLIED, .environment = environment, .revision = 1};
    fake_init(&fake);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    say_hello(&fake);
    say(&fake, &applied);
    assert_int_equal(revision_at_edge(kit, &environment), 1);
    applied.environment = stranger;
    say(&fake, &applied);
    assert_int_equal(revision_at_edge(kit, &stranger), 0);
    struct kit_call call = {.token = kit->token, .if_match = "*"};
    kit_run(kit, "DELETE", kit_path("environments", &environment, ""), &call);
    assert_int_equal(call.status, 204);
    kit_done(&call);
    assert_int_equal(revision_at_edge(kit, &environment), 0);
    applied.environment = environment;
    say(&fake, &applied); /* it was on its way */
    assert_int_equal(revision_at_edge(kit, &environment), 0);
    feed_hub_end(kit->control->hub);
    fake_fini(&fake);
}

/* Upstreams are in the report, and end in what the API says. */
static void test_what_an_edge_reports_of_upstreams(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    struct presence_view view;
    static const struct id warpgate = {.text = "wg_00000000000000000000000002"};
    struct feed_message report = {
        .type = FEED_MESSAGE_WARPGATE,
        .warpgate = warpgate,
        .environment = {.text = "env_00000000000000000000000001"},
        .tunnels = 4,
        .ip_address = STR_INIT("192.0.2.1"),
        .name = STR_INIT("box"),
        .version = STR_INIT("1.0"),
        .revision = 3,
        .upstream_count = 2,
    };
    report.upstreams[0] = (struct upstream_state){STR_INIT("default"), true, true};
    report.upstreams[1] = (struct upstream_state){STR_INIT("api"), false, true};
    fake_init(&fake);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    say_hello(&fake);
    say(&fake, &report);
    presence_get(kit->control->presence, &warpgate, &view);
    assert_int_equal(view.tunnel_count, 4);
    assert_int_equal(view.upstream_count, 2);
    assert_string_equal(view.upstreams[1].name, "api");
    assert_true(view.upstreams[0].is_up);
    assert_true(view.upstreams[1].is_known && !view.upstreams[1].is_up);
    feed_hub_end(kit->control->hub);
    fake_fini(&fake);
}

static void test_a_newer_feed_takes_the_place_of_the_old(void **state) {
    struct kit *kit = *state;
    struct fake_stream old;
    struct fake_stream new;
    fake_init(&old);
    fake_init(&new);
    feed_edge_begin(kit->control->hub, &edge, 0, &old.stream);
    feed_edge_begin(kit->control->hub, &edge, 0, &new.stream);
    assert_true(old.is_released);
    assert_false(new.is_released);
    feed_hub_end(kit->control->hub);
    fake_fini(&old);
    fake_fini(&new);
}

static void test_nonsense_ends_the_feed(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    static const char record[] = "\0\0\0\x10{\"type\":\"hello\"}";
    fake_init(&fake);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    fake.stream.events->on_data(fake.stream.owner, (const uint8_t *)record, sizeof(record) - 1);
    assert_true(fake.is_released);
    fake_fini(&fake);
}

static void test_renewing_an_edge(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    unsigned counts[FEED_MESSAGE_PING + 1];
    struct buf csr;
    EVP_PKEY *key = key_new();
    fake_init(&fake);
    buf_init(&csr, CSR_PEM_BYTES_MAX);
    assert_int_equal(csr_write(key, &csr), STATUS_OK);
    feed_edge_begin(kit->control->hub, &edge, 0, &fake.stream);
    say_hello(&fake);
    const struct feed_message good = {.type = FEED_MESSAGE_RENEW, .csr = buf_str(&csr)};
    const struct feed_message bad = {.type = FEED_MESSAGE_RENEW, .csr = STR_INIT("nonsense")};
    say(&fake, &bad);
    count_messages(&fake, counts);
    assert_int_equal(counts[FEED_MESSAGE_CERTIFICATE], 0);
    say(&fake, &good);
    count_messages(&fake, counts);
    assert_int_equal(counts[FEED_MESSAGE_CERTIFICATE], 1);
    feed_hub_end(kit->control->hub);
    EVP_PKEY_free(key);
    buf_fini(&csr);
    fake_fini(&fake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_whole_state),
        cmocka_unit_test(test_the_younger_of_two_has_the_feed),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_an_older_bundle_is_dropped),
        cmocka_unit_test(test_a_host_of_another_domain),
        cmocka_unit_test(test_what_an_edge_reports),
        cmocka_unit_test(test_what_an_edge_has_applied),
        cmocka_unit_test(test_what_an_edge_reports_of_upstreams),
        cmocka_unit_test(test_a_newer_feed_takes_the_place_of_the_old),
        cmocka_unit_test(test_nonsense_ends_the_feed),
        cmocka_unit_test(test_renewing_an_edge),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
