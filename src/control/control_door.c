#include "control/control_door.h"

#include <unistd.h>

#include "base/memory.h"
#include "net/socket.h"

/* how often handshakes are counted, and when they are cut */
#define CHECK_MS 5
#define WAIT_MS 1000

struct control_door {
    struct loop *loop;
    struct front *fronts[CONTROL_DOOR_FRONTS_MAX];
    size_t count;
    struct loop_timer timer; /* runs while it closes */
    int64_t close_by_ms;
    void (*done)(void *context);
    void *context;
};

static size_t count_handshakes(const struct control_door *door) {
    size_t count = 0;
    for (size_t i = 0; i < door->count; i++) {
        count += front_handshake_count(door->fronts[i]);
    }
    return count;
}

static void free_fronts(struct control_door *door) {
    while (door->count > 0) {
        front_free(&door->fronts[--door->count]);
    }
}

static void on_check(struct loop_timer *timer) {
    struct control_door *door = timer->context;
    if (count_handshakes(door) > 0 && loop_now_ms(door->loop) < door->close_by_ms) {
        loop_timer_set(timer, CHECK_MS);
        return;
    }
    free_fronts(door);
    door->done(door->context);
}

struct control_door *control_door_new(struct loop *loop) {
    struct control_door *door = MEMORY_NEW(struct control_door);
    door->loop = loop;
    loop_timer_init(&door->timer, loop, on_check, door);
    return door;
}

enum status control_door_open(struct control_door *door, int fd,
                              void (*add_services)(void *context, struct front *front),
                              void *context, struct why *why) {
    if (door->count == CONTROL_DOOR_FRONTS_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "listeners_full", "too many listening sockets");
    }
    int copy = socket_dup(fd);
    if (copy < 0 || front_adopt(door->loop, copy, &door->fronts[door->count], why) != STATUS_OK) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return why_set(why, STATUS_FAILED, "listen_failed", "the socket cannot be listened on");
    }
    add_services(context, door->fronts[door->count++]);
    return STATUS_OK;
}

void control_door_close(struct control_door *door, void (*done)(void *context), void *context) {
    door->done = done;
    door->context = context;
    door->close_by_ms = loop_now_ms(door->loop) + WAIT_MS;
    for (size_t i = 0; i < door->count; i++) {
        front_close(door->fronts[i]);
    }
    loop_timer_set(&door->timer, 1);
}

static void free_door(struct loop_timer *timer) {
    memory_free(timer->context);
}

void control_door_free(struct control_door **at) {
    struct control_door *door = *at;
    *at = NULL;
    if (door != NULL) {
        free_fronts(door);
        loop_timer_close(&door->timer, free_door);
    }
}
