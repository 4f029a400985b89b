/* h2_budget.h: what a hostile HTTP/2 peer may cost: one account per session, counted before the library sees a byte.
 *
 * Every frame head in the peer's bytes is read here, also of frames that the library would skip in silence. Frames that
 * carry no request and no body cost points (the table in h2_budget.c); so do resets that we have to send because of
 * the peer. 1000 points at once, 500 more each second: about 250 cancels in one go, which no browser needs, and 125 a second.
 * WINDOW_UPDATE is free while it answers DATA or a request, PING while it answers DATA (gRPC measures with it). A server's
 * responses are free while they answer requests of ours: so many header blocks, and one reset, for each. A header block may have 8 CONTINUATION frames and 64 KiB:
 * twice what http_message.h accepts decoded, so that somewhat too large still gets an answer.
 * Owned by the session; no allocation; one thread.
 */
#ifndef HTTP_H2_BUDGET_H
#define HTTP_H2_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define H2_BUDGET_BURST 1000
#define H2_BUDGET_PER_SECOND 500
#define H2_BUDGET_RESET_POINTS 4     /* a reset by the peer, or by us because of the peer */
#define H2_BUDGET_OVERSIZE_POINTS 20 /* a header list over the limit: decoded in full for nothing */
#define H2_BUDGET_BLOCK_BYTES 65536  /* of one encoded header block */
#define H2_BUDGET_CONTINUATIONS_MAX 8 /* of one header block */
#define H2_BUDGET_SAVED_MAX 65536     /* of what is free, so much can be saved up */

struct h2_budget {
    const struct clock *clock;
    int64_t filled_at_ms;
    int64_t points;
    uint64_t updates_left; /* WINDOW_UPDATEs that are free */
    uint64_t pings_left;
    uint64_t heads_left;  /* HEADERS of a server */
    uint64_t resets_left; /* and its resets */
    uint8_t head[9];      /* of the frame that is arriving */
    uint8_t head_len;
    uint8_t continuation_count;
    bool is_in_block;      /* HEADERS came, END_HEADERS not yet */
    uint32_t preface_left; /* of the 24 bytes that a client begins with */
    uint32_t payload_left; /* of the frame whose head is complete */
    uint32_t block_bytes;
    uint32_t last_stream_id; /* the highest that HEADERS named */
};

/* `has_preface`: the peer is a client. `clock` must outlive the budget. */
void h2_budget_init(struct h2_budget *budget, const struct clock *clock, bool has_preface);
/* Counts the frames in the peer's next bytes. False: overdrawn, or a header block over its limits. */
bool h2_budget_scan(struct h2_budget *budget, const uint8_t *bytes, size_t len);
/* We sent PING: its answer is free. */
void h2_budget_ping_sent(struct h2_budget *budget);
/* False when overdrawn. */
bool h2_budget_charge(struct h2_budget *budget, unsigned points);
/* We are a client and sent a request: what a server needs to answer it is free. */
void h2_budget_exchange_opened(struct h2_budget *budget);
/* We sent DATA: two WINDOW_UPDATEs and a PING of the peer are free. */
void h2_budget_data_sent(struct h2_budget *budget);
/* A preface or a header block has begun and is not complete. */
bool h2_budget_is_in_head(const struct h2_budget *budget);

#endif
