#include "edge/edge_switch.h"

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_relay.h"

void edge_switch_begin(struct edge_request *request) {
    struct edge_switch *at = ARENA_NEW(request->arena, struct edge_switch);
    at->request = request;
    websocket_frames_init(&at->to_workload.frames, true);
    websocket_frames_init(&at->to_visitor.frames, false);
    list_append(&request->worker->switched, &at->node);
    request->switched = at;
}

void edge_switch_leave(struct edge_request *request) {
    if (request->switched != NULL) {
        list_remove(&request->switched->node);
        request->switched = NULL;
    }
}

/* Whether a Close of ours may go in now; and when nothing is known of the frames, there is nothing to wait for. */
static bool may_end(const struct edge_switch_way *way) {
    return websocket_frames_may_close(&way->frames) || way->frames.has_close ||
           way->frames.state == WEBSOCKET_FRAMES_UNKNOWN;
}

size_t edge_switch_pass(struct edge_switch *at, struct edge_switch_way *way, const uint8_t *bytes,
                        size_t len) {
    if (way->is_over) {
        return 0;
    }
    if (!at->is_leaving) {
        websocket_frames_feed(&way->frames, bytes, len);
        return len;
    }
    size_t passed = 0;
    while (passed < len && !may_end(way)) {
        websocket_frames_feed(&way->frames, bytes + passed, 1);
        passed++;
    }
    return passed;
}

void edge_switch_end(struct edge_switch *at, struct edge_switch_way *way) {
    way->is_over = true;
    if (way == &at->to_visitor) {
        at->is_visitor_ended = true; /* is about to be */
    }
}

static size_t write_close(const struct edge_switch_way *way, const struct edge_worker *worker,
                          uint8_t out[WEBSOCKET_FRAMES_CLOSE_MAX]) {
    uint8_t mask[4];
    if (!websocket_frames_may_close(&way->frames)) {
        return 0; /* one has passed; or nothing is known */
    }
    random_fill(&worker->request_ids.random, mask, sizeof mask);
    return websocket_frames_put_close(WEBSOCKET_FRAMES_GOING_AWAY,
                                      way->frames.is_masked ? mask : NULL, out);
}

static void close_to_workload(struct edge_switch *at) {
    struct edge_request *request = at->request;
    uint8_t close[WEBSOCKET_FRAMES_CLOSE_MAX];
    size_t len = write_close(&at->to_workload, request->worker, close);
    at->to_workload.is_over = true;
    if (request->try.tunnel_stream != NULL && !request->try.is_end_sent) {
        request->try.is_end_sent = true;
        http_stream_send(request->try.tunnel_stream, close, len);
        http_stream_end(request->try.tunnel_stream, NULL);
    }
}

static void close_to_visitor(struct edge_switch *at) {
    struct edge_request *request = at->request;
    uint8_t close[WEBSOCKET_FRAMES_CLOSE_MAX];
    size_t len = write_close(&at->to_visitor, request->worker, close);
    at->to_visitor.is_over = true;
    if (!request->is_response_ended) {
        request->is_response_ended = true;
        if (len > 0) {
            edge_relay_send(request, close, len);
        }
    }
}

void edge_switch_settle(struct edge_switch *at) {
    if (!at->is_leaving) {
        return;
    }
    if (!at->to_workload.is_over && may_end(&at->to_workload)) {
        close_to_workload(at);
    }
    if (!at->to_visitor.is_over && may_end(&at->to_visitor)) {
        close_to_visitor(at);
    }
    /* Not before: an HTTP/1 connection is over with it, and the rest of a frame may still have to come. */
    if (at->to_workload.is_over && at->to_visitor.is_over && !at->is_visitor_ended) {
        at->is_visitor_ended = true;
        http_stream_end(at->request->visitor_stream, NULL);
    }
}

void edge_switch_lose(struct edge_switch *at) {
    at->to_workload.is_over = true;
    at->is_leaving = true; /* the visitor is told, where no frame is on its way */
    edge_switch_settle(at);
}

void edge_switch_go_away(struct edge_worker *worker) {
    for (struct list *node = worker->switched.next; node != &worker->switched; node = node->next) {
        struct edge_switch *at = CONTAINER_OF(node, struct edge_switch, node);
        log_debug("edge.websocket_closed", "id=%s", at->request->id.text);
        at->is_leaving = true;
        edge_switch_settle(at);
    }
}
