/* cli_sse.h: an event stream's bytes as events (WHATWG HTML §9.2.6), line by line, in whatever pieces they come.
 *
 * An event of more than CLI_SSE_BYTES_MAX is dropped.
 */
#ifndef CLI_CLI_SSE_H
#define CLI_CLI_SSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

#define CLI_SSE_BYTES_MAX ((size_t)1 << 20)
#define CLI_SSE_ID_SIZE 128

/* `event` is "message" where the stream names none. False ends it. */
typedef bool (*cli_sse_event_fn)(void *context, struct str event, struct str data);

struct cli_sse {
    cli_sse_event_fn on_event;
    void *context;
    struct buf line;
    struct buf data;
    char event[64];
    char last_id[CLI_SSE_ID_SIZE]; /* for Last-Event-ID */
    bool is_after_cr;
    bool is_too_large; /* what comes up to the next empty line is dropped */
};

void cli_sse_init(struct cli_sse *sse, cli_sse_event_fn on_event, void *context);
void cli_sse_fini(struct cli_sse *sse);
/* False: the callback wants no more. */
bool cli_sse_feed(struct cli_sse *sse, struct str bytes);

#endif
