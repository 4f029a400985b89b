/* edge_relay.c: body bytes across. No decisions here: whatever changes the course of a request is stored in it, and the
 * step list is resumed. */
#include "edge/edge_relay.h"

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_tunnel.h"
#include "policy/field_policy.h"

/* in one go: each is looked for among all */
#define CUTS_MAX 64

static const struct http_fields *clean_trailers(struct edge_request *request,
                                                const struct http_fields *trailers) {
    if (trailers == NULL || trailers->count == 0) {
        return NULL;
    }
    struct http_fields *clean = arena_alloc(request->arena, sizeof *clean);
    http_fields_copy(clean, trailers, request->arena, 0);
    field_policy_clean_trailers(clean);
    return clean;
}

/* From the visitor */

static void on_visitor_data(void *owner, const uint8_t *bytes, size_t len) {
    struct edge_request *request = owner;
    request->request_bytes += len;
    if (request->exchange != NULL) {
        request->is_body_forwarded = true;
        http_stream_send(request->exchange, bytes, len);
        return;
    }
    if (request->is_response_begun) {
        http_stream_consumed(request->stream,
                             len); /* the answer is decided: nobody wants the rest */
        return;
    }
    block_queue_append(&request->held, bytes, len);
}

static void on_visitor_end(void *owner, const struct http_fields *trailers) {
    struct edge_request *request = owner;
    if (request->is_request_ended) {
        return; /* the head said so already */
    }
    request->is_request_ended = true;
    request->request_trailers = clean_trailers(request, trailers);
    if (request->exchange != NULL) {
        request->is_body_forwarded = true;
        http_stream_end(request->exchange, request->request_trailers);
    }
}

static void note_reading(struct edge_request *request, size_t len) {
    request->unread_bytes -= len;
    request->worker->unread_bytes -= len;
    list_remove(&request->unread_node);
    if (request->unread_bytes > 0) {
        request->unread_since_ms = loop_now_ms(request->worker->loop);
        list_append(&request->worker->unread, &request->unread_node);
    }
}

static void on_visitor_sent(void *owner, size_t len) {
    struct edge_request *request = owner;
    note_reading(request, len);
    if (request->exchange != NULL) {
        http_stream_consumed(request->exchange, len);
    }
}

static void on_visitor_closed(void *owner, enum http_close reason) {
    struct edge_request *request = owner;
    (void)reason;
    request->stream = NULL;
    edge_request_finish(request); /* whatever it was waiting for, only the record is left to do */
}

void edge_relay_send(struct edge_request *request, const uint8_t *bytes, size_t len) {
    request->response_bytes += len;
    request->unread_bytes += len;
    request->worker->unread_bytes += len;
    if (!list_is_linked(&request->unread_node)) {
        request->unread_since_ms = loop_now_ms(request->worker->loop);
        list_append(&request->worker->unread, &request->unread_node);
    }
    http_stream_send(request->stream, bytes, len);
}

void edge_relay_forget_unread(struct edge_request *request) {
    request->worker->unread_bytes -= request->unread_bytes;
    request->unread_bytes = 0;
    list_remove(&request->unread_node);
}

/* From the warpgate */

/* A body that is on its way, or a 1xx, is progress: only silence counts against the workload. */
static void note_progress(struct edge_request *request) {
    if (list_is_linked(&request->waiting_node)) {
        list_remove(&request->waiting_node);
        request->waiting_since_ms = loop_now_ms(request->worker->loop);
        list_append(&request->worker->waiting, &request->waiting_node);
    }
}

static void on_tunnel_head(void *owner, const struct http_head *head, bool is_end) {
    struct edge_request *request = owner;
    if (head->status < 200) {
        note_progress(request);
        /* The edge has answered 100 itself; 101 belongs to upgrades, which the tunnel does not carry this way. */
        if (head->status != 100 && head->status != 101 &&
            request->head->version != HTTP_VERSION_10) {
            http_stream_send_head(request->stream, head, false);
        }
        return;
    }
    edge_request_stop_waiting(request);
    request->response = head;
    request->is_response_bodiless = is_end;
    edge_request_resume(request);
}

static void on_tunnel_data(void *owner, const uint8_t *bytes, size_t len) {
    edge_relay_send(owner, bytes, len);
}

static void on_tunnel_end(void *owner, const struct http_fields *trailers) {
    struct edge_request *request = owner;
    request->is_response_ended = true;
    if (!request->is_response_bodiless) {
        http_stream_end(request->stream, clean_trailers(request, trailers));
    }
}

/* The response broke off in the middle: the visitor must see that, not a shorter body. */
static void cut_response(struct edge_request *request) {
    struct http_stream *stream = request->stream;
    request->stream = NULL;
    edge_request_finish(request);
    http_stream_release(stream); /* the request's memory goes with it */
}

void edge_relay_cut_largest(struct edge_worker *worker, size_t bytes) {
    size_t target =
        worker->unread_bytes - (bytes < worker->unread_bytes ? bytes : worker->unread_bytes);
    for (unsigned i = 0; i < CUTS_MAX && worker->unread_bytes > target; i++) {
        struct edge_request *largest = NULL;
        for (struct list *node = worker->unread.next; node != &worker->unread; node = node->next) {
            struct edge_request *request = CONTAINER_OF(node, struct edge_request, unread_node);
            if (largest == NULL || request->unread_bytes > largest->unread_bytes) {
                largest = request;
            }
        }
        if (largest == NULL) {
            return;
        }
        cut_response(largest);
    }
}

void edge_relay_sweep(struct edge_worker *worker) {
    int64_t now_ms = loop_now_ms(worker->loop);
    while (!list_is_empty(&worker->unread)) {
        struct edge_request *request =
            CONTAINER_OF(worker->unread.next, struct edge_request, unread_node);
        int64_t patience_ms =
            worker->unread_bytes > EDGE_UNREAD_BYTES_MAX ? EDGE_STALL_PRESSED_MS : EDGE_STALL_MS;
        if (now_ms - request->unread_since_ms < patience_ms) {
            return;
        }
        log_debug("edge.answer_unread", "id=%s address=%s bytes=%zu", request->id.text,
                  request->visitor->ip_address, request->unread_bytes);
        cut_response(request);
    }
}

static void on_tunnel_closed(void *owner, enum http_close reason) {
    struct edge_request *request = owner;
    edge_request_stop_waiting(request);
    request->exchange = NULL;
    request->exchange_closed = reason;
    if (request->is_response_ended) {
        request->tunnel = NULL;
        return; /* only the visitor's side is left */
    }
    if (request->is_response_begun) {
        request->tunnel = NULL;
        cut_response(request);
        return;
    }
    edge_request_resume(request);
}

void edge_relay_flush_held(struct edge_request *request) {
    const uint8_t *bytes;
    for (size_t len = block_queue_peek(&request->held, &bytes); len > 0;
         len = block_queue_peek(&request->held, &bytes)) {
        request->is_body_forwarded = true;
        http_stream_send(request->exchange, bytes, len);
        block_queue_consume(&request->held, len);
    }
    if (request->is_request_ended &&
        (request->is_body_forwarded || request->request_trailers != NULL)) {
        http_stream_end(request->exchange, request->request_trailers);
    }
}

const struct http_stream_events edge_relay_visitor_events = {
    .on_data = on_visitor_data,
    .on_end = on_visitor_end,
    .on_sent = on_visitor_sent,
    .on_closed = on_visitor_closed,
};

static void on_tunnel_sent(void *owner, size_t len) {
    struct edge_request *request = owner;
    note_progress(request);
    if (request->stream != NULL) {
        http_stream_consumed(request->stream, len);
    }
}

const struct http_stream_events edge_relay_tunnel_events = {
    .on_head = on_tunnel_head,
    .on_data = on_tunnel_data,
    .on_end = on_tunnel_end,
    .on_sent = on_tunnel_sent,
    .on_closed = on_tunnel_closed,
};
