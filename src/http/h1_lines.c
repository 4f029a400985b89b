#include "http/h1_lines.h"

#include <llhttp.h>

/* Room that owners may fill without moving the array. */
#define FIELDS_SPARE 8

struct collector {
    struct http_fields *fields;
    bool is_in_value;
    bool is_complete;
};

/* llhttp may hand a span over in parts; in one buffer they lie side by side. */
static int extend(struct str *s, const char *at, size_t len) {
    if (s->at + s->len != at) {
        return -1;
    }
    s->len += len;
    return 0;
}

static int collect_name(llhttp_t *parser, const char *at, size_t len) {
    struct collector *collector = parser->data;
    struct http_fields *fields = collector->fields;
    if (fields->count > 0 && !collector->is_in_value) {
        return extend(&fields->at[fields->count - 1].name, at, len);
    }
    if (fields->count == fields->cap) {
        return -1;
    }
    fields->at[fields->count++] = (struct http_field){str_make(at, len), STR_EMPTY};
    collector->is_in_value = false;
    return 0;
}

static int collect_value(llhttp_t *parser, const char *at, size_t len) {
    struct collector *collector = parser->data;
    struct http_field *field = &collector->fields->at[collector->fields->count - 1];
    if (collector->is_in_value && field->value.len > 0) {
        return extend(&field->value, at, len);
    }
    field->value = str_make(at, len);
    collector->is_in_value = true;
    return 0;
}

static int end_value(llhttp_t *parser) {
    struct collector *collector = parser->data;
    collector->is_in_value = true;
    return 0;
}

static int end_fields(llhttp_t *parser) {
    struct collector *collector = parser->data;
    collector->is_complete = true;
    return HPE_PAUSED; /* the body is h1_body's */
}

static const llhttp_settings_t settings = {
    .on_header_field = collect_name,
    .on_header_value = collect_value,
    .on_header_value_complete = end_value,
    .on_headers_complete = end_fields,
};

static enum status refuse(struct why *why, const char *slug, const char *text) {
    return why_set(why, STATUS_INVALID, slug, "%s", text);
}

static enum status refuse_llhttp(llhttp_errno_t error, struct why *why) {
    switch (error) {
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
        return refuse(why, "content_length", "Content-Length is repeated, malformed, or not alone");
    case HPE_INVALID_TRANSFER_ENCODING:
        return refuse(why, "transfer_encoding", "Transfer-Encoding is malformed");
    default:
        return refuse(why, "field_line", "a field line is malformed");
    }
}

enum status h1_lines_split(struct arena *arena, enum h1_lines_kind kind, struct str lines,
                           size_t count, struct http_fields *fields, struct why *why) {
    static const struct {
        llhttp_type_t type;
        struct str first_line;
    } kinds[] = {
        [H1_LINES_REQUEST] = {HTTP_REQUEST, STR_INIT("GET / HTTP/1.1\r\n")},
        [H1_LINES_RESPONSE] = {HTTP_RESPONSE, STR_INIT("HTTP/1.1 200 OK\r\n")},
    };
    if (count > HTTP_FIELDS_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "head_too_large", "there are too many fields");
    }
    fields->count = 0;
    fields->cap = count + FIELDS_SPARE;
    fields->at = arena_alloc(arena, fields->cap * sizeof(*fields->at));
    struct collector collector = {.fields = fields};
    llhttp_t parser;
    llhttp_init(&parser, kinds[kind].type, &settings);
    parser.data = &collector;
    (void)llhttp_execute(&parser, kinds[kind].first_line.at, kinds[kind].first_line.len);
    llhttp_errno_t error = llhttp_execute(&parser, lines.at, lines.len);
    if (error != HPE_PAUSED || !collector.is_complete) {
        return refuse_llhttp(error, why);
    }
    return fields->count == count ? STATUS_OK
                                  : refuse(why, "field_line", "a field line is ambiguous");
}
