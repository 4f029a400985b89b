/* fuzz_event_stream.c: an event stream gives the same events in whatever pieces it comes, and none with a line end in its name. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli_sse.h"

struct seen {
    uint64_t hash;
    size_t count;
};

static bool see(void *context, struct str event, struct str data) {
    struct seen *seen = context;
    if (memchr(event.at, '\n', event.len) != NULL || str_is_empty(event)) {
        abort();
    }
    seen->hash = seen->hash * 31 + str_hash(event) * 7 + str_hash(data);
    seen->count++;
    return true;
}

static struct seen feed(struct str bytes, size_t step) {
    struct seen seen = {0};
    struct cli_sse sse;
    cli_sse_init(&sse, see, &seen);
    for (size_t at = 0; at < bytes.len; at += step) {
        (void)cli_sse_feed(&sse, str_sub(bytes, at, step));
    }
    cli_sse_fini(&sse);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct seen whole = feed(str_make(bytes, len), len + 1);
    struct seen pieces = feed(str_make(bytes, len), 3);
    if (whole.hash != pieces.hash || whole.count != pieces.count) {
        abort();
    }
    return 0;
}
