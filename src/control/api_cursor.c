#include "control/api_cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "pki/digest.h"

#define MAC_BYTES 16
#define PLAIN_MAX 64 /* id, colon, position */

static void make_mac(const uint8_t key[CONTROL_CURSOR_KEY_BYTES], const struct api_cursor *cursor,
                     uint8_t mac[DIGEST_BYTES]) {
    uint8_t list[DIGEST_BYTES]; /* a list's name may be long */
    char name[DIGEST_BYTES * 2];
    char text[256];
    digest_sha256(cursor->list, list);
    text_base64url(list, sizeof(list), name);
    int len = snprintf(text, sizeof(text), "cursor\n%s\n%d\n%s\n%" PRId64, name, (int)cursor->order,
                       cursor->id.text, cursor->position);
    digest_hmac_sha256(str_make(key, CONTROL_CURSOR_KEY_BYTES), str_make(text, (size_t)len), mac);
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

static enum status judge_query(struct api_call *call, const struct api_query *query,
                               struct store_page *page) {
    uint64_t limit = API_CURSOR_LIMIT_DEFAULT;
    if (!str_is_empty(query->limit) &&
        (str_to_u64(query->limit, API_CURSOR_LIMIT_MAX, &limit) != STATUS_OK || limit == 0)) {
        return refuse_query(call, "limit has to be from 1 to 200");
    }
    page->limit = (uint32_t)limit;
    page->wants_total = query->wants_total;
    if (str_eq(query->order, STR("asc")) || call->operation->list == API_LIST_PLACE) {
        page->order = STORE_ASCENDING;
    } else if (str_is_empty(query->order) || str_eq(query->order, STR("desc"))) {
        page->order = STORE_DESCENDING;
    } else {
        return refuse_query(call, "order has to be asc or desc");
    }
    return STATUS_OK;
}

struct str api_cursor_filter(struct api_call *call, const char *name) {
    return api_call_filter(call, name);
}

/* The path and the filters: a list with other filters is another list. */
static struct str list_name(struct api_call *call) {
    struct str path;
    struct str query;
    const char *name;
    json_t *value;
    (void)str_cut(call->head.path, '?', &path, &query);
    json_object_foreach(call->asked.filters, name, value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        path =
            arena_printf(&call->arena, "%.*s&%s=%s", STR_ARG(path), name, text == NULL ? "" : text);
        free(text);
    }
    return path;
}

enum status api_cursor_page(struct api_call *call, struct store_page *page) {
    const struct api_query *query = &call->asked;
    *page = (struct store_page){0};
    enum status status = judge_query(call, query, page);
    if (status != STATUS_OK || str_is_empty(query->cursor)) {
        return status;
    }
    struct api_cursor cursor = {.list = list_name(call), .order = page->order};
    if (api_cursor_read(call->control->cursor_key, query->cursor, &cursor) != STATUS_OK) {
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
    if (page->wants_total) {
        json_object_set_new(call->answer.body, "total", json_integer((json_int_t)page->total));
    }
}
