/* edge_request.c: the steps of a request, and the driver that runs them. Start reading here. */
#include "edge/edge_request.h"

#include "edge/edge_deadline.h"
#include "edge/edge_relay.h"
#include "edge/edge_tunnel.h"

/* A step decides (NEXT), starts something and waits for it (WAIT), or has the answer (DONE: go to respond). The steps of later
 * capabilities (cors, limit, inspect, authenticate, authorize, cache) take their places between route and forward. */
static const struct edge_step {
    const char *name;
    enum edge_step_result (*run)(struct edge_request *request);
} edge_steps[] = {
    {"admit", edge_admit},     /* is it a request that we can read, for a host that we serve? */
    {"route", edge_route},     /* which route of the environment is it? */
    {"forward", edge_forward}, /* send it through a tunnel; wait for the response head */
    {"respond", edge_respond}, /* answer; wait until both directions are complete */
    {"record", edge_record},   /* always: log, count, let go */
};

enum {
    EDGE_STEP_COUNT = sizeof edge_steps / sizeof edge_steps[0],
    EDGE_STEP_RESPOND = EDGE_STEP_COUNT - 2,
    EDGE_STEP_RECORD = EDGE_STEP_COUNT - 1,
};

void edge_request_resume(struct edge_request *request) {
    while (request->step < EDGE_STEP_COUNT) {
        bool is_last = request->step == EDGE_STEP_RECORD;
        switch (edge_steps[request->step].run(request)) {
        case EDGE_STEP_NEXT:
            if (is_last) {
                return; /* record has let go of everything: the request is no more */
            }
            request->step++;
            break;
        case EDGE_STEP_DONE:
            request->decided_by = edge_steps[request->step].name;
            request->step = EDGE_STEP_RESPOND;
            break;
        case EDGE_STEP_WAIT:
            return;
        }
    }
}

void edge_request_begin(void *context, struct http_stream *stream, const struct http_head *head,
                        bool is_end) {
    struct edge_visitor *visitor = context;
    struct edge_request *request = ARENA_NEW(stream->arena, struct edge_request);
    request->worker = visitor->worker;
    request->visitor = visitor;
    request->arena = stream->arena;
    request->visitor_stream = stream;
    request->head = head;
    request->body.is_ended = is_end;
    request->started_ms = loop_now_ms(visitor->worker->loop);
    request->id =
        id_new(ID_REQUEST, loop_clock(visitor->worker->loop), &visitor->worker->request_ids.random);
    request->is_upgrade = !str_is_empty(head->protocol);
    edge_meter_begin(request);
    list_init(&request->parking.node);
    list_init(&request->unread.node);
    wheel_entry_init(&request->deadline.entry);
    block_queue_init(&request->body.held, loop_block_pool(visitor->worker->loop));
    http_stream_attach(stream, &edge_relay_visitor_events, request);
    edge_request_resume(request);
}

enum edge_step_result edge_request_refuse(struct edge_request *request, enum edge_code code,
                                          const struct why *why) {
    request->code = code;
    if (why != NULL && why->text[0] != '\0') {
        struct why *kept = arena_alloc(request->arena, sizeof *kept);
        *kept = *why;
        request->why = kept;
    }
    return EDGE_STEP_DONE;
}

void edge_request_finish(struct edge_request *request) {
    request->step = EDGE_STEP_RECORD;
    edge_request_resume(request);
}

void edge_request_stop_expecting(struct edge_request *request) {
    if (request->try.is_expecting) {
        request->try.is_expecting = false;
        edge_tunnel_expect(request->try.tunnel, -1);
    }
}

void edge_request_forget_exchange(struct edge_request *request) {
    edge_request_stop_expecting(request);
    edge_deadline_clear(request);
    if (request->try.tunnel_stream != NULL) {
        edge_tunnel_carry(request->try.tunnel, -1);
    }
    request->try.tunnel_stream = NULL;
}

void edge_request_drop_exchange(struct edge_request *request) {
    struct http_stream *exchange = request->try.tunnel_stream;
    edge_request_forget_exchange(request);
    if (exchange != NULL && request->switched != NULL) {
        http_stream_end(exchange, NULL); /* perhaps once more: that changes nothing */
        edge_tunnel_linger(request->try.tunnel, exchange);
    } else if (exchange != NULL) {
        edge_tunnel_cancel(request->try.tunnel, exchange);
    }
    request->try.tunnel = NULL;
}
