#include "store/store_usage.h"

#include <stdio.h>

#include "base/memory.h"
#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY_MS (24 * STORE_USAGE_HOUR_MS)
#define COLUMNS 6
#define LAST_ID STR("zzzz") /* above every id */

/* Time */

static int64_t floor_to(int64_t at_ms, int64_t step_ms) {
    int64_t rest = at_ms % step_ms;
    return at_ms - rest - (rest < 0 ? step_ms : 0);
}

static int64_t month_start_ms(int64_t at_ms) {
    char text[CLOCK_RFC3339_SIZE];
    uint64_t day = 1;
    clock_format_rfc3339(at_ms, text);
    (void)!str_to_u64(str_make(text + 8, 2), 31, &day);
    return floor_to(at_ms, DAY_MS) - ((int64_t)day - 1) * DAY_MS;
}

int64_t store_usage_start_ms(enum store_usage_grain grain, int64_t at_ms) {
    return grain == STORE_USAGE_HOUR ? floor_to(at_ms, STORE_USAGE_HOUR_MS) : month_start_ms(at_ms);
}

int64_t store_usage_next_month_ms(int64_t at_ms) {
    return month_start_ms(month_start_ms(at_ms) + 32 * DAY_MS);
}

bool store_usage_is_closed(int64_t month_ms, int64_t now_ms) {
    return now_ms >= store_usage_next_month_ms(month_ms) + STORE_USAGE_CLOSE_MS;
}

int64_t store_usage_booked_ms(int64_t at_ms, int64_t now_ms) {
    /* The month that is open the longest: this one, or for some days the one before. */
    int64_t open_ms = month_start_ms(now_ms - STORE_USAGE_CLOSE_MS);
    int64_t booked_ms = at_ms < now_ms ? at_ms : now_ms;
    return booked_ms > open_ms ? booked_ms : open_ms;
}

/* Taking */

enum status store_usage_claim(struct store_tx *tx, const struct id *edge, struct str process,
                              uint64_t sequence) {
    const struct store_value key = store_row_text(process);
    int64_t last = 0;
    if (str_is_empty(process) || process.len > STORE_USAGE_PROCESS_MAX) {
        tx->has_failed = true;
        return why_set(tx->why, STATUS_INVALID, "process_invalid", "a process has a name");
    }
    enum status status = store_row_numbers(tx, STATEMENT_USAGE_SOURCE_GET, &key, 1, &last, 1);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    if (status == STATUS_OK && sequence <= (uint64_t)last) {
        return STATUS_END;
    }
    const struct store_value values[] = {key, store_row_id(edge),
                                         store_row_number((int64_t)sequence),
                                         store_row_number(store_tx_now_ms(tx))};
    return store_row_write(tx, STATEMENT_USAGE_SOURCE_SET, values, COUNT(values), NULL);
}

static enum status add(struct store_tx *tx, const struct store_usage *usage,
                       enum store_usage_grain grain) {
    const struct store_value values[] = {
        store_row_id(&usage->organization),
        store_row_id(&usage->project),
        store_row_id(&usage->environment),
        store_row_number(grain),
        store_row_number(store_usage_start_ms(grain, usage->at_ms)),
        store_row_number((int64_t)usage->requests),
        store_row_number((int64_t)usage->bytes_in),
        store_row_number((int64_t)usage->bytes_out),
    };
    return store_row_write(tx, STATEMENT_USAGE_ADD, values, COUNT(values), NULL);
}

enum status store_usage_add(struct store_tx *tx, const struct store_usage *usage) {
    enum status status = add(tx, usage, STORE_USAGE_HOUR);
    return status == STATUS_OK ? add(tx, usage, STORE_USAGE_MONTH) : status;
}

/* Reading */

static enum status take_row(const struct store_value *columns, const struct id *organization,
                            struct store_usage *row) {
    *row = (struct store_usage){
        .organization = *organization,
        .at_ms = columns[2].number,
        .requests = (uint64_t)columns[3].number,
        .bytes_in = (uint64_t)columns[4].number,
        .bytes_out = (uint64_t)columns[5].number,
    };
    enum status status =
        str_to_cstr(columns[0].bytes, row->project.text, sizeof(row->project.text));
    return status == STATUS_OK
               ? str_to_cstr(columns[1].bytes, row->environment.text, sizeof(row->environment.text))
               : status;
}

static enum status read_rows(struct store_tx *tx, enum store_statement statement,
                             const struct id *organization, size_t limit, struct store_usage *rows,
                             size_t *count) {
    const struct store_driver *driver = tx->connection->driver;
    struct store_value columns[COLUMNS];
    enum status status = STATUS_OK;
    *count = 0;
    while (status == STATUS_OK && *count < limit) {
        status = driver->next(tx->connection, statement, columns, COLUMNS, tx->why);
        if (status == STATUS_OK) {
            status = take_row(columns, organization, &rows[*count]);
            *count += status == STATUS_OK ? 1 : 0;
        }
    }
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status read(struct store_tx *tx, enum store_statement statement,
                        const struct store_usage *of, enum store_usage_grain grain, int64_t from_ms,
                        int64_t until_ms, size_t limit, struct arena *arena,
                        struct store_usage **rows, size_t *count) {
    const struct store_driver *driver = tx->connection->driver;
    const struct store_value values[] = {
        store_row_id(&of->organization),
        store_row_number(grain),
        store_row_number(from_ms),
        store_row_number(until_ms),
        store_row_text(id_str(&of->project)),
        store_row_text(id_is_none(&of->project) ? LAST_ID : id_str(&of->project)),
        store_row_text(id_str(&of->environment)),
        store_row_text(id_is_none(&of->environment) ? LAST_ID : id_str(&of->environment)),
        store_row_number((int64_t)limit),
    };
    *count = 0;
    struct store_usage *found = memory_new_array(limit + 1, sizeof(*found));
    enum status status = driver->start(tx->connection, statement, values, COUNT(values), tx->why);
    if (status == STATUS_OK) {
        status = read_rows(tx, statement, &of->organization, limit, found, count);
    }
    driver->finish(tx->connection, statement);
    *rows = arena_alloc(arena, *count * sizeof(*found) + 1);
    memcpy(*rows, found, *count * sizeof(*found));
    memory_free(found);
    return status;
}

enum status store_usage_list(struct store_tx *tx, const struct store_usage *of,
                             enum store_usage_grain grain, int64_t from_ms, int64_t until_ms,
                             size_t limit, struct arena *arena, struct store_usage **rows,
                             size_t *count) {
    return read(tx, STATEMENT_USAGE_LIST, of, grain, from_ms, until_ms, limit, arena, rows, count);
}

enum status store_usage_sum(struct store_tx *tx, const struct store_usage *of,
                            enum store_usage_grain grain, int64_t from_ms, int64_t until_ms,
                            size_t limit, struct arena *arena, struct store_usage **rows,
                            size_t *count) {
    enum status status =
        read(tx, STATEMENT_USAGE_SUM, of, grain, from_ms, until_ms, limit, arena, rows, count);
    for (size_t i = 0; i < *count; i++) {
        (*rows)[i].project = (struct id){0};
        (*rows)[i].environment = (struct id){0};
    }
    return status;
}

enum status store_usage_prune_any(struct store_tx *tx) {
    const struct store_value hours =
        store_row_number(store_tx_now_ms(tx) - STORE_USAGE_HOURS_KEPT_MS);
    const struct store_value sources =
        store_row_number(store_tx_now_ms(tx) - STORE_USAGE_SOURCE_KEPT_MS);
    enum status status = store_row_write(tx, STATEMENT_USAGE_PRUNE_ANY, &hours, 1, NULL);
    return status == STATUS_OK
               ? store_row_write(tx, STATEMENT_USAGE_SOURCE_PRUNE_ANY, &sources, 1, NULL)
               : status;
}
