/* edge_usage_test.c: counts on their way to a control plane that answers, does not, goes, and comes back. */
#include "edge/edge_test_kit.h"
#include "edge/edge_usage.h"

#define MINUTE 60000

static struct kit *kit;
static struct edge edge;
static struct edge_usage *usage;
static struct clock clocks;
static int64_t wall_ms;
static char process[40];
static uint64_t sequence;
static uint64_t last_at_ms;
static struct edge_feed *last_feed;
static unsigned sent_count;
static uint64_t requests; /* that were committed: what every new record held */
static uint64_t rows_logged;
static bool is_silent;
static bool is_done;
static int feeds[2]; /* their addresses are all that is looked at */

static int64_t read_wall(void *context) {
    (void)context;
    return wall_ms;
}

static int64_t read_mono(void *context) {
    (void)context;
    return wall_ms;
}

static struct edge_feed *feed_at(size_t index) {
    return (struct edge_feed *)(void *)&feeds[index];
}

static void answer(void) {
    const struct feed_message taken = {
        .type = FEED_MESSAGE_USAGE_TAKEN, .process = str_from(process), .sequence = sequence};
    edge_usage_taken(usage, &taken);
}

/* A control plane: takes no number twice. */
static void on_send(struct edge_feed *feed, const struct feed_message *message) {
    size_t i;
    json_t *object;
    last_feed = feed;
    sent_count++;
    assert_int_equal(message->type, FEED_MESSAGE_USAGE);
    assert_int_equal(str_to_cstr(message->process, process, sizeof process), STATUS_OK);
    if (message->sequence > sequence) {
        assert_int_equal(message->sequence, sequence + 1);
        sequence = message->sequence;
        last_at_ms = message->at_ms;
        rows_logged += json_array_size(message->requests);
        json_array_foreach(message->counts, i, object) {
            struct usage_record_key key;
            struct usage_record_count count;
            const json_t *codes;
            struct why why;
            assert_int_equal(usage_record_read_count(object, &key, &count, &codes, &why),
                             STATUS_OK);
            requests += count.status[2];
        }
    }
    if (!is_silent) {
        answer();
    }
}

static void on_done(void *context) {
    (void)context;
    is_done = true;
}

static int start(void **state) {
    (void)state;
    kit = kit_new();
    kit_configure(kit, 1);
    clocks = (struct clock){read_mono, read_wall, NULL};
    wall_ms = INT64_C(1795177020000);
    sequence = requests = rows_logged = last_at_ms = 0;
    sent_count = 0;
    is_silent = is_done = false;
    edge = (struct edge){
        .loop = loop_new(&clocks, random_system()), .worker_count = 1, .workers = {&kit->worker}};
    kit->worker.mailbox = loop_mailbox_ref(edge.loop);
    usage = edge_usage_new(&edge, on_send);
    return 0;
}

static int stop(void **state) {
    (void)state;
    edge_usage_free(&usage);
    loop_mailbox_unref(&kit->worker.mailbox);
    loop_free(&edge.loop);
    kit_free(kit);
    return 0;
}

static void add(unsigned environment, unsigned route, uint64_t count) {
    struct edge_meter_table table = {0};
    struct usage_record_key key = {.environment = {""}};
    (void)snprintf(key.environment.text, ID_SIZE, "env_01jd3m8k6vq2x7r9t4w5y%05u", environment);
    (void)snprintf(key.project.text, ID_SIZE, "prj_01jd3m8k6vq2x7r9t4w5y%05u", environment);
    (void)snprintf(key.organization.text, ID_SIZE, "org_01jd3m8k6vq2x7r9t4w5y%05u", environment);
    (void)snprintf(key.route.text, ID_SIZE, "rt_01jd3m8k6vq2x7r9t4w5y%05u", route);
    edge_meter_table_find(&table, &key, NULL, 0)->count.status[2] = count;
    edge_usage_add(usage, &table);
    assert_int_equal(table.row_count, 0);
}

static void come(size_t index) {
    edge_usage_feed_live(usage, feed_at(index));
}

static void go(size_t index) {
    edge_usage_feed_lost(usage, feed_at(index));
}

static void what_was_kept_is_sent_when_there_is_a_feed(void **state) {
    (void)state;
    add(1, 1, 5);
    add(1, 1, 6);
    assert_int_equal(sent_count, 0);
    come(0);
    assert_int_equal(sent_count, 1);
    assert_int_equal(requests, 11);
    assert_int_equal(last_at_ms, wall_ms);
}

static void what_is_not_answered_is_sent_again_as_it_was(void **state) {
    (void)state;
    is_silent = true;
    add(1, 1, 5);
    come(0);
    add(1, 1, 7); /* waits: one at a time */
    go(0);
    come(0);
    assert_int_equal(sent_count, 2);
    assert_int_equal(sequence, 1);
    assert_int_equal(requests, 5);
    is_silent = false;
    answer();
    assert_int_equal(sequence, 2);
    assert_int_equal(requests, 12);
    answer(); /* once more: nothing happens */
    assert_int_equal(sent_count, 3);
}

static void another_feed_takes_over(void **state) {
    (void)state;
    is_silent = true;
    come(0);
    come(1);
    add(1, 1, 5);
    go(1); /* not the one that is used */
    come(1);
    assert_int_equal(sent_count, 1);
    assert_ptr_equal(last_feed, feed_at(0));
    go(0);
    assert_int_equal(sent_count, 2);
    assert_ptr_equal(last_feed, feed_at(1));
    go(1);
    is_silent = false;
    come(0);
    assert_int_equal(sent_count, 3);
    assert_int_equal(requests, 5);
}

static void a_foreign_answer_is_ignored(void **state) {
    (void)state;
    is_silent = true;
    add(1, 1, 5);
    come(0);
    const struct feed_message other = {
        .type = FEED_MESSAGE_USAGE_TAKEN, .process = STR_INIT("feed"), .sequence = 1};
    edge_usage_taken(usage, &other);
    const struct feed_message later = {
        .type = FEED_MESSAGE_USAGE_TAKEN, .process = str_from(process), .sequence = 2};
    edge_usage_taken(usage, &later);
    go(0);
    come(0);
    assert_int_equal(sent_count, 2); /* still the same one */
    assert_int_equal(sequence, 1);
}

static void a_long_absence_loses_nothing(void **state) {
    (void)state;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 5 * EDGE_USAGE_MINUTES_MAX; i++) {
        wall_ms += MINUTE;
        add(i % 3, i % 5, i);
        sum += i;
    }
    come(0);
    assert_int_equal(requests, sum);
    assert_true(sequence <= EDGE_USAGE_MINUTES_MAX);
}

static void many_rows_go_in_many_records(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3 * USAGE_RECORD_COUNTS_MAX; i++) {
        add(i, 1, 1);
    }
    come(0);
    assert_int_equal(requests, 3 * USAGE_RECORD_COUNTS_MAX);
    assert_int_equal(sequence, 3);
}

static void too_many_rows_are_merged_by_time(void **state) {
    (void)state;
    for (unsigned minute = 0; minute < 20; minute++) {
        wall_ms += MINUTE;
        for (unsigned i = 0; i < 2000; i++) {
            add(i, 1, 1);
        }
    }
    come(0);
    assert_int_equal(requests, 40000);
    assert_true(sequence * USAGE_RECORD_COUNTS_MAX < EDGE_USAGE_ROWS_MAX + 4096);
}

static void a_clock_that_jumps_back_loses_nothing(void **state) {
    (void)state;
    add(1, 1, 1);
    wall_ms -= 24 * 60 * MINUTE;
    add(1, 1, 2);
    wall_ms += 48 * 60 * MINUTE;
    add(1, 1, 3);
    come(0);
    assert_int_equal(requests, 6);
    assert_int_equal(sequence, 3);
}

static void turn(void) {
    for (int i = 0; i < 3; i++) {
        uv_run(loop_uv(edge.loop), UV_RUN_NOWAIT);
    }
}

static void the_last_word_is_taken_before_the_end(void **state) {
    (void)state;
    (void)kit_connect(kit, 0, KIT_ANSWER);
    kit_send(kit, KIT_GET);
    come(0);
    edge_usage_finish(usage, on_done, NULL);
    assert_false(is_done);
    turn();
    assert_true(is_done);
    assert_int_equal(requests, 1);
    assert_int_equal(rows_logged, 1);
}

static void an_end_does_not_wait_for_ever(void **state) {
    (void)state;
    add(1, 1, 5);
    edge_usage_finish(usage, on_done, NULL);
    turn();
    assert_false(is_done);
    wall_ms += EDGE_USAGE_FLUSH_MS;
    while (!is_done) {
        uv_run(loop_uv(edge.loop), UV_RUN_ONCE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_kept_is_sent_when_there_is_a_feed),
        TEST(what_is_not_answered_is_sent_again_as_it_was),
        TEST(another_feed_takes_over),
        TEST(a_foreign_answer_is_ignored),
        TEST(a_long_absence_loses_nothing),
        TEST(many_rows_go_in_many_records),
        TEST(too_many_rows_are_merged_by_time),
        TEST(a_clock_that_jumps_back_loses_nothing),
        TEST(the_last_word_is_taken_before_the_end),
        TEST(an_end_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
