/* tunnel_channel.h: records both ways over one HTTP stream: the tunnel's control stream, and the edge's feed.
 *
 * Owns neither the stream's connection nor its engine. Attaches itself to the stream's events. A message is handed out as a JSON
 * object that lives during the call. Anything malformed closes the channel: on_closed with why, once, last; the channel is
 * then to be freed with tunnel_channel_free by its owner (also from inside on_closed). Unsent output over 16 MiB closes it, too: nothing more is sent, and
 * on_closed comes with the stream's next event. A final status other than 200 closes a client's channel.
 */
#ifndef TUNNEL_TUNNEL_CHANNEL_H
#define TUNNEL_TUNNEL_CHANNEL_H

#include <jansson.h>

#include "base/status.h"
#include "http/http_stream.h"

#define TUNNEL_CHANNEL_STUCK_MS 30000

struct tunnel_channel;

struct tunnel_channel_events {
    void (*on_head)(void *owner,
                    const struct http_head *head); /* client side: the response head; may be NULL */
    void (*on_record)(void *owner, const json_t *object);
    void (*on_closed)(void *owner, const struct why *why);
};

/* Nothing happens before tunnel_channel_attach. */
struct tunnel_channel *tunnel_channel_new(const struct tunnel_channel_events *events, void *owner);
/* The longest record that the peer may send, where RECORD_BYTES_MAX is too much. */
void tunnel_channel_limit(struct tunnel_channel *channel, size_t record_bytes_max);
/* What to give to h2_session_open or h1_client_open, with the channel as owner. */
const struct http_stream_events *tunnel_channel_stream_events(void);
/* A server's stream, its head answered before or after; or the result of opening one with the events above. */
void tunnel_channel_attach(struct tunnel_channel *channel, struct http_stream *stream);
/* Writes one record (object is not consumed). Silently does nothing once closed. */
void tunnel_channel_send(struct tunnel_channel *channel, const json_t *object);
/* True when the peer has taken nothing of what waits for it for TUNNEL_CHANNEL_STUCK_MS, or too much waits: that causes no event, so
 * an owner who has such peers asks now and then. Times of one clock. */
bool tunnel_channel_is_stuck(struct tunnel_channel *channel, int64_t now_ms);
/* Ends our direction; releases the stream if still open. No events come after it. NULLs the pointer. */
void tunnel_channel_free(struct tunnel_channel **channel);

#endif
