#include "store/store_postgres_error.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LINE_SIZE 224

/* By the beginning of the SQLSTATE; the first that fits. `text` NULL: the server's own words. */
static const struct sqlstate {
    const char *prefix;
    enum status status;
    const char *slug;
    const char *text;
    int is_final;
} sqlstates[] = {
    {"23503", STATUS_NOT_FOUND, "parent_not_found", "what it belongs to is not there", 0},
    {"53100", STATUS_UNAVAILABLE, "storage_full",
     "no space is left for the database: nothing is lost, make room", 0},
    {"53", STATUS_UNAVAILABLE, "storage_busy", NULL, 0},
    {"40", STATUS_UNAVAILABLE, "storage_busy", "the database is busy", 0},
    {"55P03", STATUS_UNAVAILABLE, "storage_busy", "the database is busy: others are writing", 0},
    {"57014", STATUS_UNAVAILABLE, "storage_busy", NULL, 0},
    {"57P", STATUS_UNAVAILABLE, "storage_unavailable", NULL, 1},
    {"08", STATUS_UNAVAILABLE, "storage_unavailable", NULL, 1},
    {"25P03", STATUS_UNAVAILABLE, "storage_unavailable", NULL, 1},
    {"25006", STATUS_DENIED, "data_not_writable", "the database cannot be written", 1},
    {"42501", STATUS_DENIED, "data_not_writable", NULL, 0},
    {"28", STATUS_DENIED, "data_not_writable", NULL, 1},
    {"XX001", STATUS_INVALID, "data_corrupt", NULL, 0},
    {"XX002", STATUS_INVALID, "data_corrupt", NULL, 0},
};

static const struct sqlstate *find(const PGresult *result) {
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; code != NULL && i < COUNT(sqlstates); i++) {
        if (strncmp(code, sqlstates[i].prefix, strlen(sqlstates[i].prefix)) == 0) {
            return &sqlstates[i];
        }
    }
    return NULL;
}

static const char *field(const PGresult *result, int code) {
    const char *text = PQresultErrorField(result, code);
    return text != NULL ? text : "";
}

/* "Key (project_id, name_hash)=(…) already exists.": the columns; the rest would be values. */
static enum status fail_unique(const PGresult *result, struct why *why) {
    const char *detail = strchr(field(result, PG_DIAG_MESSAGE_DETAIL), '(');
    int len = detail != NULL ? (int)strcspn(detail, ")") : 0;
    return why_set(why, STATUS_CONFLICT, "unique", "%s: %.*s)",
                   field(result, PG_DIAG_CONSTRAINT_NAME), len, detail != NULL ? detail : "(");
}

enum status store_postgres_error_of_result(const PGresult *result, struct why *why) {
    const struct sqlstate *known = find(result);
    const char *code = field(result, PG_DIAG_SQLSTATE);
    const char *message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    if (strcmp(code, "23505") == 0) {
        return fail_unique(result, why);
    }
    if (known == NULL) {
        return why_set(why, STATUS_FAILED, "store_failed", "the database: %s (%s)", message, code);
    }
    if (known->text == NULL) {
        return why_set(why, known->status, known->slug, "the database: %s (%s)", message, code);
    }
    return why_set(why, known->status, known->slug, "%s", known->text);
}

int store_postgres_error_is_final(const PGresult *result) {
    const struct sqlstate *known = find(result);
    return known != NULL && known->is_final;
}

enum status store_postgres_error_of_connection(const PGconn *conn, struct why *why) {
    char line[LINE_SIZE];
    const char *message = conn != NULL ? PQerrorMessage(conn) : "";
    size_t len = 0;
    for (; message[len] != '\0' && len + 1 < sizeof(line); len++) {
        line[len] = message[len];
        if (message[len] == '\n' || message[len] == '\t') {
            line[len] = ' ';
        }
    }
    while (len > 0 && line[len - 1] == ' ') {
        len--;
    }
    line[len] = '\0';
    return why_set(why, STATUS_UNAVAILABLE, "storage_unavailable",
                   "the database cannot be reached: %s", len > 0 ? line : "no connection");
}
