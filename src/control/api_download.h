/* api_download.h: an operation of the API whose answer is too large to be held: it is made and sent part by part.
 *
 * The handler answers with a function that makes the next part, on a pool thread, each time in a call of its own: no transaction stays open
 * between two parts, which come as fast as the client takes them. One part is in memory at a time. Before each the caller's permission is
 * asked anew. A part that fails, a caller who no longer may and a client that takes nothing for API_DOWNLOAD_STALL_MS cut the answer off: a
 * client sees a body that did not end, never one that ended early. Loop thread, but api_download_answer and `next`.
 */
#ifndef CONTROL_API_DOWNLOAD_H
#define CONTROL_API_DOWNLOAD_H

#include "control/api_call.h"
#include "http/http_stream.h"

#define API_DOWNLOAD_MAX 32
#define API_DOWNLOAD_OF_ONE_MAX 4
#define API_DOWNLOAD_PART_MAX ((size_t)4 << 20)
#define API_DOWNLOAD_STALL_MS 60000

struct api_download {
    /* Adds the next part to `out`. STATUS_OK: there may be more. STATUS_END: that was the last, which may be empty. Else: it failed, and
     * `why` says so. `call` is the one that was answered: its transaction is over, its arena (which goes on growing) is for what is kept. */
    enum status (*next)(struct api_call *call, void *state, struct buf *out, struct why *why);
    void *state; /* in the call's arena */
    const char *content_type;
    const char *filename; /* in the call's arena, or a literal; quoted as it is */
};

/* For handlers. `download` is copied. */
enum status api_download_answer(struct api_call *call,
                                const struct api_download *download) MUST_USE;

struct api_downloads;

struct api_downloads *api_download_new(struct control *control);
void api_download_free(struct api_downloads **downloads);

/* As api_stream_begin. STATUS_UNAVAILABLE (downloads_too_many, overloaded). */
enum status api_download_begin(struct api_downloads *downloads, struct api_call *call,
                               struct http_stream *stream, void (*on_over)(void *context),
                               void *context) MUST_USE;
/* Each second. */
void api_download_tick(struct api_downloads *downloads);

#endif
