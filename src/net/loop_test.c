#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "net/net_test_kit.h"

struct note {
    struct loop_task task;
    struct loop *loop;
    char *log;
    char letter;
    bool again;
};

static void write_note(struct loop_task *task) {
    struct note *note = CONTAINER_OF(task, struct note, task);
    size_t len = strlen(note->log);
    note->log[len] = note->letter;
    note->log[len + 1] = '\0';
    if (note->again) {
        note->again = false;
        loop_task_schedule(note->loop, task);
    }
}

static struct note make_note(struct loop *loop, char *log, char letter) {
    struct note note = {.loop = loop, .log = log, .letter = letter};
    return note;
}

static void test_tasks_come_before_flushes_and_once(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    char log[32] = "";
    struct note task = make_note(loop, log, 't');
    struct note flush = make_note(loop, log, 'f');
    struct note later = make_note(loop, log, 'l');
    struct note gone = make_note(loop, log, 'x');
    struct note twice = make_note(loop, log, '2');
    twice.again = true;
    struct note *notes[] = {&task, &flush, &later, &gone, &twice};
    for (size_t i = 0; i < 5; i++) {
        loop_task_init(&notes[i]->task, write_note);
    }
    loop_flush_later(loop, &later.task);
    loop_flush_schedule(loop, &flush.task);
    loop_flush_schedule(loop, &flush.task);
    loop_task_schedule(loop, &task.task);
    loop_task_schedule(loop, &task.task);
    loop_task_schedule(loop, &gone.task);
    loop_task_cancel(&gone.task);
    loop_task_cancel(&gone.task);
    loop_task_schedule(loop, &twice.task);
    kit_run_for(loop, 1);
    assert_string_equal(log, "t2fl2");
    kit_loop_free(loop);
}

#define LATER_TURNS 200

struct turner {
    struct loop_task task;
    struct loop *loop;
    uint64_t turns[LATER_TURNS];
    int count;
    bool is_done;
};

static void take_turn(struct loop_task *task) {
    struct turner *turner = CONTAINER_OF(task, struct turner, task);
    turner->turns[turner->count++] = loop_turn(turner->loop);
    turner->is_done = turner->count == LATER_TURNS;
    if (!turner->is_done) {
        loop_flush_later(turner->loop, task);
    }
}

/* "Later" is the next iteration, and that does not wait for any event. */
static void test_later_does_not_block_the_wait(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct turner turner = {.loop = loop};
    loop_task_init(&turner.task, take_turn);
    loop_flush_schedule(loop, &turner.task);
    uint64_t began = uv_hrtime();
    kit_until_true(loop, &turner.is_done);
    for (int i = 1; i < LATER_TURNS; i++) {
        assert_int_equal(turner.turns[i], turner.turns[i - 1] + 1);
    }
    /* Were each turn begun by the tick alone, it would take four seconds. */
    assert_true(uv_hrtime() - began < UINT64_C(1000) * 1000000);
    kit_loop_free(loop);
}

struct alarm {
    struct loop_timer timer;
    int64_t fired_at_ms;
    int fired_count;
    bool is_fired;
    bool is_closed;
};

static void on_alarm(struct loop_timer *timer) {
    struct alarm *alarm = timer->context;
    alarm->fired_at_ms = loop_now_ms(timer->loop);
    alarm->fired_count++;
    alarm->is_fired = true;
}

static void on_alarm_closed(struct loop_timer *timer) {
    CONTAINER_OF(timer, struct alarm, timer)->is_closed = true;
}

static void test_timer_moves_both_ways(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct alarm alarm = {0};
    loop_timer_init(&alarm.timer, loop, on_alarm, &alarm);
    int64_t began_ms = clock_mono_ms(clock_system());
    loop_timer_set(&alarm.timer, 5);
    loop_timer_set(&alarm.timer, 60); /* later: only stored */
    kit_until_true(loop, &alarm.is_fired);
    assert_true(alarm.fired_at_ms - began_ms >= 59);

    alarm.is_fired = false;
    loop_timer_set(&alarm.timer, 100000);
    loop_timer_set(&alarm.timer, 5); /* sooner */
    kit_until_true(loop, &alarm.is_fired);

    loop_timer_set(&alarm.timer, 1);
    loop_timer_clear(&alarm.timer);
    kit_run_for(loop, 20);
    assert_int_equal(alarm.fired_count, 2);

    loop_timer_set(&alarm.timer, 1);
    loop_timer_close(&alarm.timer, on_alarm_closed);
    kit_until_true(loop, &alarm.is_closed);
    assert_int_equal(alarm.fired_count, 2);
    kit_loop_free(loop);
}

#define POSTS 1000

struct poster {
    struct loop *loop;
    pthread_t thread;
    pthread_t loop_thread;
    int next;
    bool is_out_of_order;
    bool is_done;
};

struct post_item {
    struct poster *poster;
    int number;
};

static void receive_post(void *context) {
    struct post_item *item = context;
    struct poster *poster = item->poster;
    poster->is_out_of_order |= item->number != poster->next++;
    poster->is_out_of_order |= !pthread_equal(pthread_self(), poster->loop_thread);
    poster->is_done = poster->next == POSTS;
    memory_free(item);
}

static void *post_many(void *context) {
    struct poster *poster = context;
    for (int i = 0; i < POSTS; i++) {
        struct post_item *item = MEMORY_NEW(struct post_item);
        *item = (struct post_item){poster, i};
        loop_post(poster->loop, receive_post, item);
    }
    return NULL;
}

static void test_posts_arrive_in_order(void **state) {
    (void)state;
    struct poster poster = {.loop = kit_loop(), .loop_thread = pthread_self()};
    pthread_create(&poster.thread, NULL, post_many, &poster);
    kit_until_true(poster.loop, &poster.is_done);
    pthread_join(poster.thread, NULL);
    assert_false(poster.is_out_of_order);
    kit_loop_free(poster.loop);
}

struct job {
    pthread_t worker;
    bool is_worked;
    bool is_done;
};

static void do_job(void *context) {
    struct job *job = context;
    job->worker = pthread_self();
    job->is_worked = true;
}

static void finish_job(void *context) {
    struct job *job = context;
    assert_true(job->is_worked);
    job->is_done = true;
}

static void test_work_runs_elsewhere_and_is_done_here(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct job job = {0};
    loop_work(loop, do_job, finish_job, &job);
    assert_false(job.is_done);
    kit_until_true(loop, &job.is_done);
    assert_false(pthread_equal(job.worker, pthread_self()));
    kit_loop_free(loop);
}

static void *stop_soon(void *context) {
    usleep(10000);
    loop_stop(context);
    return NULL;
}

static void test_stop_from_another_thread_and_before(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    loop_stop(loop);
    loop_run(loop); /* returns at once */
    pthread_t thread;
    pthread_create(&thread, NULL, stop_soon, loop);
    loop_run(loop);
    pthread_join(thread, NULL);
    kit_loop_free(loop);
}

static int last_signal;
static bool has_signal;

static void note_signal(void *context, int number) {
    (void)context;
    last_signal = number;
    has_signal = true;
}

static void test_stop_signals_are_told(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    loop_on_stop_signal(loop, note_signal, NULL);
    kill(getpid(), SIGTERM);
    kit_until_true(loop, &has_signal);
    assert_int_equal(last_signal, SIGTERM);
    has_signal = false;
    kill(getpid(), SIGINT);
    kit_until_true(loop, &has_signal);
    assert_int_equal(last_signal, SIGINT);
    kit_loop_free(loop);
}

static bool is_trimmed(void *context) {
    return loop_block_pool(context)->free_count <= 4;
}

/* What a busy moment needed is the system's again a moment later. */
static void test_pool_is_trimmed_when_quiet(void **state) {
    (void)state;
    struct loop *loop = kit_loop();
    struct block *blocks[64];
    for (int i = 0; i < 64; i++) {
        blocks[i] = block_pool_take(loop_block_pool(loop));
    }
    for (int i = 0; i < 64; i++) {
        block_pool_give(loop_block_pool(loop), blocks[i]);
    }
    assert_int_equal(loop_block_pool(loop)->free_count, 64);
    kit_until(loop, is_trimmed, loop);
    kit_loop_free(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_come_before_flushes_and_once),
        cmocka_unit_test(test_later_does_not_block_the_wait),
        cmocka_unit_test(test_timer_moves_both_ways),
        cmocka_unit_test(test_posts_arrive_in_order),
        cmocka_unit_test(test_work_runs_elsewhere_and_is_done_here),
        cmocka_unit_test(test_stop_from_another_thread_and_before),
        cmocka_unit_test(test_stop_signals_are_told),
        cmocka_unit_test(test_pool_is_trimmed_when_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
