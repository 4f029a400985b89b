/* block.h: pooled blocks of 64 KiB, and queues of bytes made of them.
 *
 * All bulk bytes on the data path live here: what a connection still has to write and what a stream has queued.
 * Blocks come from a pool that belongs to one loop thread, and go back to it; the pool keeps at most
 * `keep_max` of them free and returns the others to the system, so memory follows load down again.
 * A queue is owned by its stream or connection. Its bound is the owner's business: flow control limits it.
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_BYTES ((size_t)65536)

struct block {
    struct block *next;
    uint32_t start;
    uint32_t end;
    uint8_t bytes[BLOCK_BYTES];
};

/* So many blocks handed out at once are a crowd: 8 MiB. */
#define BLOCK_PRESSED_COUNT 128

struct block_pool {
    struct block *free_blocks;
    size_t free_count;
    size_t keep_max;
    size_t used_count; /* blocks handed out; 0 when everything was given back */
};

void block_pool_init(struct block_pool *pool, size_t keep_max);
void block_pool_fini(struct block_pool *pool);
/* Frees the blocks that are kept. */
void block_pool_trim(struct block_pool *pool);
/* A crowd queues bytes: whoever reads is to read less for each of them. A block is mapped as a whole, but its memory is the part that was
 * written to. */
static inline bool block_pool_is_pressed(const struct block_pool *pool) {
    return pool->used_count > BLOCK_PRESSED_COUNT;
}
struct block *block_pool_take(struct block_pool *pool);
void block_pool_give(struct block_pool *pool, struct block *block);

struct block_queue {
    struct block_pool *pool;
    struct block *head;
    struct block *tail;
    size_t len; /* bytes queued */
};

void block_queue_init(struct block_queue *queue, struct block_pool *pool);
/* Gives all blocks back. The queue stays usable. */
void block_queue_clear(struct block_queue *queue);
void block_queue_append(struct block_queue *queue, const void *bytes, size_t len);
/* Room for 1 to `*len` contiguous bytes at the end; `*len` becomes what is there (at least `need` <= BLOCK_BYTES).
 * The next call on this queue is the commit, of 0 bytes if nothing came. */
uint8_t *block_queue_reserve(struct block_queue *queue, size_t need, size_t *len);
void block_queue_commit(struct block_queue *queue, size_t len);
/* The first contiguous bytes; returns how many, 0 when empty. Valid until the next consume or clear. */
size_t block_queue_peek(const struct block_queue *queue, const uint8_t **bytes);
void block_queue_consume(struct block_queue *queue, size_t len);
/* Moves up to `len` bytes out by copy; returns how many. */
size_t block_queue_read(struct block_queue *queue, void *out, size_t len);

#endif
