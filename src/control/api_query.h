/* api_query.h: what stands behind the "?" of a request: judged as strictly as a body.
 *
 * Members are application/x-www-form-urlencoded. A list takes limit, cursor, include and, where it has no order of its own, order (enum api_list); what an
 * operation takes besides is a table as bodies have one (api_operation.query): texts and words as they are, "true" and "false", whole numbers.
 * What is not known, empty, repeated or out of range is refused (query_invalid).
 */
#ifndef CONTROL_API_QUERY_H
#define CONTROL_API_QUERY_H

#include "control/api_call.h"

#define API_QUERY_BYTES_MAX 4096

/* Fills call->asked. STATUS_INVALID (query_invalid). */
enum status api_query_read(struct api_call *call) MUST_USE;

#endif
