/* edge_forward.c: step 3: send the request through a tunnel of its environment, and wait for the response head.
 *
 * The only place that tries again: once, elsewhere if possible, and only what a warpgate provably did not process
 * (HTTP_CLOSE_REFUSED), or what is idempotent and of which no body byte has left (RFC 9110 §9.2.2).
 */
#include "edge/edge_forward.h"

#include "base/memory.h"
#include "edge/edge_relay.h"
#include "edge/edge_tunnel.h"
#include "policy/field_policy.h"

#define TRIES_MAX 2
#define OWN_FIELDS_MAX 8 /* what the edge adds to a request, at the most */

static void make_tunnel_head(struct edge_request *request, struct http_head *head) {
    const struct http_head *from = request->head;
    *head = *from;
    head->scheme = STR("https");
    http_fields_copy(&head->fields, &from->fields, request->arena, OWN_FIELDS_MAX);
    field_policy_clean_request(&head->fields);
    /* Answered by the edge itself as soon as the request has a tunnel. */
    http_fields_remove(&head->fields, STR("expect"));
    field_policy_add_visitor(&head->fields, request->arena, str_from(request->visitor->ip_address),
                             id_str(&request->id));
    http_fields_add(&head->fields, request->arena, STR(FIELD_TUNNEL_ENVIRONMENT),
                    id_str(&request->environment_id));
}

static void continue_expecting(struct edge_request *request) {
    const struct http_field *expect = http_fields_get(&request->head->fields, STR("expect"));
    if (expect == NULL || request->is_request_ended || request->tries > 1) {
        return;
    }
    const struct http_head informational = {.status = 100};
    http_stream_send_head(request->stream, &informational, false);
}

static enum edge_step_result send_through_tunnel(struct edge_request *request,
                                                 const struct edge_tunnel *avoid) {
    /* Found anew each time: the environment may have gone while the request waited. */
    struct edge_environment *environment =
        edge_environment_find(request->worker, &request->environment_id);
    struct edge_tunnel *tunnel =
        environment != NULL ? edge_environment_pick(environment, avoid) : NULL;
    if (tunnel == NULL) {
        return edge_request_refuse(request, EDGE_CODE_NO_WARPGATE, NULL);
    }
    struct http_head head;
    make_tunnel_head(request, &head);
    bool has_no_body =
        request->is_request_ended && request->held.len == 0 && request->request_trailers == NULL;
    request->exchange =
        edge_tunnel_open(tunnel, &head, has_no_body, &edge_relay_tunnel_events, request);
    if (request->exchange == NULL) {
        return edge_request_refuse(request, EDGE_CODE_NO_WARPGATE, NULL);
    }
    request->tunnel = tunnel;
    request->tries++;
    request->exchange_closed = HTTP_CLOSE_DONE;
    request->waiting_since_ms = loop_now_ms(request->worker->loop);
    list_append(&request->worker->waiting, &request->waiting_node);
    edge_tunnel_expect(tunnel, +1);
    continue_expecting(request);
    edge_relay_flush_held(request);
    return EDGE_STEP_WAIT;
}

static bool may_try_again(const struct edge_request *request, bool is_unprocessed) {
    if (request->tries >= TRIES_MAX || request->is_body_forwarded) {
        return false;
    }
    return is_unprocessed ||
           (request->is_request_ended && http_method_is_idempotent(request->head->method));
}

/* The exchange is gone and there was no response head. When the tunnel still stands, the workload's answer broke off or was
 * not fit to be sent, and would be so again. */
static enum edge_step_result after_loss(struct edge_request *request) {
    if (request->exchange_closed == HTTP_CLOSE_CANCELLED) {
        return edge_request_refuse(request, EDGE_CODE_UPSTREAM_CLOSED, NULL);
    }
    if (request->exchange_closed == HTTP_CLOSE_MALFORMED) {
        return edge_request_refuse(request, EDGE_CODE_UPSTREAM_MALFORMED, NULL);
    }
    if (may_try_again(request, request->exchange_closed == HTTP_CLOSE_REFUSED)) {
        return send_through_tunnel(request, request->tunnel);
    }
    return edge_request_refuse(request, EDGE_CODE_WARPGATE_LOST, NULL);
}

/* The warpgate answers in its own name: the workload did not, or the second line refused. */
static enum edge_step_result after_tunnel_error(struct edge_request *request, struct str slug) {
    request->response = NULL;
    bool is_stale = str_eq(slug, STR("upstream_stale"));
    bool is_unprocessed = str_eq(slug, STR("upstream_unprocessed"));
    enum edge_code code = edge_answer_from_tunnel(slug);
    edge_request_drop_exchange(request);
    if ((is_stale || is_unprocessed) && may_try_again(request, is_unprocessed)) {
        return send_through_tunnel(request, NULL);
    }
    return edge_request_refuse(request, code, NULL);
}

enum edge_step_result edge_forward(struct edge_request *request) {
    if (request->code != EDGE_CODE_NONE) {
        return EDGE_STEP_DONE; /* overdue */
    }
    if (request->tries == 0) {
        return send_through_tunnel(request, NULL);
    }
    if (request->response != NULL) {
        const struct http_field *error =
            http_fields_get(&request->response->fields, STR(FIELD_TUNNEL_ERROR));
        return error != NULL ? after_tunnel_error(request, error->value) : EDGE_STEP_NEXT;
    }
    return request->exchange == NULL ? after_loss(request) : EDGE_STEP_WAIT;
}

void edge_forward_sweep(struct edge_worker *worker) {
    int64_t now_ms = loop_now_ms(worker->loop);
    while (!list_is_empty(&worker->waiting)) {
        struct edge_request *request =
            CONTAINER_OF(worker->waiting.next, struct edge_request, waiting_node);
        if (now_ms - request->waiting_since_ms < EDGE_FIRST_BYTE_MS) {
            return;
        }
        edge_request_drop_exchange(request);
        (void)edge_request_refuse(request, EDGE_CODE_UPSTREAM_TIMEOUT, NULL);
        edge_request_resume(request);
    }
}
