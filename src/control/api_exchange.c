#include "control/api_exchange.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "control/api_dispatch.h"
#include "control/api_download.h"
#include "control/api_stream.h"
#include "control/feed_hub.h"
#include "policy/canonical_host.h"

enum exchange_state {
    EXCHANGE_COLLECTING, /* the body is arriving */
    EXCHANGE_CHECKING,   /* a pool thread looks who it is: what arrives is kept, but not consumed */
    EXCHANGE_DROPPING, /* refused, but the body is still arriving: many clients read nothing before it is sent */
    EXCHANGE_WAITING,   /* a login, until others are done */
    EXCHANGE_WORKING,   /* on a pool thread: nothing of the call is touched here */
    EXCHANGE_ANSWERED,  /* what still arrives is dropped */
    EXCHANGE_STREAMING, /* api_stream.h or api_download.h has taken over */
};

struct api_exchange {
    struct list node;      /* in control->exchanges */
    struct list wait_node; /* in control->waiting_logins */
    struct control *control;
    struct http_stream *stream; /* NULL once it is gone */
    enum exchange_state state;
    int64_t deadline_ms; /* mono; 0: none */
    bool is_head;        /* HEAD: no body in the answer */
    bool is_complete;    /* the whole request is here */
    bool is_known;       /* its session was looked up */
    bool is_too_large;   /* found while CHECKING */
    enum status checked;
    size_t unconsumed_bytes; /* while CHECKING */
    size_t dropped_bytes;
    struct api_call call;
};

static int64_t now_ms(const struct api_exchange *exchange) {
    return loop_now_ms(exchange->control->loop);
}

/* Only when the stream is gone and no thread works on it. */
static void free_exchange(struct api_exchange *exchange) {
    struct control *control = exchange->control;
    list_remove(&exchange->node);
    if (list_is_linked(&exchange->wait_node)) {
        list_remove(&exchange->wait_node);
        control->waiting_login_count--;
    }
    api_call_fini(&exchange->call);
    memory_free(exchange);
    control_state_check_ended(control);
}

/* The answer */

/* For information (draft-ietf-httpapi-ratelimit-headers). */
static void add_limit(struct api_call *call, struct http_fields *fields) {
    const struct api_limit_state *limit = &call->answer.limit;
    struct arena *arena = &call->arena;
    http_fields_add(fields, arena, STR("ratelimit-policy"),
                    arena_printf(arena, "\"%s\";q=%lld;w=%lld", limit->policy,
                                 (long long)limit->quota, (long long)limit->window_seconds));
    http_fields_add(fields, arena, STR("ratelimit"),
                    arena_printf(arena, "\"%s\";r=%lld;t=%lld", limit->policy,
                                 (long long)limit->remaining, (long long)limit->full_in_seconds));
}

static void add_fields(struct api_call *call, struct http_head *head, struct str body) {
    const struct api_answer *answer = &call->answer;
    struct http_fields *fields = &head->fields;
    struct arena *arena = &call->arena;
    if (!str_is_empty(body)) {
        const char *type = answer->media_type != NULL ? answer->media_type : "application/json";
        http_fields_add(fields, arena, STR("content-type"),
                        str_from(answer->is_problem ? "application/problem+json" : type));
    }
    if (head->status != 204 && head->status != 304) {
        http_fields_add(fields, arena, STR("content-length"), arena_printf(arena, "%zu", body.len));
        head->has_content_length = true;
        head->content_length = body.len;
    }
    http_fields_add(fields, arena, STR("cache-control"), STR("no-store"));
    http_fields_add(fields, arena, STR("x-content-type-options"), STR("nosniff"));
    http_fields_add(fields, arena, STR("request-id"), id_str(&call->request_id));
    if (answer->etag[0] != '\0') {
        http_fields_add(fields, arena, STR("etag"), str_from(answer->etag));
    }
    if (answer->allow != NULL) {
        http_fields_add(fields, arena, STR("allow"), str_from(answer->allow));
    }
    if (head->status == 401) {
        http_fields_add(fields, arena, STR("www-authenticate"), STR("Bearer"));
    }
    if (call->is_replayed && !answer->is_problem) {
        http_fields_add(fields, arena, STR("idempotent-replayed"), STR("true"));
    }
    if (answer->limit.policy != NULL) {
        add_limit(call, fields);
    }
    if (answer->retry_after_seconds > 0) {
        http_fields_add(fields, arena, STR("retry-after"),
                        arena_printf(arena, "%lld", (long long)answer->retry_after_seconds));
    }
}

static void log_call(const struct api_call *call) {
    log_debug("api.request",
              "request=%s method=%.*s path=%s status=%u ms=%lld address=%s member=%s",
              call->request_id.text, STR_ARG(call->head.method),
              call->operation != NULL ? call->operation->path : "-", call->answer.status,
              (long long)(clock_mono_ms(loop_clock(call->control->loop)) - call->begun_at_ms),
              call->ip_address, call->actor.text);
}

static void on_stream_over(void *context) {
    free_exchange(context);
}

/* False: it goes on as any other answer, be it a refusal. */
static bool start_stream(struct api_exchange *exchange) {
    struct api_call *call = &exchange->call;
    const struct api_answer *answer = &call->answer;
    struct control *control = exchange->control;
    if ((answer->topic_scope == NULL && answer->download == NULL) || answer->is_problem ||
        exchange->is_head || exchange->stream == NULL) {
        return false;
    }
    enum status status =
        answer->download != NULL
            ? api_download_begin(control->downloads, call, exchange->stream, on_stream_over,
                                 exchange)
            : api_stream_begin(control->streams, call, exchange->stream, on_stream_over, exchange);
    if (status != STATUS_OK) {
        api_dispatch_refuse(call, status);
        return false;
    }
    exchange->state = EXCHANGE_STREAMING;
    exchange->deadline_ms = 0;
    return true;
}

static void send_answer(struct api_exchange *exchange) {
    struct api_call *call = &exchange->call;
    if (start_stream(exchange)) {
        log_call(call);
        return;
    }
    log_call(call);
    exchange->state = EXCHANGE_ANSWERED;
    exchange->deadline_ms = now_ms(exchange) + API_EXCHANGE_LINGER_MS;
    if (exchange->stream == NULL) {
        free_exchange(exchange);
        return;
    }
    struct str body =
        str_is_empty(call->answer.raw_body) ? buf_str(&call->answer.bytes) : call->answer.raw_body;
    struct http_head head = {.status = call->answer.status};
    add_fields(call, &head, body);
    bool has_body = !str_is_empty(body) && !exchange->is_head;
    http_stream_send_head(exchange->stream, &head, !has_body);
    if (has_body) {
        http_stream_send(exchange->stream, (const uint8_t *)body.at, body.len);
        http_stream_end(exchange->stream, NULL);
    }
}

/* A client that asks first, or has too much to send, hears at once. */
static bool may_drop_rest(const struct api_exchange *exchange) {
    const struct http_head *head = &exchange->call.head;
    return !exchange->is_complete && str_is_empty(api_call_field(&exchange->call, STR("expect"))) &&
           exchange->dropped_bytes <= API_EXCHANGE_DROP_BYTES_MAX &&
           (!head->has_content_length || head->content_length <= API_EXCHANGE_DROP_BYTES_MAX);
}

static void refuse(struct api_exchange *exchange, enum status status, const char *slug,
                   const char *text) {
    api_dispatch_refuse(&exchange->call, why_set(&exchange->call.why, status, slug, "%s", text));
    if (may_drop_rest(exchange)) {
        exchange->state = EXCHANGE_DROPPING;
        buf_clear(&exchange->call.body);
        return;
    }
    send_answer(exchange);
}

static void drop_bytes(struct api_exchange *exchange, size_t len) {
    exchange->dropped_bytes += len;
    if (!may_drop_rest(exchange)) {
        send_answer(exchange);
    }
}

static void take_complete(struct api_exchange *exchange);

static void refuse_large(struct api_exchange *exchange, size_t max) {
    char text[48];
    snprintf(text, sizeof(text), "a body has at most %zu KiB here", max >> 10);
    refuse(exchange, STATUS_TOO_LARGE, "body_too_large", text);
}

/* Who it is */

static void run_check(void *context) {
    struct api_exchange *exchange = context;
    exchange->checked = api_dispatch_authenticate(&exchange->call);
}

static void refuse_unknown(struct api_exchange *exchange) {
    struct why why = exchange->call.why;
    refuse(exchange, exchange->checked, why.slug, why.text);
}

static void finish_check(void *context) {
    struct api_exchange *exchange = context;
    struct control *control = exchange->control;
    size_t len = exchange->unconsumed_bytes;
    control->work_count--;
    if (exchange->stream == NULL) {
        free_exchange(exchange);
        return;
    }
    exchange->state = EXCHANGE_COLLECTING;
    exchange->deadline_ms = now_ms(exchange) + API_EXCHANGE_BODY_MS;
    exchange->unconsumed_bytes = 0;
    exchange->is_known = exchange->checked == STATUS_OK;
    if (!exchange->is_known) {
        refuse_unknown(exchange);
    } else if (exchange->is_too_large) {
        refuse_large(exchange, API_BODY_BYTES_MAX);
    } else if (exchange->is_complete) {
        take_complete(exchange);
    }
    http_stream_consumed(exchange->stream, len); /* an answer does not end it */
}

static void start_check(struct api_exchange *exchange) {
    struct control *control = exchange->control;
    if (control->work_count >= API_EXCHANGE_WORK_MAX) {
        refuse(exchange, STATUS_UNAVAILABLE, "overloaded", "too many calls at a time");
        return;
    }
    exchange->state = EXCHANGE_CHECKING;
    exchange->deadline_ms = 0;
    control->work_count++;
    loop_work(control->loop, run_check, finish_check, exchange);
}

/* Work */

static void start_work(struct api_exchange *exchange);

static void start_waiting_login(struct control *control) {
    if (control->login_count < API_EXCHANGE_LOGINS_MAX &&
        !list_is_empty(&control->waiting_logins)) {
        struct api_exchange *next =
            CONTAINER_OF(control->waiting_logins.next, struct api_exchange, wait_node);
        list_remove(&next->wait_node);
        control->waiting_login_count--;
        start_work(next);
    }
}

static void run_work(void *context) {
    struct api_exchange *exchange = context;
    api_dispatch_run(&exchange->call);
}

/* Edges hear of a change before its author hears that it is done. */
static void finish_work(void *context) {
    struct api_exchange *exchange = context;
    struct control *control = exchange->control;
    control->work_count--;
    if (exchange->call.operation->is_login) {
        control->login_count--;
    }
    if (control->hub != NULL) {
        feed_hub_apply(control->hub, &exchange->call.changes);
    }
    send_answer(exchange);
    start_waiting_login(control);
    control_state_check_ended(control);
}

static void start_work(struct api_exchange *exchange) {
    struct control *control = exchange->control;
    exchange->state = EXCHANGE_WORKING;
    exchange->deadline_ms = 0;
    control->work_count++;
    if (exchange->call.operation->is_login) {
        control->login_count++;
    }
    loop_work(control->loop, run_work, finish_work, exchange);
}

static void queue_login(struct api_exchange *exchange) {
    struct control *control = exchange->control;
    if (control->waiting_login_count >= API_EXCHANGE_LOGINS_WAITING_MAX) {
        refuse(exchange, STATUS_UNAVAILABLE, "overloaded", "too many are signing in");
        return;
    }
    exchange->state = EXCHANGE_WAITING;
    exchange->deadline_ms = now_ms(exchange) + API_EXCHANGE_BODY_MS;
    list_append(&control->waiting_logins, &exchange->wait_node);
    control->waiting_login_count++;
}

static void take_complete(struct api_exchange *exchange) {
    struct control *control = exchange->control;
    if (control->phase != CONTROL_RUNNING) {
        refuse(exchange, STATUS_UNAVAILABLE, "stopping", "the control plane is stopping");
        return;
    }
    if (control->work_count >= API_EXCHANGE_WORK_MAX) {
        refuse(exchange, STATUS_UNAVAILABLE, "overloaded", "too many calls at a time");
        return;
    }
    if (exchange->call.operation->is_login && control->login_count >= API_EXCHANGE_LOGINS_MAX) {
        queue_login(exchange);
        return;
    }
    start_work(exchange);
}

/* What the stream brings */

static void collect(struct api_exchange *exchange, const uint8_t *bytes, size_t len) {
    struct buf *body = &exchange->call.body;
    bool is_open = exchange->call.operation->permission == PERMISSION_OPEN;
    bool is_over_open = buf_len(body) + len > API_BODY_OPEN_BYTES_MAX;
    if (is_over_open && is_open) {
        refuse_large(exchange, API_BODY_OPEN_BYTES_MAX);
        return;
    }
    if (buf_append(body, bytes, len) != STATUS_OK) {
        refuse_large(exchange, API_BODY_BYTES_MAX);
        return;
    }
    if (is_over_open && !exchange->is_known) {
        start_check(exchange);
    }
}

static void on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct api_exchange *exchange = owner;
    if (exchange->state == EXCHANGE_CHECKING) {
        exchange->is_too_large =
            exchange->is_too_large || buf_append(&exchange->call.body, bytes, len) != STATUS_OK;
        exchange->unconsumed_bytes += len;
        return;
    }
    if (exchange->state == EXCHANGE_DROPPING) {
        drop_bytes(exchange, len);
    } else if (exchange->state == EXCHANGE_COLLECTING) {
        collect(exchange, bytes, len);
    }
    http_stream_consumed(exchange->stream, len);
}

static void on_end(void *owner, const struct http_fields *trailers) {
    struct api_exchange *exchange = owner;
    (void)trailers;
    exchange->is_complete = true;
    if (exchange->state == EXCHANGE_COLLECTING) {
        take_complete(exchange);
    } else if (exchange->state == EXCHANGE_DROPPING) {
        send_answer(exchange);
    }
}

static void on_sent(void *owner, size_t len) {
    (void)owner;
    (void)len;
}

static void on_closed(void *owner, enum http_close reason) {
    struct api_exchange *exchange = owner;
    (void)reason;
    exchange->stream = NULL;
    if (exchange->state != EXCHANGE_WORKING && exchange->state != EXCHANGE_CHECKING) {
        free_exchange(exchange);
    }
}

static const struct http_stream_events exchange_events = {
    .on_data = on_data,
    .on_end = on_end,
    .on_sent = on_sent,
    .on_closed = on_closed,
};

/* The beginning */

/* What can be said before a byte of the body is here. */
static void judge_head(struct api_exchange *exchange) {
    struct api_call *call = &exchange->call;
    const struct http_head *head = &call->head;
    bool is_open = call->operation->permission == PERMISSION_OPEN;
    size_t max = is_open ? API_BODY_OPEN_BYTES_MAX : API_BODY_BYTES_MAX;
    struct str token;
    if (!is_open) {
        exchange->checked = api_call_bearer(call, &token);
        if (exchange->checked != STATUS_OK) {
            refuse_unknown(exchange);
            return;
        }
    }
    if (head->has_content_length && head->content_length > max) {
        refuse_large(exchange, max);
    }
}

/* A request that another host is meant by has come to the wrong place (RFC 9110 §7.4). Without one, HTTP/1.0, the name in
 * the TLS handshake has to do. */
static bool is_for_us(const struct api_exchange *exchange) {
    char host[CANONICAL_HOST_SIZE];
    struct str authority = exchange->call.head.authority;
    const struct control *control = exchange->control;
    return str_is_empty(authority) || (canonical_host(authority, host, NULL) == STATUS_OK &&
                                       str_eq(str_from(host), str_from(control->api_name)));
}

static void find_operation(struct api_exchange *exchange, const struct api_table *table) {
    struct api_call *call = &exchange->call;
    struct api_match match;
    struct str path;
    (void)str_cut(call->head.path, '?', &path, &call->query);
    enum status status = api_router_find(table, call->head.method, path, &call->arena, &match);
    if (status == STATUS_OK) {
        call->operation = match.operation;
        call->object = match.object;
        call->part = match.part;
        judge_head(exchange);
        return;
    }
    if (status == STATUS_NOT_FOUND) {
        refuse(exchange, STATUS_NOT_FOUND, "not_found", "there is nothing at this path");
        return;
    }
    call->answer.allow = match.allow;
    refuse(exchange, STATUS_INVALID, "method_not_allowed", "see Allow for the methods that are");
}

void api_exchange_begin(struct control *control, const struct api_table *table,
                        const struct api_peer *peer, struct http_stream *stream,
                        const struct http_head *head) {
    struct api_exchange *exchange = MEMORY_NEW(struct api_exchange);
    exchange->control = control;
    exchange->stream = stream;
    exchange->is_head = str_eq(head->method, STR("HEAD"));
    list_init(&exchange->wait_node);
    list_append(&control->exchanges, &exchange->node);
    api_call_init(&exchange->call, control);
    http_head_copy(&exchange->call.head, head, &exchange->call.arena);
    memcpy(exchange->call.ip_address, peer->ip_address, sizeof(peer->ip_address));
    exchange->call.has_peer = peer->is_warpgate;
    exchange->call.peer = peer->identity;
    exchange->deadline_ms = now_ms(exchange) + API_EXCHANGE_BODY_MS;
    http_stream_attach(stream, &exchange_events, exchange);
    if (table == &api_router_public && !is_for_us(exchange)) {
        refuse(exchange, STATUS_INVALID, "wrong_host", "this host is not served here");
        return;
    }
    find_operation(exchange, table);
}

static void end_late(struct api_exchange *exchange) {
    if (exchange->state == EXCHANGE_COLLECTING) {
        exchange->dropped_bytes = SIZE_MAX; /* no more of it */
        refuse(exchange, STATUS_TIMEOUT, "body_timeout", "the body took longer than 30 s");
        return;
    }
    if (exchange->state == EXCHANGE_DROPPING) {
        send_answer(exchange);
        return;
    }
    if (exchange->state == EXCHANGE_WAITING) {
        list_remove(&exchange->wait_node);
        exchange->control->waiting_login_count--;
        refuse(exchange, STATUS_UNAVAILABLE, "overloaded", "too many are signing in");
        return;
    }
    http_stream_release(exchange->stream);
    exchange->stream = NULL;
    free_exchange(exchange);
}

void api_exchange_tick(struct control *control) {
    for (struct list *node = control->exchanges.next, *next; node != &control->exchanges;
         node = next) {
        struct api_exchange *exchange = CONTAINER_OF(node, struct api_exchange, node);
        next = node->next;
        if (exchange->deadline_ms != 0 && now_ms(exchange) >= exchange->deadline_ms) {
            end_late(exchange);
        }
    }
}
