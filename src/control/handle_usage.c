/* handle_usage.c: what an organization, a project or an environment has used, by hour or by month; and an organization's statements: what a
 * month's bill is made of, as JSON and as CSV. */
#include <stdio.h>

#include "base/json.h"
#include "control/api_cursor.h"
#include "control/handle.h"
#include "store/store_project.h"
#include "store/store_usage.h"

#define HOURS_MAX 1000 /* in one answer */
#define MONTHS_MAX 240
#define ROWS_MAX 20000 /* of a statement */

struct sums {
    uint64_t requests, bytes_in, bytes_out;
};

static void add(struct sums *sums, const struct store_usage *row) {
    sums->requests += row->requests;
    sums->bytes_in += row->bytes_in;
    sums->bytes_out += row->bytes_out;
}

static json_t *write_sums(json_t *object, const struct sums *sums) {
    json_object_set_new(object, "requests", json_integer((json_int_t)sums->requests));
    json_object_set_new(object, "bytes_in", json_integer((json_int_t)sums->bytes_in));
    json_object_set_new(object, "bytes_out", json_integer((json_int_t)sums->bytes_out));
    return object;
}

static json_t *write_row_sums(json_t *object, const struct store_usage *row) {
    struct sums sums = {0};
    add(&sums, row);
    return write_sums(object, &sums);
}

/* Usage over time */

struct span {
    enum store_usage_grain grain;
    int64_t from_ms;
    int64_t until_ms;
};

static enum status refuse(struct api_call *call, const char *text) {
    return why_set(&call->why, STATUS_INVALID, "query_invalid", "%s", text);
}

static enum status read_time(struct api_call *call, const char *name, int64_t *at_ms) {
    struct str text = api_cursor_filter(call, name);
    if (str_is_empty(text)) {
        return STATUS_OK;
    }
    return clock_parse_rfc3339(text, at_ms) == STATUS_OK
               ? STATUS_OK
               : refuse(call, "from and until are times such as 2026-11-20T12:00:00Z");
}

static enum status read_grain(struct api_call *call, enum store_usage_grain *grain) {
    struct str text = api_cursor_filter(call, "granularity");
    if (!str_is_empty(text) && !str_eq(text, STR("hour")) && !str_eq(text, STR("month"))) {
        return refuse(call, "granularity has to be hour or month");
    }
    *grain = str_eq(text, STR("month")) ? STORE_USAGE_MONTH : STORE_USAGE_HOUR;
    return STATUS_OK;
}

/* Unless told: the last 24 hours, or twelve months. */
static int64_t default_from_ms(enum store_usage_grain grain, int64_t now_ms) {
    return grain == STORE_USAGE_HOUR ? now_ms - 23 * STORE_USAGE_HOUR_MS
                                     : now_ms - 335 * 24 * STORE_USAGE_HOUR_MS;
}

static enum status read_span(struct api_call *call, struct span *span) {
    struct store_page ignored;
    int64_t now_ms = store_tx_now_ms(call->tx);
    enum status status = api_cursor_page(call, &ignored);
    if (status == STATUS_OK) {
        status = read_grain(call, &span->grain);
    }
    if (status != STATUS_OK) {
        return status;
    }
    span->from_ms = default_from_ms(span->grain, now_ms);
    span->until_ms = now_ms;
    status = read_time(call, "from", &span->from_ms);
    if (status == STATUS_OK) {
        status = read_time(call, "until", &span->until_ms);
    }
    span->from_ms = store_usage_start_ms(span->grain, span->from_ms);
    if (status == STATUS_OK && span->from_ms > span->until_ms) {
        return refuse(call, "from has to be before until");
    }
    int64_t hours = (span->until_ms - span->from_ms) / STORE_USAGE_HOUR_MS;
    if (status == STATUS_OK && span->grain == STORE_USAGE_HOUR && hours >= HOURS_MAX) {
        return refuse(call, "at most 1000 hours at a time: ask for less, or by month");
    }
    return status;
}

static enum status find_scope(struct api_call *call, struct store_usage *of) {
    struct id ignored;
    *of = (struct store_usage){.organization = call->organization};
    if (id_parse(ID_PROJECT, id_str(&call->object), &ignored) == STATUS_OK) {
        of->project = call->object;
    } else if (id_parse(ID_ENVIRONMENT, id_str(&call->object), &ignored) == STATUS_OK) {
        of->environment = call->object;
    }
    return STATUS_OK;
}

static json_t *write_items(const struct store_usage *rows, size_t count, struct sums *total) {
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();
        json_object_set_new(item, "at", api_call_time(rows[i].at_ms));
        json_array_append_new(items, write_row_sums(item, &rows[i]));
        add(total, &rows[i]);
    }
    return items;
}

enum status handle_usage_get(struct api_call *call) {
    struct span span;
    struct store_usage of;
    struct store_usage *rows = NULL;
    struct sums total = {0};
    size_t count = 0;
    enum status status = read_span(call, &span);
    if (status == STATUS_OK) {
        status = find_scope(call, &of);
    }
    if (status == STATUS_OK) {
        status = store_usage_sum(call->tx, &of, span.grain, span.from_ms, span.until_ms,
                                 span.grain == STORE_USAGE_HOUR ? HOURS_MAX : MONTHS_MAX,
                                 &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *body = json_object();
    json_t *items = write_items(rows, count, &total);
    json_object_set_new(body, "granularity",
                        json_string(span.grain == STORE_USAGE_HOUR ? "hour" : "month"));
    json_object_set_new(body, "from", api_call_time(span.from_ms));
    json_object_set_new(body, "until", api_call_time(span.until_ms));
    json_object_set_new(body, "total", write_sums(json_object(), &total));
    json_object_set_new(body, "items", items);
    call->answer.body = body;
    return STATUS_OK;
}

/* Statements */

static json_t *write_month(int64_t month_ms) {
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(month_ms, text);
    return json_stringn(text, 7);
}

enum status handle_usage_statements(struct api_call *call) {
    const struct store_usage of = {.organization = call->organization};
    struct store_usage *rows = NULL;
    size_t count = 0;
    enum status status = store_usage_sum(call->tx, &of, STORE_USAGE_MONTH, 0, INT64_MAX, MONTHS_MAX,
                                         &call->arena, &rows, &count);
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = count; i > 0; i--) { /* newest first */
        json_t *item = json_object();
        json_object_set_new(item, "month", write_month(rows[i - 1].at_ms));
        json_object_set_new(
            item, "is_final",
            json_boolean(store_usage_is_closed(rows[i - 1].at_ms, store_tx_now_ms(call->tx))));
        json_array_append_new(items, write_row_sums(item, &rows[i - 1]));
    }
    call->answer.body = json_object();
    json_object_set_new(call->answer.body, "items", items);
    return STATUS_OK;
}

/* Names are those of today; what is gone has none. */
static enum status find_name(struct api_call *call, const struct id *id, struct str *name) {
    struct store_project project;
    struct store_environment environment;
    struct id parsed;
    enum status status;
    *name = STR_EMPTY;
    if (id_parse(ID_PROJECT, id_str(id), &parsed) == STATUS_OK) {
        status = store_project_get(call->tx, &call->organization, id, &call->arena, &project);
        *name = status == STATUS_OK ? project.name : STR_EMPTY;
    } else {
        status =
            store_environment_get(call->tx, &call->organization, id, &call->arena, &environment);
        *name = status == STATUS_OK ? environment.name : STR_EMPTY;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

struct line {
    const struct store_usage *usage;
    struct str project, environment;
};

static enum status make_lines(struct api_call *call, const struct store_usage *rows, size_t count,
                              struct line *lines) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        bool is_same = i > 0 && id_eq(&rows[i].project, &rows[i - 1].project);
        lines[i].usage = &rows[i];
        lines[i].project = is_same ? lines[i - 1].project : STR_EMPTY;
        if (!is_same) {
            status = find_name(call, &rows[i].project, &lines[i].project);
        }
        if (status == STATUS_OK) {
            status = find_name(call, &rows[i].environment, &lines[i].environment);
        }
    }
    return status;
}

static json_t *name_or_null(struct str name) {
    return str_is_empty(name) ? json_null() : json_from_str(name);
}

static void write_statement(struct api_call *call, int64_t month_ms, const struct line *lines,
                            size_t count) {
    struct sums total = {0};
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();
        json_object_set_new(item, "project", api_call_id(&lines[i].usage->project));
        json_object_set_new(item, "project_name", name_or_null(lines[i].project));
        json_object_set_new(item, "environment", api_call_id(&lines[i].usage->environment));
        json_object_set_new(item, "environment_name", name_or_null(lines[i].environment));
        json_array_append_new(items, write_row_sums(item, lines[i].usage));
        add(&total, lines[i].usage);
    }
    json_t *body = json_object();
    json_object_set_new(body, "organization", api_call_id(&call->organization));
    json_object_set_new(body, "month", write_month(month_ms));
    json_object_set_new(body, "is_final",
                        json_boolean(store_usage_is_closed(month_ms, store_tx_now_ms(call->tx))));
    json_object_set_new(body, "total", write_sums(json_object(), &total));
    json_object_set_new(body, "items", items);
    call->answer.body = body;
}

/* RFC 4180. Names of projects and environments are slugs: nothing in a line needs quotes, or could be a formula. */
static void write_csv(struct api_call *call, int64_t month_ms, const struct line *lines,
                      size_t count) {
    char month[CLOCK_RFC3339_SIZE];
    struct buf *out = &call->answer.bytes;
    struct str head = STR("month,project,project_name,environment,environment_name,requests,"
                          "bytes_in,bytes_out\r\n");
    clock_format_rfc3339(month_ms, month);
    (void)!buf_append(out, head.at, head.len);
    for (size_t i = 0; i < count; i++) {
        const struct store_usage *usage = lines[i].usage;
        struct str line =
            arena_printf(&call->arena, "%.7s,%s,%.*s,%s,%.*s,%llu,%llu,%llu\r\n", month,
                         usage->project.text, STR_ARG(lines[i].project), usage->environment.text,
                         STR_ARG(lines[i].environment), (unsigned long long)usage->requests,
                         (unsigned long long)usage->bytes_in, (unsigned long long)usage->bytes_out);
        (void)!buf_append(out, line.at, line.len);
    }
    call->answer.media_type = "text/csv; charset=utf-8; header=present";
}

/* As the router took it from the path: "2026-11". */
static enum status read_month(const struct api_call *call, int64_t *month_ms) {
    char text[CLOCK_RFC3339_SIZE];
    snprintf(text, sizeof(text), "%.7s-01T00:00:00Z", call->part.text);
    return clock_parse_rfc3339(str_from(text), month_ms);
}

enum status handle_usage_statement(struct api_call *call) {
    const struct store_usage of = {.organization = call->organization};
    struct store_page ignored;
    struct store_usage *rows = NULL;
    int64_t month_ms = 0;
    size_t count = 0;
    enum status status = api_cursor_page(call, &ignored);
    struct str format = api_cursor_filter(call, "format");
    bool is_csv = str_eq(format, STR("csv"));
    if (status == STATUS_OK && !is_csv && !str_is_empty(format) && !str_eq(format, STR("json"))) {
        return refuse(call, "format has to be json or csv");
    }
    if (status == STATUS_OK &&
        (read_month(call, &month_ms) != STATUS_OK || month_ms > store_tx_now_ms(call->tx))) {
        return why_set(&call->why, STATUS_NOT_FOUND, "not_found", "there is no such statement");
    }
    if (status == STATUS_OK) {
        status = store_usage_list(call->tx, &of, STORE_USAGE_MONTH, month_ms, month_ms + 1,
                                  ROWS_MAX, &call->arena, &rows, &count);
    }
    struct line *lines = arena_alloc(&call->arena, count * sizeof(*lines) + 1);
    if (status == STATUS_OK) {
        status = make_lines(call, rows, count, lines);
    }
    if (status == STATUS_OK) {
        (is_csv ? write_csv : write_statement)(call, month_ms, lines, count);
    }
    return status;
}
