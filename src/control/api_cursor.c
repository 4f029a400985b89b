#include "control/api_cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/digest.h"

#define MAC_BYTES 16
#define PLAIN_MAX 64 /* id, colon, position */

static void make_mac(const uint8_t key[CONTROL_CURSOR_KEY_BYTES], const struct api_cursor *cursor,
                     uint8_t mac[DIGEST_BYTES]) {
    char text[512];
    int len = snprintf(text, sizeof(text), "cursor\n%.*s\n%d\n%s\n%" PRId64, STR_ARG(cursor->list),
                       (int)cursor->order, cursor->id.text, cursor->position);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    digest_hmac_sha256(str_make(key, CONTROL_CURSOR_KEY_BYTES), str_make(text, used), mac);
}

void api_cursor_write(const uint8_t key[CONTROL_CURSOR_KEY_BYTES], const struct api_cursor *cursor,
                      char out[API_CURSOR_SIZE]) {
    uint8_t mac[DIGEST_BYTES];
    char plain[MAC_BYTES + PLAIN_MAX];
    make_mac(key, cursor, mac);
    memcpy(plain, mac, MAC_BYTES);
    int len =
        snprintf(plain + MAC_BYTES, PLAIN_MAX, "%s:%" PRId64, cursor->id.text, cursor->position);
    text_base64url(plain, MAC_BYTES + (size_t)len, out);
}

/* The kind of an id is in its prefix; here any kind will do, since the MAC says that it was ours. */
static enum status read_id(struct str text, struct id *id) {
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        if (id_parse((enum id_kind)kind, text, id) == STATUS_OK) {
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

enum status api_cursor_read(const uint8_t key[CONTROL_CURSOR_KEY_BYTES], struct str text,
                            struct api_cursor *cursor) {
    uint8_t plain[API_CURSOR_SIZE];
    uint8_t mac[DIGEST_BYTES];
    size_t len = sizeof(plain);
    struct str id;
    struct str position;
    uint64_t number;
    if (text_base64url_decode(text, plain, &len) != STATUS_OK || len <= MAC_BYTES ||
        !str_cut(str_make(plain + MAC_BYTES, len - MAC_BYTES), ':', &id, &position) ||
        read_id(id, &cursor->id) != STATUS_OK ||
        str_to_u64(position, INT64_MAX, &number) != STATUS_OK) {
        return STATUS_INVALID;
    }
    cursor->position = (int64_t)number;
    make_mac(key, cursor, mac);
    return secret_equal(mac, MAC_BYTES, plain, MAC_BYTES) ? STATUS_OK : STATUS_INVALID;
}

/* The query */

static enum status refuse_query(struct api_call *call, const char *text) {
    return why_set(&call->why, STATUS_INVALID, "query_invalid", "%s", text);
}

struct query {
    struct str limit;
    struct str cursor;
    struct str order;
};

static int hex_value(char c) {
    const char *found = c == '\0' ? NULL : strchr("0123456789abcdef", str_lower_char(c));
    return found == NULL ? -1 : (int)(found - "0123456789abcdef");
}

/* False unless every "%" is followed by two hexadecimal digits. A "+" is one. */
static bool decode(struct arena *arena, struct str text, struct str *decoded) {
    char *out = arena_bytes(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.at[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text.at[i + 2]) : -1;
            if (low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[len++] = c;
    }
    *decoded = str_make(out, len);
    return text_is_utf8(*decoded);
}

static bool is_filter(const struct api_operation *operation, struct str name) {
    const char *const *filter = operation->filters;
    for (; filter != NULL && *filter != NULL; filter++) {
        if (str_eq(name, str_from(*filter))) {
            return true;
        }
    }
    return false;
}

/* The raw value of a parameter, and how often it is there. */
static unsigned find_parameter(const struct api_call *call, struct str name, struct str *value) {
    struct str rest = call->query;
    unsigned count = 0;
    while (!str_is_empty(rest)) {
        struct str item;
        struct str found;
        struct str text;
        (void)str_cut(rest, '&', &item, &rest);
        (void)str_cut(item, '=', &found, &text);
        if (str_eq(found, name)) {
            *value = text;
            count++;
        }
    }
    return count;
}

struct str api_cursor_filter(struct api_call *call, const char *name) {
    struct str value = STR_EMPTY;
    struct str decoded = STR_EMPTY;
    (void)find_parameter(call, str_from(name), &value);
    return decode(&call->arena, value, &decoded) ? decoded : STR_EMPTY;
}

static enum status judge_filter(struct api_call *call, struct str name, struct str value) {
    struct str ignored;
    if (find_parameter(call, name, &ignored) != 1 || str_is_empty(value) ||
        !decode(&call->arena, value, &ignored)) {
        return refuse_query(call, "a filter of the query is empty, repeated or wrongly encoded");
    }
    return STATUS_OK;
}

static enum status read_query(struct api_call *call, struct query *query) {
    const struct {
        struct str name;
        struct str *value;
        bool is_allowed;
    } parameters[] = {
        {STR("limit"), &query->limit, call->operation->list != API_LIST_NONE},
        {STR("cursor"), &query->cursor, call->operation->list != API_LIST_NONE},
        {STR("order"), &query->order, call->operation->list == API_LIST_TIME},
    };
    struct str rest = call->query;
    while (!str_is_empty(rest)) {
        struct str item;
        struct str name;
        struct str value;
        struct str *target = NULL;
        (void)str_cut(rest, '&', &item, &rest);
        (void)str_cut(item, '=', &name, &value);
        if (is_filter(call->operation, name)) {
            enum status status = judge_filter(call, name, value);
            if (status != STATUS_OK) {
                return status;
            }
            continue;
        }
        for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
            if (parameters[i].is_allowed && str_eq(name, parameters[i].name)) {
                target = parameters[i].value;
            }
        }
        if (target == NULL) {
            return refuse_query(call, "the query has a parameter that is not known here");
        }
        if (!str_is_empty(*target) || str_is_empty(value)) {
            return refuse_query(call, "a parameter of the query is empty or repeated");
        }
        *target = value;
    }
    return STATUS_OK;
}

static enum status judge_query(struct api_call *call, const struct query *query,
                               struct store_page *page) {
    uint64_t limit = API_CURSOR_LIMIT_DEFAULT;
    if (!str_is_empty(query->limit) &&
        (str_to_u64(query->limit, API_CURSOR_LIMIT_MAX, &limit) != STATUS_OK || limit == 0)) {
        return refuse_query(call, "limit has to be from 1 to 200");
    }
    page->limit = (uint32_t)limit;
    if (str_eq(query->order, STR("asc")) || call->operation->list == API_LIST_PLACE) {
        page->order = STORE_ASCENDING;
    } else if (str_is_empty(query->order) || str_eq(query->order, STR("desc"))) {
        page->order = STORE_DESCENDING;
    } else {
        return refuse_query(call, "order has to be asc or desc");
    }
    return STATUS_OK;
}

static struct str list_name(const struct api_call *call) {
    struct str path;
    struct str query;
    (void)str_cut(call->head.path, '?', &path, &query);
    return path;
}

enum status api_cursor_page(struct api_call *call, struct store_page *page) {
    struct query query = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    *page = (struct store_page){0};
    enum status status = read_query(call, &query);
    if (status == STATUS_OK) {
        status = judge_query(call, &query, page);
    }
    if (status != STATUS_OK || str_is_empty(query.cursor)) {
        return status;
    }
    struct api_cursor cursor = {.list = list_name(call), .order = page->order};
    if (api_cursor_read(call->control->cursor_key, query.cursor, &cursor) != STATUS_OK) {
        return why_set(&call->why, STATUS_INVALID, "cursor_invalid",
                       "the cursor does not belong to this list; begin without one");
    }
    page->has_cursor = true;
    page->after = cursor.id;
    page->after_position = cursor.position;
    return STATUS_OK;
}

void api_cursor_answer(struct api_call *call, const struct store_page *page, json_t *items,
                       const struct id *last, int64_t position) {
    json_t *next = json_null();
    if (page->has_more && last != NULL) {
        char text[API_CURSOR_SIZE];
        const struct api_cursor cursor = {
            .list = list_name(call), .order = page->order, .id = *last, .position = position};
        api_cursor_write(call->control->cursor_key, &cursor, text);
        next = json_string(text);
    }
    call->answer.body = json_object();
    json_object_set_new(call->answer.body, "items", items);
    json_object_set_new(call->answer.body, "next_cursor", next);
}
