#include "edge/edge_deadline.h"

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_park.h"
#include "edge/edge_relay.h"
#include "edge/edge_tunnel.h"

void edge_deadline_start(struct edge_request *request, enum edge_deadline_kind kind,
                         int64_t limit_ms) {
    request->deadline.progress_ms = loop_now_ms(request->worker->loop);
    request->deadline.kind = kind;
    request->deadline.limit_ms = limit_ms;
    wheel_set(&request->worker->wheel, &request->deadline.entry,
              request->deadline.progress_ms + limit_ms);
}

void edge_deadline_clear(struct edge_request *request) {
    wheel_clear(&request->worker->wheel, &request->deadline.entry);
    request->deadline.kind = EDGE_DEADLINE_NONE;
}

void edge_deadline_start_first_byte(struct edge_request *request) {
    const struct bundle_timeouts *timeouts = &request->route->timeouts;
    edge_deadline_start(request, EDGE_DEADLINE_FIRST_BYTE,
                        (int64_t)timeouts->connect_ms + timeouts->first_byte_ms +
                            EDGE_DEADLINE_SLACK_MS);
}

void edge_deadline_start_idle(struct edge_request *request) {
    uint32_t idle_ms = request->route->timeouts.idle_ms;
    if (idle_ms == 0) {
        edge_deadline_clear(request);
        return;
    }
    edge_deadline_start(request, EDGE_DEADLINE_IDLE, idle_ms);
}

static void answer(struct edge_request *request, enum edge_code code) {
    edge_request_drop_exchange(request);
    (void)edge_request_refuse(request, code, NULL);
    edge_request_resume(request);
}

/* There is more of the request to come, and nothing of it waits for the warpgate. */
static bool is_visitor_silent(const struct edge_request *request) {
    return !request->body.is_ended && !request->is_upgrade &&
           request->try.tunnel_stream->unsent == 0;
}

static void expire(struct edge_request *request, enum edge_deadline_kind kind) {
    switch (kind) {
    case EDGE_DEADLINE_NONE:
        return;
    case EDGE_DEADLINE_PARKED:
        edge_park_leave(request);
        answer(request, EDGE_CODE_NO_WARPGATE);
        return;
    case EDGE_DEADLINE_FIRST_BYTE:
        if (is_visitor_silent(request)) {
            answer(request, EDGE_CODE_REQUEST_TIMEOUT);
            return;
        }
        edge_warpgate_note(request->try.tunnel->warpgate, request->route->upstream,
                           EDGE_WARPGATE_TIMED_OUT, loop_now_ms(request->worker->loop));
        answer(request, EDGE_CODE_UPSTREAM_TIMEOUT);
        return;
    case EDGE_DEADLINE_IDLE:
        log_debug("edge.idle", "id=%s limit=%lld", request->id.text,
                  (long long)request->deadline.limit_ms);
        edge_relay_cut(request);
        return;
    }
}

void edge_deadline_sweep(struct edge_worker *worker) {
    int64_t now_ms = loop_now_ms(worker->loop);
    struct wheel_entry *entry;
    while ((entry = wheel_expire(&worker->wheel, now_ms)) != NULL) {
        struct edge_request *request = CONTAINER_OF(entry, struct edge_request, deadline.entry);
        int64_t due_ms = request->deadline.progress_ms + request->deadline.limit_ms;
        if (due_ms > now_ms) {
            wheel_set(&worker->wheel, entry, due_ms);
            continue;
        }
        enum edge_deadline_kind kind = request->deadline.kind;
        request->deadline.kind = EDGE_DEADLINE_NONE;
        expire(request, kind);
    }
}
