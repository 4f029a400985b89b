/* fuzz_h2_server.c: any bytes as an HTTP/2 client, behind a correct preface. */
#include <stdlib.h>

#include "fuzz_h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static struct block_pool pool = {.keep_max = 4};
    if (len == 0) {
        return 0;
    }
    fuzz_mode = bytes[0];
    struct h2_session *session = h2_session_new(&(struct h2_config){
        .role = H2_SERVER,
        .profile = (fuzz_mode & FUZZ_VISITOR) != 0 ? H2_VISITOR : H2_TUNNEL,
        .pool = &pool,
        .server = {fuzz_on_request, NULL},
    });
    struct engine *engine = h2_session_engine(session);
    engine->ops->feed(engine, (const uint8_t *)preface, sizeof preface - 1);
    fuzz_feed(session, bytes + 1, len - 1);
    if (pool.used_count != 0) {
        abort();
    }
    return 0;
}
