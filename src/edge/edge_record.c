/* edge_record.c: step 5, always: say what happened, count it, let go of everything. */
#include "base/log.h"
#include "edge/edge_park.h"
#include "edge/edge_relay.h"
#include "edge/edge_switch.h"

enum edge_step_result edge_record(struct edge_request *request) {
    log_debug("edge.request",
              "id=%s environment=%s route=%s method=%.*s status=%u code=%s step=%s tries=%u "
              "in=%llu out=%llu ms=%lld",
              request->id.text, request->environment_id.text,
              request->route != NULL ? request->route->id.text : "",
              STR_ARG(str_sub(request->head->method, 0, 16)), request->status,
              edge_answer_slug(request->code),
              request->decided_by != NULL ? request->decided_by : "", request->tries,
              (unsigned long long)request->body.received_bytes,
              (unsigned long long)request->response_bytes,
              (long long)(loop_now_ms(request->worker->loop) - request->started_ms));
    (void)atomic_fetch_add_explicit(&request->worker->request_count, 1, memory_order_relaxed);
    edge_meter_end(request);
    edge_park_leave(request);
    edge_request_drop_exchange(request);
    edge_switch_leave(request);
    edge_relay_forget_unread(request);
    block_queue_clear(&request->body.held);
    bundle_unref(&request->bundle);
    return EDGE_STEP_NEXT;
}
