#include "http/h2_head.h"

#include <string.h>

#include "http/http_check.h"

enum {
    SEEN_METHOD = 1,
    SEEN_SCHEME = 2,
    SEEN_AUTHORITY = 4,
    SEEN_PATH = 8,
    SEEN_STATUS = 16,
    SEEN_PROTOCOL = 32,
    SEEN_REGULAR = 64, /* no pseudo-field may follow */
};

static const struct pseudo {
    struct str name;
    enum h2_head_kind kind;
    unsigned seen;
} pseudos[] = {
    {STR_INIT(":method"), H2_HEAD_REQUEST, SEEN_METHOD},
    {STR_INIT(":scheme"), H2_HEAD_REQUEST, SEEN_SCHEME},
    {STR_INIT(":authority"), H2_HEAD_REQUEST, SEEN_AUTHORITY},
    {STR_INIT(":path"), H2_HEAD_REQUEST, SEEN_PATH},
    {STR_INIT(":protocol"), H2_HEAD_REQUEST, SEEN_PROTOCOL},
    {STR_INIT(":status"), H2_HEAD_RESPONSE, SEEN_STATUS},
};

#define FIELD_OVERHEAD 32 /* RFC 9113 §6.5.2 */

static const struct str cookie_name = STR_INIT("cookie");

void h2_head_begin(struct h2_head_reader *reader, enum h2_head_kind kind, struct arena *arena) {
    *reader = (struct h2_head_reader){
        .kind = kind, .arena = arena, .head = ARENA_NEW(arena, struct http_head)};
    reader->head->version = HTTP_VERSION_2;
}

static void refuse(struct h2_head_reader *reader, enum h2_head_verdict verdict) {
    if (reader->verdict == H2_HEAD_OK) {
        reader->verdict = verdict;
    }
}

static const struct pseudo *find_pseudo(const struct h2_head_reader *reader, struct str name) {
    for (size_t i = 0; i < sizeof pseudos / sizeof pseudos[0]; i++) {
        if (pseudos[i].kind == reader->kind && str_eq(pseudos[i].name, name)) {
            return &pseudos[i];
        }
    }
    return NULL;
}

/* Exactly three digits; which of them are allowed is http_check_response's business. */
static bool read_status(struct str value, unsigned *status) {
    uint64_t number;
    if (value.len != 3 || str_to_u64(value, 999, &number) != STATUS_OK) {
        return false;
    }
    *status = (unsigned)number;
    return true;
}

static void add_pseudo(struct h2_head_reader *reader, struct str name, struct str value) {
    const struct pseudo *pseudo = find_pseudo(reader, name);
    struct http_head *head = reader->head;
    if (pseudo == NULL || (reader->seen & (pseudo->seen | SEEN_REGULAR)) != 0 || value.len == 0) {
        refuse(reader, H2_HEAD_MALFORMED);
        return;
    }
    reader->seen |= pseudo->seen;
    switch (pseudo->seen) {
    case SEEN_METHOD:
        head->method = arena_str(reader->arena, value);
        return;
    case SEEN_SCHEME:
        head->scheme = arena_str(reader->arena, value);
        return;
    case SEEN_AUTHORITY:
        head->authority = arena_str(reader->arena, value);
        return;
    case SEEN_PATH:
        if (value.len > HTTP_TARGET_BYTES_MAX) {
            refuse(reader, H2_HEAD_TARGET_TOO_LONG);
            return;
        }
        head->path = arena_str(reader->arena, value);
        return;
    case SEEN_PROTOCOL:
        head->protocol = arena_str(reader->arena, value);
        return;
    default:
        if (!read_status(value, &head->status)) {
            refuse(reader, H2_HEAD_MALFORMED);
        }
    }
}

static void add_regular(struct h2_head_reader *reader, struct str name, bool is_static,
                        struct str value) {
    reader->seen |= SEEN_REGULAR;
    if (++reader->count > HTTP_FIELDS_MAX) {
        refuse(reader, H2_HEAD_TOO_LARGE);
        return;
    }
    if (name.len == 2 && str_eq(name, STR("te")) && reader->kind == H2_HEAD_REQUEST &&
        str_eq_nocase(value, STR("trailers"))) {
        reader->head->takes_trailers = true;
        return;
    }
    if (http_check_is_handshake(name)) {
        return; /* HTTP/2 has no use for it (RFC 8441 §5) */
    }
    if (reader->kind == H2_HEAD_REQUEST && str_eq(name, cookie_name)) {
        reader->cookie_count++;
        reader->cookie_bytes += value.len;
    }
    http_fields_add(&reader->head->fields, reader->arena,
                    is_static ? name : arena_str(reader->arena, name),
                    arena_str(reader->arena, value));
}

void h2_head_add(struct h2_head_reader *reader, struct str name, bool is_static, struct str value) {
    if (reader->verdict != H2_HEAD_OK) {
        return;
    }
    reader->bytes += name.len + value.len + FIELD_OVERHEAD;
    if (reader->bytes > HTTP_HEAD_BYTES_MAX) {
        /* A long path alone gets the answer that names the path. */
        bool is_path = str_eq(name, STR(":path")) && value.len > HTTP_TARGET_BYTES_MAX;
        refuse(reader, is_path ? H2_HEAD_TARGET_TOO_LONG : H2_HEAD_TOO_LARGE);
        return;
    }
    if (name.len > 0 && name.at[0] == ':') {
        add_pseudo(reader, name, value);
        return;
    }
    add_regular(reader, name, is_static, value);
}

/* Crumbs become one field where the first stood (RFC 9113 §8.2.3), in one pass. */
static void join_cookies(struct h2_head_reader *reader) {
    struct http_fields *fields = &reader->head->fields;
    size_t len = reader->cookie_bytes + 2 * (reader->cookie_count - 1);
    char *text = arena_bytes(reader->arena, len + 1);
    size_t at = 0;
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct http_field field = fields->at[i];
        if (!str_eq(field.name, cookie_name)) {
            fields->at[kept++] = field;
            continue;
        }
        if (at == 0) {
            fields->at[kept++] = (struct http_field){field.name, str_make(text, len)};
        } else {
            text[at - 2] = ';';
            text[at - 1] = ' ';
        }
        if (field.value.len > 0) {
            memcpy(text + at, field.value.at, field.value.len);
        }
        at += field.value.len + 2;
    }
    fields->count = kept;
}

/* Each crumb is a value of its own: joining must not hide white space at its ends. */
static bool has_malformed_crumb(const struct h2_head_reader *reader) {
    const struct http_fields *fields = &reader->head->fields;
    for (size_t i = 0; i < fields->count; i++) {
        if (str_eq(fields->at[i].name, cookie_name) && !http_check_value(fields->at[i].value)) {
            return true;
        }
    }
    return false;
}

/* CONNECT is extended or not served at all; what asks for a WebSocket has no body (RFC 8441 §4, §5). */
static bool take_connect(struct http_head *head) {
    bool is_connect = str_eq(head->method, STR("CONNECT"));
    if (head->protocol.len == 0 || !is_connect) {
        return head->protocol.len == 0 && !is_connect;
    }
    head->method = STR("GET");
    if (str_eq_nocase(head->protocol, STR("websocket"))) {
        head->protocol = STR("websocket");
    }
    return http_fields_get(&head->fields, STR("content-length")) == NULL;
}

static bool is_good_request(struct h2_head_reader *reader) {
    const unsigned needed = SEEN_METHOD | SEEN_SCHEME | SEEN_PATH;
    if ((reader->seen & needed) != needed || !take_connect(reader->head)) {
        return false;
    }
    if (reader->cookie_count > 1) {
        if (has_malformed_crumb(reader)) {
            return false;
        }
        join_cookies(reader);
    }
    return http_check_request(reader->head, NULL) == STATUS_OK;
}

static bool is_good_trailers(const struct h2_head_reader *reader) {
    const struct http_fields *fields = &reader->head->fields;
    for (size_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->at[i];
        if (!http_check_lower_token(field->name) || !http_check_value(field->value) ||
            !http_check_may_be_trailer(field->name)) {
            return false;
        }
    }
    return true;
}

static bool is_good(struct h2_head_reader *reader) {
    switch (reader->kind) {
    case H2_HEAD_REQUEST:
        return is_good_request(reader);
    case H2_HEAD_RESPONSE:
        return (reader->seen & SEEN_STATUS) != 0 &&
               http_check_response(reader->head, NULL) == STATUS_OK;
    default:
        return is_good_trailers(reader);
    }
}

enum h2_head_verdict h2_head_finish(struct h2_head_reader *reader) {
    if (reader->verdict == H2_HEAD_OK && !is_good(reader)) {
        reader->verdict = H2_HEAD_MALFORMED;
    }
    struct str protocol = reader->head->protocol;
    if (protocol.len > 0 && !str_eq(protocol, STR("websocket"))) {
        refuse(reader, H2_HEAD_UNSUPPORTED);
    }
    return reader->verdict;
}

/* Where a packed list is being written: text behind one pointer, pairs behind the other. */
struct packer {
    char *text;
    struct h2_head_nv nv;
};

static uint8_t *put_text(struct packer *packer, struct str s) {
    char *at = packer->text;
    if (s.len > 0) {
        memcpy(at, s.at, s.len);
    }
    packer->text += s.len;
    return (uint8_t *)at;
}

static void put_pair(struct packer *packer, uint8_t *name, size_t name_len, struct str value,
                     bool is_unique) {
    const uint8_t flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    packer->nv.at[packer->nv.count++] = (nghttp2_nv){
        .name = name,
        .value = put_text(packer, value),
        .namelen = name_len,
        .valuelen = value.len,
        .flags = is_unique ? flags | NGHTTP2_NV_FLAG_NO_INDEX : flags,
    };
}

static void put_pseudo(struct packer *packer, const char *name, struct str value) {
    if (value.len > 0) {
        put_pair(packer, (uint8_t *)(uintptr_t)name, strlen(name), value, false);
    }
}

static void put_field(struct packer *packer, const struct http_field *field) {
    put_pair(packer, put_text(packer, field->name), field->name.len, field->value,
             field->is_unique);
}

static struct packer begin_packing(const struct http_fields *fields, size_t pseudo_bytes,
                                   struct arena *arena) {
    size_t bytes = pseudo_bytes;
    for (size_t i = 0; i < fields->count; i++) {
        bytes += fields->at[i].name.len + fields->at[i].value.len;
    }
    size_t pseudo_count = sizeof pseudos / sizeof pseudos[0];
    return (struct packer){
        .text = arena_bytes(arena, bytes + 1),
        .nv.at = arena_alloc(arena, (fields->count + pseudo_count) * sizeof(nghttp2_nv)),
    };
}

#define STATUS_DIGITS 3
/* A status, CONNECT, and te: trailers. */
#define SPARE_TEXT 24

static void put_request(struct packer *packer, const struct http_head *head) {
    bool is_connect = head->protocol.len > 0;
    put_pseudo(packer, ":method", is_connect ? STR("CONNECT") : head->method);
    put_pseudo(packer, ":protocol", head->protocol);
    put_pseudo(packer, ":scheme", head->scheme);
    put_pseudo(packer, ":authority", head->authority);
    put_pseudo(packer, ":path", head->path);
}

struct h2_head_nv h2_head_pack(const struct http_head *head, struct arena *arena) {
    struct packer packer = begin_packing(&head->fields,
                                         head->method.len + head->protocol.len + head->scheme.len +
                                             head->authority.len + head->path.len + SPARE_TEXT,
                                         arena);
    if (head->status != 0) {
        const char digits[STATUS_DIGITS] = {(char)('0' + head->status / 100 % 10),
                                            (char)('0' + head->status / 10 % 10),
                                            (char)('0' + head->status % 10)};
        put_pseudo(&packer, ":status", str_make(digits, STATUS_DIGITS));
    } else {
        put_request(&packer, head);
    }
    for (size_t i = 0; i < head->fields.count; i++) {
        put_field(&packer, &head->fields.at[i]);
    }
    if (head->takes_trailers && head->status == 0) {
        put_field(&packer, &(struct http_field){STR("te"), STR("trailers")});
    }
    return packer.nv;
}

struct h2_head_nv h2_head_pack_trailers(const struct http_fields *fields, struct arena *arena) {
    struct packer packer = begin_packing(fields, 0, arena);
    for (size_t i = 0; i < fields->count; i++) {
        if (http_check_may_be_trailer(fields->at[i].name)) {
            put_field(&packer, &fields->at[i]);
        }
    }
    return packer.nv;
}
