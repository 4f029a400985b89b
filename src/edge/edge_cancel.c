#include "edge/edge_cancel.h"

#include "base/memory.h"

static const struct allowance_rate passing_rate = {.burst = EDGE_CANCEL_BURST,
                                                   .per_second = EDGE_CANCEL_PER_SECOND};

struct edge_cancel {
    struct list node; /* cancels->late, or lingering */
    struct http_stream *exchange;
    int64_t due_ms; /* of what lingers */
};

void edge_cancel_init(struct edge_cancels *cancels, int64_t now_ms) {
    list_init(&cancels->late);
    list_init(&cancels->lingering);
    allowance_init(&cancels->passing, &passing_rate, now_ms);
}

static bool may_pass(struct edge_cancels *cancels, int64_t now_ms) {
    return allowance_take(&cancels->passing, &passing_rate, now_ms);
}

/* What still comes is neither read nor consumed: flow control stops it. */
static void ignore_head(void *owner, const struct http_head *head, bool is_end) {
    (void)owner;
    (void)head;
    (void)is_end;
}

static void ignore_data(void *owner, const uint8_t *bytes, size_t len) {
    (void)owner;
    (void)bytes;
    (void)len;
}

static void ignore_end(void *owner, const struct http_fields *trailers) {
    (void)owner;
    (void)trailers;
}

static void ignore_sent(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void on_closed(void *owner, enum http_close reason) {
    struct edge_cancel *cancel = owner;
    (void)reason;
    list_remove(&cancel->node);
}

static const struct http_stream_events late_events = {.on_head = ignore_head,
                                                      .on_data = ignore_data,
                                                      .on_end = ignore_end,
                                                      .on_sent = ignore_sent,
                                                      .on_closed = on_closed};

static void drop_data(void *owner, const uint8_t *bytes, size_t len) {
    struct edge_cancel *cancel = owner;
    (void)bytes;
    http_stream_consumed(cancel->exchange, len);
}

static const struct http_stream_events lingering_events = {.on_head = ignore_head,
                                                           .on_data = drop_data,
                                                           .on_end = ignore_end,
                                                           .on_sent = ignore_sent,
                                                           .on_closed = on_closed};

static void keep(struct list *list, struct http_stream *exchange, int64_t due_ms,
                 const struct http_stream_events *events) {
    struct edge_cancel *cancel = ARENA_NEW(exchange->arena, struct edge_cancel);
    cancel->exchange = exchange;
    cancel->due_ms = due_ms;
    list_append(list, &cancel->node);
    http_stream_attach(exchange, events, cancel);
}

void edge_cancel_exchange(struct edge_cancels *cancels, struct http_stream *exchange,
                          int64_t now_ms) {
    if (list_is_empty(&cancels->late) && may_pass(cancels, now_ms)) {
        http_stream_release(exchange);
        return;
    }
    keep(&cancels->late, exchange, 0, &late_events);
}

void edge_cancel_linger(struct edge_cancels *cancels, struct http_stream *exchange,
                        int64_t now_ms) {
    keep(&cancels->lingering, exchange, now_ms + EDGE_CANCEL_LINGER_MS, &lingering_events);
}

static struct edge_cancel *first_of(const struct list *list) {
    return CONTAINER_OF(list->next, struct edge_cancel, node);
}

static void give_up(struct edge_cancel *cancel) {
    struct http_stream *exchange = cancel->exchange;
    list_remove(&cancel->node);
    http_stream_release(exchange);
}

void edge_cancel_sweep(struct edge_cancels *cancels, int64_t now_ms) {
    while (!list_is_empty(&cancels->late) && may_pass(cancels, now_ms)) {
        give_up(first_of(&cancels->late));
    }
    while (!list_is_empty(&cancels->lingering) && first_of(&cancels->lingering)->due_ms <= now_ms) {
        give_up(first_of(&cancels->lingering));
    }
}
