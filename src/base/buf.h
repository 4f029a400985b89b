/* buf.h: a growable byte buffer that is born with its maximum.
 *
 * Owned by whoever embeds it. Append at the end, consume from the front. `buf_bytes` stays valid until the next
 * append, consume or fini. Memory is released by buf_fini, or by consuming the last byte of a buffer larger than 4 KiB.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

struct buf {
    uint8_t *at;
    size_t start; /* first byte in use */
    size_t end;   /* one past the last byte in use */
    size_t cap;
    size_t max; /* never holds more than this many bytes */
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);
/* Wipes the whole allocation first: for what holds secrets. Growing leaves copies behind, so such a buffer is
 * brought to its size with one buf_reserve before the first secret goes in. */
void buf_fini_wiped(struct buf *buf);

static inline size_t buf_len(const struct buf *buf) {
    return buf->end - buf->start;
}

/* Never NULL. */
static inline const uint8_t *buf_bytes(const struct buf *buf) {
    return buf->at == NULL ? (const uint8_t *)"" : buf->at + buf->start;
}

static inline struct str buf_str(const struct buf *buf) {
    return str_make(buf_bytes(buf), buf_len(buf));
}

/* STATUS_TOO_LARGE (and nothing appended) if the maximum would be passed. */
enum status buf_append(struct buf *buf, const void *bytes, size_t len) MUST_USE;
enum status buf_append_str(struct buf *buf, struct str s) MUST_USE;
enum status buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;

/* Room for at least `len` more bytes, to be written directly and then committed. */
enum status buf_reserve(struct buf *buf, size_t len, uint8_t **room) MUST_USE;
void buf_commit(struct buf *buf, size_t len);

void buf_consume(struct buf *buf, size_t len);
void buf_clear(struct buf *buf);

#endif
