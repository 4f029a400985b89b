/* control_operation.h: does what was answered with 202: operations that wait in the store, one at a time.
 *
 * An operation has a kind; what a kind does is a function that writes its result, text, into a buffer. One that did not end (its control plane died)
 * is done again by whoever finds it after its lease. Blocks: for pool threads.
 */
#ifndef CONTROL_CONTROL_OPERATION_H
#define CONTROL_CONTROL_OPERATION_H

#include "base/buf.h"
#include "control/control_state.h"
#include "store/store_operation.h"

#define CONTROL_OPERATION_EXPORT STR("organization.export")
#define CONTROL_OPERATION_BYTES_MAX ((size_t)64 << 20)
#define CONTROL_OPERATION_RESULT_MS                                                                \
    (INT64_C(24) * 3600 * 1000) /* how long results can be fetched */

/* The next that waits, if one does: called every other second. */
void control_operation_run(struct control *control);
/* control_export.c: an organization, as one JSON document. STATUS_TOO_LARGE (export_too_large), or what the store says. */
enum status control_operation_export(struct control *control,
                                     const struct store_operation *operation, struct buf *result,
                                     struct why *why) MUST_USE;

#endif
