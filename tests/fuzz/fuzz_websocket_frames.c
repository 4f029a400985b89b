/* fuzz_websocket_frames.c: one direction of a WebSocket, whole and byte by byte; the first byte says whose. */
#include <stdlib.h>

#include "http/websocket_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct websocket_frames whole;
    struct websocket_frames pieces;
    if (len == 0) {
        return 0;
    }
    websocket_frames_init(&whole, bytes[0] % 2 == 1);
    websocket_frames_init(&pieces, bytes[0] % 2 == 1);
    websocket_frames_feed(&whole, bytes + 1, len - 1);
    for (size_t i = 1; i < len; i++) {
        websocket_frames_feed(&pieces, bytes + i, 1);
    }
    if (whole.state != pieces.state || whole.has_close != pieces.has_close ||
        whole.payload_left != pieces.payload_left) {
        abort();
    }
    return 0;
}
