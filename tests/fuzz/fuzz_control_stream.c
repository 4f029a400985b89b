/* fuzz_control_stream.c: what a peer may send on a tunnel's control stream and on an edge's feed. */
#include "tunnel/feed_message.h"
#include "tunnel/record.h"
#include "tunnel/tunnel_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct record_reader reader;
    struct why why;
    json_t *object = NULL;
    record_reader_init(&reader);
    if (record_reader_feed(&reader, bytes, len, &why) == STATUS_OK) {
        while (record_reader_next(&reader, &object, &why) == STATUS_OK) {
            struct tunnel_message message;
            struct feed_message feed_message;
            if (tunnel_message_read(object, &message, &why) == STATUS_OK &&
                message.type != TUNNEL_MESSAGE_UNKNOWN) {
                json_decref(tunnel_message_write(&message));
            }
            if (feed_message_read(object, &feed_message, &why) == STATUS_OK &&
                feed_message.type != FEED_MESSAGE_UNKNOWN) {
                json_decref(feed_message_write(&feed_message));
            }
            json_decref(object);
        }
    }
    record_reader_fini(&reader);
    return 0;
}
