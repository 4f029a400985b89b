/* edge_forward.c: step 3: send the request through a tunnel of its environment, and wait for the response head.
 *
 * Which tunnel is edge_balance.c's choice, whether it may be sent once more edge_retry.c's; a request that finds no tunnel waits
 * for one (edge_park.c). What asks to become a WebSocket is sent as any other, but nothing follows its head before the 101.
 */
#include "edge/edge_balance.h"
#include "edge/edge_deadline.h"
#include "edge/edge_park.h"
#include "edge/edge_relay.h"
#include "edge/edge_tunnel.h"
#include "policy/field_policy.h"

#define OWN_FIELDS_MAX 8 /* what the edge adds to a request, at the most */

/* Made once, however often it is sent. */
static void make_tunnel_head(struct edge_request *request) {
    const struct http_head *from = request->head;
    struct http_head *head = arena_alloc(request->arena, sizeof *head);
    *head = *from;
    head->scheme = STR("https");
    http_fields_copy(&head->fields, &from->fields, request->arena, OWN_FIELDS_MAX);
    field_policy_clean_request(&head->fields);
    request->affinity = edge_affinity_take(&head->fields, request->arena);
    /* Answered by the edge itself as soon as the request has a tunnel. */
    http_fields_remove(&head->fields, STR("expect"));
    field_policy_add_visitor(&head->fields, request->arena, str_from(request->visitor->ip_address),
                             id_str(&request->id));
    http_fields_add(&head->fields, request->arena, STR(FIELD_TUNNEL_ENVIRONMENT),
                    id_str(&request->environment_id));
    request->tunnel_head = head;
}

static void continue_expecting(struct edge_request *request) {
    const struct http_field *expect = http_fields_get(&request->head->fields, STR("expect"));
    if (expect == NULL || request->body.is_ended || request->tries > 1) {
        return;
    }
    const struct http_head informational = {.status = 100};
    http_stream_send_head(request->visitor_stream, &informational, false);
}

/* False: the tunnel takes none after all. */
static bool open_exchange(struct edge_request *request, struct edge_tunnel *tunnel) {
    bool has_no_body = request->body.is_ended && !request->is_upgrade &&
                       request->body.held.len == 0 && request->body.replay_len == 0 &&
                       request->body.trailers == NULL;
    struct http_stream *stream = edge_tunnel_open(tunnel, request->tunnel_head, has_no_body,
                                                  &edge_relay_tunnel_events, request);
    if (stream == NULL) {
        return false;
    }
    request->try = (struct edge_try){.tunnel = tunnel,
                                     .tunnel_stream = stream,
                                     .is_sent = true,
                                     .is_end_sent = has_no_body,
                                     .is_expecting = true};
    request->warpgate = tunnel->identity.subject;
    request->tries++;
    request->parking.until_ms = 0;
    edge_tunnel_expect(tunnel, +1);
    edge_tunnel_carry(tunnel, +1);
    edge_deadline_start_first_byte(request);
    continue_expecting(request);
    edge_relay_flush_held(request);
    return true;
}

static struct edge_tunnel *pick(struct edge_request *request, struct edge_environment *environment,
                                const struct edge_tunnel *tried,
                                const struct edge_warpgate *never) {
    if (environment == NULL || !edge_environment_is_served(environment)) {
        return NULL;
    }
    if (request->tunnel_head == NULL) {
        make_tunnel_head(request);
    }
    const struct edge_balance_wish wish = {
        .upstream = request->route->upstream,
        .affinity = request->route->is_sticky ? request->affinity : STR_EMPTY,
        .tried = tried,
        .never = never,
    };
    return edge_balance_pick(environment, &wish);
}

/* Found anew each time: it may have gone while the request waited. */
static struct edge_environment *find_environment(const struct edge_request *request) {
    return edge_environment_find(request->worker, &request->environment_id);
}

/* Through any tunnel, but rather not through `tried`. */
static enum edge_step_result send_request(struct edge_request *request,
                                          const struct edge_tunnel *tried) {
    struct edge_environment *environment = find_environment(request);
    struct edge_tunnel *tunnel = pick(request, environment, tried, NULL);
    if (tunnel == NULL || !open_exchange(request, tunnel)) {
        return edge_park(request, environment);
    }
    return EDGE_STEP_WAIT;
}

static bool may_send_again(struct edge_request *request, bool is_unprocessed) {
    struct edge_environment *environment = find_environment(request);
    if (environment == NULL || !edge_retry_may(request, is_unprocessed) ||
        !edge_retry_spend(&environment->retries, loop_now_ms(request->worker->loop))) {
        return false;
    }
    request->try = (struct edge_try){0};
    return true;
}

/* The exchange is gone and there was no response head. When the tunnel still stands, the workload's answer broke off or was
 * not fit to be sent, and would be so again. */
static enum edge_step_result after_loss(struct edge_request *request) {
    const struct edge_tunnel *tried = request->try.tunnel;
    request->try.tunnel = NULL;
    switch (request->try.closed) {
    case HTTP_CLOSE_CANCELLED:
        return edge_request_refuse(request, EDGE_CODE_UPSTREAM_CLOSED, NULL);
    case HTTP_CLOSE_MALFORMED:
        return edge_request_refuse(request, EDGE_CODE_UPSTREAM_MALFORMED, NULL);
    case HTTP_CLOSE_DONE:
    case HTTP_CLOSE_REFUSED:
    case HTTP_CLOSE_LOST:
        break;
    }
    return may_send_again(request, request->try.closed == HTTP_CLOSE_REFUSED)
               ? send_request(request, tried)
               : edge_request_refuse(request, EDGE_CODE_WARPGATE_LOST, NULL);
}

/* How a warpgate's own answer may be made up for. */
enum remedy {
    REMEDY_NONE,
    REMEDY_ELSEWHERE, /* it did not reach the workload: another warpgate may */
    REMEDY_AGAIN,     /* the workload refused to begin with it: once more, whoever takes it */
    REMEDY_IF_SAFE,   /* the connection to the workload was stale: as if a tunnel had been lost */
};

static const struct {
    const char *slug;
    enum remedy remedy;
    enum edge_warpgate_outcome outcome; /* what it says about the upstream */
} tunnel_errors[] = {
    {"upstream_refused", REMEDY_ELSEWHERE, EDGE_WARPGATE_REFUSED},
    {"upstream_tls", REMEDY_ELSEWHERE, EDGE_WARPGATE_REFUSED},
    {"upstream_timeout", REMEDY_NONE, EDGE_WARPGATE_TIMED_OUT},
    {"upstream_stale", REMEDY_IF_SAFE, EDGE_WARPGATE_ANSWERED},
    {"upstream_unprocessed", REMEDY_AGAIN, EDGE_WARPGATE_ANSWERED},
    {"not_ready", REMEDY_ELSEWHERE, EDGE_WARPGATE_ANSWERED},
};
#define TUNNEL_ERROR_COUNT (sizeof tunnel_errors / sizeof tunnel_errors[0])

static void note(const struct edge_request *request, enum edge_warpgate_outcome outcome) {
    edge_warpgate_note(request->try.tunnel->warpgate, request->route->upstream, outcome,
                       loop_now_ms(request->worker->loop));
}

/* To another warpgate, if there is one; else `code` it is. */
static enum edge_step_result send_elsewhere(struct edge_request *request,
                                            const struct edge_warpgate *never,
                                            enum edge_code code) {
    struct edge_tunnel *tunnel = pick(request, find_environment(request), NULL, never);
    if (tunnel == NULL || !may_send_again(request, true) || !open_exchange(request, tunnel)) {
        return edge_request_refuse(request, code, NULL);
    }
    return EDGE_STEP_WAIT;
}

/* The warpgate answers in its own name: the workload did not, or the second line refused. */
static enum edge_step_result after_tunnel_error(struct edge_request *request, struct str slug) {
    const struct edge_tunnel *tunnel = request->try.tunnel;
    const struct edge_warpgate *warpgate = tunnel->warpgate;
    enum edge_code code = edge_answer_from_tunnel(slug);
    enum remedy remedy = REMEDY_NONE;
    for (size_t i = 0; i < TUNNEL_ERROR_COUNT; i++) {
        if (str_eq(slug, str_from(tunnel_errors[i].slug))) {
            remedy = tunnel_errors[i].remedy;
            if (tunnel_errors[i].outcome != EDGE_WARPGATE_ANSWERED) {
                note(request, tunnel_errors[i].outcome);
            }
        }
    }
    request->try.response = NULL;
    edge_request_drop_exchange(request);
    if (remedy == REMEDY_ELSEWHERE) {
        return send_elsewhere(request, warpgate, code);
    }
    bool is_unprocessed = remedy == REMEDY_AGAIN;
    if (remedy != REMEDY_NONE && may_send_again(request, is_unprocessed)) {
        return send_request(request,
                            tunnel); /* where it broke off it will perhaps be refused now */
    }
    return edge_request_refuse(request, code, NULL);
}

/* HTTP/2 knows no 2xx to an extended CONNECT but yes (RFC 8441 §5). */
static bool is_misread_as_granted(const struct edge_request *request) {
    unsigned status = request->try.response->status;
    return request->is_upgrade && request->head->version == HTTP_VERSION_2 && status >= 200 &&
           status < 300;
}

static enum edge_step_result after_response(struct edge_request *request) {
    const struct http_field *error =
        http_fields_get(&request->try.response->fields, STR(FIELD_TUNNEL_ERROR));
    if (error != NULL) {
        return after_tunnel_error(request, error->value);
    }
    note(request, EDGE_WARPGATE_ANSWERED);
    return is_misread_as_granted(request)
               ? edge_request_refuse(request, EDGE_CODE_UPGRADE_DECLINED, NULL)
               : EDGE_STEP_NEXT;
}

enum edge_step_result edge_forward(struct edge_request *request) {
    if (request->code != EDGE_CODE_NONE) {
        return EDGE_STEP_DONE; /* overdue */
    }
    if (request->environment != NULL) {
        edge_retry_earn(&request->environment->retries, loop_now_ms(request->worker->loop));
        request->environment = NULL; /* from here on it may go away */
    }
    if (!request->try.is_sent) {
        return send_request(request, NULL);
    }
    if (request->try.response != NULL) {
        return after_response(request);
    }
    return request->try.tunnel_stream == NULL ? after_loss(request) : EDGE_STEP_WAIT;
}
