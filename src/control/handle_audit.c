/* handle_audit.c: audit events: of an organization, of a project, of the installation; one of them; all of them as a file. */
#include "base/json.h"
#include "control/api_cursor.h"
#include "control/api_download.h"
#include "control/audit.h"
#include "control/audit_export.h"
#include "control/handle.h"

#define PART_ROWS 200 /* of an export: with the largest events under API_DOWNLOAD_PART_MAX by far */

/* Filters */

static enum status refuse(struct api_call *call, const char *text) {
    return why_set(&call->why, STATUS_INVALID, "query_invalid", "%s", text);
}

/* An id of any kind: what it does not match, it does not match. */
static enum status read_id(struct api_call *call, const char *name, struct id *id) {
    struct str text = api_call_filter(call, name);
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        if (str_is_empty(text) || id_parse((enum id_kind)kind, text, id) == STATUS_OK) {
            return STATUS_OK;
        }
    }
    return refuse(call, "actor, target, project and environment have to be ids");
}

static enum status read_time(struct api_call *call, const char *name, int64_t *wall_ms) {
    struct str text = api_call_filter(call, name);
    if (str_is_empty(text) || clock_parse_rfc3339(text, wall_ms) == STATUS_OK) {
        return STATUS_OK;
    }
    return refuse(call, "since and until have to be times such as 2026-01-31T12:00:00Z");
}

static enum status read_filter(struct api_call *call, struct store_audit_filter *filter) {
    *filter = (struct store_audit_filter){.action = api_call_filter(call, "action")};
    const struct {
        const char *name;
        struct id *id;
    } ids[] = {
        {"actor", &filter->actor},
        {"target", &filter->target},
        {"project", &filter->project},
        {"environment", &filter->environment},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]) && status == STATUS_OK; i++) {
        status = read_id(call, ids[i].name, ids[i].id);
    }
    if (status == STATUS_OK) {
        status = read_time(call, "since", &filter->since_ms);
    }
    return status == STATUS_OK ? read_time(call, "until", &filter->until_ms) : status;
}

/* Lists */

static void answer_page(struct api_call *call, const struct store_page *page,
                        const struct store_audit *rows, size_t count) {
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, audit_write(&rows[i]));
    }
    api_cursor_answer(call, page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
}

static enum status list(struct api_call *call, const struct id *project) {
    struct store_page page;
    struct store_audit_filter filter;
    struct store_audit *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = read_filter(call, &filter);
    }
    if (status == STATUS_OK) {
        filter.project = project != NULL ? *project : filter.project;
        status = store_audit_list(call->tx, &call->organization, &filter, &page, &call->arena,
                                  &rows, &count);
    }
    if (status == STATUS_OK) {
        answer_page(call, &page, rows, count);
    }
    return status;
}

enum status handle_audit_list(struct api_call *call) {
    return list(call, NULL);
}

enum status handle_audit_list_of_project(struct api_call *call) {
    return list(call, &call->object);
}

enum status handle_audit_list_of_installation(struct api_call *call) {
    struct store_page page;
    struct store_audit_filter filter;
    struct store_audit *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = read_filter(call, &filter);
    }
    if (status == STATUS_OK) {
        status = store_audit_list_free(call->tx, &filter, &page, &call->arena, &rows, &count);
    }
    if (status == STATUS_OK) {
        answer_page(call, &page, rows, count);
    }
    return status;
}

enum status handle_audit_get(struct api_call *call) {
    struct store_audit event;
    enum status status =
        store_audit_get(call->tx, &call->organization, &call->object, &call->arena, &event);
    if (status == STATUS_OK) {
        call->answer.body = audit_write(&event);
    }
    return status;
}

/* Export */

struct export_state {
    enum audit_export_format format;
    struct store_audit_filter filter;
    struct store_page page;
    bool has_begun;
};

static enum status write_lines(struct export_state *state, const struct store_audit *rows,
                               size_t count, struct buf *out) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = audit_export_line(state->format, &rows[i], out);
        state->page.has_cursor = true;
        state->page.after = rows[i].object.id;
    }
    return status;
}

static enum status write_part(struct api_call *call, struct export_state *state,
                              struct store_tx *tx, struct buf *out) {
    struct arena arena;
    struct store_audit *rows = NULL;
    size_t count = 0;
    arena_init(&arena);
    enum status status = store_audit_list(tx, &call->organization, &state->filter, &state->page,
                                          &arena, &rows, &count);
    if (status == STATUS_OK) {
        status = write_lines(state, rows, count, out);
    }
    arena_fini(&arena);
    return status == STATUS_OK && !state->page.has_more ? STATUS_END : status;
}

static enum status write_next(struct api_call *call, void *context, struct buf *out,
                              struct why *why) {
    struct export_state *state = context;
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(call->control->store, STORE_READ, why, &tx);
    if (status == STATUS_OK && !state->has_begun) {
        state->has_begun = true;
        status = audit_export_heading(state->format, out);
    }
    return status == STATUS_OK ? write_part(call, state, tx, out) : status;
}

enum status handle_audit_export(struct api_call *call) {
    struct export_state *state = (struct export_state *)arena_alloc(&call->arena, sizeof(*state));
    *state = (struct export_state){.has_begun = false};
    enum status status = read_filter(call, &state->filter);
    if (status == STATUS_OK &&
        audit_export_parse(api_call_filter(call, "format"), &state->format) != STATUS_OK) {
        status = refuse(call, "format has to be ndjson or csv");
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool is_csv = state->format == AUDIT_EXPORT_CSV;
    state->page = (struct store_page){.limit = PART_ROWS, .order = STORE_DESCENDING};
    if (state->filter.until_ms == 0) {
        state->filter.until_ms =
            store_tx_now_ms(call->tx) + 1; /* what comes meanwhile is not waited for */
    }
    const struct api_download download = {
        .next = write_next,
        .state = state,
        .content_type = is_csv ? "text/csv; charset=utf-8" : "application/x-ndjson",
        .filename = is_csv ? "audit-events.csv" : "audit-events.ndjson",
    };
    return api_download_answer(call, &download);
}
