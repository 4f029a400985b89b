/* recycler.h: freed pieces of the heap, kept for the next taker of the same size.
 *
 * For libraries that allocate several pieces for each request and free them soon after: OpenSSL two buffers of 17 KiB for
 * each record, nghttp2 five pieces for each stream. The heap's own cache holds seven pieces of a size and none of these
 * buffers, and an agent's is off (docs/decisions/0003-small-idle-agent.md); a turn that carries 64 requests needs more. In profiles at 64
 * connections malloc and free were 3,500 instructions of each request at the edge, and are 600. Pieces are the heap's, so
 * either side may also be plain malloc and free.
 *
 * Each thread keeps its own, without locks; a piece may be given back on another thread than the one that took it. A
 * thread keeps at most RECYCLER_PIECES_MAX of each size up to RECYCLER_SMALL_BYTES and RECYCLER_BUFFERS_MAX buffers; when it
 * ends, and with memory_trim, they go back to the heap; a thread whose end cannot be told keeps none. A forked child goes
 * on with what the forking thread kept. Nothing is wiped here, as free does not: who had a secret in a piece wipes it
 * before giving it (OpenSSL does: CRYPTO_clear_free wipes, then frees). With the address sanitizer nothing is kept: it is to see each
 * use after free.
 */
#ifndef BASE_RECYCLER_H
#define BASE_RECYCLER_H

#include <stdbool.h>
#include <stddef.h>

/* Each compiler has its own way to say that the address sanitizer is on. */
#if defined(__SANITIZE_ADDRESS__)
#define RECYCLER_KEEPS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RECYCLER_KEEPS false
#endif
#endif
#ifndef RECYCLER_KEEPS
#define RECYCLER_KEEPS true
#endif

#define RECYCLER_SMALL_BYTES 512
#define RECYCLER_PIECES_MAX 128
/* What holds a TLS record. */
#define RECYCLER_BUFFER_BYTES (18 * 1024)
#define RECYCLER_BUFFERS_MAX 8

/* As malloc, calloc, realloc and free are: NULL if there is no memory. */
void *recycler_take(size_t size);
void *recycler_take_zeroed(size_t count, size_t size);
void *recycler_resize(void *at, size_t size);
void recycler_give(void *at);
/* Frees what this thread keeps. */
void recycler_trim(void);

#endif
