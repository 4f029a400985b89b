/* fuzz_h1_response.c: what a workload answers to a GET; to a HEAD if it begins with "!", and to one who asks for a WebSocket (always
 * with the same key) if it begins with "^". In three ways of splitting it. */
#include "fuzz_h1.h"

#include "http/h1_client.h"

static uint64_t run(const uint8_t *bytes, size_t len, size_t step, uint8_t kind) {
    struct drive drive = {0};
    struct block_pool pool;
    struct random_seeded random;
    random_seeded_init(&random, 7);
    block_pool_init(&pool, 1);
    struct h1_client_config config = {&pool, 100, &random.random};
    struct h1_client *client = h1_client_new(&config);
    struct http_head head = {.method = kind == '!' ? STR("HEAD") : STR("GET"),
                             .authority = STR("a"),
                             .path = STR("/"),
                             .protocol = kind == '^' ? STR("websocket") : STR("")};
    drive.stream = h1_client_open(client, &head, true, &drive_events, &drive);
    drive_drain(h1_client_engine(client));
    drive_feed(h1_client_engine(client), bytes, len, step);
    if (drive.stream != NULL || pool.used_count != 0) {
        abort();
    }
    block_pool_fini(&pool);
    return drive.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    uint8_t kind = len > 0 ? bytes[0] : 0;
    size_t skip = kind == '!' || kind == '^';
    uint64_t first = run(bytes + skip, len - skip, 1, kind);
    if (first != run(bytes + skip, len - skip, 13, kind) ||
        first != run(bytes + skip, len - skip, len * 7 + 1, kind)) {
        abort();
    }
    return 0;
}
