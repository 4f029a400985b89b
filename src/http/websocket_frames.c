#include "http/websocket_frames.h"

#include <string.h>

#define FIN 0x80
#define MASKED 0x80
#define IS_CONTROL 0x08
#define OPCODE_CLOSE 0x08
#define LENGTH_IN_2 126 /* the next two bytes are the length */
#define LENGTH_IN_8 127
#define CONTROL_BYTES_MAX 125

/* RFC 6455 §11.8: continuation, text, binary; close, ping, pong. */
static const bool known_opcodes[16] = {
    [0x0] = true, [0x1] = true, [0x2] = true, [0x8] = true, [0x9] = true, [0xa] = true,
};

void websocket_frames_init(struct websocket_frames *frames, bool is_masked) {
    *frames = (struct websocket_frames){.is_masked = is_masked};
}

static unsigned length_bytes(uint8_t length) {
    if (length == LENGTH_IN_2) {
        return 2;
    }
    return length == LENGTH_IN_8 ? 8 : 0;
}

/* How long the head is, as far as its first two bytes say. */
static unsigned head_size(const struct websocket_frames *frames) {
    if (frames->head_len < 2) {
        return 2;
    }
    return 2 + length_bytes(frames->head[1] & 0x7f) + (frames->is_masked ? 4 : 0);
}

/* What the first two bytes must not be. */
static bool is_malformed(const struct websocket_frames *frames) {
    uint8_t opcode = frames->head[0] & 0x0f;
    uint8_t length = frames->head[1] & 0x7f;
    bool is_masked = (frames->head[1] & MASKED) != 0;
    if (!known_opcodes[opcode] || is_masked != frames->is_masked) {
        return true;
    }
    bool is_control = (opcode & IS_CONTROL) != 0;
    return is_control && (length > CONTROL_BYTES_MAX || (frames->head[0] & FIN) == 0);
}

/* False if it could have been said with fewer bytes, or is over 2^63 - 1. */
static bool read_length(const struct websocket_frames *frames, uint64_t *length) {
    uint8_t first = frames->head[1] & 0x7f;
    unsigned count = length_bytes(first);
    *length = count == 0 ? first : 0;
    for (unsigned i = 0; i < count; i++) {
        *length = *length << 8 | frames->head[2 + i];
    }
    return count == 0 || (count == 2 && *length > CONTROL_BYTES_MAX) ||
           (count == 8 && *length > UINT16_MAX && *length <= INT64_MAX);
}

static void end_frame(struct websocket_frames *frames) {
    bool is_close = (frames->head[0] & 0x0f) == OPCODE_CLOSE;
    frames->has_close = frames->has_close || is_close;
    frames->state = WEBSOCKET_FRAMES_BETWEEN;
    frames->head_len = 0;
}

static void take_head_byte(struct websocket_frames *frames, uint8_t byte) {
    frames->state = WEBSOCKET_FRAMES_HEAD;
    frames->head[frames->head_len++] = byte;
    if (frames->head_len == 2 && is_malformed(frames)) {
        frames->state = WEBSOCKET_FRAMES_UNKNOWN;
        return;
    }
    if (frames->head_len < head_size(frames)) {
        return;
    }
    if (!read_length(frames, &frames->payload_left)) {
        frames->state = WEBSOCKET_FRAMES_UNKNOWN;
        return;
    }
    frames->state = WEBSOCKET_FRAMES_PAYLOAD;
    if (frames->payload_left == 0) {
        end_frame(frames);
    }
}

static size_t skip_payload(struct websocket_frames *frames, size_t len) {
    size_t skipped = len < frames->payload_left ? len : (size_t)frames->payload_left;
    frames->payload_left -= skipped;
    if (frames->payload_left == 0) {
        end_frame(frames);
    }
    return skipped;
}

void websocket_frames_feed(struct websocket_frames *frames, const uint8_t *bytes, size_t len) {
    for (size_t at = 0; at < len && frames->state != WEBSOCKET_FRAMES_UNKNOWN;) {
        if (frames->state == WEBSOCKET_FRAMES_PAYLOAD) {
            at += skip_payload(frames, len - at);
        } else {
            take_head_byte(frames, bytes[at++]);
        }
    }
}

bool websocket_frames_may_close(const struct websocket_frames *frames) {
    return frames->state == WEBSOCKET_FRAMES_BETWEEN && !frames->has_close;
}

size_t websocket_frames_put_close(uint16_t code, const uint8_t mask[4],
                                  uint8_t out[WEBSOCKET_FRAMES_CLOSE_MAX]) {
    const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t at = 0;
    out[at++] = FIN | OPCODE_CLOSE;
    out[at++] = (uint8_t)((mask != NULL ? MASKED : 0) | sizeof payload);
    if (mask != NULL) {
        memcpy(out + at, mask, 4);
        at += 4;
    }
    for (size_t i = 0; i < sizeof payload; i++) {
        out[at++] = (uint8_t)(payload[i] ^ (mask != NULL ? mask[i] : 0));
    }
    return at;
}
