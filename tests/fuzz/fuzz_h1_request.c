/* fuzz_h1_request.c: what a visitor sends, in three ways of splitting it, of which the owner must see nothing. */
#include "fuzz_h1.h"

#include "http/h1_server.h"

static void on_request(void *context, struct http_stream *stream, const struct http_head *head,
                       bool is_end) {
    struct drive *drive = context;
    drive->stream = stream;
    http_stream_attach(stream, &drive_events, drive);
    drive->answers = true;
    drive_on_head(drive, head, is_end);
    if (head->protocol.len > 0 && !str_eq(head->path, STR("/no"))) {
        drive->is_switched = true;
        http_stream_send_head(stream, &(struct http_head){.status = 101}, false);
    } else if (head->protocol.len > 0) {
        http_stream_send_head(stream, &(struct http_head){.status = 204}, true);
        drive->answers = false;
    }
}

static uint64_t run(const uint8_t *bytes, size_t len, size_t step) {
    struct drive drive = {.answers = true};
    struct block_pool pool;
    block_pool_init(&pool, 1);
    struct h1_server_config config = {&pool, {on_request, &drive}, STR("https"), NULL, 100};
    drive_feed(h1_server_engine(h1_server_new(&config)), bytes, len, step);
    if (drive.stream != NULL || pool.used_count != 0) {
        abort();
    }
    block_pool_fini(&pool);
    return drive.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    uint64_t first = run(bytes, len, 1);
    if (first != run(bytes, len, 13) || first != run(bytes, len, len * 7 + 1)) {
        abort();
    }
    return 0;
}
