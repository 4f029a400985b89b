/* warpgate_request.h: one request that came through a tunnel: judge it, hand it to the workload, carry the answer back.
 *
 * Lives in the arena of the tunnel's stream, from its head until the stream is closed. Bytes pass as they come, in both
 * directions, with the windows of http_stream.h; what arrives before a connection to the workload stands is held (at most one window),
 * and of a WebSocket until the workload has agreed to it. What the workload did not answer is answered with FIELD_TUNNEL_ERROR and no
 * body: the edge makes the page.
 *
 * Time (struct bundle_timeouts, by the route): `connect` until a link is there, or `first_byte` where all links are in use; `first_byte`
 * while the workload keeps us waiting, for its answer to a request that it has in full, or to read on; it begins again with each 1xx and
 * each byte that is read; `idle` from the response head on, with each byte either way.
 */
#ifndef WARPGATE_WARPGATE_REQUEST_H
#define WARPGATE_WARPGATE_REQUEST_H

#include "http/http_stream.h"
#include "warpgate/warpgate_parts.h"

/* Where requests come from: embedded in a tunnel. */
struct warpgate_request_host {
    struct warpgate_parts *parts;
    size_t active_count;
    void (*on_idle)(struct warpgate_request_host *host); /* active_count is 0 again */
};

/* From the session's request callback. */
void warpgate_request_start(struct warpgate_request_host *host, struct http_stream *stream,
                            const struct http_head *head, bool is_end);
/* Answers in the warpgate's own name, without any request behind it: everything that still arrives is dropped. */
void warpgate_request_refuse(struct http_stream *stream, unsigned status, const char *slug);
#endif
