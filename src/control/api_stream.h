/* api_stream.h: an operation of the API that answers with events as they happen: text/event-stream (WHATWG HTML §9.2).
 *
 * The handler of such an operation looks whatever it wants to look at, and then answers with a topic (event_hub.h):
 *     {"GET", "/v1/environments/{env}/traffic", PERMISSION_METRICS_READ, API_TX_READ, API_LIST_NONE, 200, NULL, handle_traffic_stream},
 *     enum status handle_traffic_stream(struct api_call *call) { return api_stream_answer(call, "traffic", &call->object); }
 * and what is published to the topic from then on goes out as {id, event, data}. The rest is done here: first `event: ready`, or, for a
 * client with a Last-Event-ID, what it missed, or `event: reset` when that is no longer known: it has to read the state anew. A comment
 * every API_STREAM_HEARTBEAT_MS of silence. Whoever reads more slowly than things happen is not waited for: beyond
 * API_STREAM_UNSENT_MAX events are dropped and counted, and a reset follows once there is room; who reads nothing at all for
 * API_STREAM_STALL_MS is cut off. Whether the caller still may is asked anew every API_STREAM_CHECK_MS, through all of api_dispatch.h's steps
 * up to the permission: the stream of a session that ended, a role that was taken, a key that was revoked, or an object
 * that is gone ends with `event: end` and a code. So does every stream when the control plane stops: clients come back to the next one.
 *
 * Loop thread, but api_stream_answer. At most API_STREAM_MAX streams, and API_STREAM_OF_ONE_MAX of one caller.
 */
#ifndef CONTROL_API_STREAM_H
#define CONTROL_API_STREAM_H

#include "control/api_call.h"
#include "http/http_stream.h"

#define API_STREAM_MAX 512
#define API_STREAM_OF_ONE_MAX 16
#define API_STREAM_UNSENT_MAX ((size_t)128 << 10)
#define API_STREAM_HEARTBEAT_MS 15000
#define API_STREAM_STALL_MS 60000
#define API_STREAM_CHECK_MS 500
#define API_STREAM_END_MS 5000 /* for the last bytes to leave */

/* For handlers: the answer is what happens in this topic. `scope` is a literal. */
enum status api_stream_answer(struct api_call *call, const char *scope,
                              const struct id *object) MUST_USE;

struct api_streams;

struct api_streams *api_stream_new(struct control *control);
/* No stream is left. */
void api_stream_free(struct api_streams **streams);

/* Takes over an exchange whose request is complete: `stream` is the caller's no longer, `call` stays until `on_over`, which is called once and
 * never from in here. STATUS_UNAVAILABLE (streams_too_many, overloaded, stopping) with call->why: nothing was taken. */
enum status api_stream_begin(struct api_streams *streams, struct api_call *call,
                             struct http_stream *stream, void (*on_over)(void *context),
                             void *context) MUST_USE;
/* Four times a second. */
void api_stream_tick(struct api_streams *streams);
/* Ends all of them: the control plane stops. */
void api_stream_end_all(struct api_streams *streams, const char *code);

/* For operators: how many there are, and events that slow readers did not get since the start. */
size_t api_stream_count(const struct api_streams *streams);
uint64_t api_stream_dropped(const struct api_streams *streams);

#endif
