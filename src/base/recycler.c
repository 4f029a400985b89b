#include "base/recycler.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A heap's piece has room for 8 + 16 * n bytes: n is its shelf. */
#define STEP_BYTES 16
#define EDGE_BYTES 8
#define BUFFER_SHELF (RECYCLER_SMALL_BYTES / STEP_BYTES + 1)
#define SHELF_COUNT (BUFFER_SHELF + 1)
#define NO_SHELF SHELF_COUNT
/* Below this, a buffer is not worth the larger piece. */
#define BUFFER_BYTES_LEAST (16 * 1024)

struct piece {
    struct piece *next;
};

struct shelf {
    struct piece *first;
    size_t count;
};

static _Thread_local struct shelf shelves[SHELF_COUNT];
/* Only a thread whose end will be told may keep pieces. */
enum watch {
    WATCH_NOT_YET,
    WATCH_ON,
    WATCH_OFF, /* the thread ends, or its end cannot be told */
};

static _Thread_local enum watch watch;
static pthread_key_t end_key;
static bool has_end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;

static void on_thread_end(void *context) {
    (void)context;
    watch =
        WATCH_OFF; /* destructors that run after this one, OpenSSL's perhaps, give pieces, too */
    recycler_trim();
}

static void make_end_key(void) {
    has_end_key = pthread_key_create(&end_key, on_thread_end) == 0;
}

static bool is_watched(void) {
    if (watch == WATCH_NOT_YET) {
        (void)pthread_once(&end_once, make_end_key);
        bool is_told = has_end_key && pthread_setspecific(end_key, shelves) == 0;
        watch = is_told ? WATCH_ON : WATCH_OFF;
    }
    return watch == WATCH_ON;
}

/* The shelf whose pieces hold `size` bytes. */
static size_t shelf_for(size_t size) {
    if (size <= RECYCLER_SMALL_BYTES) {
        return size <= EDGE_BYTES + STEP_BYTES ? 1
                                               : (size - EDGE_BYTES + STEP_BYTES - 1) / STEP_BYTES;
    }
    bool is_buffer = size > BUFFER_BYTES_LEAST && size <= RECYCLER_BUFFER_BYTES;
    return is_buffer ? BUFFER_SHELF : NO_SHELF;
}

/* The shelf that a piece with room for `room` bytes belongs on. */
static size_t shelf_of(size_t room) {
    if (room < EDGE_BYTES + STEP_BYTES) {
        return NO_SHELF;
    }
    if (room < EDGE_BYTES + BUFFER_SHELF * STEP_BYTES) {
        return (room - EDGE_BYTES) / STEP_BYTES;
    }
    bool is_buffer = room >= RECYCLER_BUFFER_BYTES && room < 2 * RECYCLER_BUFFER_BYTES;
    return is_buffer ? BUFFER_SHELF : NO_SHELF;
}

void *recycler_take(size_t size) {
    size_t number = shelf_for(size);
    if (number == NO_SHELF) {
        return malloc(size);
    }
    struct piece *piece = shelves[number].first;
    if (piece == NULL) {
        return malloc(number == BUFFER_SHELF ? RECYCLER_BUFFER_BYTES : size);
    }
    shelves[number].first = piece->next;
    shelves[number].count--;
    return piece;
}

void *recycler_take_zeroed(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *at = recycler_take(total);
    return at == NULL ? NULL : memset(at, 0, total);
}

void *recycler_resize(void *at, size_t size) {
    return at == NULL ? recycler_take(size) : realloc(at, size);
}

void recycler_give(void *at) {
    if (at == NULL) {
        return;
    }
    size_t number = RECYCLER_KEEPS ? shelf_of(malloc_usable_size(at)) : NO_SHELF;
    size_t most = number == BUFFER_SHELF ? RECYCLER_BUFFERS_MAX : RECYCLER_PIECES_MAX;
    if (number == NO_SHELF || shelves[number].count >= most || !is_watched()) {
        free(at);
        return;
    }
    struct piece *piece = at;
    piece->next = shelves[number].first;
    shelves[number].first = piece;
    shelves[number].count++;
}

void recycler_trim(void) {
    for (size_t i = 0; i < SHELF_COUNT; i++) {
        while (shelves[i].first != NULL) {
            struct piece *piece = shelves[i].first;
            shelves[i].first = piece->next;
            free(piece);
        }
        shelves[i].count = 0;
    }
}
