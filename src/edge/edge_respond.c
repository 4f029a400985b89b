/* edge_respond.c: step 4: the response head, whoever gives it; then wait until both directions are complete. The body
 * follows by edge_relay.c. */
#include "edge/edge_deadline.h"
#include "edge/edge_relay.h"
#include "edge/edge_spread.h"
#include "edge/edge_switch.h"
#include "edge/edge_tunnel.h"
#include "policy/field_policy.h"

/* Nobody will take what is held, or what still comes. */
static void drop_held(struct edge_request *request) {
    size_t held = request->body.held.len;
    block_queue_clear(&request->body.held);
    if (held > 0) {
        http_stream_consumed(request->visitor_stream, held);
    }
}

static void send_own_answer(struct edge_request *request) {
    struct edge_answer answer;
    const struct http_field *accept = http_fields_get(&request->head->fields, STR("accept"));
    bool is_head = str_eq(request->head->method, STR("HEAD"));
    edge_request_drop_exchange(request);
    edge_answer_make(&answer, request->arena, request->code,
                     accept != NULL ? accept->value : STR_EMPTY, id_str(&request->id),
                     request->why != NULL ? str_from(request->why->text) : STR_EMPTY);
    request->status = answer.head.status;
    if (request->code == EDGE_CODE_NO_WARPGATE) {
        edge_spread_again(request->visitor, &request->environment_id);
    }
    http_stream_send_head(request->visitor_stream, &answer.head, is_head);
    if (!is_head) {
        edge_relay_send(request, (const uint8_t *)answer.body.at, answer.body.len);
        http_stream_end(request->visitor_stream, NULL);
    }
    request->is_response_ended = true;
    drop_held(request);
}

/* Not a WebSocket: what the visitor has sent for one goes nowhere, and the warpgate gets no more of this exchange. */
static void decline(struct edge_request *request) {
    drop_held(request);
    if (!request->try.is_end_sent) {
        request->try.is_end_sent = true;
        http_stream_end(request->try.tunnel_stream, NULL);
    }
}

static void send_workload_answer(struct edge_request *request) {
    struct http_head head = *request->try.response;
    const char *affinity = request->try.tunnel->warpgate->affinity;
    http_fields_copy(&head.fields, &request->try.response->fields, request->arena, 1);
    field_policy_clean_response(&head.fields);
    if (request->route->is_sticky && !str_eq(request->affinity, str_from(affinity))) {
        edge_affinity_give(&head.fields, request->arena, affinity);
    }
    request->status = head.status;
    http_stream_send_head(request->visitor_stream, &head, request->try.is_response_bodiless);
    edge_deadline_start_idle(request);
    if (head.status == 101) {
        edge_switch_begin(request);
        edge_relay_flush_held(request);
    } else if (request->is_upgrade) {
        decline(request);
    }
}

enum edge_step_result edge_respond(struct edge_request *request) {
    if (request->is_response_begun) {
        return EDGE_STEP_WAIT;
    }
    request->is_response_begun = true;
    request->first_byte_us = clock_mono_us(loop_clock(request->worker->loop));
    if (request->code == EDGE_CODE_NONE) {
        send_workload_answer(request);
    } else {
        send_own_answer(request);
    }
    return EDGE_STEP_WAIT;
}
