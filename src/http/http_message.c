#include "http/http_message.h"

#include <string.h>

/* What a head usually holds fits without growing. */
#define FIELDS_FIRST 16

void http_fields_add(struct http_fields *fields, struct arena *arena, struct str name,
                     struct str value) {
    if (fields->count == fields->cap) {
        size_t cap = fields->cap == 0 ? FIELDS_FIRST : fields->cap * 2;
        struct http_field *at = arena_alloc(arena, cap * sizeof(*at));
        if (fields->count > 0) {
            memcpy(at, fields->at, fields->count * sizeof(*at));
        }
        fields->at = at;
        fields->cap = cap;
    }
    fields->at[fields->count++] = (struct http_field){name, value};
}

const struct http_field *http_fields_get(const struct http_fields *fields, struct str name) {
    for (size_t i = 0; i < fields->count; i++) {
        if (str_eq(fields->at[i].name, name)) {
            return &fields->at[i];
        }
    }
    return NULL;
}

void http_fields_remove(struct http_fields *fields, struct str name) {
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (!str_eq(fields->at[i].name, name)) {
            fields->at[kept++] = fields->at[i];
        }
    }
    fields->count = kept;
}

void http_fields_copy(struct http_fields *to, const struct http_fields *from, struct arena *arena,
                      size_t room) {
    size_t cap = from->count + room;
    struct http_field *at = arena_alloc(arena, (cap > 0 ? cap : 1) * sizeof(*at));
    if (from->count > 0) {
        memcpy(at, from->at, from->count * sizeof(*at));
    }
    *to = (struct http_fields){.at = at, .count = from->count, .cap = cap};
}

static struct str copy_text(char **to, struct str s) {
    char *at = *to;
    if (s.len > 0) {
        memcpy(at, s.at, s.len);
    }
    *to += s.len;
    return str_make(at, s.len);
}

void http_head_copy(struct http_head *to, const struct http_head *from, struct arena *arena) {
    const struct http_fields *fields = &from->fields;
    size_t size = from->method.len + from->scheme.len + from->authority.len + from->path.len +
                  from->protocol.len;
    for (size_t i = 0; i < fields->count; i++) {
        size += fields->at[i].name.len + fields->at[i].value.len;
    }
    char *text = arena_bytes(arena, size + 1);
    struct http_field *at = arena_alloc(arena, (fields->count + 1) * sizeof(*at));
    struct http_head copy = *from;
    copy.method = copy_text(&text, from->method);
    copy.scheme = copy_text(&text, from->scheme);
    copy.authority = copy_text(&text, from->authority);
    copy.path = copy_text(&text, from->path);
    copy.protocol = copy_text(&text, from->protocol);
    for (size_t i = 0; i < fields->count; i++) {
        at[i].name = copy_text(&text, fields->at[i].name);
        at[i].value = copy_text(&text, fields->at[i].value);
    }
    copy.fields = (struct http_fields){at, fields->count, fields->count + 1};
    *to = copy;
}

bool http_method_is_idempotent(struct str method) {
    static const struct str idempotent[] = {STR_INIT("GET"),     STR_INIT("HEAD"),
                                            STR_INIT("OPTIONS"), STR_INIT("TRACE"),
                                            STR_INIT("PUT"),     STR_INIT("DELETE")};
    for (size_t i = 0; i < sizeof(idempotent) / sizeof(idempotent[0]); i++) {
        if (str_eq(method, idempotent[i])) {
            return true;
        }
    }
    return false;
}

/* IANA's registry of status codes. */
static const char *const reasons[600] = {
    [100] = "Continue",
    [101] = "Switching Protocols",
    [102] = "Processing",
    [103] = "Early Hints",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [203] = "Non-Authoritative Information",
    [204] = "No Content",
    [205] = "Reset Content",
    [206] = "Partial Content",
    [207] = "Multi-Status",
    [208] = "Already Reported",
    [226] = "IM Used",
    [300] = "Multiple Choices",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [305] = "Use Proxy",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [402] = "Payment Required",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [407] = "Proxy Authentication Required",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [415] = "Unsupported Media Type",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [421] = "Misdirected Request",
    [422] = "Unprocessable Content",
    [423] = "Locked",
    [424] = "Failed Dependency",
    [425] = "Too Early",
    [426] = "Upgrade Required",
    [428] = "Precondition Required",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [451] = "Unavailable For Legal Reasons",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
    [506] = "Variant Also Negotiates",
    [507] = "Insufficient Storage",
    [508] = "Loop Detected",
    [511] = "Network Authentication Required",
};

const char *http_status_reason(unsigned status) {
    if (status >= sizeof(reasons) / sizeof(reasons[0]) || reasons[status] == NULL) {
        return "";
    }
    return reasons[status];
}

bool http_response_has_no_body(struct str request_method, unsigned status) {
    return status < 200 || status == 204 || status == 304 || str_eq(request_method, STR("HEAD"));
}
