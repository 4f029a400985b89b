/* memory.h: allocation that does not fail.
 *
 * Every size that a peer controls is bounded before it gets here, so running out of memory is the system's
 * fault, and there is no useful way on: these functions log and abort. See docs/decisions/0001-memory.md.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory for one object; free with memory_free. */
void *memory_new(size_t size) __attribute__((returns_nonnull, malloc));
/* Zeroed memory for `count` objects; aborts on overflow. */
void *memory_new_array(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
/* Grows or shrinks; new bytes are not zeroed. */
void *memory_resize(void *at, size_t count, size_t size) __attribute__((returns_nonnull));
/* A terminated copy of `len` bytes. */
char *memory_dup(const void *at, size_t len) __attribute__((returns_nonnull, malloc));
void memory_free(void *at);
/* Gives what was freed, also what this thread keeps in its recycler, back to the system where the allocator keeps it: after a crowd has left, not in between. */
void memory_trim(void);

#define MEMORY_NEW(type) ((type *)memory_new(sizeof(type)))
/* The object that `member_at` is the member of. */
#define CONTAINER_OF(member_at, type, member)                                                      \
    ((type *)(void *)((char *)(member_at)-offsetof(type, member)))

#endif
