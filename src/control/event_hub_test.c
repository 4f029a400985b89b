#include "control/event_hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static int64_t now_ms = 1000;

static int64_t read_now(void *context) {
    (void)context;
    return now_ms;
}

static const struct clock test_clock = {.mono_ms = read_now, .wall_ms = read_now};
static const struct id env = {.text = "env_00000000000000000000000000"};

struct ear {
    struct event_listener listener;
    unsigned events;
    unsigned gaps;
    char last[64];
};

static void hear(struct event_listener *listener, const struct event_ring_item *item) {
    struct ear *ear = CONTAINER_OF(listener, struct ear, listener);
    ear->events++;
    snprintf(ear->last, sizeof(ear->last), "%s %s", item->name, item->data);
}

static void miss(struct event_listener *listener) {
    CONTAINER_OF(listener, struct ear, listener)->gaps++;
}

static struct ear make_ear(void) {
    return (struct ear){.listener = {.on_event = hear, .on_gap = miss}};
}

static void test_listeners_hear(void **state) {
    struct event_hub *hub = event_hub_new(&test_clock, random_system());
    struct ear a = make_ear();
    struct ear b = make_ear();
    (void)state;
    event_hub_publish(hub, "environment", &env, "x", json_pack("{s:i}", "n", 0)); /* to nobody */
    assert_false(event_hub_has(hub, "environment", &env));
    struct event_topic *topic = event_hub_join(hub, "environment", &env, &a.listener);
    assert_ptr_equal(event_hub_join(hub, "environment", &env, &b.listener), topic);
    assert_false(event_hub_has(hub, "traffic", &env));
    event_hub_publish(hub, "traffic", &env, "x", json_pack("{s:i}", "n", 1));
    event_hub_publish(hub, "environment", &env, "x", json_pack("{s:i}", "n", 2));
    assert_int_equal(a.events, 1);
    assert_string_equal(a.last, "x {\"n\":2}");
    assert_string_equal(b.last, a.last);
    event_hub_leave(hub, topic, &a.listener);
    event_hub_publish(hub, "environment", &env, "y", json_pack("{s:s}", "n", "\n\r\xe2\x80\xa8"));
    assert_int_equal(a.events, 1);
    assert_int_equal(b.events, 2);
    assert_null(strchr(b.last, '\n')); /* one line, whatever is in it */
    assert_null(strchr(b.last, '\r'));
    event_hub_leave(hub, topic, &b.listener);
    event_hub_free(&hub);
}

static void test_a_topic_stays_a_while(void **state) {
    struct event_hub *hub = event_hub_new(&test_clock, random_system());
    struct ear ear = make_ear();
    size_t walk = 0;
    (void)state;
    struct event_topic *topic = event_hub_join(hub, "environment", &env, &ear.listener);
    now_ms += 10 * EVENT_HUB_KEEP_MS;
    event_hub_sweep(hub);
    assert_ptr_equal(event_hub_next(hub, &walk), topic);
    event_hub_leave(hub, topic, &ear.listener);
    event_hub_publish(hub, "environment", &env, "x", json_object());
    now_ms += EVENT_HUB_KEEP_MS - 1;
    event_hub_sweep(hub);
    topic = event_hub_join(hub, "environment", &env, &ear.listener);
    assert_int_equal(topic->ring.last_number, 1);
    event_hub_leave(hub, topic, &ear.listener);
    now_ms += EVENT_HUB_KEEP_MS;
    event_hub_sweep(hub);
    assert_false(event_hub_has(hub, "environment", &env));
    event_hub_free(&hub);
}

static void test_too_large(void **state) {
    struct event_hub *hub = event_hub_new(&test_clock, random_system());
    struct ear ear = make_ear();
    static char text[EVENT_HUB_BYTES_MAX + 1];
    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    struct event_topic *topic = event_hub_join(hub, "environment", &env, &ear.listener);
    event_hub_publish(hub, "environment", &env, "x", json_pack("{s:s}", "n", text));
    assert_int_equal(ear.events, 0);
    assert_int_equal(ear.gaps, 1);
    event_hub_publish_gap(hub, "environment", &env);
    assert_int_equal(ear.gaps, 2);
    assert_int_equal(topic->ring.last_number, 2);
    event_hub_leave(hub, topic, &ear.listener);
    event_hub_free(&hub);
}

static void test_topics_are_bounded(void **state) {
    struct event_hub *hub = event_hub_new(&test_clock, random_system());
    static struct ear ears[EVENT_HUB_TOPICS_MAX + 1];
    struct event_topic *first = NULL;
    (void)state;
    for (size_t i = 0; i <= EVENT_HUB_TOPICS_MAX; i++) {
        struct id id;
        ears[i] = make_ear();
        snprintf(id.text, sizeof(id.text), "env_%026zu", i);
        struct event_topic *topic = event_hub_join(hub, "environment", &id, &ears[i].listener);
        assert_true((topic == NULL) == (i == EVENT_HUB_TOPICS_MAX));
        first = i == 0 ? topic : first;
    }
    event_hub_leave(hub, first, &ears[0].listener); /* makes room */
    assert_non_null(event_hub_join(hub, "traffic", &env, &ears[0].listener));
    event_hub_free(&hub);
}

static void test_ids(void **state) {
    static const char *const bad[] = {"", "-", "1", "1-1", "000000000000-", "x-1"};
    struct event_hub *hub = event_hub_new(&test_clock, random_system());
    struct event_hub *other = event_hub_new(&test_clock, random_system());
    char id[EVENT_HUB_ID_SIZE];
    uint64_t number = 0;
    (void)state;
    event_hub_format_id(hub, UINT64_MAX, id);
    assert_int_equal(event_hub_parse_id(hub, str_from(id), &number), STATUS_OK);
    assert_true(number == UINT64_MAX);
    assert_int_equal(event_hub_parse_id(other, str_from(id), &number), STATUS_INVALID);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(event_hub_parse_id(hub, str_from(bad[i]), &number), STATUS_INVALID);
    }
    event_hub_free(&hub);
    event_hub_free(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listeners_hear),
        cmocka_unit_test(test_a_topic_stays_a_while),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_topics_are_bounded),
        cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
