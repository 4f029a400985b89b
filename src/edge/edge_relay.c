/* edge_relay.c: body bytes across. No decisions here: whatever changes the course of a request is stored in it, and the
 * step list is resumed. */
#include "edge/edge_relay.h"

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_deadline.h"
#include "edge/edge_switch.h"
#include "edge/edge_tunnel.h"
#include "policy/field_policy.h"

/* in one go: each is looked for among all */
#define CUTS_MAX 64
#define H2_ENHANCE_YOUR_CALM 11 /* RFC 9113 §7 */
/* Reading that counts as such: to be had in the time that a stalled visitor is given. */
#define EDGE_READ_BYTES_LEAST 4096

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

/* Before the 101 nothing but the head goes to the warpgate, and if there is none, nothing ever does. */
static bool is_held_back(const struct edge_request *request) {
    return request->is_upgrade && request->switched == NULL;
}

static void keep_for_replay(struct edge_request *request, const uint8_t *bytes, size_t len) {
    const struct http_head *head = request->head;
    if (request->body.is_gone) {
        return;
    }
    if (!head->has_content_length || head->content_length > EDGE_REPLAY_BYTES_MAX ||
        len > head->content_length - request->body.replay_len) {
        request->body.is_gone = true;
        request->body.replay_len = 0;
        return;
    }
    if (request->body.replay == NULL) {
        request->body.replay = arena_alloc(request->arena, (size_t)head->content_length);
    }
    memcpy(request->body.replay + request->body.replay_len, bytes, len);
    request->body.replay_len += len;
}

static void forward_switched(struct edge_request *request, const uint8_t *bytes, size_t len) {
    struct edge_switch *at = request->switched;
    size_t passed = edge_switch_pass(at, &at->to_workload, bytes, len);
    http_stream_send(request->try.tunnel_stream, bytes, passed);
    if (passed < len) {
        http_stream_consumed(request->visitor_stream, len - passed);
    }
    edge_switch_settle(at);
}

static void forward_body(struct edge_request *request, const uint8_t *bytes, size_t len) {
    if (request->switched != NULL) {
        forward_switched(request, bytes, len);
        return;
    }
    request->body.is_forwarded = true;
    keep_for_replay(request, bytes, len);
    http_stream_send(request->try.tunnel_stream, bytes, len);
}

static void forward_end(struct edge_request *request) {
    if (request->switched != NULL) {
        edge_switch_end(request->switched, &request->switched->to_workload);
    }
    request->body.is_forwarded = true;
    request->try.is_end_sent = true;
    http_stream_end(request->try.tunnel_stream, request->body.trailers);
}

static void on_visitor_data(void *owner, const uint8_t *bytes, size_t len) {
    struct edge_request *request = owner;
    request->body.received_bytes += len;
    edge_deadline_progress(request);
    if (request->try.tunnel_stream != NULL && !is_held_back(request)) {
        forward_body(request, bytes, len);
        return;
    }
    if (request->is_response_begun) {
        http_stream_consumed(request->visitor_stream,
                             len); /* the answer is decided: nobody wants the rest */
        return;
    }
    block_queue_append(&request->body.held, bytes, len);
}

static void on_visitor_end(void *owner, const struct http_fields *trailers) {
    struct edge_request *request = owner;
    if (request->body.is_ended) {
        return; /* the head said so already */
    }
    request->body.is_ended = true;
    request->body.trailers = clean_trailers(request, trailers);
    if (request->try.tunnel_stream != NULL && !is_held_back(request) && !request->try.is_end_sent) {
        forward_end(request);
    }
}

static void note_reading(struct edge_request *request, size_t len) {
    request->unread.bytes -= len;
    request->worker->unread_bytes -= len;
    request->visitor->unread_bytes -= len;
    request->unread.read_bytes += len;
    if (request->unread.bytes > 0 && request->unread.read_bytes < EDGE_READ_BYTES_LEAST) {
        return; /* a byte now and then is not reading */
    }
    list_remove(&request->unread.node);
    request->unread.read_bytes = 0;
    if (request->unread.bytes > 0) {
        request->unread.since_ms = loop_now_ms(request->worker->loop);
        list_append(&request->worker->unread, &request->unread.node);
    }
}

static void on_visitor_sent(void *owner, size_t len) {
    struct edge_request *request = owner;
    note_reading(request, len);
    edge_deadline_progress(request);
    /* What we have closed ourselves, and our Close in it, came from nobody. */
    bool is_closed = request->switched != NULL && request->switched->to_visitor.is_over;
    if (request->try.tunnel_stream != NULL && !is_closed) {
        http_stream_consumed(request->try.tunnel_stream, len);
    }
}

/* Whoever gives up too often loses the connection; the session's own budget sees only this one. */
static void charge_cancel(const struct edge_request *request, enum http_close reason) {
    struct edge_visitor *visitor = request->visitor;
    struct edge_worker *worker = request->worker;
    bool is_cancel = reason == HTTP_CLOSE_CANCELLED || reason == HTTP_CLOSE_MALFORMED;
    if (visitor->h2 == NULL || !is_cancel || request->is_response_ended ||
        edge_offence_charge(&worker->offences, visitor->ip_address, loop_now_ms(worker->loop))) {
        return;
    }
    log_debug("edge.too_many_cancels", "address=%s", visitor->ip_address);
    h2_session_abort(visitor->h2, H2_ENHANCE_YOUR_CALM);
}

static void on_visitor_closed(void *owner, enum http_close reason) {
    struct edge_request *request = owner;
    charge_cancel(request, reason);
    request->visitor_stream = NULL;
    edge_request_finish(request); /* whatever it was waiting for, only the record is left to do */
}

void edge_relay_send(struct edge_request *request, const uint8_t *bytes, size_t len) {
    request->response_bytes += len;
    request->unread.bytes += len;
    request->worker->unread_bytes += len;
    request->visitor->unread_bytes += len;
    if (!list_is_linked(&request->unread.node)) {
        request->unread.since_ms = loop_now_ms(request->worker->loop);
        list_append(&request->worker->unread, &request->unread.node);
    }
    http_stream_send(request->visitor_stream, bytes, len);
}

void edge_relay_forget_unread(struct edge_request *request) {
    request->worker->unread_bytes -= request->unread.bytes;
    request->visitor->unread_bytes -= request->unread.bytes;
    request->unread.bytes = 0;
    list_remove(&request->unread.node);
}

/* From the warpgate */

/* 100 has been answered by the edge itself. 101 nobody asked for. */
static bool may_pass_on(const struct edge_request *request, unsigned status) {
    return status != 100 && status != 101 && request->head->version != HTTP_VERSION_10;
}

static void on_tunnel_head(void *owner, const struct http_head *head, bool is_end) {
    struct edge_request *request = owner;
    bool is_switch = head->status == 101 && request->is_upgrade;
    if (head->status < 200 && !is_switch) {
        edge_deadline_progress(request);
        if (may_pass_on(request, head->status)) {
            http_stream_send_head(request->visitor_stream, head, false);
        }
        return;
    }
    edge_probe_heard(request->try.tunnel);
    edge_request_stop_expecting(request);
    request->try.response = head;
    request->try.is_response_bodiless = is_end;
    edge_request_resume(request);
}

static void on_tunnel_data(void *owner, const uint8_t *bytes, size_t len) {
    struct edge_request *request = owner;
    struct edge_switch *at = request->switched;
    edge_deadline_progress(request);
    size_t passed = at != NULL ? edge_switch_pass(at, &at->to_visitor, bytes, len) : len;
    if (passed > 0) {
        edge_relay_send(request, bytes, passed);
    }
    if (passed < len) {
        http_stream_consumed(request->try.tunnel_stream, len - passed);
    }
    if (at != NULL) {
        edge_switch_settle(at);
    }
}

static void on_tunnel_end(void *owner, const struct http_fields *trailers) {
    struct edge_request *request = owner;
    if (request->is_response_ended) {
        return; /* by us */
    }
    if (request->switched != NULL) {
        edge_switch_end(request->switched, &request->switched->to_visitor);
    }
    request->is_response_ended = true;
    if (!request->try.is_response_bodiless) {
        http_stream_end(request->visitor_stream, clean_trailers(request, trailers));
    }
}

void edge_relay_cut(struct edge_request *request) {
    struct http_stream *stream = request->visitor_stream;
    request->visitor_stream = NULL;
    edge_request_finish(request);
    http_stream_release(stream); /* the request's memory goes with it */
}

void edge_relay_cut_largest(struct edge_worker *worker, size_t bytes) {
    size_t target =
        worker->unread_bytes - (bytes < worker->unread_bytes ? bytes : worker->unread_bytes);
    for (unsigned i = 0; i < CUTS_MAX && worker->unread_bytes > target; i++) {
        struct edge_request *largest = NULL;
        for (struct list *node = worker->unread.next; node != &worker->unread; node = node->next) {
            struct edge_request *request = CONTAINER_OF(node, struct edge_request, unread.node);
            if (largest == NULL || request->unread.bytes > largest->unread.bytes) {
                largest = request;
            }
        }
        if (largest == NULL) {
            return;
        }
        edge_relay_cut(largest);
    }
}

static int64_t patience_ms(const struct edge_request *request) {
    if (request->worker->unread_bytes > EDGE_UNREAD_BYTES_MAX) {
        return EDGE_STALL_PRESSED_MS;
    }
    return request->visitor->unread_bytes > EDGE_VISITOR_UNREAD_BYTES_MAX ? EDGE_STALL_HEAVY_MS
                                                                          : EDGE_STALL_MS;
}

void edge_relay_sweep(struct edge_worker *worker) {
    int64_t now_ms = loop_now_ms(worker->loop);
    for (struct list *node = worker->unread.next, *next; node != &worker->unread; node = next) {
        struct edge_request *request = CONTAINER_OF(node, struct edge_request, unread.node);
        int64_t silent_ms = now_ms - request->unread.since_ms;
        next = node->next;
        if (silent_ms < EDGE_STALL_PRESSED_MS) {
            return; /* and so are all behind it */
        }
        if (silent_ms >= patience_ms(request)) {
            log_debug("edge.answer_unread", "id=%s address=%s bytes=%zu", request->id.text,
                      request->visitor->ip_address, request->unread.bytes);
            edge_relay_cut(request);
        }
    }
}

/* What has switched is over when nobody takes the visitor's bytes any more. An HTTP/1 connection then ends by itself. */
static bool is_left_alone(const struct edge_request *request) {
    return request->switched != NULL && !request->body.is_ended && request->visitor->h2 != NULL;
}

static void on_tunnel_closed(void *owner, enum http_close reason) {
    struct edge_request *request = owner;
    edge_request_forget_exchange(request);
    request->try.closed = reason;
    if (!request->is_response_begun) {
        edge_request_resume(request);
        return;
    }
    request->try.tunnel = NULL;
    if (request->switched != NULL) {
        edge_switch_lose(request->switched);
    }
    if (!request->is_response_ended || is_left_alone(request)) {
        edge_relay_cut(request);
    }
}

void edge_relay_flush_held(struct edge_request *request) {
    const uint8_t *bytes;
    if (is_held_back(request)) {
        return;
    }
    if (request->body.replay_len > 0) {
        http_stream_send(request->try.tunnel_stream, request->body.replay,
                         request->body.replay_len);
    }
    for (size_t len = block_queue_peek(&request->body.held, &bytes); len > 0;
         len = block_queue_peek(&request->body.held, &bytes)) {
        forward_body(request, bytes, len);
        block_queue_consume(&request->body.held, len);
    }
    if (request->body.is_ended && !request->try.is_end_sent) {
        forward_end(request);
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
    edge_deadline_progress(request);
    if (request->switched != NULL && request->switched->to_workload.is_over) {
        return; /* our Close came from nobody */
    }
    request->try.body_bytes += len;
    /* What a former try has sent already is not consumed twice. */
    if (request->visitor_stream != NULL && request->try.body_bytes > request->body.consumed_bytes) {
        size_t more = (size_t)(request->try.body_bytes - request->body.consumed_bytes);
        request->body.consumed_bytes = request->try.body_bytes;
        http_stream_consumed(request->visitor_stream, more);
    }
}

const struct http_stream_events edge_relay_tunnel_events = {
    .on_head = on_tunnel_head,
    .on_data = on_tunnel_data,
    .on_end = on_tunnel_end,
    .on_sent = on_tunnel_sent,
    .on_closed = on_tunnel_closed,
};
