/* fuzz_h1_response.c: what a workload answers, to HEAD if it begins with "!", in three ways of splitting it. */
#include "fuzz_h1.h"

#include "http/h1_client.h"

static uint64_t run(const uint8_t *bytes, size_t len, size_t step, struct str method) {
    struct drive drive = {0};
    struct block_pool pool;
    block_pool_init(&pool, 1);
    struct h1_client_config config = {&pool, 100};
    struct h1_client *client = h1_client_new(&config);
    struct http_head head = {.method = method, .authority = STR("a"), .path = STR("/")};
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
    /* '!': then the response */
    struct str method = len > 0 && bytes[0] == '!' ? STR("HEAD") : STR("GET");
    size_t skip = len > 0 && bytes[0] == '!';
    uint64_t first = run(bytes + skip, len - skip, 1, method);
    if (first != run(bytes + skip, len - skip, 13, method) ||
        first != run(bytes + skip, len - skip, len * 7 + 1, method)) {
        abort();
    }
    return 0;
}
