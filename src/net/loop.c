#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

/* Free blocks kept while busy, and what is left of them after a quiet second. */
#define POOL_KEEP_MAX 512
#define POOL_KEEP_IDLE 4
#define POOL_TRIM_MS 1000

/* How often one iteration goes through its lists: work that begets work is done before the wait, but not forever. */
#define ROUNDS_MAX 8

struct loop_post {
    struct loop_post *next;
    void (*call)(void *context);
    void (*dropped)(void *context); /* may be NULL */
    void *context;
};

struct loop_mailbox {
    atomic_int refs;
    pthread_mutex_t lock;
    struct loop *loop; /* NULL: has ended */
    struct loop_post *first;
    struct loop_post *last;
};

struct loop_work {
    uv_work_t uv;
    void (*work)(void *context);
    void (*done)(void *context);
    void *context;
};

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    /* active while something is left for the next iteration: the wait then does not block */
    uv_idle_t idle;
    uv_async_t wake;
    uv_signal_t terminate;
    uv_signal_t interrupt;

    const struct clock *clock;
    const struct random *random;
    int64_t now_ms; /* 0: to be read */
    uint64_t turn;
    bool is_running;
    atomic_bool is_stopping;

    struct list tasks;
    struct list flushes;
    struct list later;

    struct block_pool pool;
    struct loop_timer trim;
    size_t trim_low; /* the fewest free blocks since the last trim: nobody has needed these */
    uint8_t *read_buffer;

    struct loop_mailbox *mailbox;

    void (*on_stop_signal)(void *context, int signal_number);
    void *stop_context;
};

/* libuv fails here only for want of memory or descriptors at start, or by misuse. */
static void must(int result, const char *what) {
    if (result != 0) {
        log_error("loop.failed", "call=%s error=%s", what, uv_strerror(result));
        abort();
    }
}

static void on_idle(uv_idle_t *idle) {
    (void)idle;
}

static void splice(struct list *from, struct list *to) {
    while (!list_is_empty(from)) {
        struct list *node = from->next;
        list_remove(node);
        list_append(to, node);
    }
}

static void run_list(struct list *from) {
    struct list batch;
    list_init(&batch);
    splice(from, &batch);
    while (!list_is_empty(&batch)) {
        struct list *node = batch.next;
        list_remove(node);
        struct loop_task *task = CONTAINER_OF(node, struct loop_task, node);
        task->run(task);
    }
}

static bool has_work(const struct loop *loop) {
    return !list_is_empty(&loop->tasks) || !list_is_empty(&loop->flushes) ||
           !list_is_empty(&loop->later);
}

/* Blocks that a busy moment needed go back to the system once they were not needed for a second. */
static void watch_pool(struct loop *loop) {
    if (loop->pool.free_count < loop->trim_low) {
        loop->trim_low = loop->pool.free_count;
    }
    if (loop->pool.free_count > POOL_KEEP_IDLE && loop->trim.deadline_ms == 0) {
        loop->trim_low = loop->pool.free_count;
        loop_timer_set(&loop->trim, POOL_TRIM_MS);
    }
}

static void on_trim(struct loop_timer *timer) {
    struct loop *loop = timer->loop;
    size_t spare = loop->trim_low > POOL_KEEP_IDLE ? loop->trim_low - POOL_KEEP_IDLE : 0;
    loop->pool.keep_max = 0;
    for (size_t i = 0; i < spare && loop->pool.free_count > 0; i++) {
        block_pool_give(&loop->pool, block_pool_take(&loop->pool));
    }
    loop->pool.keep_max = POOL_KEEP_MAX;
    loop->trim_low = SIZE_MAX;
}

/* The last thing before the wait: everything that was put off, then the flushes. */
static void on_prepare(uv_prepare_t *prepare) {
    struct loop *loop = prepare->data;
    splice(&loop->later, &loop->flushes);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (list_is_empty(&loop->tasks) && list_is_empty(&loop->flushes)) {
            break;
        }
        run_list(&loop->tasks);
        run_list(&loop->flushes);
    }
    watch_pool(loop);
    if (has_work(loop)) {
        uv_idle_start(&loop->idle, on_idle);
    } else {
        uv_idle_stop(&loop->idle);
    }
    loop->turn++;
    loop->now_ms = 0;
}

static struct loop_post *take_posts(struct loop_mailbox *mailbox, bool is_last_time) {
    pthread_mutex_lock(&mailbox->lock);
    struct loop_post *posts = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = NULL;
    if (is_last_time) {
        mailbox->loop = NULL;
    }
    pthread_mutex_unlock(&mailbox->lock);
    return posts;
}

static void drop_post(struct loop_post *post) {
    if (post->dropped != NULL) {
        post->dropped(post->context);
    }
    memory_free(post);
}

static void close_mailbox(struct loop *loop) {
    struct loop_post *post = take_posts(loop->mailbox, true);
    while (post != NULL) {
        struct loop_post *next = post->next;
        drop_post(post);
        post = next;
    }
    loop_mailbox_unref(&loop->mailbox);
}

static void on_wake(uv_async_t *wake) {
    struct loop *loop = wake->data;
    struct loop_post *post = take_posts(loop->mailbox, false);
    while (post != NULL) {
        struct loop_post *next = post->next;
        post->call(post->context);
        memory_free(post);
        post = next;
    }
    if (atomic_load(&loop->is_stopping)) {
        uv_stop(&loop->uv);
    }
}

struct loop *loop_new(const struct clock *clock, const struct random *random) {
    struct loop *loop = MEMORY_NEW(struct loop);
    loop->clock = clock;
    loop->random = random;
    list_init(&loop->tasks);
    list_init(&loop->flushes);
    list_init(&loop->later);
    block_pool_init(&loop->pool, POOL_KEEP_MAX);
    loop->trim_low = SIZE_MAX;
    loop->read_buffer = memory_new(LOOP_READ_BYTES);
    loop->mailbox = MEMORY_NEW(struct loop_mailbox);
    loop->mailbox->loop = loop;
    atomic_init(&loop->mailbox->refs, 1);
    pthread_mutex_init(&loop->mailbox->lock, NULL);
    /* A peer that goes away is an error of the write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);

    must(uv_loop_init(&loop->uv), "uv_loop_init");
    loop->uv.data = loop;
    must(uv_prepare_init(&loop->uv, &loop->prepare), "uv_prepare_init");
    loop->prepare.data = loop;
    must(uv_prepare_start(&loop->prepare, on_prepare), "uv_prepare_start");
    must(uv_idle_init(&loop->uv, &loop->idle), "uv_idle_init");
    must(uv_async_init(&loop->uv, &loop->wake, on_wake), "uv_async_init");
    loop->wake.data = loop;
    loop_timer_init(&loop->trim, loop, on_trim, NULL);
    return loop;
}

static void close_handle(uv_handle_t *handle, void *context) {
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void loop_free(struct loop **at) {
    struct loop *loop = *at;
    if (loop == NULL) {
        return;
    }
    *at = NULL;
    /* Connections that were just aborted still have to say so. */
    for (int i = 0; i < 100 && has_work(loop); i++) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
    close_mailbox(loop);
    uv_walk(&loop->uv, close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop->uv), "uv_loop_close");
    block_pool_fini(&loop->pool);
    memory_free(loop->read_buffer);
    memory_free(loop);
}

void loop_run(struct loop *loop) {
    loop->is_running = true;
    while (!atomic_load(&loop->is_stopping)) {
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    atomic_store(&loop->is_stopping, false);
    loop->is_running = false;
    loop->now_ms = 0;
}

void loop_stop(struct loop *loop) {
    atomic_store(&loop->is_stopping, true);
    uv_async_send(&loop->wake);
}

uv_loop_t *loop_uv(struct loop *loop) {
    return &loop->uv;
}

struct block_pool *loop_block_pool(struct loop *loop) {
    return &loop->pool;
}

uint8_t *loop_read_buffer(struct loop *loop) {
    return loop->read_buffer;
}

const struct clock *loop_clock(struct loop *loop) {
    return loop->clock;
}

const struct random *loop_random(struct loop *loop) {
    return loop->random;
}

int64_t loop_now_ms(struct loop *loop) {
    if (!loop->is_running) {
        return clock_mono_ms(loop->clock);
    }
    if (loop->now_ms == 0) {
        loop->now_ms = clock_mono_ms(loop->clock);
    }
    return loop->now_ms;
}

uint64_t loop_turn(const struct loop *loop) {
    return loop->turn;
}

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task)) {
    list_init(&task->node);
    task->run = run;
}

static void schedule(struct list *list, struct loop_task *task) {
    if (!list_is_linked(&task->node)) {
        list_append(list, &task->node);
    }
}

void loop_task_schedule(struct loop *loop, struct loop_task *task) {
    schedule(&loop->tasks, task);
}

void loop_flush_schedule(struct loop *loop, struct loop_task *task) {
    schedule(&loop->flushes, task);
}

void loop_flush_later(struct loop *loop, struct loop_task *task) {
    schedule(&loop->later, task);
}

void loop_task_cancel(struct loop_task *task) {
    list_remove(&task->node);
}

static void on_timer(uv_timer_t *uv) {
    struct loop_timer *timer = uv->data;
    if (timer->deadline_ms == 0) {
        return;
    }
    int64_t left_ms = timer->deadline_ms - (int64_t)uv_now(&timer->loop->uv);
    if (left_ms > 0) {
        uv_timer_start(uv, on_timer, (uint64_t)left_ms, 0);
        return;
    }
    timer->deadline_ms = 0;
    timer->fire(timer);
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     void (*fire)(struct loop_timer *timer), void *context) {
    *timer = (struct loop_timer){.loop = loop, .fire = fire, .context = context};
    must(uv_timer_init(&loop->uv, &timer->uv), "uv_timer_init");
    timer->uv.data = timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms) {
    uv_loop_t *uv = &timer->loop->uv;
    if (!timer->loop->is_running) {
        uv_update_time(uv); /* libuv's time stands still between runs */
    }
    if (delay_ms < 1) {
        /* libuv would run a timer that sets itself to 0 for ever, without looking at anything else */
        delay_ms = 1;
    }
    int64_t now_ms = (int64_t)uv_now(uv);
    timer->deadline_ms = now_ms + delay_ms;
    bool is_armed_in_time = uv_is_active((uv_handle_t *)&timer->uv) &&
                            uv_timer_get_due_in(&timer->uv) <= (uint64_t)delay_ms;
    if (!is_armed_in_time) {
        uv_timer_start(&timer->uv, on_timer, (uint64_t)delay_ms, 0);
    }
}

void loop_timer_clear(struct loop_timer *timer) {
    /* left armed: it fires for nothing, once, unless it is set again before */
    timer->deadline_ms = 0;
}

static void on_timer_closed(uv_handle_t *handle) {
    struct loop_timer *timer = handle->data;
    if (timer->closed != NULL) {
        timer->closed(timer);
    }
}

void loop_timer_close(struct loop_timer *timer, void (*closed)(struct loop_timer *timer)) {
    timer->deadline_ms = 0;
    timer->closed = closed;
    uv_close((uv_handle_t *)&timer->uv, closed == NULL ? NULL : on_timer_closed);
}

void loop_post(struct loop *loop, void (*call)(void *context), void *context) {
    if (loop->mailbox != NULL) { /* else it is just being freed: dropped */
        loop_mailbox_post(loop->mailbox, call, NULL, context);
    }
}

struct loop_mailbox *loop_mailbox_ref(struct loop *loop) {
    atomic_fetch_add(&loop->mailbox->refs, 1);
    return loop->mailbox;
}

void loop_mailbox_unref(struct loop_mailbox **at) {
    struct loop_mailbox *mailbox = *at;
    *at = NULL;
    if (mailbox == NULL || atomic_fetch_sub(&mailbox->refs, 1) != 1) {
        return;
    }
    pthread_mutex_destroy(&mailbox->lock);
    memory_free(mailbox);
}

static bool put_post(struct loop_mailbox *mailbox, struct loop_post *post) {
    pthread_mutex_lock(&mailbox->lock);
    bool is_open = mailbox->loop != NULL;
    if (is_open) {
        if (mailbox->last == NULL) {
            mailbox->first = post;
        } else {
            mailbox->last->next = post;
        }
        mailbox->last = post;
        uv_async_send(
            &mailbox->loop->wake); /* under the lock: the handle is closed after the mailbox */
    }
    pthread_mutex_unlock(&mailbox->lock);
    return is_open;
}

void loop_mailbox_post(struct loop_mailbox *mailbox, void (*call)(void *context),
                       void (*dropped)(void *context), void *context) {
    struct loop_post *post = MEMORY_NEW(struct loop_post);
    *post = (struct loop_post){.call = call, .dropped = dropped, .context = context};
    if (!put_post(mailbox, post)) {
        drop_post(post);
    }
}

static void on_work(uv_work_t *uv) {
    struct loop_work *work = uv->data;
    work->work(work->context);
}

static void on_work_done(uv_work_t *uv, int status) {
    struct loop_work *work = uv->data;
    (void)status; /* never cancelled */
    work->done(work->context);
    memory_free(work);
}

void loop_work(struct loop *loop, void (*work)(void *context), void (*done)(void *context),
               void *context) {
    struct loop_work *item = MEMORY_NEW(struct loop_work);
    *item = (struct loop_work){.work = work, .done = done, .context = context};
    item->uv.data = item;
    must(uv_queue_work(&loop->uv, &item->uv, on_work, on_work_done), "uv_queue_work");
}

static void on_signal(uv_signal_t *signal, int number) {
    struct loop *loop = signal->data;
    loop->on_stop_signal(loop->stop_context, number);
}

void loop_on_stop_signal(struct loop *loop, void (*call)(void *context, int signal_number),
                         void *context) {
    bool is_first = loop->on_stop_signal == NULL;
    loop->on_stop_signal = call;
    loop->stop_context = context;
    if (!is_first) {
        return;
    }
    must(uv_signal_init(&loop->uv, &loop->terminate), "uv_signal_init");
    loop->terminate.data = loop;
    must(uv_signal_start(&loop->terminate, on_signal, SIGTERM), "uv_signal_start");
    must(uv_signal_init(&loop->uv, &loop->interrupt), "uv_signal_init");
    loop->interrupt.data = loop;
    must(uv_signal_start(&loop->interrupt, on_signal, SIGINT), "uv_signal_start");
}
