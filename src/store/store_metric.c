#include "store/store_metric.h"

#include "base/json.h"
#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMNS 12
#define KEY_COLUMNS 5
#define LAST_ROUTE STR("zzzz") /* above every id */
#define DETAIL_BYTES_MAX 16384

static const int64_t steps[] = {STORE_METRIC_MINUTE_MS, STORE_METRIC_HOUR_MS};

/* Latencies and codes are one text: {"latency":[…],"codes":{…}}. */

static enum status write_detail(const struct store_metric *metric, struct buf *out) {
    json_t *object = json_object();
    json_object_set_new(object, "latency", histogram_write(&metric->latency));
    json_object_set(object, "codes", metric->codes);
    enum status status = json_write(object, out);
    json_decref(object);
    return status;
}

static enum status broken(struct store_tx *tx) {
    return why_set(tx->why, STATUS_FAILED, "store_failed",
                   "a metric was changed outside of this program");
}

static enum status read_detail(struct store_tx *tx, struct str text, struct store_metric *metric) {
    json_t *object = NULL;
    if (json_parse(text, &object, tx->why) != STATUS_OK) {
        return broken(tx);
    }
    json_t *codes = json_object_get(object, "codes");
    bool is_good = json_is_object(codes) && histogram_read(json_object_get(object, "latency"),
                                                           &metric->latency, tx->why) == STATUS_OK;
    metric->codes = is_good ? json_incref(codes) : NULL;
    json_decref(object);
    return is_good ? STATUS_OK : broken(tx);
}

static void merge_codes(json_t *into, const json_t *from) {
    const char *name;
    json_t *number;
    json_object_foreach((json_t *)(uintptr_t)from, name, number) {
        json_int_t sum =
            json_integer_value(number) + json_integer_value(json_object_get(into, name));
        json_object_set_new(into, name, json_integer(sum));
    }
}

/* What is there already of this step, added to what comes. */
static enum status merge_former(struct store_tx *tx, const struct store_value key[KEY_COLUMNS],
                                struct store_metric *metric) {
    const struct store_driver *driver = tx->connection->driver;
    struct store_metric former = {.codes = NULL};
    struct store_value column;
    enum status status =
        driver->start(tx->connection, STATEMENT_METRIC_GET, key, KEY_COLUMNS, tx->why);
    if (status == STATUS_OK) {
        status = driver->next(tx->connection, STATEMENT_METRIC_GET, &column, 1, tx->why);
    }
    if (status == STATUS_OK) {
        status = read_detail(tx, column.bytes, &former);
    }
    driver->finish(tx->connection, STATEMENT_METRIC_GET);
    if (status == STATUS_OK) {
        histogram_merge(&metric->latency, &former.latency);
        merge_codes(metric->codes, former.codes);
    }
    json_decref(former.codes);
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status add_step(struct store_tx *tx, const struct store_metric *metric,
                            int64_t step_ms) {
    int64_t at_ms = metric->at_ms - metric->at_ms % step_ms;
    struct store_metric sum = *metric;
    struct buf detail;
    struct store_value values[] = {
        store_row_id(&metric->environment),
        store_row_id(&metric->organization),
        store_row_text(id_str(&metric->route)),
        store_row_number(step_ms),
        store_row_number(at_ms),
        store_row_number((int64_t)metric->status[0]),
        store_row_number((int64_t)metric->status[1]),
        store_row_number((int64_t)metric->status[2]),
        store_row_number((int64_t)metric->status[3]),
        store_row_number((int64_t)metric->status[4]),
        store_row_number((int64_t)metric->status[5]),
        store_row_number((int64_t)metric->bytes_in),
        store_row_number((int64_t)metric->bytes_out),
        store_row_number((int64_t)metric->unlogged),
        {STORE_VALUE_NULL, 0, STR_EMPTY},
    };
    sum.codes = metric->codes == NULL ? json_object() : json_copy(metric->codes);
    buf_init(&detail, DETAIL_BYTES_MAX);
    enum status status = merge_former(tx, values, &sum);
    if (status == STATUS_OK) {
        status = write_detail(&sum, &detail);
    }
    if (status == STATUS_OK) {
        values[COUNT(values) - 1] = store_row_text(buf_str(&detail));
        status = store_row_write(tx, STATEMENT_METRIC_ADD, values, COUNT(values), NULL);
    }
    buf_fini(&detail);
    json_decref(sum.codes);
    return status;
}

enum status store_metric_add(struct store_tx *tx, const struct store_metric *metric) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < COUNT(steps) && status == STATUS_OK; i++) {
        status = add_step(tx, metric, steps[i]);
    }
    return status;
}

static enum status take_row(struct store_tx *tx, const struct store_value columns[COLUMNS],
                            struct store_metric *row) {
    for (unsigned i = 0; i < STORE_METRIC_CLASSES; i++) {
        row->status[i] = (uint64_t)columns[2 + i].number;
    }
    row->at_ms = columns[1].number;
    row->bytes_in = (uint64_t)columns[8].number;
    row->bytes_out = (uint64_t)columns[9].number;
    row->unlogged = (uint64_t)columns[10].number;
    if (str_to_cstr(columns[0].bytes, row->route.text, sizeof(row->route.text)) != STATUS_OK) {
        return broken(tx);
    }
    return read_detail(tx, columns[11].bytes, row);
}

enum status store_metric_each(struct store_tx *tx, const struct id *organization,
                              const struct id *environment, const struct id *route, int64_t step_ms,
                              int64_t from_ms,
                              void (*take)(void *context, const struct store_metric *metric),
                              void *context) {
    const struct store_driver *driver = tx->connection->driver;
    const struct store_value values[] = {
        store_row_id(organization),
        store_row_id(environment),
        store_row_number(step_ms),
        store_row_number(from_ms),
        store_row_text(route == NULL ? STR_EMPTY : id_str(route)),
        store_row_text(route == NULL ? LAST_ROUTE : id_str(route)),
    };
    struct store_value columns[COLUMNS];
    enum status status =
        driver->start(tx->connection, STATEMENT_METRIC_LIST, values, COUNT(values), tx->why);
    while (status == STATUS_OK) {
        struct store_metric row = {.organization = *organization, .environment = *environment};
        status = driver->next(tx->connection, STATEMENT_METRIC_LIST, columns, COLUMNS, tx->why);
        if (status == STATUS_OK) {
            status = take_row(tx, columns, &row);
        }
        if (status == STATUS_OK) {
            take(context, &row);
        }
        json_decref(row.codes);
    }
    driver->finish(tx->connection, STATEMENT_METRIC_LIST);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status store_metric_prune_any(struct store_tx *tx) {
    static const int64_t kept[] = {STORE_METRIC_MINUTES_KEPT_MS, STORE_METRIC_HOURS_KEPT_MS};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < COUNT(steps) && status == STATUS_OK; i++) {
        const struct store_value values[] = {store_row_number(steps[i]),
                                             store_row_number(store_tx_now_ms(tx) - kept[i])};
        status = store_row_write(tx, STATEMENT_METRIC_PRUNE_ANY, values, COUNT(values), NULL);
    }
    return status;
}
