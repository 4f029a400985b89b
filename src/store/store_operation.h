/* store_operation.h: what goes on after its answer: who asked for what, how far it is, and what came of it, in parts.
 *
 * One control plane at a time is at an operation: it takes it for a lease, in the transaction in which it looks. A result is text, kept
 * sealed in parts of at most STORE_OPERATION_PART_MAX bytes and thrown away with the operation. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_OPERATION_H
#define STORE_STORE_OPERATION_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_OPERATION_PART_MAX ((size_t)1 << 20)
#define STORE_OPERATION_ERROR_MAX 300

/* Kept in the database as these numbers: never reorder. */
enum store_operation_state {
    STORE_OPERATION_QUEUED = 1,
    STORE_OPERATION_RUNNING = 2,
    STORE_OPERATION_SUCCEEDED = 3,
    STORE_OPERATION_FAILED = 4,
};

struct store_operation {
    struct store_object object;
    struct id requested_by;
    int64_t state;
    int64_t lease_at_ms;    /* QUEUED, RUNNING: not to be taken before */
    int64_t finished_at_ms; /* 0: not yet */
    int64_t expires_at_ms;  /* of the result; 0 until it is finished */
    int64_t part_count;
    int64_t byte_count;
    struct str kind;  /* a word of control_operation.c */
    struct str error; /* FAILED: for people */
};

enum status store_operation_insert(struct store_tx *tx, struct store_operation *operation) MUST_USE;
/* STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch: somebody else is at it). */
enum status store_operation_update(struct store_tx *tx, struct store_operation *operation) MUST_USE;
enum status store_operation_get(struct store_tx *tx, const struct id *organization,
                                const struct id *id, struct arena *arena,
                                struct store_operation *operation) MUST_USE; /* STATUS_NOT_FOUND */
/* How many of an organization's are not finished. */
enum status store_operation_count(struct store_tx *tx, const struct id *organization,
                                  int64_t *count) MUST_USE;
/* The one that waits longest, over all tenants: for doing it. STATUS_NOT_FOUND: none waits. */
enum status store_operation_due_any(struct store_tx *tx, struct arena *arena,
                                    struct store_operation *operation) MUST_USE;
/* Part `number`, from 1. */
enum status store_operation_add_part(struct store_tx *tx, const struct store_operation *operation,
                                     int64_t number, struct str content) MUST_USE;
enum status store_operation_get_part(struct store_tx *tx, const struct id *organization,
                                     const struct id *operation, int64_t number,
                                     struct arena *arena,
                                     struct str *content) MUST_USE; /* STATUS_NOT_FOUND */
/* Those of an attempt that did not end. */
enum status store_operation_drop_parts(struct store_tx *tx, const struct id *organization,
                                       const struct id *operation) MUST_USE;
/* Forgets those of all tenants whose result has expired, with it. */
enum status store_operation_prune_any(struct store_tx *tx) MUST_USE;

#endif
