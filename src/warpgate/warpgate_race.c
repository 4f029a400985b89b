#include "warpgate/warpgate_race.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/socket.h"

#define NEXT_MS 300

enum race_state {
    RACE_RUNNING,
    RACE_CLOSING, /* decided or cancelled; its handles are on their way out */
};

struct attempt {
    uv_poll_t poll;
    struct warpgate_race *race;
    struct address address;
    int fd; /* -1: not begun, failed, or given away */
    bool has_poll;
};

struct warpgate_race {
    struct warpgate_parts *parts;
    enum race_state state;
    struct attempt attempts[ADDRESS_RESULTS_MAX];
    size_t count;
    size_t next;
    size_t open_count;       /* attempts under way */
    size_t handle_count;     /* libuv's, not closed yet */
    struct loop_timer timer; /* the next attempt, or the end of all of them */
    struct loop_task begin;
    int64_t ends_at_ms;
    int64_t timeout_ms;
    struct why why; /* of the last that failed */
    warpgate_raced_fn done;
    void *context;
};

void warpgate_race_order(struct address *addresses, size_t count) {
    for (size_t at = 1; at < count; at++) {
        sa_family_t before = addresses[at - 1].storage.ss_family;
        size_t other = at;
        while (other < count && addresses[other].storage.ss_family == before) {
            other++;
        }
        if (other == count) {
            return; /* one family is left */
        }
        struct address moved = addresses[other];
        memmove(&addresses[at + 1], &addresses[at], (other - at) * sizeof(addresses[0]));
        addresses[at] = moved;
    }
}

/* The end */

static void drop_handle(struct warpgate_race *race) {
    race->handle_count--;
    if (race->handle_count == 0 && race->state == RACE_CLOSING) {
        struct warpgate_parts *parts = race->parts;
        memory_free(race);
        warpgate_parts_drop(parts);
    }
}

static void on_poll_closed(uv_handle_t *handle) {
    struct attempt *attempt = CONTAINER_OF((uv_poll_t *)handle, struct attempt, poll);
    drop_handle(attempt->race);
}

static void on_timer_closed(struct loop_timer *timer) {
    drop_handle(CONTAINER_OF(timer, struct warpgate_race, timer));
}

/* The descriptor, no longer watched. */
static int take_descriptor(struct attempt *attempt) {
    int fd = attempt->fd;
    attempt->fd = -1;
    if (attempt->has_poll) {
        attempt->has_poll = false;
        uv_close((uv_handle_t *)&attempt->poll, on_poll_closed);
    }
    return fd;
}

static void close_attempt(struct attempt *attempt) {
    if (attempt->fd >= 0) {
        (void)close(take_descriptor(attempt));
        attempt->race->open_count--;
    }
}

static void end_race(struct warpgate_race *race) {
    race->state = RACE_CLOSING;
    loop_task_cancel(&race->begin);
    for (size_t i = 0; i < race->count; i++) {
        close_attempt(&race->attempts[i]);
    }
    loop_timer_close(&race->timer, on_timer_closed);
}

static void lose(struct warpgate_race *race) {
    warpgate_raced_fn done = race->done;
    void *context = race->context;
    struct why why = race->why;
    end_race(race);
    done(context, -1, NULL, &why);
}

static void win(struct attempt *attempt) {
    struct warpgate_race *race = attempt->race;
    warpgate_raced_fn done = race->done;
    void *context = race->context;
    struct address address = attempt->address;
    int fd = take_descriptor(attempt);
    race->open_count--;
    end_race(race);
    done(context, fd, &address, NULL);
}

/* Attempts */

static void note_failure(struct attempt *attempt, int error) {
    char peer[ADDRESS_TEXT_SIZE];
    address_text(&attempt->address, peer);
    (void)why_set(&attempt->race->why, STATUS_UNAVAILABLE, "tcp_connect",
                  "cannot connect to %s: %s%s", peer, strerror(error),
                  error == ECONNREFUSED ? "; is it running there?" : "");
}

static void on_connected(uv_poll_t *poll, int status, int events);

static bool begin_attempt(struct attempt *attempt) {
    struct warpgate_race *race = attempt->race;
    int result = socket_connect(&attempt->address, &attempt->fd);
    int error = errno;
    if (result >= 0 && uv_poll_init(loop_uv(race->parts->loop), &attempt->poll, attempt->fd) == 0) {
        attempt->has_poll = true;
        race->handle_count++;
        race->open_count++;
        (void)uv_poll_start(&attempt->poll, UV_WRITABLE, on_connected);
        return true;
    }
    if (attempt->fd >= 0) {
        (void)close(attempt->fd);
        attempt->fd = -1;
    }
    note_failure(attempt, result < 0 ? error : EMFILE);
    return false;
}

static void set_timer(struct warpgate_race *race) {
    int64_t left_ms = race->ends_at_ms - loop_now_ms(race->parts->loop);
    bool has_next = race->next < race->count;
    loop_timer_set(&race->timer, has_next && left_ms > NEXT_MS ? NEXT_MS : left_ms);
}

/* Begins the next attempt; those that fail at once are passed over. */
static void go_on(struct warpgate_race *race) {
    while (race->next < race->count) {
        if (begin_attempt(&race->attempts[race->next++])) {
            set_timer(race);
            return;
        }
    }
    if (race->open_count == 0) {
        lose(race);
        return;
    }
    set_timer(race);
}

static void on_connected(uv_poll_t *poll, int status, int events) {
    struct attempt *attempt = CONTAINER_OF(poll, struct attempt, poll);
    (void)events;
    int error = socket_error(attempt->fd); /* libuv calls every failure EBADF */
    error = error == 0 && status < 0 ? -status : error;
    if (error == 0) {
        win(attempt);
        return;
    }
    note_failure(attempt, error);
    close_attempt(attempt);
    go_on(attempt->race);
}

static void on_timer(struct loop_timer *timer) {
    struct warpgate_race *race = timer->context;
    if (loop_now_ms(race->parts->loop) < race->ends_at_ms) {
        go_on(race);
        return;
    }
    char first[ADDRESS_TEXT_SIZE];
    address_text(&race->attempts[0].address, first);
    (void)why_set(&race->why, STATUS_TIMEOUT, "timeout_connect",
                  "%s did not accept the connection in %lld ms", first,
                  (long long)race->timeout_ms);
    lose(race);
}

static void begin(struct loop_task *task) {
    go_on(CONTAINER_OF(task, struct warpgate_race, begin));
}

struct warpgate_race *warpgate_race_start(struct warpgate_parts *parts,
                                          const struct address *addresses, size_t count,
                                          int64_t timeout_ms, warpgate_raced_fn done,
                                          void *context) {
    struct warpgate_race *race = MEMORY_NEW(struct warpgate_race);
    struct address ordered[ADDRESS_RESULTS_MAX];
    race->parts = parts;
    race->count = count < ADDRESS_RESULTS_MAX ? count : ADDRESS_RESULTS_MAX;
    memcpy(ordered, addresses, race->count * sizeof(ordered[0]));
    warpgate_race_order(ordered, race->count);
    for (size_t i = 0; i < race->count; i++) {
        race->attempts[i] = (struct attempt){.race = race, .address = ordered[i], .fd = -1};
    }
    race->timeout_ms = timeout_ms;
    race->ends_at_ms = loop_now_ms(parts->loop) + timeout_ms;
    race->done = done;
    race->context = context;
    loop_timer_init(&race->timer, parts->loop, on_timer, race);
    race->handle_count = 1;
    warpgate_parts_hold(parts);
    loop_task_init(&race->begin, begin);
    loop_task_schedule(parts->loop, &race->begin);
    return race;
}

void warpgate_race_cancel(struct warpgate_race **at) {
    struct warpgate_race *race = *at;
    *at = NULL;
    if (race != NULL && race->state == RACE_RUNNING) {
        end_race(race);
    }
}
