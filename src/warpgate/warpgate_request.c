#include "warpgate/warpgate_request.h"

#include "base/log.h"
#include "base/memory.h"
#include "policy/field_policy.h"
#include "warpgate/warpgate_upstream.h"

#define SWEEP_MS 1000
#define SPEAK_MS 60000

struct warpgate_request {
    struct warpgate_waiter waiter;
    struct list awaiting_node; /* parts->awaiting until the response head is here */
    struct warpgate_request_host *host;
    struct http_stream *down; /* to the edge */
    struct http_stream *up;   /* to the workload; NULL before and after */
    struct warpgate_upstream *upstream;
    struct warpgate_link *link;
    struct http_head head;              /* as the workload gets it */
    struct block_queue held;            /* body bytes that came before `up` */
    const struct http_fields *trailers; /* that came before `up` */
    int64_t progress_at_ms;
    bool has_body;          /* more than the head was or will be sent up */
    bool is_request_ended;  /* by the edge */
    bool is_answered;       /* the final head went down */
    bool is_response_ended; /* nothing follows down */
    bool is_discarding;     /* body bytes from the edge have nowhere to go */
};

static void stop_awaiting(struct warpgate_request *request) {
    list_remove(&request->awaiting_node);
}

static void start_awaiting(struct warpgate_request *request) {
    struct warpgate_parts *parts = request->host->parts;
    request->progress_at_ms = loop_now_ms(parts->loop);
    list_append(&parts->awaiting, &request->awaiting_node);
    if (parts->sweep.deadline_ms == 0) {
        loop_timer_set(&parts->sweep, SWEEP_MS);
    }
}

static void note_progress(struct warpgate_request *request) {
    if (list_is_linked(&request->awaiting_node)) {
        list_remove(&request->awaiting_node);
        start_awaiting(request);
    }
}

/* Lets go of the workload's side, however far it is. */
static void drop_upstream(struct warpgate_request *request) {
    stop_awaiting(request);
    warpgate_upstream_leave(&request->waiter);
    if (request->up != NULL) {
        http_stream_release(request->up);
        request->up = NULL;
    }
    warpgate_upstream_give_back(&request->link);
}

/* Gives what is held back to the edge's window, unsent. */
static void discard_body(struct warpgate_request *request) {
    size_t len = request->held.len;
    request->is_discarding = true;
    block_queue_clear(&request->held);
    if (len > 0) {
        http_stream_consumed(request->down, len);
    }
}

static void send_error_head(struct http_stream *stream, unsigned status, const char *slug) {
    struct http_field fields[] = {
        {STR("content-length"), STR("0")},
        {STR(FIELD_TUNNEL_ERROR), str_from(slug)},
    };
    const struct http_head head = {
        .status = status,
        .fields = {.at = fields, .count = 2, .cap = 2},
        .has_content_length = true,
    };
    http_stream_send_head(stream, &head, true);
}

/* The request's memory goes with the stream: nothing may touch it after its end. */
static void finish(struct warpgate_request *request) {
    struct warpgate_request_host *host = request->host;
    drop_upstream(request);
    block_queue_clear(&request->held);
    host->active_count--;
    if (host->active_count == 0) {
        host->on_idle(host);
    }
}

static void fail(struct warpgate_request *request, unsigned status, const char *slug) {
    drop_upstream(request);
    if (request->is_answered) {
        struct http_stream *down = request->down;
        finish(request);
        http_stream_release(down);
        return;
    }
    request->is_answered = true;
    request->is_response_ended = true;
    send_error_head(request->down, status, slug);
    discard_body(request);
}

/* Trailers are cleaned where they stand: nobody else reads them. */
static void end_with(struct http_stream *stream, const struct http_fields *trailers) {
    if (trailers == NULL) {
        http_stream_end(stream, NULL);
        return;
    }
    struct http_fields cleaned = *trailers;
    field_policy_clean_trailers(&cleaned);
    http_stream_end(stream, cleaned.count > 0 ? &cleaned : NULL);
}

/* From the workload */

static void take_response_head(void *owner, const struct http_head *received, bool is_end) {
    struct warpgate_request *request = owner;
    /* the fields are cleaned where they stand: nobody else reads them */
    struct http_head head = *received;
    field_policy_clean_response(&head.fields);
    if (head.status < 200) {
        note_progress(request);
        if (head.status != 100) { /* which the edge has answered itself: nobody waits for it */
            http_stream_send_head(request->down, &head, false);
        }
        return;
    }
    stop_awaiting(request);
    request->is_answered = true;
    request->is_response_ended = is_end;
    http_stream_send_head(request->down, &head, is_end);
}

static void take_response_data(void *owner, const uint8_t *bytes, size_t len) {
    struct warpgate_request *request = owner;
    http_stream_send(request->down, bytes, len);
}

static void take_response_end(void *owner, const struct http_fields *trailers) {
    struct warpgate_request *request = owner;
    if (!request->is_response_ended) {
        request->is_response_ended = true;
        end_with(request->down, trailers);
    }
    if (!request->is_request_ended) {
        /* Answered before it was read: this connection's next bytes could be taken for another request. */
        drop_upstream(request);
        discard_body(request);
    }
}

static void take_sent_up(void *owner, size_t len) {
    struct warpgate_request *request = owner;
    note_progress(request);
    http_stream_consumed(request->down, len);
}

static bool may_be_stale(const struct warpgate_request *request) {
    return warpgate_upstream_is_reused(request->link) && !request->has_body &&
           http_method_is_idempotent(request->head.method) &&
           !h1_client_has_response_bytes(warpgate_upstream_client(request->link));
}

static void take_upstream_closed(void *owner, enum http_close reason) {
    struct warpgate_request *request = owner;
    request->up = NULL;
    if (reason == HTTP_CLOSE_DONE && request->is_response_ended) {
        warpgate_upstream_give_back(&request->link);
        return;
    }
    if (reason == HTTP_CLOSE_MALFORMED) {
        fail(request, 502, "upstream_malformed");
        return;
    }
    fail(request, 502, may_be_stale(request) ? "upstream_stale" : "upstream_closed");
}

static const struct http_stream_events up_events = {
    .on_head = take_response_head,
    .on_data = take_response_data,
    .on_end = take_response_end,
    .on_sent = take_sent_up,
    .on_closed = take_upstream_closed,
};

/* To the workload */

static void send_held(struct warpgate_request *request) {
    const uint8_t *bytes;
    size_t len = block_queue_peek(&request->held, &bytes);
    while (len > 0) {
        http_stream_send(request->up, bytes, len);
        block_queue_consume(&request->held, len);
        len = block_queue_peek(&request->held, &bytes);
    }
}

static void send_up(struct warpgate_request *request, struct warpgate_link *link) {
    bool is_whole =
        request->is_request_ended && request->held.len == 0 && request->trailers == NULL;
    request->link = link;
    request->has_body = !is_whole;
    request->up = h1_client_open(warpgate_upstream_client(link), &request->head, is_whole,
                                 &up_events, request);
    if (request->up == NULL) {
        fail(request, 502, "upstream_closed");
        return;
    }
    if (is_whole) {
        return;
    }
    send_held(request);
    if (request->is_request_ended) {
        end_with(request->up, request->trailers);
    }
}

static void on_link_ready(struct warpgate_waiter *waiter, struct warpgate_link *link) {
    send_up(CONTAINER_OF(waiter, struct warpgate_request, waiter), link);
}

static void on_link_failed(struct warpgate_waiter *waiter, const struct why *why) {
    bool is_timeout = str_eq(str_from(why->slug), STR("timeout_handshake"));
    fail(CONTAINER_OF(waiter, struct warpgate_request, waiter), is_timeout ? 504 : 502,
         is_timeout ? "upstream_timeout" : "upstream_refused");
}

/* From the edge */

static void take_request_data(void *owner, const uint8_t *bytes, size_t len) {
    struct warpgate_request *request = owner;
    if (request->is_discarding) {
        http_stream_consumed(request->down, len);
    } else if (request->up != NULL) {
        http_stream_send(request->up, bytes, len);
    } else {
        block_queue_append(&request->held, bytes, len);
    }
}

static void take_request_end(void *owner, const struct http_fields *trailers) {
    struct warpgate_request *request = owner;
    if (request->is_request_ended) {
        return;
    }
    request->is_request_ended = true;
    if (request->up != NULL) {
        end_with(request->up, trailers);
    } else {
        request->trailers = trailers;
    }
}

static void take_sent_down(void *owner, size_t len) {
    struct warpgate_request *request = owner;
    if (request->up != NULL) {
        http_stream_consumed(request->up, len);
    }
}

static void take_edge_closed(void *owner, enum http_close reason) {
    (void)reason;
    finish(owner);
}

static const struct http_stream_events down_events = {
    .on_data = take_request_data,
    .on_end = take_request_end,
    .on_sent = take_sent_down,
    .on_closed = take_edge_closed,
};

/* Judging */

static struct warpgate_upstream *find_upstream(const struct warpgate_parts *parts,
                                               struct str name) {
    for (size_t i = 0; i < parts->upstream_count; i++) {
        if (str_eq(name, str_from(warpgate_upstream_target(parts->upstreams[i])->name))) {
            return parts->upstreams[i];
        }
    }
    return NULL;
}

/* An edge that lets through what policy forbids is behind with its bundle, or not honest. */
static void speak_of_refusal(struct warpgate_parts *parts, const char *slug) {
    int64_t now_ms = loop_now_ms(parts->loop);
    if (parts->refused_at_ms != 0 && now_ms - parts->refused_at_ms < SPEAK_MS) {
        return;
    }
    parts->refused_at_ms = now_ms;
    log_warn("warpgate.request_refused",
             "code=%s: an edge forwarded what this environment's policy does not allow", slug);
}

static struct warpgate_verdict judge(struct warpgate_request *request,
                                     const struct http_head *head) {
    struct warpgate_parts *parts = request->host->parts;
    const struct http_field *environment =
        http_fields_get(&head->fields, STR(FIELD_TUNNEL_ENVIRONMENT));
    struct warpgate_verdict verdict =
        warpgate_policy_judge(&parts->policy, environment != NULL ? environment->value : STR_EMPTY,
                              head, request->down->arena);
    if (!verdict.is_allowed) {
        speak_of_refusal(parts, verdict.slug);
        return verdict;
    }
    request->upstream = find_upstream(parts, verdict.upstream);
    if (request->upstream == NULL) {
        verdict = (struct warpgate_verdict){.status = 502, .slug = "upstream_undeclared"};
    }
    return verdict;
}

void warpgate_request_start(struct warpgate_request_host *host, struct http_stream *stream,
                            const struct http_head *head, bool is_end) {
    struct warpgate_request *request = ARENA_NEW(stream->arena, struct warpgate_request);
    list_init(&request->waiter.node);
    list_init(&request->awaiting_node);
    request->waiter.on_ready = on_link_ready;
    request->waiter.on_failed = on_link_failed;
    request->host = host;
    request->down = stream;
    request->is_request_ended = is_end;
    block_queue_init(&request->held, loop_block_pool(host->parts->loop));
    http_stream_attach(stream, &down_events, request);
    host->active_count++;
    host->parts->request_count++;
    struct warpgate_verdict verdict = judge(request, head);
    if (!verdict.is_allowed) {
        fail(request, verdict.status, verdict.slug);
        return;
    }
    request->head = *head; /* the fields are cleaned where they stand: nobody else reads them */
    field_policy_clean_tunnel_request(&request->head.fields);
    http_fields_remove(&request->head.fields, STR(FIELD_TUNNEL_ENVIRONMENT));
    field_policy_add_forwarded(&request->head.fields, stream->arena, head->authority);
    start_awaiting(request);
    struct warpgate_link *link = NULL;
    enum status status = warpgate_upstream_take(request->upstream, &request->waiter, &link);
    if (status == STATUS_OK) {
        send_up(request, link);
    } else if (status != STATUS_AGAIN) {
        fail(request, 503, "upstream_busy");
    }
}

void warpgate_request_refuse(struct http_stream *stream, unsigned status, const char *slug) {
    http_stream_discard(stream);
    send_error_head(stream, status, slug);
}

void warpgate_request_sweep(struct loop_timer *timer) {
    struct warpgate_parts *parts = timer->context;
    int64_t now_ms = loop_now_ms(parts->loop);
    while (!list_is_empty(&parts->awaiting)) {
        struct warpgate_request *request =
            CONTAINER_OF(parts->awaiting.next, struct warpgate_request, awaiting_node);
        if (now_ms - request->progress_at_ms < WARPGATE_FIRST_BYTE_MS) {
            loop_timer_set(timer, SWEEP_MS);
            return;
        }
        bool has_waited = list_is_linked(&request->waiter.node);
        fail(request, has_waited ? 503 : 504, has_waited ? "upstream_busy" : "upstream_timeout");
    }
}
