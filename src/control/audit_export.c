#include "control/audit_export.h"

#include <string.h>

#include "base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum status audit_export_parse(struct str word, enum audit_export_format *format) {
    if (str_is_empty(word) || str_eq(word, STR("ndjson"))) {
        *format = AUDIT_EXPORT_NDJSON;
        return STATUS_OK;
    }
    *format = AUDIT_EXPORT_CSV;
    return str_eq(word, STR("csv")) ? STATUS_OK : STATUS_INVALID;
}

#define HEADING                                                                                    \
    "id,created_at,organization,project,environment,actor_id,actor_name,action,target,request_id," \
    "ip_address,before,after\r\n"

enum status audit_export_heading(enum audit_export_format format, struct buf *out) {
    return format == AUDIT_EXPORT_CSV ? buf_append_str(out, STR(HEADING)) : STATUS_OK;
}

/* Spreadsheets run what begins like this. */
static bool is_formula(struct str text) {
    return text.len > 0 && memchr("=+-@\t\r", text.at[0], 6) != NULL;
}

static enum status write_field(struct str text, struct buf *out) {
    enum status status = buf_append_str(out, is_formula(text) ? STR("\"'") : STR("\""));
    for (size_t i = 0; i < text.len && status == STATUS_OK; i++) {
        char c = text.at[i];
        /* One line each, and nothing that a terminal obeys. */
        struct str part = c == '"'                              ? STR("\"\"")
                          : (unsigned char)c < ' ' || c == 0x7f ? STR(" ")
                                                                : str_make(&text.at[i], 1);
        status = buf_append_str(out, part);
    }
    return status == STATUS_OK ? buf_append_str(out, STR("\"")) : status;
}

static enum status write_csv(const struct store_audit *event, struct buf *out) {
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(event->object.created_at_ms, time);
    const struct str fields[] = {
        id_str(&event->object.id),
        str_from(time),
        id_str(&event->object.organization),
        id_str(&event->project),
        id_str(&event->environment),
        id_str(&event->actor),
        event->actor_name,
        event->action,
        id_str(&event->target),
        id_str(&event->request),
        event->ip_address,
        event->before,
        event->after,
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < COUNT(fields) && status == STATUS_OK; i++) {
        status = i > 0 ? buf_append_str(out, STR(",")) : STATUS_OK;
        if (status == STATUS_OK) {
            status = write_field(fields[i], out);
        }
    }
    return status == STATUS_OK ? buf_append_str(out, STR("\r\n")) : status;
}

enum status audit_export_line(enum audit_export_format format, const struct store_audit *event,
                              struct buf *out) {
    if (format == AUDIT_EXPORT_CSV) {
        return write_csv(event, out);
    }
    json_t *item = audit_write(event);
    enum status status = json_write(item, out);
    json_decref(item);
    return status == STATUS_OK ? buf_append_str(out, STR("\n")) : status;
}
