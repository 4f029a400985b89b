#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"

#define FIRST_CAP ((size_t)256)
#define KEEP_MAX ((size_t)4096) /* an empty buffer larger than this gives its memory back */

void buf_init(struct buf *buf, size_t max) {
    *buf = (struct buf){.max = max};
}

void buf_fini(struct buf *buf) {
    memory_free(buf->at);
    buf_init(buf, buf->max);
}

void buf_fini_wiped(struct buf *buf) {
    if (buf->at != NULL) {
        secret_wipe(buf->at, buf->cap);
    }
    buf_fini(buf);
}

/* The next capacity that holds `need`: doubled, so that growing costs a constant per byte, and never over the maximum
 * and vsnprintf's terminator. */
static size_t choose_cap(const struct buf *buf, size_t need) {
    size_t limit = buf->max == SIZE_MAX ? buf->max : buf->max + 1;
    size_t cap = buf->cap < FIRST_CAP ? FIRST_CAP : buf->cap;
    while (cap < need) {
        cap = cap > limit / 2 ? limit : cap * 2;
    }
    return cap < limit ? cap : limit;
}

/* Makes room for `len` bytes after `end`; the caller has checked the maximum. */
static void make_room(struct buf *buf, size_t len) {
    size_t used = buf->end - buf->start;
    /* Moving down is worth it only if at least as much was consumed as has to be moved. */
    if (buf->start >= used && buf->cap - used >= len && buf->cap > 0) {
        memmove(buf->at, buf->at + buf->start, used);
        buf->start = 0;
        buf->end = used;
        return;
    }
    size_t cap = choose_cap(buf, buf->end + len);
    if (cap < buf->end + len) {
        memmove(buf->at, buf->at + buf->start, used);
        buf->start = 0;
        buf->end = used;
    }
    if (cap > buf->cap) {
        buf->at = memory_resize(buf->at, cap, 1);
        buf->cap = cap;
    }
}

enum status buf_reserve(struct buf *buf, size_t len, uint8_t **room) {
    if (len > buf->max - buf_len(buf)) {
        return STATUS_TOO_LARGE;
    }
    if (buf->at == NULL || len > buf->cap - buf->end) {
        make_room(buf, len);
    }
    *room = buf->at + buf->end;
    return STATUS_OK;
}

void buf_commit(struct buf *buf, size_t len) {
    buf->end += len;
}

enum status buf_append(struct buf *buf, const void *bytes, size_t len) {
    uint8_t *room;
    if (len == 0) {
        return STATUS_OK;
    }
    enum status status = buf_reserve(buf, len, &room);
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(room, bytes, len);
    buf->end += len;
    return STATUS_OK;
}

enum status buf_append_str(struct buf *buf, struct str s) {
    return buf_append(buf, s.at, s.len);
}

enum status buf_printf(struct buf *buf, const char *format, ...) {
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t len = wanted < 0 ? 0 : (size_t)wanted;
    if (len > buf->max - buf_len(buf)) {
        va_end(again);
        return STATUS_TOO_LARGE;
    }
    if (len + 1 > buf->cap - buf->end) {
        make_room(buf, len + 1);
    }
    vsnprintf((char *)buf->at + buf->end, len + 1, format, again);
    va_end(again);
    buf->end += len;
    return STATUS_OK;
}

void buf_consume(struct buf *buf, size_t len) {
    buf->start += len;
    if (buf->start < buf->end) {
        return;
    }
    buf->start = 0;
    buf->end = 0;
    if (buf->cap > KEEP_MAX) {
        buf_fini(buf);
    }
}

void buf_clear(struct buf *buf) {
    buf_consume(buf, buf_len(buf));
}
