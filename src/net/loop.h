/* loop.h: one event loop of one thread (libuv), with what everything on it shares.
 *
 * A loop owns its block pool, its read buffer, the list of connections to look at before the next wait (the cork: output
 * is written once per iteration), and deferred calls. Nothing here is shared between threads except loop_post and mailboxes.
 * Nothing that blocks runs on a loop: loop_work takes it to libuv's pool.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdint.h>

#include <uv.h>

#include "base/block.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/random.h"

#define LOOP_READ_BYTES 65536

struct loop;

/* A call put off to the end of this iteration. Embed one per purpose; scheduling it twice is scheduling it once. */
struct loop_task {
    struct list node; /* list_init before first use: loop_task_init */
    void (*run)(struct loop_task *task);
};

/* A timer that is cheap to push back: setting a later deadline only stores it. */
struct loop_timer {
    uv_timer_t uv;
    struct loop *loop;
    int64_t deadline_ms; /* 0: off */
    void (*fire)(struct loop_timer *timer);
    void (*closed)(struct loop_timer *timer);
    void *context;
};

struct loop *loop_new(const struct clock *clock, const struct random *random);
/* Closes what is left and frees. All connections must be closed or aborted before: their last callbacks run in here.
 * Work on pool threads is waited for and its `done` is called; posted calls that have not run are dropped. */
void loop_free(struct loop **loop);
/* Runs until loop_stop. A stop that came before makes it return at once. */
void loop_run(struct loop *loop);
/* May be called from any thread and from callbacks. */
void loop_stop(struct loop *loop);

uv_loop_t *loop_uv(struct loop *loop);
struct block_pool *loop_block_pool(struct loop *loop);
uint8_t *loop_read_buffer(struct loop *loop); /* LOOP_READ_BYTES, free between callbacks */
const struct clock *loop_clock(struct loop *loop);
const struct random *loop_random(struct loop *loop);
/* Monotonic, read once per iteration. */
int64_t loop_now_ms(struct loop *loop);

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task));
void loop_task_schedule(struct loop *loop, struct loop_task *task);
void loop_task_cancel(struct loop_task *task);

/* For connections. A flush runs in the same place as tasks, after all of them, so that what tasks produced is written in
 * one go; `later` means in the next iteration, and makes the wait before it not block. A task is scheduled in one way at
 * a time: while it waits, scheduling it again in any way changes nothing. */
void loop_flush_schedule(struct loop *loop, struct loop_task *task);
void loop_flush_later(struct loop *loop, struct loop_task *task);
/* Counts iterations: what happens between two waits has the same number. Budgets per turn are kept with it. */
uint64_t loop_turn(const struct loop *loop);

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     void (*fire)(struct loop_timer *timer), void *context);
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms); /* at least 1 ms */
void loop_timer_clear(struct loop_timer *timer);
/* The memory may be reused once `closed` (may be NULL) has run, not before. */
void loop_timer_close(struct loop_timer *timer, void (*closed)(struct loop_timer *timer));

/* Runs `call(context)` on the loop's thread, from any thread, in order. */
void loop_post(struct loop *loop, void (*call)(void *context), void *context);

/* The same for who cannot know how long the loop lives: a mailbox may be held longer than its loop. Counted; any thread. */
struct loop_mailbox;
struct loop_mailbox *loop_mailbox_ref(struct loop *loop); /* the loop lives */
void loop_mailbox_unref(struct loop_mailbox **mailbox);
/* As loop_post. If the loop ends before the call has run, or has ended already, `dropped(context)` is called instead: by
 * loop_free, or in here. It must not wait for anything. */
void loop_mailbox_post(struct loop_mailbox *mailbox, void (*call)(void *context),
                       void (*dropped)(void *context), void *context);
/* Runs `work(context)` on a pool thread, then `done(context)` on the loop's thread. */
void loop_work(struct loop *loop, void (*work)(void *context), void (*done)(void *context),
               void *context);

/* Calls back on SIGTERM and SIGINT (once each time). One per loop. */
void loop_on_stop_signal(struct loop *loop, void (*call)(void *context, int signal_number),
                         void *context);

#endif
