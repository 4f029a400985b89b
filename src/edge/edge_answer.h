/* edge_answer.h: answers that the edge gives itself: one table of stable codes, as HTML or problem JSON (RFC 9457).
 *
 * Used by respond, the fourth step of a request, when a step or a callback has decided a code (edge_request_refuse), and by the
 * HTTP/1 engine for bytes that are no request. Also what a warpgate's own answers mean to visitors. docs/request-path.md lists the codes.
 * Any thread. Texts and details of requests are escaped for where they stand.
 */
#ifndef EDGE_EDGE_ANSWER_H
#define EDGE_EDGE_ANSWER_H

#include "base/arena.h"
#include "http/http_message.h"

enum edge_code {
    EDGE_CODE_NONE,
    EDGE_CODE_BAD_REQUEST,
    EDGE_CODE_BAD_PATH,
    EDGE_CODE_NO_ROUTE,
    EDGE_CODE_HOST_NOT_SERVED,
    EDGE_CODE_METHOD_UNSUPPORTED,
    EDGE_CODE_ENVIRONMENT_DISABLED,
    EDGE_CODE_NO_WARPGATE,
    EDGE_CODE_WARPGATE_LOST,
    EDGE_CODE_UPSTREAM_REFUSED,
    EDGE_CODE_UPSTREAM_CLOSED,
    EDGE_CODE_UPSTREAM_MALFORMED,
    EDGE_CODE_UPSTREAM_TLS,
    EDGE_CODE_UPSTREAM_NO_WEBSOCKET,
    EDGE_CODE_UPSTREAM_UNDECLARED,
    EDGE_CODE_UPSTREAM_BUSY,
    EDGE_CODE_UPSTREAM_TIMEOUT,
    EDGE_CODE_UPGRADE_DECLINED,
    EDGE_CODE_REQUEST_TIMEOUT,
    EDGE_CODE_SECOND_LINE_REFUSED,
    EDGE_CODE_OVERLOADED,
    EDGE_CODE_POLICY_NOT_ENFORCED,
    EDGE_CODE_ADDRESS_REFUSED,
    EDGE_CODE_COUNT,
};

/* "no_route". Stable. */
const char *edge_answer_slug(enum edge_code code);
unsigned edge_answer_status(enum edge_code code);
/* What a slug from the warpgate (FIELD_TUNNEL_ERROR) means to the visitor; EDGE_CODE_WARPGATE_LOST if it is not known. */
enum edge_code edge_answer_from_tunnel(struct str slug);

struct edge_answer {
    struct http_head head;
    struct str body;
};

/* HTML if `accept` prefers it to JSON. `detail` may be empty. Everything lives in the arena. */
void edge_answer_make(struct edge_answer *answer, struct arena *arena, enum edge_code code,
                      struct str accept, struct str request_id, struct str detail);
/* For HTTP/1 messages that are no requests: plain problem JSON, in static memory until the next call of this thread. */
void edge_answer_malformed(unsigned status, const struct why *why, struct str *type,
                           struct str *body);

#endif
