/* api_exchange.h: one exchange of the API on the loop's thread: collects the request, has it worked off on a pool thread, answers.
 *
 * The client may go at any time: work that has begun is finished, its answer dropped. Of somebody who has yet to show who it is no
 * more than API_BODY_OPEN_BYTES_MAX and a window of the stream is kept: then the session is looked up first, and the rest
 * taken after that. Bounds: the body (API_BODY_BYTES_MAX, or API_BODY_OPEN_BYTES_MAX where no session is needed, 413) and the time it
 * takes (408), calls at work (503), logins at work and waiting (503), and what a client may go on sending
 * after it was answered.
 */
#ifndef CONTROL_API_EXCHANGE_H
#define CONTROL_API_EXCHANGE_H

#include "control/api_router.h"
#include "http/http_stream.h"

#define API_EXCHANGE_WORK_MAX 256 /* calls on pool threads or waiting for one */
#define API_EXCHANGE_LOGINS_MAX 2 /* logins on pool threads: others must get through */
#define API_EXCHANGE_LOGINS_WAITING_MAX 64
#define API_EXCHANGE_BODY_MS 30000
#define API_EXCHANGE_LINGER_MS 30000 /* for the rest of a request that was answered early */
/* of a refused body, before the answer goes out regardless */
#define API_EXCHANGE_DROP_BYTES_MAX ((size_t)16 << 20)

/* Who is at the other end of the connection. */
struct api_peer {
    char ip_address[ADDRESS_TEXT_SIZE];
    bool is_warpgate; /* it showed a warpgate's certificate, which was verified and judged */
    struct cert_identity identity;
};

/* A request has arrived: attaches to the stream. `peer` is copied. */
void api_exchange_begin(struct control *control, const struct api_table *table,
                        const struct api_peer *peer, struct http_stream *stream,
                        const struct http_head *head);
/* Each second: ends what takes too long. */
void api_exchange_tick(struct control *control);

#endif
