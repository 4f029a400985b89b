/* api_idempotency.h: a POST with an Idempotency-Key is done once, however often it is sent.
 *
 * The key belongs to the caller and the path, for API_IDEMPOTENCY_MS. What succeeded is kept with what it changed, in one transaction: the same request again is
 * answered with the same answer and Idempotent-Replayed: true, another body under the same key is refused (422 idempotency_key_reused), and
 * the same key while the first is still worked on, too (409 idempotency_running). What was refused changed nothing and is not kept. Secrets are not kept: where the
 * answer held one, the replay has null there and "secret_withheld": true. Only for operations that write in api_dispatch's transaction, of callers who are known.
 *
 * Pool threads; what is being worked on is a list with a lock of its own.
 */
#ifndef CONTROL_API_IDEMPOTENCY_H
#define CONTROL_API_IDEMPOTENCY_H

#include "control/api_call.h"

#define API_IDEMPOTENCY_MS (INT64_C(24) * 3600 * 1000)
#define API_IDEMPOTENCY_KEY_MAX 255 /* visible ASCII characters */

struct api_idempotency;

struct api_idempotency *api_idempotency_new(void);
void api_idempotency_free(struct api_idempotency **idempotency);

/* Whether the operation honours a key. */
bool api_idempotency_is_for(const struct api_operation *operation);

/* Steps of a call. The caller is known; nothing was looked at yet: STATUS_INVALID (idempotency_key_invalid), STATUS_CONFLICT (idempotency_running). */
enum status api_idempotency_begin(struct api_call *call) MUST_USE;
/* The caller may: fills the answer and sets call->is_replayed if it was given before. STATUS_INVALID (idempotency_key_reused). */
enum status api_idempotency_replay(struct api_call *call) MUST_USE;
/* It is done: keeps the answer, within the transaction. */
enum status api_idempotency_keep(struct api_call *call) MUST_USE;
/* Whatever came of it: for each call that began. */
void api_idempotency_end(struct api_call *call);

#endif
