#include "http/h1_parse.h"

#include "http/h1_lines.h"
#include "http/h1_upgrade.h"
#include "http/http_check.h"

#define NOMINATIONS_MAX 32

/* What the section says about its connection and its framing. */
struct facts {
    struct http_fields nominated; /* by Connection; names only */
    struct str host;
    size_t host_count;
    struct str encoding;
    size_t encoding_count;
    bool has_close;
    bool has_keep_alive;
    bool has_expect;
    struct h1_upgrade upgrade;
};

static enum status refuse(struct h1_parse *parse, unsigned answer, const char *slug,
                          const char *text) {
    enum status status = answer == 431                    ? STATUS_TOO_LARGE
                         : answer == 501 || answer == 505 ? STATUS_UNSUPPORTED
                                                          : STATUS_INVALID;
    parse->answer = answer;
    return why_set(&parse->why, status, slug, "%s", text);
}

static enum status split_fields(struct h1_parse *parse, enum h1_lines_kind kind, struct str lines,
                                size_t count) {
    enum status status =
        h1_lines_split(parse->arena, kind, lines, count, &parse->head->fields, &parse->why);
    if (status != STATUS_OK) {
        parse->answer = status == STATUS_TOO_LARGE ? 431 : 400;
    }
    return status;
}

/* --- fields that belong to the connection --- */

enum field_kind {
    FIELD_ORDINARY,
    FIELD_HOST,
    FIELD_CONNECTION,
    FIELD_LENGTH,
    FIELD_ENCODING,
    FIELD_EXPECT,
    FIELD_TE,
    FIELD_UPGRADE,   /* and the WebSocket key or the answer to it */
    FIELD_WEBSOCKET, /* its version: kept */
    FIELD_HOP_BY_HOP,
};

static enum field_kind classify(struct str name) {
    switch (name.len) {
    case 4:
        return str_eq(name, STR("host")) ? FIELD_HOST : FIELD_ORDINARY;
    case 6:
        return str_eq(name, STR("expect")) ? FIELD_EXPECT : FIELD_ORDINARY;
    case 14:
        if (str_eq(name, STR("content-length"))) {
            return FIELD_LENGTH;
        }
        break;
    case 21:
        return str_eq(name, STR("sec-websocket-version")) ? FIELD_WEBSOCKET : FIELD_ORDINARY;
    default:
        break;
    }
    if (http_check_is_handshake(name)) {
        return FIELD_UPGRADE;
    }
    if (!http_check_is_hop_by_hop(name)) {
        return FIELD_ORDINARY;
    }
    if (name.len == 2) {
        return FIELD_TE;
    }
    if (name.len == 7) {
        return FIELD_UPGRADE;
    }
    if (str_eq(name, STR("connection"))) {
        return FIELD_CONNECTION;
    }
    return str_eq(name, STR("transfer-encoding")) ? FIELD_ENCODING : FIELD_HOP_BY_HOP;
}

/* Compared after folding "_" and "." to "-", so that no spelling gets round it. A name that ends in "-" is a prefix. */
static const struct str never_nominated[] = {
    STR_INIT("host"),        STR_INIT("content-length"), STR_INIT("x-forwarded-"),
    STR_INIT("forwarded"),   STR_INIT("x-real-ip"),      STR_INIT("warpgate-"),
    STR_INIT("mezusphere-"),
};

static bool folds_to(struct str name, struct str pattern) {
    bool is_prefix = pattern.at[pattern.len - 1] == '-';
    if (is_prefix ? name.len < pattern.len : name.len != pattern.len) {
        return false;
    }
    for (size_t i = 0; i < pattern.len; i++) {
        char c = name.at[i] == '_' || name.at[i] == '.' ? '-' : name.at[i];
        if (c != pattern.at[i]) {
            return false;
        }
    }
    return true;
}

static bool may_be_nominated(struct str name) {
    for (size_t i = 0; i < sizeof(never_nominated) / sizeof(never_nominated[0]); i++) {
        if (folds_to(name, never_nominated[i])) {
            return false;
        }
    }
    return true;
}

static enum status take_option(struct h1_parse *parse, struct facts *facts, struct str option) {
    if (!http_check_token(option)) {
        return refuse(parse, 400, "connection_field", "Connection is malformed");
    }
    str_lower(option, (char *)option.at); /* in the arena */
    if (str_eq(option, STR("close"))) {
        facts->has_close = true;
    } else if (str_eq(option, STR("keep-alive"))) {
        facts->has_keep_alive = true;
    } else if (str_eq(option, STR("upgrade"))) {
        facts->upgrade.is_nominated = true;
    } else if (!http_check_is_hop_by_hop(option) && may_be_nominated(option)) {
        http_fields_add(&facts->nominated, parse->arena, option, STR_EMPTY);
    }
    if (facts->nominated.count > NOMINATIONS_MAX) {
        return refuse(parse, 400, "connection_field", "Connection names too many fields");
    }
    return STATUS_OK;
}

static enum status take_connection(struct h1_parse *parse, struct facts *facts, struct str value) {
    struct str option;
    enum status status = STATUS_OK;
    while (value.len > 0 && status == STATUS_OK) {
        (void)str_cut(value, ',', &option, &value);
        option = str_trim(option);
        status = option.len == 0 ? STATUS_OK : take_option(parse, facts, option);
    }
    return status;
}

static enum status take_length(struct h1_parse *parse, struct str value) {
    struct http_head *head = parse->head;
    if (head->has_content_length) {
        return refuse(parse, 400, "content_length", "Content-Length is repeated");
    }
    if (http_check_length(value, &head->content_length) != STATUS_OK) {
        return refuse(parse, 400, "content_length", "Content-Length is not a length");
    }
    head->has_content_length = true;
    return STATUS_OK;
}

static enum status take_expect(struct h1_parse *parse, struct facts *facts, struct str value,
                               bool *is_kept) {
    if (parse->head->version == HTTP_VERSION_10) {
        *is_kept = false; /* RFC 9110 §10.1.1: as if it were not there */
        return STATUS_OK;
    }
    facts->has_expect = true;
    if (!str_eq_nocase(value, STR("100-continue"))) {
        return refuse(parse, 417, "expectation", "only 100-continue can be expected");
    }
    return STATUS_OK;
}

/* `trailers` among its codings (RFC 9110 §10.1.4). The others are hop by hop, and nobody uses them. */
static void take_te(struct http_head *head, struct str value) {
    struct str coding;
    while (value.len > 0) {
        (void)str_cut(value, ',', &coding, &value);
        head->takes_trailers =
            head->takes_trailers || str_eq_nocase(str_trim(coding), STR("trailers"));
    }
}

static enum status take_special(struct h1_parse *parse, struct facts *facts, enum field_kind kind,
                                struct http_field field, bool *is_kept) {
    struct str value = field.value;
    bool is_request = parse->head->status == 0;
    switch (kind) {
    case FIELD_HOST:
        *is_kept = !is_request;
        facts->host = value;
        facts->host_count++;
        return STATUS_OK;
    case FIELD_CONNECTION:
        *is_kept = false;
        return take_connection(parse, facts, value);
    case FIELD_LENGTH:
        return take_length(parse, value);
    case FIELD_ENCODING:
        *is_kept = false;
        facts->encoding = value;
        facts->encoding_count++;
        return STATUS_OK;
    case FIELD_EXPECT:
        return is_request ? take_expect(parse, facts, value, is_kept) : STATUS_OK;
    case FIELD_TE:
        *is_kept = false;
        take_te(parse->head, value);
        return STATUS_OK;
    case FIELD_UPGRADE:
    case FIELD_WEBSOCKET:
        *is_kept = kind == FIELD_WEBSOCKET;
        h1_upgrade_take(&facts->upgrade, field.name, value);
        return STATUS_OK;
    default:
        *is_kept = kind == FIELD_ORDINARY;
        return STATUS_OK;
    }
}

static enum status clean_field(struct h1_parse *parse, struct http_field *field) {
    str_lower(field->name, (char *)field->name.at); /* in the arena */
    field->value = str_trim(field->value);
    if (!http_check_lower_token(field->name)) {
        return refuse(parse, 400, "field_name", "a field name is malformed");
    }
    if (!http_check_value(field->value)) {
        return refuse(parse, 400, "field_value", "a field value is malformed");
    }
    return STATUS_OK;
}

/* Checks all fields, and takes off those that end here. */
static enum status sort_fields(struct h1_parse *parse, struct facts *facts) {
    struct http_fields *fields = &parse->head->fields;
    size_t kept = 0;
    size_t size = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct http_field field = fields->at[i];
        enum status status = clean_field(parse, &field);
        if (status != STATUS_OK) {
            return status;
        }
        size += field.name.len + field.value.len + 32;
        bool is_kept = true;
        enum field_kind kind = classify(field.name);
        if (kind != FIELD_ORDINARY) {
            status = take_special(parse, facts, kind, field, &is_kept);
        }
        if (status != STATUS_OK) {
            return status;
        }
        if (is_kept) {
            fields->at[kept++] = field;
        }
    }
    fields->count = kept;
    if (size > HTTP_HEAD_BYTES_MAX) {
        return refuse(parse, 431, "head_too_large", "the header section is too large");
    }
    for (size_t i = 0; i < facts->nominated.count; i++) {
        http_fields_remove(fields, facts->nominated.at[i].name);
    }
    return STATUS_OK;
}

/* RFC 9112 §6.3, but whatever could be read in two ways is refused. */
static enum status judge_framing(struct h1_parse *parse, const struct facts *facts) {
    const struct http_head *head = parse->head;
    parse->framing = head->has_content_length ? H1_FRAMING_LENGTH : H1_FRAMING_NONE;
    if (facts->encoding_count == 0) {
        return STATUS_OK;
    }
    if (head->has_content_length) {
        return refuse(parse, 400, "framing_conflict",
                      "both Transfer-Encoding and Content-Length frame the message");
    }
    if (head->version == HTTP_VERSION_10) {
        return refuse(parse, 400, "transfer_encoding", "HTTP/1.0 has no Transfer-Encoding");
    }
    if (facts->encoding_count > 1) {
        return refuse(parse, 400, "transfer_encoding", "Transfer-Encoding is repeated");
    }
    if (!str_eq(facts->encoding, STR("chunked"))) {
        return refuse(parse, 501, "transfer_encoding", "the only Transfer-Encoding is chunked");
    }
    parse->framing = H1_FRAMING_CHUNKED;
    return STATUS_OK;
}

static void judge_keep_alive(struct h1_parse *parse, const struct facts *facts) {
    bool is_wished = parse->head->version == HTTP_VERSION_11 || facts->has_keep_alive;
    parse->is_keep_alive = is_wished && !facts->has_close;
}

/* --- start lines --- */

/* Takes the first line off; `rest` begins with the second. */
static struct str first_line(struct str text, struct str *rest) {
    size_t end = str_find(text, '\r');
    *rest = str_sub(text, end + 2, text.len);
    return str_sub(text, 0, end);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static enum status take_version(struct h1_parse *parse, struct str s) {
    if (s.len != 8 || !str_starts_with(s, STR("HTTP/")) || !is_digit(s.at[5]) || s.at[6] != '.' ||
        !is_digit(s.at[7])) {
        return refuse(parse, 400, "version", "the version is malformed");
    }
    if (s.at[5] != '1' || s.at[7] > '1') {
        return refuse(parse, 505, "version", "the version is neither HTTP/1.0 nor HTTP/1.1");
    }
    parse->head->version = s.at[7] == '1' ? HTTP_VERSION_11 : HTTP_VERSION_10;
    return STATUS_OK;
}

/* `target` becomes what stands between the first space and the last. */
static enum status take_request_line(struct h1_parse *parse, struct str line, struct str *target) {
    struct http_head *head = parse->head;
    struct str rest;
    bool is_whole = str_cut(line, ' ', &head->method, &rest);
    size_t last = rest.len;
    while (last > 0 && rest.at[last - 1] != ' ') {
        last--;
    }
    if (!is_whole || last == 0) {
        return refuse(parse, 400, "request_line", "the request line is malformed");
    }
    *target = str_sub(rest, 0, last - 1);
    if (!http_check_token(head->method) || head->method.len > HTTP_METHOD_BYTES_MAX) {
        return refuse(parse, 400, "method", "the method is malformed");
    }
    if (str_eq(head->method, STR("CONNECT"))) {
        return refuse(parse, 400, "method", "CONNECT is not served");
    }
    if (target->len > HTTP_TARGET_BYTES_MAX) {
        return refuse(parse, 431, "target_too_large", "the target is too long");
    }
    return take_version(parse, str_sub(rest, last, rest.len));
}

static enum status judge_host(struct h1_parse *parse, const struct facts *facts) {
    if (facts->host_count == 0 && parse->head->version == HTTP_VERSION_10) {
        return STATUS_OK;
    }
    if (facts->host_count != 1) {
        return refuse(parse, 400, "host",
                      facts->host_count == 0 ? "Host is missing" : "Host is repeated");
    }
    if (!http_check_authority(facts->host)) {
        return refuse(parse, 400, "host", "Host is malformed");
    }
    parse->head->authority = facts->host;
    return STATUS_OK;
}

/* RFC 9112 §3.2.2. What remains of `target` is its origin form. */
static enum status take_absolute_form(struct h1_parse *parse, struct str *target) {
    struct http_head *head = parse->head;
    struct str scheme;
    struct str rest;
    if (!str_cut(*target, ':', &scheme, &rest) || !str_eq_nocase(scheme, parse->scheme) ||
        !str_starts_with(rest, STR("//"))) {
        return refuse(parse, 400, "target", "the target is malformed");
    }
    rest = str_sub(rest, 2, rest.len);
    size_t path = str_find(rest, '/');
    size_t query = str_find(rest, '?');
    size_t end = path < query ? path : query;
    if (!str_eq_nocase(str_sub(rest, 0, end), head->authority)) {
        return refuse(parse, 400, "target", "the target's authority is not Host's");
    }
    *target = str_sub(rest, end, rest.len);
    if (target->len == 0) {
        *target = str_eq(head->method, STR("OPTIONS")) ? STR("*") : STR("/");
    } else if (target->at[0] == '?') {
        *target = arena_printf(parse->arena, "/%.*s", STR_ARG(*target));
    }
    return STATUS_OK;
}

static enum status judge_target(struct h1_parse *parse, struct str target) {
    struct http_head *head = parse->head;
    enum status status = STATUS_OK;
    bool is_star = str_eq(target, STR("*"));
    if (is_star && !str_eq(head->method, STR("OPTIONS"))) {
        return refuse(parse, 400, "target", "only OPTIONS may ask for *");
    }
    if (!is_star && (target.len == 0 || target.at[0] != '/')) {
        status = take_absolute_form(parse, &target);
    }
    if (status == STATUS_OK && !http_check_target(target)) {
        return refuse(parse, 400, "target", "the target is malformed");
    }
    head->path = target;
    return status;
}

static enum status judge_upgrade(struct h1_parse *parse, const struct facts *facts, bool has_body) {
    unsigned answer = h1_upgrade_judge_request(&facts->upgrade, parse->head, has_body, &parse->why);
    parse->answer = answer;
    parse->key = facts->upgrade.key;
    return answer == 0 ? STATUS_OK : STATUS_INVALID;
}

enum status h1_parse_request(struct h1_parse *parse) {
    struct str lines;
    struct str target;
    struct facts facts = {0};
    *parse->head = (struct http_head){.scheme = parse->scheme};
    enum status status = take_request_line(parse, first_line(parse->text, &lines), &target);
    if (status == STATUS_OK) {
        status = split_fields(parse, H1_LINES_REQUEST, lines, parse->line_count - 2);
    }
    if (status == STATUS_OK) {
        status = sort_fields(parse, &facts);
    }
    if (status == STATUS_OK) {
        status = judge_framing(parse, &facts);
    }
    if (status == STATUS_OK) {
        status = judge_host(parse, &facts);
    }
    if (status == STATUS_OK) {
        status = judge_target(parse, target);
    }
    judge_keep_alive(parse, &facts);
    bool has_body = parse->framing == H1_FRAMING_CHUNKED || parse->head->content_length > 0;
    if (status == STATUS_OK) {
        status = judge_upgrade(parse, &facts, has_body);
    }
    parse->expects_continue = facts.has_expect && has_body;
    return status;
}

static enum status take_status_line(struct h1_parse *parse, struct str line) {
    struct http_head *head = parse->head;
    enum status status = take_version(parse, str_sub(line, 0, 8));
    if (status != STATUS_OK) {
        return status;
    }
    if (line.len < 12 || line.at[8] != ' ' || line.at[9] < '1' || line.at[9] > '5' ||
        !is_digit(line.at[10]) || !is_digit(line.at[11]) || (line.len > 12 && line.at[12] != ' ')) {
        return refuse(parse, 502, "status_line", "the status line is malformed");
    }
    if (!http_check_value(str_trim(str_sub(line, 12, line.len)))) {
        return refuse(parse, 502, "status_line", "the reason phrase is malformed");
    }
    head->status =
        (unsigned)((line.at[9] - '0') * 100 + (line.at[10] - '0') * 10 + (line.at[11] - '0'));
    return STATUS_OK;
}

/* What a response of this status cannot have must not be announced either: a peer could wait for it. */
static enum status judge_response_body(struct h1_parse *parse) {
    struct http_head *head = parse->head;
    bool is_bare = head->status < 200 || head->status == 204;
    if (is_bare && (parse->framing == H1_FRAMING_CHUNKED || head->content_length > 0)) {
        return refuse(parse, 502, "framing_conflict", "a response that has no body announces one");
    }
    if (is_bare && head->has_content_length) {
        http_fields_remove(&head->fields, STR("content-length"));
        head->has_content_length = false;
    }
    if (http_response_has_no_body(parse->method, head->status)) {
        parse->framing = H1_FRAMING_NONE;
    } else if (parse->framing == H1_FRAMING_NONE) {
        parse->framing = H1_FRAMING_CLOSE;
        parse->is_keep_alive = false;
    }
    return STATUS_OK;
}

/* RFC 6455 §4.1: whoever switches to something else, or without being asked, speaks another protocol than we do. */
static enum status judge_switch(struct h1_parse *parse, const struct facts *facts) {
    if (parse->head->status != 101) {
        return STATUS_OK;
    }
    if (!h1_upgrade_is_switch(&facts->upgrade, parse->accept)) {
        return refuse(parse, 502, "switch", "it switched to a protocol that nobody asked for");
    }
    parse->framing = H1_FRAMING_CLOSE;
    parse->is_keep_alive = false;
    return STATUS_OK;
}

enum status h1_parse_response(struct h1_parse *parse) {
    struct str lines;
    struct facts facts = {0};
    *parse->head = (struct http_head){0};
    parse->expects_continue = false;
    enum status status = take_status_line(parse, first_line(parse->text, &lines));
    if (status == STATUS_OK) {
        status = split_fields(parse, H1_LINES_RESPONSE, lines, parse->line_count - 2);
    }
    if (status == STATUS_OK) {
        status = sort_fields(parse, &facts);
    }
    if (status == STATUS_OK) {
        status = judge_framing(parse, &facts);
    }
    judge_keep_alive(parse, &facts);
    if (status == STATUS_OK) {
        status = judge_response_body(parse);
    }
    return status == STATUS_OK ? judge_switch(parse, &facts) : status;
}

enum status h1_parse_trailers(struct h1_parse *parse) {
    struct http_fields *fields = &parse->head->fields;
    size_t size = 0;
    enum status status = split_fields(parse, H1_LINES_RESPONSE, parse->text, parse->line_count - 1);
    for (size_t i = 0; status == STATUS_OK && i < fields->count; i++) {
        struct http_field *field = &fields->at[i];
        status = clean_field(parse, field);
        size += field->name.len + field->value.len + 32;
        if (status == STATUS_OK && !http_check_may_be_trailer(field->name)) {
            return refuse(parse, 400, "trailer", "a field may not be a trailer");
        }
    }
    if (size > HTTP_HEAD_BYTES_MAX) {
        return refuse(parse, 431, "head_too_large", "the trailer section is too large");
    }
    return status;
}
