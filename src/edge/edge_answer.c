/* edge_answer.c: one table of codes; two renderings of it. */
#include "edge/edge_answer.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"

extern const unsigned char edge_error_page[];
extern const size_t edge_error_page_len;

#define RETRY_AFTER_SECONDS "5"
#define ANSWER_BYTES_MAX 65536

struct answer_row {
    const char *slug;
    unsigned status;
    bool may_retry; /* says Retry-After */
    const char *title;
    const char *detail;
};

static const struct answer_row answer_rows[EDGE_CODE_COUNT] = {
    [EDGE_CODE_NONE] = {"", 0, false, "", ""},
    [EDGE_CODE_BAD_REQUEST] = {"bad_request", 400, false, "Bad request",
                               "The request could not be understood."},
    [EDGE_CODE_BAD_PATH] =
        {"bad_path", 400, false, "Ambiguous address",
         "The path of this address can be read in more than one way, so it was refused."},
    [EDGE_CODE_NO_ROUTE] = {"no_route", 404, false, "Not found",
                            "There is nothing at this address."},
    [EDGE_CODE_HOST_NOT_SERVED] =
        {"host_not_served", 421, false, "Host not served here",
         "No service with this host name is reachable through this connection."},
    [EDGE_CODE_METHOD_UNSUPPORTED] = {"method_unsupported", 501, false, "Method not supported",
                                      "This request method is not available here."},
    [EDGE_CODE_ENVIRONMENT_DISABLED] = {"environment_disabled", 503, true, "Service switched off",
                                        "This service has been switched off by its owner."},
    [EDGE_CODE_NO_WARPGATE] =
        {"no_warpgate", 503, true, "Service not connected",
         "The service is not connected at the moment. Please try again shortly."},
    [EDGE_CODE_WARPGATE_LOST] = {"warpgate_lost", 502, true, "Connection lost",
                                 "The connection to the service was lost before it answered."},
    [EDGE_CODE_UPSTREAM_REFUSED] =
        {"upstream_refused", 502, true, "Service not running",
         "The service is connected, but its application does not accept connections."},
    [EDGE_CODE_UPSTREAM_CLOSED] = {"upstream_closed", 502, true, "No answer",
                                   "The application closed the connection without an answer."},
    [EDGE_CODE_UPSTREAM_MALFORMED] = {"upstream_malformed", 502, false, "Invalid answer",
                                      "The application's answer was not valid HTTP."},
    [EDGE_CODE_UPSTREAM_TLS] =
        {"upstream_tls", 502, false, "Application not verified",
         "The encrypted connection to the application could not be made or verified."},
    [EDGE_CODE_UPSTREAM_NO_WEBSOCKET] = {"upstream_no_websocket", 502, false, "No WebSocket here",
                                         "The application does not take WebSockets."},
    [EDGE_CODE_UPSTREAM_UNDECLARED] =
        {"upstream_undeclared", 502, false, "Upstream not declared",
         "The route asks for an upstream that was not declared where the service runs."},
    [EDGE_CODE_UPSTREAM_BUSY] =
        {"upstream_busy", 503, true, "Service busy",
         "The application handles as many requests as it may. Please try again shortly."},
    [EDGE_CODE_UPSTREAM_TIMEOUT] = {"upstream_timeout", 504, false, "No answer in time",
                                    "The application did not answer in time."},
    [EDGE_CODE_UPGRADE_DECLINED] =
        {"upgrade_declined", 502, false, "WebSocket declined",
         "The application answered the request for a WebSocket with something else."},
    [EDGE_CODE_REQUEST_TIMEOUT] = {"request_timeout", 408, false, "Request incomplete",
                                   "The rest of the request did not arrive in time."},
    [EDGE_CODE_SECOND_LINE_REFUSED] = {"second_line_refused", 403, false, "Refused",
                                       "The service's own check refused this request."},
    [EDGE_CODE_OVERLOADED] =
        {"overloaded", 503, true, "Too busy",
         "There is more to do than there is room for. Please try again shortly."},
    [EDGE_CODE_POLICY_NOT_ENFORCED] =
        {"policy_not_enforced", 503, false, "Not available yet",
         "This address is protected in a way that cannot be kept here yet, so nobody gets in."},
    [EDGE_CODE_ADDRESS_REFUSED] = {"address_refused", 403, false, "Not from here",
                                   "This service does not accept requests from your address."},
};

/* Slugs that a warpgate answers with (docs/protocol.md). */
static const struct {
    const char *slug;
    enum edge_code code;
} tunnel_slugs[] = {
    {"not_ready", EDGE_CODE_NO_WARPGATE},
    {"upstream_refused", EDGE_CODE_UPSTREAM_REFUSED},
    {"upstream_closed", EDGE_CODE_UPSTREAM_CLOSED},
    {"upstream_stale", EDGE_CODE_UPSTREAM_CLOSED},
    {"upstream_unprocessed", EDGE_CODE_UPSTREAM_CLOSED},
    {"upstream_malformed", EDGE_CODE_UPSTREAM_MALFORMED},
    {"upstream_tls", EDGE_CODE_UPSTREAM_TLS},
    {"upstream_no_websocket", EDGE_CODE_UPSTREAM_NO_WEBSOCKET},
    {"upstream_undeclared", EDGE_CODE_UPSTREAM_UNDECLARED},
    {"upstream_busy", EDGE_CODE_UPSTREAM_BUSY},
    {"upstream_timeout", EDGE_CODE_UPSTREAM_TIMEOUT},
    {"bad_path", EDGE_CODE_BAD_PATH},
    {"no_route", EDGE_CODE_NO_ROUTE},
    {"wrong_host", EDGE_CODE_HOST_NOT_SERVED},
    {"environment_disabled", EDGE_CODE_ENVIRONMENT_DISABLED},
    {"policy_not_enforced", EDGE_CODE_POLICY_NOT_ENFORCED},
    {"address_refused", EDGE_CODE_ADDRESS_REFUSED},
    {"environment_mismatch", EDGE_CODE_SECOND_LINE_REFUSED},
};

const char *edge_answer_slug(enum edge_code code) {
    return answer_rows[code].slug;
}

unsigned edge_answer_status(enum edge_code code) {
    return answer_rows[code].status;
}

enum edge_code edge_answer_from_tunnel(struct str slug) {
    for (size_t i = 0; i < sizeof tunnel_slugs / sizeof tunnel_slugs[0]; i++) {
        if (str_eq(slug, str_from(tunnel_slugs[i].slug))) {
            return tunnel_slugs[i].code;
        }
    }
    return EDGE_CODE_WARPGATE_LOST;
}

/* A browser's Accept begins with text/html; tools send "*" or JSON. Quality values are not worth weighing here. */
static bool prefers_html(struct str accept) {
    struct str rest = accept;
    while (!str_is_empty(rest)) {
        struct str item;
        struct str type;
        struct str parameters;
        (void)str_cut(rest, ',', &item, &rest);
        (void)str_cut(item, ';', &type, &parameters);
        type = str_trim(type);
        if (str_eq_nocase(type, STR("text/html")) ||
            str_eq_nocase(type, STR("application/xhtml+xml"))) {
            return true;
        }
        if (str_ends_with(type, STR("json"))) {
            return false;
        }
    }
    return false;
}

static enum status append_escaped(struct buf *out, struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        enum status status;
        switch (text.at[i]) {
        case '&':
            status = buf_append_str(out, STR("&amp;"));
            break;
        case '<':
            status = buf_append_str(out, STR("&lt;"));
            break;
        case '>':
            status = buf_append_str(out, STR("&gt;"));
            break;
        case '"':
            status = buf_append_str(out, STR("&quot;"));
            break;
        default:
            status = buf_append(out, &text.at[i], 1);
            break;
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

struct page_values {
    const struct answer_row *row;
    struct str status;
    struct str request_id;
    struct str detail;
};

static struct str page_value(const struct page_values *values, struct str name) {
    if (str_eq(name, STR("status"))) {
        return values->status;
    }
    if (str_eq(name, STR("title"))) {
        return str_from(values->row->title);
    }
    if (str_eq(name, STR("explanation"))) {
        return str_from(values->row->detail);
    }
    if (str_eq(name, STR("code"))) {
        return str_from(values->row->slug);
    }
    if (str_eq(name, STR("request_id"))) {
        return values->request_id;
    }
    return values->detail;
}

/* pages/error.html with its {{names}} filled in. */
static enum status write_html(struct buf *out, const struct page_values *values) {
    struct str rest = str_make(edge_error_page, edge_error_page_len);
    while (!str_is_empty(rest)) {
        size_t brace = str_find(rest, '{');
        enum status status = buf_append(out, rest.at, brace);
        rest = str_sub(rest, brace, rest.len);
        if (status == STATUS_OK && str_starts_with(rest, STR("{{"))) {
            size_t end = str_find(rest, '}');
            status = append_escaped(out, page_value(values, str_sub(rest, 2, end - 2)));
            rest = str_sub(rest, end + 2, rest.len);
        } else if (status == STATUS_OK && !str_is_empty(rest)) {
            status = buf_append(out, rest.at, 1);
            rest = str_sub(rest, 1, rest.len);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* RFC 9457 */
static enum status write_problem(struct buf *out, const struct page_values *values) {
    json_t *problem =
        json_pack("{s:s, s:s, s:i, s:o, s:s, s:o}", "type", "about:blank", "title",
                  values->row->title, "status", (int)values->row->status, "detail",
                  json_from_str(str_is_empty(values->detail) ? str_from(values->row->detail)
                                                             : values->detail),
                  "code", values->row->slug, "request_id", json_from_str(values->request_id));
    enum status status = json_write(problem, out);
    json_decref(problem);
    return status == STATUS_OK ? buf_append_str(out, STR("\n")) : status;
}

void edge_answer_make(struct edge_answer *answer, struct arena *arena, enum edge_code code,
                      struct str accept, struct str request_id, struct str detail) {
    const struct answer_row *row = &answer_rows[code];
    const struct page_values values = {
        .row = row,
        .status = arena_printf(arena, "%u", row->status),
        .request_id = request_id,
        .detail = detail,
    };
    bool is_html = prefers_html(accept);
    struct buf body;
    buf_init(&body, ANSWER_BYTES_MAX);
    if ((is_html ? write_html(&body, &values) : write_problem(&body, &values)) != STATUS_OK) {
        buf_clear(&body);
    }
    *answer = (struct edge_answer){.head = {.status = row->status},
                                   .body = arena_str(arena, buf_str(&body))};
    buf_fini(&body);

    struct http_fields *fields = &answer->head.fields;
    http_fields_add(fields, arena, STR("content-type"),
                    is_html ? STR("text/html; charset=utf-8") : STR("application/problem+json"));
    http_fields_add(fields, arena, STR("content-length"),
                    arena_printf(arena, "%zu", answer->body.len));
    http_fields_add(fields, arena, STR("cache-control"), STR("no-store"));
    http_fields_add(fields, arena, STR("warpgate-request-id"), request_id);
    if (is_html) {
        http_fields_add(
            fields, arena, STR("content-security-policy"),
            STR("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"));
    }
    http_fields_add(fields, arena, STR("x-content-type-options"), STR("nosniff"));
    if (row->may_retry) {
        http_fields_add(fields, arena, STR("retry-after"), STR(RETRY_AFTER_SECONDS));
    }
    answer->head.has_content_length = true;
    answer->head.content_length = answer->body.len;
}

void edge_answer_malformed(unsigned status, const struct why *why, struct str *type,
                           struct str *body) {
    static _Thread_local char text[512];
    const char *code = why != NULL && why->slug[0] != '\0' ? why->slug : "bad_request";
    /* The engine's own words, not the peer's: nothing to escape. */
    int len =
        snprintf(text, sizeof text,
                 "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"code\":\"%s\"}\n",
                 http_status_reason(status), status, code);
    *type = STR("application/problem+json");
    *body = str_make(text, len > 0 ? (size_t)len : 0);
}
