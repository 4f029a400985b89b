/* api_exchange.h: one exchange of the API on the loop's thread: collects the request, has it worked off on a pool thread, answers.
 *
 * The client may go at any time: work that has begun is finished, its answer dropped. Bounds: the body (API_BODY_BYTES_MAX, 413) and
 * the time it takes (408), calls at work (503), logins at work and waiting (503), and what a client may go on sending
 * after it was answered.
 */
#ifndef CONTROL_API_EXCHANGE_H
#define CONTROL_API_EXCHANGE_H

#include "control/api_router.h"
#include "http/http_stream.h"
#include "net/conn.h"

#define API_EXCHANGE_WORK_MAX 256 /* calls on pool threads or waiting for one */
#define API_EXCHANGE_LOGINS_MAX 2 /* logins on pool threads: others must get through */
#define API_EXCHANGE_LOGINS_WAITING_MAX 64
#define API_EXCHANGE_BODY_MS 30000
#define API_EXCHANGE_LINGER_MS 30000 /* for the rest of a request that was answered early */
#define API_EXCHANGE_DROP_BYTES_MAX                                                                \
    ((size_t)16 << 20) /* of a refused body, before the answer goes out regardless */

/* A request has arrived on `conn`: attaches to the stream. */
void api_exchange_begin(struct control *control, const struct api_table *table, struct conn *conn,
                        struct http_stream *stream, const struct http_head *head, bool is_end);
/* Each second: ends what takes too long. */
void api_exchange_tick(struct control *control);

#endif
