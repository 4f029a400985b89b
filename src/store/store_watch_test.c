#include "store/store_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <time.h>

#include "store/store_state.h"
#include "store/store_test_kit.h"

#define EVENTS_MAX 16

/* What a watch has told. */
struct heard {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct store_watch_event events[EVENTS_MAX];
    size_t count;
};

static void on_event(void *context, const struct store_watch_event *event) {
    struct heard *heard = context;
    pthread_mutex_lock(&heard->lock);
    assert_true(heard->count < EVENTS_MAX);
    heard->events[heard->count++] = *event;
    pthread_cond_signal(&heard->changed);
    pthread_mutex_unlock(&heard->lock);
}

static void init_heard(struct heard *heard) {
    *heard = (struct heard){.count = 0};
    pthread_mutex_init(&heard->lock, NULL);
    pthread_cond_init(&heard->changed, NULL);
}

static void wait_heard(struct heard *heard, size_t count) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 20;
    pthread_mutex_lock(&heard->lock);
    while (heard->count < count) {
        assert_int_equal(pthread_cond_timedwait(&heard->changed, &heard->lock, &deadline), 0);
    }
    pthread_mutex_unlock(&heard->lock);
}

/* The same database as another process sees it. */
static void open_second(struct fixture *f, struct fixture *second) {
    char from[512];
    char to[512];
    fixture_make(second);
    second->url = f->url;
    fixture_path(f, "master.key", from);
    fixture_path(second, "master.key", to);
    assert_int_equal(link(from, to), 0);
    assert_int_equal(fixture_open(second), STATUS_OK);
}

static void announce(struct fixture *f, enum store_watch_kind kind, const char *object,
                     const char *text, bool is_kept) {
    struct store_watch_event event = {.kind = kind};
    snprintf(event.object.text, sizeof(event.object.text), "%s", object);
    snprintf(event.text, sizeof(event.text), "%s", text);
    fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_watch_announce(f->tx, &event), STATUS_OK);
    if (is_kept) {
        fixture_commit(f);
    } else {
        store_tx_rollback(&f->tx);
    }
}

static void test_heard_with_the_commit(void **state) {
    struct fixture *f = *state;
    struct fixture second;
    struct store_watch *watch = NULL;
    struct store_watch *own = NULL;
    struct heard heard;
    struct heard of_own;
    init_heard(&heard);
    init_heard(&of_own);
    open_second(f, &second);
    assert_int_equal(store_watch_start(second.store, on_event, &heard, &watch, &f->why), STATUS_OK);
    assert_int_equal(store_watch_start(f->store, on_event, &of_own, &own, &f->why), STATUS_OK);
    assert_true(store_watch_leads(watch));
    assert_false(store_watch_leads(own));
    announce(f, STORE_WATCH_ENVIRONMENT, "env_00000000000000000000000001", "", false);
    announce(f, STORE_WATCH_ENVIRONMENT, "env_00000000000000000000000002", "", true);
    announce(f, STORE_WATCH_REVOCATION, "wgt_00000000000000000000000003", "key_revoked", true);
    announce(f, STORE_WATCH_SETTING, "", "ca", true);
    wait_heard(&heard, 3);
    assert_int_equal(heard.events[0].kind, STORE_WATCH_ENVIRONMENT);
    assert_string_equal(heard.events[0].object.text, "env_00000000000000000000000002");
    assert_string_equal(heard.events[0].text, "");
    assert_int_equal(heard.events[1].kind, STORE_WATCH_REVOCATION);
    assert_string_equal(heard.events[1].text, "key_revoked");
    assert_int_equal(heard.events[2].kind, STORE_WATCH_SETTING);
    assert_string_equal(heard.events[2].text, "ca");
    assert_true(id_is_none(&heard.events[2].object));
    /* Who tells does not hear itself: what the other tells comes first. */
    announce(&second, STORE_WATCH_TOPIC, "", "x", true);
    wait_heard(&of_own, 1);
    assert_int_equal(of_own.events[0].kind, STORE_WATCH_TOPIC);
    assert_int_equal(heard.count, 3);
    store_watch_free(&watch);
    store_watch_free(&own);
    store_close(&second.store);
    fixture_remove(&second);
}

/* After a gap anything may have changed; and whoever has led leads no more until it has the lock again. */
static void test_everything_after_a_gap(void **state) {
    struct fixture *f = *state;
    struct fixture second;
    struct store_watch *watch = NULL;
    struct heard heard;
    char sql[200];
    init_heard(&heard);
    open_second(f, &second);
    assert_int_equal(store_watch_start(f->store, on_event, &heard, &watch, &f->why), STATUS_OK);
    snprintf(sql, sizeof(sql),
             "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
             " WHERE application_name = '%s'",
             f->database.schema);
    store_test_database_sql(store_test_database_server, sql);
    wait_heard(&heard, 1);
    assert_int_equal(heard.events[0].kind, STORE_WATCH_ALL);
    assert_true(store_watch_leads(watch));
    announce(&second, STORE_WATCH_SETTING, "", "after", true);
    wait_heard(&heard, 2);
    assert_string_equal(heard.events[1].text, "after");
    store_watch_free(&watch);
    store_close(&second.store);
    fixture_remove(&second);
}

static void test_refused_words(void **state) {
    struct fixture *f = *state;
    static const char *const words[] = {"it's", "a b", "UP", "\\", "-", "a\nb"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct store_watch_event event = {.kind = STORE_WATCH_TOPIC};
        snprintf(event.text, sizeof(event.text), "%s", words[i]);
        fixture_begin(f, STORE_WRITE);
        assert_int_equal(store_watch_announce(f->tx, &event), STATUS_INVALID);
        store_tx_rollback(&f->tx);
    }
}

static void test_parse(void **state) {
    (void)state;
    static const char *const refused[] = {
        "",
        "a",
        "a b",
        "a environment",
        "a environment x",
        "a what x -",
        "a all - A B",
        "a topic - a'b",
        "a topic - a b",
        "a topic - ",
        "a environment env_0000000000000000000000000000000000000000000000000000000000000001 -"};
    struct store_watch_event event;
    struct str origin;
    assert_int_equal(store_watch_parse(STR("0a environment env_1 -"), &origin, &event), STATUS_OK);
    assert_true(str_eq(origin, STR("0a")));
    assert_int_equal(event.kind, STORE_WATCH_ENVIRONMENT);
    assert_string_equal(event.object.text, "env_1");
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (store_watch_parse(str_from(refused[i]), &origin, &event) != STATUS_INVALID) {
            enum status status = store_watch_parse(str_from(refused[i]), &origin, &event);
            fail_msg("%s: %s", refused[i], status_name(status));
        }
    }
}

/* With SQLite there is nobody else. */
static void test_alone(void **state) {
    struct fixture *f = *state;
    struct store_watch *watch = NULL;
    struct heard heard;
    if (f->url != NULL) {
        return;
    }
    init_heard(&heard);
    assert_int_equal(store_watch_start(f->store, on_event, &heard, &watch, &f->why), STATUS_OK);
    assert_true(store_watch_leads(watch));
    announce(f, STORE_WATCH_TOPIC, "", "x", true);
    store_watch_free(&watch);
    assert_null(watch);
    assert_int_equal(heard.count, 0);
}

int main(void) {
    const struct CMUnitTest on_server[] = {
        cmocka_unit_test_setup_teardown(test_heard_with_the_commit, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_everything_after_a_gap, fixture_setup,
                                        fixture_teardown),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused_words, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_alone, fixture_setup, fixture_teardown),
        cmocka_unit_test(test_parse),
    };
    int failed = store_test_database_run(tests);
    return failed + store_test_database_run_server(on_server);
}
