#include "base/block.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

/* Blocks are mapped one by one: memory that the pool lets go of is then the system's again at once, whereas a heap
 * would keep every hole below its top. */
static struct block *map_block(void) {
    void *at = mmap(NULL, sizeof(struct block), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
    if (at == MAP_FAILED) {
        log_error("memory.exhausted", "size=%zu", sizeof(struct block));
        abort();
    }
    return at;
}

void block_pool_init(struct block_pool *pool, size_t keep_max) {
    *pool = (struct block_pool){.keep_max = keep_max};
}

void block_pool_trim(struct block_pool *pool) {
    while (pool->free_blocks != NULL) {
        struct block *block = pool->free_blocks;
        pool->free_blocks = block->next;
        munmap(block, sizeof(*block));
    }
    pool->free_count = 0;
}

void block_pool_fini(struct block_pool *pool) {
    block_pool_trim(pool);
}

struct block *block_pool_take(struct block_pool *pool) {
    struct block *block = pool->free_blocks;
    if (block != NULL) {
        pool->free_blocks = block->next;
        pool->free_count--;
    } else {
        block = map_block();
    }
    pool->used_count++;
    block->next = NULL;
    block->start = 0;
    block->end = 0;
    return block;
}

void block_pool_give(struct block_pool *pool, struct block *block) {
    pool->used_count--;
    if (pool->free_count >= pool->keep_max) {
        munmap(block, sizeof(*block));
        return;
    }
    block->next = pool->free_blocks;
    pool->free_blocks = block;
    pool->free_count++;
}

void block_queue_init(struct block_queue *queue, struct block_pool *pool) {
    *queue = (struct block_queue){.pool = pool};
}

void block_queue_clear(struct block_queue *queue) {
    while (queue->head != NULL) {
        struct block *block = queue->head;
        queue->head = block->next;
        block_pool_give(queue->pool, block);
    }
    queue->tail = NULL;
    queue->len = 0;
}

static void add_block(struct block_queue *queue) {
    struct block *block = block_pool_take(queue->pool);
    if (queue->tail == NULL) {
        queue->head = block;
    } else {
        queue->tail->next = block;
    }
    queue->tail = block;
}

void block_queue_append(struct block_queue *queue, const void *bytes, size_t len) {
    const uint8_t *from = bytes;
    while (len > 0) {
        if (queue->tail == NULL || queue->tail->end == BLOCK_BYTES) {
            add_block(queue);
        }
        struct block *tail = queue->tail;
        size_t part = BLOCK_BYTES - tail->end;
        if (part > len) {
            part = len;
        }
        memcpy(tail->bytes + tail->end, from, part);
        tail->end += (uint32_t)part;
        queue->len += part;
        from += part;
        len -= part;
    }
}

uint8_t *block_queue_reserve(struct block_queue *queue, size_t need, size_t *len) {
    if (need == 0) {
        need = 1;
    }
    /* An empty block can only be the tail, and has room for any need: there is never one in the middle. */
    if (queue->tail == NULL || BLOCK_BYTES - queue->tail->end < need) {
        add_block(queue);
    }
    *len = BLOCK_BYTES - queue->tail->end;
    return queue->tail->bytes + queue->tail->end;
}

void block_queue_commit(struct block_queue *queue, size_t len) {
    queue->tail->end += (uint32_t)len;
    queue->len += len;
    if (queue->len == 0) {
        block_queue_clear(queue);
    }
}

size_t block_queue_peek(const struct block_queue *queue, const uint8_t **bytes) {
    const struct block *head = queue->head;
    if (queue->len == 0) {
        return 0;
    }
    *bytes = head->bytes + head->start;
    return head->end - head->start;
}

void block_queue_consume(struct block_queue *queue, size_t len) {
    while (len > 0) {
        struct block *head = queue->head;
        size_t part = head->end - head->start;
        if (part > len) {
            part = len;
        }
        head->start += (uint32_t)part;
        queue->len -= part;
        len -= part;
        if (head->start < head->end) {
            return;
        }
        queue->head = head->next;
        if (queue->head == NULL) {
            queue->tail = NULL;
        }
        block_pool_give(queue->pool, head);
    }
    if (queue->len == 0) {
        block_queue_clear(queue);
    }
}

size_t block_queue_read(struct block_queue *queue, void *out, size_t len) {
    uint8_t *to = out;
    size_t done = 0;
    const uint8_t *from;
    size_t part;
    while (done < len && (part = block_queue_peek(queue, &from)) > 0) {
        if (part > len - done) {
            part = len - done;
        }
        memcpy(to + done, from, part);
        done += part;
        block_queue_consume(queue, part);
    }
    return done;
}
