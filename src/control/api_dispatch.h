/* api_dispatch.h: works one call off, from authentication to the bytes of the answer. Blocks: for pool threads. */
#ifndef CONTROL_API_DISPATCH_H
#define CONTROL_API_DISPATCH_H

#include "control/api_call.h"

/* call->operation is set. Afterwards answer.status and answer.bytes are, and call->changes holds what the hub must apply:
 * nothing unless the transaction was committed. */
void api_dispatch_run(struct api_call *call);
/* Only the last step: answers with this problem, for what is refused before any work. */
void api_dispatch_refuse(struct api_call *call, enum status status);

#endif
