/* websocket_frames.h: where one direction of a WebSocket stands between its frames (RFC 6455 §5.2).
 *
 * For whoever relays a WebSocket and may have to end it in its own name: a Close frame can be put in only between two
 * frames, and only where none has passed. Fed with every byte of one direction, in any pieces; keeps a frame's head at
 * most, looks at no payload and changes nothing. Reserved bits are an extension's business. From the first malformed head on
 * (reserved opcode, wrong masking, a length that is not the shortest, a control frame that is long or in fragments) nothing is known any
 * more, and nothing may be put in. Pure; one thread.
 */
#ifndef HTTP_WEBSOCKET_FRAMES_H
#define HTTP_WEBSOCKET_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEBSOCKET_FRAMES_HEAD_MAX 14     /* two bytes, eight of length, four of mask */
#define WEBSOCKET_FRAMES_CLOSE_MAX 8     /* of a Close frame that carries a code alone */
#define WEBSOCKET_FRAMES_GOING_AWAY 1001 /* RFC 6455 §7.4.1 */

enum websocket_frames_state {
    WEBSOCKET_FRAMES_BETWEEN, /* no byte of a frame has come that is not complete */
    WEBSOCKET_FRAMES_HEAD,
    WEBSOCKET_FRAMES_PAYLOAD,
    WEBSOCKET_FRAMES_UNKNOWN, /* for good: what came is no WebSocket */
};

struct websocket_frames {
    enum websocket_frames_state state;
    bool is_masked; /* the direction's frames have to be */
    bool has_close; /* one has passed, complete */
    uint8_t head[WEBSOCKET_FRAMES_HEAD_MAX];
    uint8_t head_len;
    uint64_t payload_left;
};

/* `is_masked`: bytes of a client (RFC 6455 §5.1). */
void websocket_frames_init(struct websocket_frames *frames, bool is_masked);
void websocket_frames_feed(struct websocket_frames *frames, const uint8_t *bytes, size_t len);
/* True if a frame of our own may follow what has passed. */
bool websocket_frames_may_close(const struct websocket_frames *frames);
/* Writes a Close frame with this code and returns its length. `mask` for frames to a server, else NULL. */
size_t websocket_frames_put_close(uint16_t code, const uint8_t mask[4],
                                  uint8_t out[WEBSOCKET_FRAMES_CLOSE_MAX]);

#endif
