/* handle_request.c: an environment's recent requests, as its edges logged them; and the stream of those that come (meter.h).
 *
 * Rows are sealed, so they are filtered here: an answer looks at no more than SCAN_MAX of them, and may then hold fewer than `limit` though
 * there are more: the cursor goes on behind the last that was looked at. */
#include "base/json.h"
#include "control/api_cursor.h"
#include "control/api_stream.h"
#include "control/environment_form.h"
#include "control/handle.h"
#include "control/meter.h"
#include "store/store_request.h"

#define SCAN_MAX 4000
#define SCAN_PAGE 500

struct filter {
    struct str status; /* "404" or "4xx" */
    struct str method, path, code, warpgate, route;
};

static struct str text_of(const json_t *entry, const char *name) {
    const json_t *value = json_object_get(entry, name);
    return json_is_string(value) ? str_make(json_string_value(value), json_string_length(value))
                                 : STR_EMPTY;
}

static bool fits_text(struct str wanted, const json_t *entry, const char *name) {
    return str_is_empty(wanted) || str_eq(text_of(entry, name), wanted);
}

static bool fits_status(struct str wanted, const json_t *entry) {
    json_int_t status = json_integer_value(json_object_get(entry, "status"));
    uint64_t number;
    if (str_is_empty(wanted)) {
        return true;
    }
    if (str_to_u64(wanted, 599, &number) == STATUS_OK) {
        return status == (json_int_t)number;
    }
    return status / 100 == wanted.at[0] - '0';
}

static bool fits(const struct filter *filter, const json_t *entry) {
    return fits_status(filter->status, entry) && fits_text(filter->method, entry, "method") &&
           fits_text(filter->code, entry, "code") &&
           fits_text(filter->warpgate, entry, "warpgate") &&
           fits_text(filter->route, entry, "route") &&
           str_starts_with(text_of(entry, "path"), filter->path);
}

static bool is_status(struct str text) {
    uint64_t number;
    bool is_class =
        text.len == 3 && text.at[0] >= '1' && text.at[0] <= '5' && str_ends_with(text, STR("xx"));
    return str_is_empty(text) || is_class || str_to_u64(text, 599, &number) == STATUS_OK;
}

static enum status read_filter(struct api_call *call, struct filter *filter) {
    *filter = (struct filter){
        .status = api_cursor_filter(call, "status"),
        .method = api_cursor_filter(call, "method"),
        .path = api_cursor_filter(call, "path"),
        .code = api_cursor_filter(call, "code"),
        .warpgate = api_cursor_filter(call, "warpgate"),
        .route = api_cursor_filter(call, "route"),
    };
    return is_status(filter->status)
               ? STATUS_OK
               : why_set(&call->why, STATUS_INVALID, "query_invalid",
                         "status has to be a number such as 404, or a class such as 4xx");
}

struct scan {
    struct filter filter;
    json_t *items;
    struct id last; /* that was looked at */
    size_t looked_at;
    bool is_full; /* as many were found as were wanted */
};

static void look_at(struct scan *scan, const struct store_request *row, uint32_t limit) {
    json_t *entry = meter_show_request(row->entry);
    scan->looked_at++;
    scan->last = row->object.id;
    if (entry != NULL && fits(&scan->filter, entry)) {
        json_array_append(scan->items, entry);
    }
    json_decref(entry);
    scan->is_full = json_array_size(scan->items) == limit;
}

static enum status scan_rows(struct api_call *call, struct store_page *page, struct scan *scan) {
    uint32_t limit = page->limit;
    page->limit = SCAN_PAGE;
    page->has_more = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && page->has_more && !scan->is_full && scan->looked_at < SCAN_MAX) {
        struct store_request *rows = NULL;
        size_t count = 0;
        size_t i = 0;
        status = store_request_list(call->tx, &call->organization, &call->object, page,
                                    &call->arena, &rows, &count);
        for (; i < count && !scan->is_full; i++) {
            look_at(scan, &rows[i], limit);
        }
        page->has_more = page->has_more || i < count;
        page->has_cursor = true;
        page->after = scan->last;
    }
    page->limit = limit;
    return status;
}

/* What was logged before it was switched off goes within the hour, and is not shown until then. */
static bool is_logged(struct api_call *call) {
    struct store_environment row;
    return store_environment_get(call->tx, &call->organization, &call->object, &call->arena,
                                 &row) == STATUS_OK &&
           environment_form_logs(&row).enabled;
}

enum status handle_request_list(struct api_call *call) {
    struct store_page page;
    struct scan scan = {.looked_at = 0};
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = read_filter(call, &scan.filter);
    }
    if (status != STATUS_OK) {
        return status;
    }
    scan.items = json_array();
    status = is_logged(call) ? scan_rows(call, &page, &scan) : STATUS_OK;
    if (status != STATUS_OK) {
        json_decref(scan.items);
        return status;
    }
    api_cursor_answer(call, &page, scan.items, scan.looked_at > 0 ? &scan.last : NULL, 0);
    return STATUS_OK;
}

enum status handle_request_stream(struct api_call *call) {
    return api_stream_answer(call, METER_TRAFFIC, &call->object);
}
