#include "warpgate/warpgate_request.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "policy/field_policy.h"
#include "warpgate/warpgate_deadline.h"
#include "warpgate/warpgate_upstream.h"

#define SPEAK_MS 60000

struct warpgate_request {
    struct warpgate_waiter waiter;
    struct warpgate_deadline deadline; /* of what the request waits for at present */
    struct warpgate_request_host *host;
    struct http_stream *down; /* to the edge */
    struct http_stream *up;   /* to the workload; NULL before and after */
    struct warpgate_upstream *upstream;
    struct warpgate_link *link;
    struct http_head head;              /* as the workload gets it */
    struct block_queue held;            /* body bytes that may not go up yet */
    const struct http_fields *trailers; /* that came before `up` */
    struct bundle_timeouts timeouts;
    int64_t began_at_ms;
    int64_t progress_at_ms;
    bool has_body;          /* more than the head was or will be sent up */
    bool is_websocket;      /* asks to become one */
    bool is_switched;       /* and has: the workload agreed */
    bool is_request_ended;  /* by the edge */
    bool is_answered;       /* the final head went down */
    bool is_response_ended; /* nothing follows down */
    bool is_discarding;     /* body bytes from the edge have nowhere to go */
};

static void note_progress(struct warpgate_request *request) {
    request->progress_at_ms = loop_now_ms(request->host->parts->loop);
}

static void set_deadline(struct warpgate_request *request, int64_t delay_ms) {
    warpgate_deadline_set(request->host->parts, &request->deadline, delay_ms);
}

static void clear_deadline(struct warpgate_request *request) {
    warpgate_deadline_clear(request->host->parts, &request->deadline);
}

/* Lets go of the workload's side, however far it is. */
static void drop_upstream(struct warpgate_request *request) {
    clear_deadline(request);
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

/* Time */

static void fail_waiting(struct warpgate_request *request) {
    int64_t waited_ms = loop_now_ms(request->host->parts->loop) - request->began_at_ms;
    bool is_full = warpgate_upstream_is_full(request->upstream);
    if (is_full && waited_ms < request->timeouts.first_byte_ms) {
        set_deadline(request, request->timeouts.first_byte_ms - waited_ms);
        return;
    }
    fail(request, is_full ? 503 : 504, is_full ? "upstream_busy" : "upstream_timeout");
}

/* False while it is the visitor who keeps everybody waiting. */
static bool is_workloads_turn(const struct warpgate_request *request) {
    return request->is_request_ended || request->is_websocket || request->up->unsent > 0;
}

/* Set once for each thing that is waited for; what happens in between only notes the time. */
static void on_due(struct warpgate_deadline *deadline) {
    struct warpgate_request *request = CONTAINER_OF(deadline, struct warpgate_request, deadline);
    int64_t limit_ms =
        request->is_answered ? request->timeouts.idle_ms : request->timeouts.first_byte_ms;
    int64_t since_ms = loop_now_ms(request->host->parts->loop) - request->progress_at_ms;
    if (list_is_linked(&request->waiter.node)) {
        fail_waiting(request);
    } else if (since_ms < limit_ms) {
        set_deadline(request, limit_ms - since_ms);
    } else if (request->is_answered || is_workloads_turn(request)) {
        fail(request, 504, "upstream_timeout");
    } else {
        note_progress(request);
        set_deadline(request, limit_ms);
    }
}

/* From the workload */

static void send_held(struct warpgate_request *request);

static void take_final_head(struct warpgate_request *request, const struct http_head *head,
                            bool is_end) {
    clear_deadline(request);
    note_progress(request);
    request->is_answered = true;
    request->is_response_ended = is_end;
    request->is_switched = request->is_websocket && head->status == 101;
    http_stream_send_head(request->down, head, is_end);
    if (request->timeouts.idle_ms > 0) {
        set_deadline(request, request->timeouts.idle_ms);
    }
    if (request->is_switched) {
        send_held(request);
        if (request->is_request_ended) {
            http_stream_end(request->up, NULL);
        }
    } else if (request->is_websocket) {
        discard_body(request); /* they were meant for the WebSocket that is not to be */
    }
}

static void take_response_head(void *owner, const struct http_head *received, bool is_end) {
    struct warpgate_request *request = owner;
    /* the fields are cleaned where they stand: nobody else reads them */
    struct http_head head = *received;
    field_policy_clean_response(&head.fields);
    if (head.status >= 200 || head.status == 101) {
        take_final_head(request, &head, is_end);
        return;
    }
    note_progress(request);
    if (head.status != 100) { /* which the edge has answered itself: nobody waits for it */
        http_stream_send_head(request->down, &head, false);
    }
}

static void take_response_data(void *owner, const uint8_t *bytes, size_t len) {
    struct warpgate_request *request = owner;
    note_progress(request);
    http_stream_send(request->down, bytes, len);
}

static void take_response_end(void *owner, const struct http_fields *trailers) {
    struct warpgate_request *request = owner;
    if (!request->is_response_ended) {
        request->is_response_ended = true;
        end_with(request->down, trailers);
    }
    bool may_go_on = request->is_switched || warpgate_link_is_shared(request->link);
    if (!request->is_request_ended && !may_go_on) {
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
    return !request->has_body && http_method_is_idempotent(request->head.method) &&
           warpgate_link_may_be_stale(request->link);
}

/* What the end of an exchange without an answer becomes on the tunnel. */
static const char *name_loss(const struct warpgate_request *request, enum http_close reason) {
    switch (reason) {
    case HTTP_CLOSE_MALFORMED:
        return "upstream_malformed";
    case HTTP_CLOSE_REFUSED:
        return "upstream_unprocessed";
    case HTTP_CLOSE_LOST:
    case HTTP_CLOSE_DONE:
        return may_be_stale(request) ? "upstream_stale" : "upstream_closed";
    case HTTP_CLOSE_CANCELLED:
        break;
    }
    return "upstream_closed";
}

static void take_upstream_closed(void *owner, enum http_close reason) {
    struct warpgate_request *request = owner;
    request->up = NULL;
    if (!request->is_response_ended) {
        fail(request, 502, name_loss(request, reason));
        return;
    }
    drop_upstream(request);
    if (request->is_request_ended) {
        return;
    }
    if (request->is_switched && reason != HTTP_CLOSE_DONE) {
        fail(request, 502, "upstream_closed");
        return;
    }
    discard_body(request); /* all that the workload wanted to read, it has read */
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
    bool is_whole = !request->is_websocket && request->is_request_ended && request->held.len == 0 &&
                    request->trailers == NULL;
    request->link = link;
    request->has_body = !is_whole;
    request->up = warpgate_link_open(link, &request->head, is_whole, &up_events, request);
    if (request->up == NULL) {
        fail(request, 502, "upstream_closed");
        return;
    }
    note_progress(request);
    set_deadline(request, request->timeouts.first_byte_ms);
    if (is_whole || request->is_websocket) {
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

/* What a link that could not be made becomes on the tunnel; whatever is not here: upstream_refused. */
static const struct {
    const char *why;
    unsigned status;
    const char *slug;
} link_failures[] = {
    {"timeout_handshake", 504, "upstream_timeout"}, {"tls_verify", 502, "upstream_tls"},
    {"tls_handshake", 502, "upstream_tls"},         {"not_http2", 502, "upstream_malformed"},
    {"no_websocket", 502, "upstream_no_websocket"},
};

static void fail_unlinked(struct warpgate_request *request, const char *why) {
    for (size_t i = 0; i < sizeof(link_failures) / sizeof(link_failures[0]); i++) {
        if (strcmp(link_failures[i].why, why) == 0) {
            fail(request, link_failures[i].status, link_failures[i].slug);
            return;
        }
    }
    fail(request, 502, "upstream_refused");
}

static void on_link_failed(struct warpgate_waiter *waiter, const struct why *why) {
    fail_unlinked(CONTAINER_OF(waiter, struct warpgate_request, waiter), why->slug);
}

/* From the edge */

static void take_request_data(void *owner, const uint8_t *bytes, size_t len) {
    struct warpgate_request *request = owner;
    bool may_go_up = request->up != NULL && (!request->is_websocket || request->is_switched);
    note_progress(request);
    if (request->is_discarding) {
        http_stream_consumed(request->down, len);
    } else if (may_go_up) {
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
    note_progress(request);
    if (request->up == NULL) {
        request->trailers = trailers;
    } else if (!request->is_websocket) {
        end_with(request->up, trailers);
    } else if (request->is_switched) {
        http_stream_end(request->up, NULL);
    }
}

static void take_sent_down(void *owner, size_t len) {
    struct warpgate_request *request = owner;
    note_progress(request);
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
    request->timeouts = verdict.timeouts;
    request->upstream = find_upstream(parts, verdict.upstream);
    if (request->upstream == NULL) {
        verdict = (struct warpgate_verdict){.status = 502, .slug = "upstream_undeclared"};
    }
    return verdict;
}

/* The connection to the workload is another than the visitor's: it has a scheme of its own. */
static void make_head(struct warpgate_request *request, const struct http_head *head) {
    request->head = *head; /* the fields are cleaned where they stand: nobody else reads them */
    field_policy_clean_tunnel_request(&request->head.fields);
    http_fields_remove(&request->head.fields, STR(FIELD_TUNNEL_ENVIRONMENT));
    field_policy_add_forwarded(&request->head.fields, request->down->arena, head->authority);
    if (warpgate_upstream_target(request->upstream)->kind != WARPGATE_TARGET_HTTPS) {
        request->head.scheme = STR("http");
    }
}

static void go_up(struct warpgate_request *request) {
    struct warpgate_link *link = NULL;
    request->waiter.connect_ms = request->timeouts.connect_ms;
    request->waiter.is_websocket = request->is_websocket;
    switch (warpgate_upstream_take(request->upstream, &request->waiter, &link)) {
    case STATUS_OK:
        send_up(request, link);
        return;
    case STATUS_AGAIN:
        set_deadline(request, request->timeouts.connect_ms);
        return;
    case STATUS_UNSUPPORTED:
        fail_unlinked(request, "no_websocket");
        return;
    default:
        fail(request, 503, "upstream_busy");
        return;
    }
}

void warpgate_request_start(struct warpgate_request_host *host, struct http_stream *stream,
                            const struct http_head *head, bool is_end) {
    struct warpgate_request *request = ARENA_NEW(stream->arena, struct warpgate_request);
    list_init(&request->waiter.node);
    warpgate_deadline_init(&request->deadline, on_due);
    request->waiter.on_ready = on_link_ready;
    request->waiter.on_failed = on_link_failed;
    request->host = host;
    request->down = stream;
    request->is_request_ended = is_end;
    request->is_websocket = !str_is_empty(head->protocol);
    request->began_at_ms = loop_now_ms(host->parts->loop);
    block_queue_init(&request->held, loop_block_pool(host->parts->loop));
    http_stream_attach(stream, &down_events, request);
    host->active_count++;
    host->parts->request_count++;
    struct warpgate_verdict verdict = judge(request, head);
    if (!verdict.is_allowed) {
        fail(request, verdict.status, verdict.slug);
        return;
    }
    make_head(request, head);
    go_up(request);
}

void warpgate_request_refuse(struct http_stream *stream, unsigned status, const char *slug) {
    http_stream_discard(stream);
    send_error_head(stream, status, slug);
}
