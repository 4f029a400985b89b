#include "http/h2_budget.h"

#include <string.h>

#define PREFACE_BYTES 24
#define UPDATES_AT_START 64
#define UPDATES_PER_EXCHANGE 4
#define UPDATES_PER_DATA 2
#define PINGS_PER_DATA 1
#define HEADS_PER_EXCHANGE                                                                         \
    18 /* the most interim heads that are taken (h2_receive.c), the final one, trailers */

enum frame_type {
    FRAME_DATA,
    FRAME_HEADERS,
    FRAME_PRIORITY,
    FRAME_RST_STREAM,
    FRAME_SETTINGS,
    FRAME_PUSH_PROMISE,
    FRAME_PING,
    FRAME_GOAWAY,
    FRAME_WINDOW_UPDATE,
    FRAME_CONTINUATION,
    FRAME_UNKNOWN,
};

#define FLAG_END_STREAM 0x1
#define FLAG_END_HEADERS 0x4
#define FLAG_PADDED 0x8

/* What each frame costs by its type alone; DATA, HEADERS and WINDOW_UPDATE are judged by count_frame, and
 * some others may be free there. */
static const uint8_t frame_points[FRAME_UNKNOWN + 1] = {
    [FRAME_PRIORITY] = 1,     [FRAME_RST_STREAM] = H2_BUDGET_RESET_POINTS,
    [FRAME_SETTINGS] = 4,     [FRAME_PUSH_PROMISE] = 4,
    [FRAME_PING] = 2,         [FRAME_GOAWAY] = 4,
    [FRAME_CONTINUATION] = 4, [FRAME_UNKNOWN] = 2,
};

#define EMPTY_DATA_POINTS 2
#define PADDED_DATA_POINTS 1  /* so short that it may be nothing but padding */
#define LATE_HEADERS_POINTS 1 /* trailers, or for a stream that is gone */

void h2_budget_init(struct h2_budget *budget, const struct clock *clock, bool has_preface) {
    *budget = (struct h2_budget){
        .clock = clock,
        .filled_at_ms = clock_mono_ms(clock),
        .points = H2_BUDGET_BURST,
        .updates_left = UPDATES_AT_START,
        .preface_left = has_preface ? PREFACE_BYTES : 0,
    };
}

/* Only when the account is empty: well-behaved peers never cost a look at the clock. */
static void refill(struct h2_budget *budget) {
    int64_t now = clock_mono_ms(budget->clock);
    int64_t elapsed_ms = now - budget->filled_at_ms;
    if (elapsed_ms <= 0) {
        return;
    }
    if (elapsed_ms > 1000 * H2_BUDGET_BURST) {
        elapsed_ms = 1000 * H2_BUDGET_BURST;
    }
    budget->filled_at_ms = now;
    budget->points += elapsed_ms * H2_BUDGET_PER_SECOND / 1000;
    if (budget->points > H2_BUDGET_BURST) {
        budget->points = H2_BUDGET_BURST;
    }
}

bool h2_budget_charge(struct h2_budget *budget, unsigned points) {
    if (budget->points < (int64_t)points) {
        refill(budget);
    }
    budget->points -= points;
    return budget->points >= 0;
}

static void save_up(uint64_t *left, unsigned count) {
    if (*left < H2_BUDGET_SAVED_MAX) {
        *left += count;
    }
}

/* True if it was free. */
static bool take_free(uint64_t *left) {
    bool is_free = *left > 0;
    *left -= is_free;
    return is_free;
}

void h2_budget_data_sent(struct h2_budget *budget) {
    save_up(&budget->updates_left, UPDATES_PER_DATA);
    save_up(&budget->pings_left, PINGS_PER_DATA);
}

void h2_budget_ping_sent(struct h2_budget *budget) {
    save_up(&budget->pings_left, 1);
}

void h2_budget_exchange_opened(struct h2_budget *budget) {
    save_up(&budget->updates_left, UPDATES_PER_EXCHANGE);
    save_up(&budget->heads_left, HEADS_PER_EXCHANGE);
    save_up(&budget->resets_left, 1);
}

static bool begin_block(struct h2_budget *budget, uint32_t stream_id, uint32_t len) {
    budget->is_in_block = true;
    budget->continuation_count = 0;
    budget->block_bytes = len;
    if (take_free(&budget->heads_left)) {
        return true;
    }
    if (stream_id <= budget->last_stream_id) {
        return h2_budget_charge(budget, LATE_HEADERS_POINTS);
    }
    budget->last_stream_id = stream_id;
    save_up(&budget->updates_left, UPDATES_PER_EXCHANGE);
    return true;
}

static bool continue_block(struct h2_budget *budget, uint32_t len) {
    budget->continuation_count++;
    budget->block_bytes += len;
    return budget->continuation_count <= H2_BUDGET_CONTINUATIONS_MAX &&
           budget->block_bytes <= H2_BUDGET_BLOCK_BYTES &&
           h2_budget_charge(budget, frame_points[FRAME_CONTINUATION]);
}

static bool count_data(struct h2_budget *budget, uint32_t len, uint8_t flags) {
    if ((flags & FLAG_END_STREAM) != 0) {
        return true;
    }
    if (len == 0) {
        return h2_budget_charge(budget, EMPTY_DATA_POINTS);
    }
    if ((flags & FLAG_PADDED) != 0 && len <= 256) {
        return h2_budget_charge(budget, PADDED_DATA_POINTS);
    }
    return true;
}

static bool count_unless_free(struct h2_budget *budget, uint64_t *left, unsigned points) {
    return take_free(left) || h2_budget_charge(budget, points);
}

static uint32_t read_be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* RFC 9113 §4.1: length (24), type (8), flags (8), stream id (31). */
static bool count_frame(struct h2_budget *budget) {
    const uint8_t *head = budget->head;
    uint32_t len = read_be32(head) >> 8;
    uint8_t type = head[3] < FRAME_UNKNOWN ? head[3] : FRAME_UNKNOWN;
    uint8_t flags = head[4];
    bool is_ok;
    budget->payload_left = len;
    switch (type) {
    case FRAME_DATA:
        return count_data(budget, len, flags);
    case FRAME_WINDOW_UPDATE:
        return count_unless_free(budget, &budget->updates_left, 1);
    case FRAME_PING:
        return count_unless_free(budget, &budget->pings_left, frame_points[type]);
    case FRAME_RST_STREAM:
        return count_unless_free(budget, &budget->resets_left, frame_points[type]);
    case FRAME_HEADERS:
        is_ok = begin_block(budget, read_be32(head + 5) & 0x7fffffff, len);
        break;
    case FRAME_CONTINUATION:
        is_ok = continue_block(budget, len);
        break;
    default:
        return h2_budget_charge(budget, frame_points[type]);
    }
    if ((flags & FLAG_END_HEADERS) != 0) {
        budget->is_in_block = false;
    }
    return is_ok;
}

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

bool h2_budget_scan(struct h2_budget *budget, const uint8_t *bytes, size_t len) {
    size_t at = min_size(len, budget->preface_left);
    budget->preface_left -= (uint32_t)at;
    while (at < len) {
        if (budget->payload_left > 0) {
            size_t skipped = min_size(len - at, budget->payload_left);
            budget->payload_left -= (uint32_t)skipped;
            at += skipped;
            continue;
        }
        size_t taken = min_size(len - at, sizeof budget->head - budget->head_len);
        memcpy(budget->head + budget->head_len, bytes + at, taken);
        budget->head_len = (uint8_t)(budget->head_len + taken);
        at += taken;
        if (budget->head_len < sizeof budget->head) {
            return true;
        }
        budget->head_len = 0;
        if (!count_frame(budget)) {
            return false;
        }
    }
    return true;
}

bool h2_budget_is_in_head(const struct h2_budget *budget) {
    if (budget->preface_left > 0) {
        return budget->preface_left < PREFACE_BYTES;
    }
    return budget->is_in_block || (budget->payload_left > 0 && budget->head[3] == FRAME_HEADERS);
}
