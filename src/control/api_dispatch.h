/* api_dispatch.h: works one call off, from authentication to the bytes of the answer. Blocks: for pool threads. */
#ifndef CONTROL_API_DISPATCH_H
#define CONTROL_API_DISPATCH_H

#include "control/api_call.h"

/* call->operation is set. Afterwards answer.status and answer.bytes are, and call->changes holds what the hub must apply:
 * nothing unless the transaction was committed. */
void api_dispatch_run(struct api_call *call);
/* Its first step by itself, for a caller who has to be known before the rest of the request is taken: fills call->principal.
 * STATUS_DENIED, or what the store says, with call->why. */
enum status api_dispatch_authenticate(struct api_call *call) MUST_USE;
/* Whether the caller of a call that was answered still may: as if it came again now. `call` is only read. STATUS_DENIED, STATUS_NOT_FOUND, or
 * what the store says. */
enum status api_dispatch_recheck(const struct api_call *call, struct why *why) MUST_USE;
/* Only the last step: answers with this problem, for what is refused before any work. */
void api_dispatch_refuse(struct api_call *call, enum status status);

#endif
