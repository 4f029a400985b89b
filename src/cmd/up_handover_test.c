/* The states of a hand-over, with a channel and a process that do as they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/up_handover.h"

/* ---- the parts that a hand-over moves ---- */

struct fd_channel {
    const struct fd_channel_events *events;
    void *owner;
    enum up_message last; /* that it was sent */
    bool is_freed;
};

static struct {
    struct loop *loop;
    struct up_process process;
    fd_channel_accept_fn accept;
    void *accept_context;
    up_done_fn on_closed;
    void *closed_context;
    up_done_fn on_released;
    void *released_context;
    bool has_data;
    bool is_data_taken; /* by somebody else */
    unsigned open_count;
    unsigned end_count;
    enum edge_farewell farewell;
} stage;

enum status fd_channel_listen(struct loop *loop, const char *path, bool is_replacing,
                              fd_channel_accept_fn accept, void *context,
                              struct fd_channel_listener **listener, struct why *why) {
    (void)loop;
    (void)why;
    assert_string_equal(path, "folder/" UP_CHANNEL_NAME);
    assert_true(is_replacing);
    stage.accept = accept;
    stage.accept_context = context;
    *listener = NULL;
    return STATUS_OK;
}

void fd_channel_listener_free(struct fd_channel_listener **listener) {
    *listener = NULL;
}

void fd_channel_set_events(struct fd_channel *channel, const struct fd_channel_events *events,
                           void *owner) {
    channel->events = events;
    channel->owner = owner;
}

enum status fd_channel_send(struct fd_channel *channel, uint8_t type, struct str payload,
                            const int *fds, size_t fd_count) {
    (void)payload;
    (void)fds;
    (void)fd_count;
    channel->last = (enum up_message)type;
    return STATUS_OK;
}

void fd_channel_free(struct fd_channel **at) {
    if (*at != NULL) {
        (*at)->is_freed = true;
        *at = NULL;
    }
}

static void close_doors(struct up_process *process, up_done_fn done, void *context) {
    (void)process;
    stage.on_closed = done;
    stage.closed_context = context;
}

static void release_data(struct up_process *process, up_done_fn done, void *context) {
    (void)process;
    assert_true(stage.has_data);
    stage.on_released = done;
    stage.released_context = context;
}

static void finish_release(void) {
    stage.has_data = false;
    stage.on_released(stage.released_context);
}

static enum status reclaim_data(struct up_process *process, struct why *why) {
    (void)process;
    if (!stage.has_data && stage.is_data_taken) {
        return why_set(why, STATUS_CONFLICT, "data_in_use", "somebody else has it");
    }
    stage.has_data = true;
    return STATUS_OK;
}

static enum status open_doors(struct up_process *process, struct why *why) {
    (void)process;
    (void)why;
    stage.open_count++;
    return STATUS_OK;
}

static void end(struct up_process *process, enum edge_farewell farewell) {
    process->phase = UP_STOPPING;
    stage.end_count++;
    stage.farewell = farewell;
    up_handover_stop(process);
}

static size_t export_tickets(struct up_process *process, uint8_t out[TLS_TICKET_BLOB_MAX]) {
    (void)process;
    out[0] = 1;
    return 1;
}

static size_t count_tunnels(struct up_process *process) {
    (void)process;
    return 3;
}

static const struct up_kind kind = {
    .version = "7",
    .open = open_doors,
    .close = close_doors,
    .release = release_data,
    .reclaim = reclaim_data,
    .end = end,
    .export_tickets = export_tickets,
    .count_tunnels = count_tunnels,
};

/* ---- what the tests say ---- */

static int set_up(void **state) {
    (void)state;
    memset(&stage, 0, sizeof stage);
    stage.loop = loop_new(clock_system(), random_system());
    stage.has_data = true;
    stage.process = (struct up_process){
        .kind = &kind,
        .data = "folder",
        .loop = stage.loop,
        .phase = UP_SERVING,
        .expected_tunnels = 3,
    };
    up_handover_start(&stage.process);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    up_handover_stop(&stage.process);
    loop_free(&stage.loop);
    return 0;
}

static void come(struct fd_channel *successor) {
    *successor = (struct fd_channel){0};
    stage.accept(stage.accept_context, successor);
}

static void say(struct fd_channel *successor, enum up_message message, struct str payload) {
    struct fd_channel_message said = {.type = (uint8_t)message, .payload = payload};
    successor->events->on_message(successor->owner, successor, &said);
}

static void go(struct fd_channel *successor) {
    struct why why = {.slug = "closed"};
    assert_false(successor->is_freed);
    successor->events->on_closed(successor->owner, successor, &why);
}

static void take(struct fd_channel *successor) {
    say(successor, UP_MESSAGE_TAKE, STR("7"));
}

/* As far as accepting having ended. */
static void get_closing(struct fd_channel *successor) {
    come(successor);
    take(successor);
    assert_int_equal(successor->last, UP_MESSAGE_SOCKETS);
    say(successor, UP_MESSAGE_RELEASE, STR_EMPTY);
    assert_non_null(stage.on_closed);
    assert_int_equal(stage.process.phase, UP_HANDING);
}

static void get_released(struct fd_channel *successor) {
    get_closing(successor);
    stage.on_closed(stage.closed_context);
    finish_release();
    assert_int_equal(successor->last, UP_MESSAGE_RELEASED);
    assert_false(stage.has_data);
}

static void assert_goes_on(void) {
    assert_int_equal(stage.process.phase, UP_SERVING);
    assert_int_equal(stage.open_count, 1);
    assert_true(stage.has_data);
    struct fd_channel next;
    come(&next);
    take(&next);
    assert_int_equal(next.last, UP_MESSAGE_SOCKETS);
    go(&next);
}

static void wait_served(void) {
    while (stage.process.phase == UP_HANDING) {
        uv_run(loop_uv(stage.loop), UV_RUN_ONCE);
    }
}

static void test_it_is_replaced(void **state) {
    struct fd_channel successor;
    (void)state;
    get_released(&successor);
    say(&successor, UP_MESSAGE_SERVING, STR_EMPTY);
    assert_int_equal(stage.end_count, 1);
    assert_int_equal(stage.farewell, EDGE_FAREWELL_REPLACE);
    assert_true(successor.is_freed);
}

static void test_who_goes_before_it_asks_changes_nothing(void **state) {
    struct fd_channel successor;
    (void)state;
    come(&successor);
    go(&successor);
    come(&successor);
    take(&successor);
    go(&successor);
    come(&successor);
    take(&successor);
    assert_int_equal(successor.last, UP_MESSAGE_SOCKETS);
    assert_int_equal(stage.process.phase, UP_SERVING);
    go(&successor);
}

static void test_who_goes_while_tunnels_are_waited_for(void **state) {
    struct fd_channel successor;
    (void)state;
    stage.process.expected_tunnels = 4;
    stage.process.serving_since_ms = loop_now_ms(stage.loop);
    come(&successor);
    take(&successor);
    say(&successor, UP_MESSAGE_RELEASE, STR_EMPTY);
    assert_int_equal(stage.process.phase, UP_SERVING);
    go(&successor);
    stage.process.expected_tunnels = 0;
    uv_run(loop_uv(stage.loop), UV_RUN_NOWAIT);
    assert_null(stage.on_closed);
}

static void test_another_version_is_refused(void **state) {
    struct fd_channel successor;
    (void)state;
    come(&successor);
    say(&successor, UP_MESSAGE_TAKE, STR("0"));
    assert_int_equal(successor.last, UP_MESSAGE_REFUSED);
    go(&successor);
}

static void test_nothing_is_released_that_was_not_taken(void **state) {
    struct fd_channel successor;
    (void)state;
    come(&successor);
    say(&successor, UP_MESSAGE_SERVING, STR_EMPTY);
    assert_int_equal(stage.end_count, 0);
    say(&successor, UP_MESSAGE_RELEASE, STR_EMPTY);
    assert_int_equal(successor.last, UP_MESSAGE_REFUSED);
    go(&successor);
}

static void test_one_at_a_time(void **state) {
    struct fd_channel first;
    struct fd_channel second;
    (void)state;
    get_released(&first);
    come(&second);
    assert_true(second.is_freed);
    say(&first, UP_MESSAGE_SERVING, STR_EMPTY);
    assert_int_equal(stage.end_count, 1);
}

static void test_one_that_hangs_makes_room(void **state) {
    struct fd_channel first;
    struct fd_channel second;
    (void)state;
    come(&first);
    take(&first);
    come(&second);
    assert_true(first.is_freed && !second.is_freed);
    take(&second);
    assert_int_equal(second.last, UP_MESSAGE_SOCKETS);
    go(&second);
}

static void test_lost_while_the_doors_close(void **state) {
    struct fd_channel successor;
    struct fd_channel other;
    (void)state;
    get_closing(&successor);
    go(&successor);
    come(&other);
    take(&other);
    assert_int_equal(other.last, UP_MESSAGE_REFUSED);
    go(&other);
    assert_int_equal(stage.open_count, 0);
    stage.on_closed(stage.closed_context);
    assert_null(stage.on_released);
    assert_goes_on();
}

static void test_lost_while_the_data_are_let_go(void **state) {
    struct fd_channel successor;
    (void)state;
    get_closing(&successor);
    stage.on_closed(stage.closed_context);
    go(&successor);
    assert_int_equal(stage.open_count, 0);
    finish_release();
    assert_goes_on();
}

static void test_lost_with_the_data(void **state) {
    struct fd_channel successor;
    (void)state;
    get_released(&successor);
    go(&successor);
    assert_goes_on();
}

static void test_another_comes_while_the_data_are_not_back(void **state) {
    struct fd_channel first;
    struct fd_channel second;
    (void)state;
    get_released(&first);
    stage.is_data_taken = true;
    go(&first);
    assert_int_equal(stage.process.phase, UP_HANDING);
    come(&second);
    take(&second);
    assert_int_equal(second.last, UP_MESSAGE_REFUSED);
    go(&second);
    stage.is_data_taken = false;
    wait_served();
    assert_goes_on();
}

static void test_a_stop_does_not_cut_a_successor_that_serves(void **state) {
    struct fd_channel successor;
    (void)state;
    get_released(&successor);
    stage.process.is_stop_asked = true;
    say(&successor, UP_MESSAGE_SERVING, STR_EMPTY);
    assert_int_equal(stage.end_count, 1);
    assert_int_equal(stage.farewell, EDGE_FAREWELL_REPLACE);
}

static void test_a_stop_ends_what_a_lost_successor_left(void **state) {
    struct fd_channel successor;
    (void)state;
    get_closing(&successor);
    stage.process.is_stop_asked = true;
    go(&successor);
    assert_int_equal(stage.end_count, 0);
    stage.on_closed(stage.closed_context);
    assert_int_equal(stage.end_count, 1);
    assert_int_equal(stage.farewell, EDGE_FAREWELL_STOP);
    assert_int_equal(stage.open_count, 0);
}

static void test_a_stop_does_not_wait_for_the_data(void **state) {
    struct fd_channel successor;
    (void)state;
    get_released(&successor);
    stage.is_data_taken = true;
    go(&successor);
    stage.process.is_stop_asked = true;
    wait_served();
    assert_int_equal(stage.end_count, 1);
    assert_int_equal(stage.open_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_replaced),
        TEST(test_who_goes_before_it_asks_changes_nothing),
        TEST(test_who_goes_while_tunnels_are_waited_for),
        TEST(test_another_version_is_refused),
        TEST(test_nothing_is_released_that_was_not_taken),
        TEST(test_one_at_a_time),
        TEST(test_one_that_hangs_makes_room),
        TEST(test_lost_while_the_doors_close),
        TEST(test_lost_while_the_data_are_let_go),
        TEST(test_lost_with_the_data),
        TEST(test_another_comes_while_the_data_are_not_back),
        TEST(test_a_stop_does_not_cut_a_successor_that_serves),
        TEST(test_a_stop_ends_what_a_lost_successor_left),
        TEST(test_a_stop_does_not_wait_for_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
