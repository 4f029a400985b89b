/* fuzz_h2_client.c: any bytes as the HTTP/2 server that answers three requests. */
#include <stdlib.h>

#include "fuzz_h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static struct block_pool pool = {.keep_max = 4};
    static const struct str methods[] = {STR_INIT("GET"), STR_INIT("POST"), STR_INIT("HEAD")};
    if (len == 0) {
        return 0;
    }
    fuzz_mode = bytes[0];
    struct h2_session *session = h2_session_new(&(struct h2_config){
        .role = H2_CLIENT,
        .profile = (fuzz_mode & FUZZ_VISITOR) != 0 ? H2_UPSTREAM : H2_TUNNEL,
        .pool = &pool,
    });
    for (size_t i = 0; i < 3; i++) {
        struct http_head head = {.method = methods[i], .scheme = STR("http"), .path = STR("/")};
        struct http_stream *stream = h2_session_open(session, &head, i != 1, &fuzz_events, NULL);
        http_stream_attach(stream, &fuzz_events, stream);
    }
    fuzz_drain_output(h2_session_engine(session));
    /* SETTINGS that allow WebSockets, and one that is asked for */
    static const uint8_t settings[] = {0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1};
    struct http_head head = {.method = STR("GET"),
                             .scheme = STR("http"),
                             .authority = STR("a"),
                             .path = STR("/"),
                             .protocol = STR("websocket")};
    h2_session_engine(session)->ops->feed(h2_session_engine(session), settings, sizeof settings);
    struct http_stream *stream = h2_session_open(session, &head, false, &fuzz_events, NULL);
    http_stream_attach(stream, &fuzz_events, stream);
    fuzz_drain_output(h2_session_engine(session));
    fuzz_feed(session, bytes + 1, len - 1);
    if (pool.used_count != 0) {
        abort();
    }
    return 0;
}
