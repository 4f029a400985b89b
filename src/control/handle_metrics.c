/* handle_metrics.c: how an environment, or one of its routes, did: requests by status class, latencies and bytes over time. */
#include "base/json.h"
#include "base/memory.h"
#include "control/api_cursor.h"
#include "control/handle.h"
#include "store/store_metric.h"

#define MINUTE STORE_METRIC_MINUTE_MS
#define HOUR STORE_METRIC_HOUR_MS

static const struct window {
    const char *name;
    int64_t step_ms;
    size_t points;
} windows[] = {
    {"15m", MINUTE, 15},
    {"1h", MINUTE, 60},
    {"24h", HOUR, 24},
    {"7d", HOUR, 168},
};
#define WINDOW_COUNT (sizeof(windows) / sizeof(windows[0]))

static const char *const classes[STORE_METRIC_CLASSES] = {"none", "1xx", "2xx",
                                                          "3xx",  "4xx", "5xx"};

struct point {
    uint64_t status[STORE_METRIC_CLASSES];
    uint64_t bytes_in, bytes_out, unlogged;
    struct histogram latency;
    json_t *codes; /* NULL: none */
};

struct series {
    const struct window *window;
    int64_t from_ms;
    struct point *points; /* one for each step, and behind them their sum */
};

static void add_codes(struct point *point, const json_t *codes) {
    const char *name;
    json_t *number;
    json_object_foreach((json_t *)(uintptr_t)codes, name, number) {
        if (point->codes == NULL) {
            point->codes = json_object();
        }
        json_int_t former = json_integer_value(json_object_get(point->codes, name));
        json_object_set_new(point->codes, name, json_integer(former + json_integer_value(number)));
    }
}

static void add_metric(struct point *point, const struct store_metric *metric) {
    for (unsigned i = 0; i < STORE_METRIC_CLASSES; i++) {
        point->status[i] += metric->status[i];
    }
    point->bytes_in += metric->bytes_in;
    point->bytes_out += metric->bytes_out;
    point->unlogged += metric->unlogged;
    histogram_merge(&point->latency, &metric->latency);
    add_codes(point, metric->codes);
}

static void take_metric(void *context, const struct store_metric *metric) {
    struct series *series = context;
    size_t at = (size_t)((metric->at_ms - series->from_ms) / series->window->step_ms);
    if (at < series->window->points) {
        add_metric(&series->points[at], metric);
        add_metric(&series->points[series->window->points], metric);
    }
}

/* Milliseconds, to the microsecond; null where nothing was answered. */
static json_t *write_latency(const struct histogram *latency) {
    static const struct {
        const char *name;
        unsigned permille;
    } quantiles[] = {{"p50", 500}, {"p95", 950}, {"p99", 990}};
    json_t *object = json_object();
    if (histogram_count(latency) == 0) {
        json_decref(object);
        return json_null();
    }
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        double ms = (double)histogram_quantile(latency, quantiles[i].permille) / 1000;
        json_object_set_new(object, quantiles[i].name, json_real(ms));
    }
    return object;
}

static json_t *write_point(const struct point *point, json_t *object) {
    json_t *requests = json_object();
    for (unsigned i = 0; i < STORE_METRIC_CLASSES; i++) {
        json_object_set_new(requests, classes[i], json_integer((json_int_t)point->status[i]));
    }
    json_object_set_new(object, "requests", requests);
    json_object_set_new(object, "bytes_in", json_integer((json_int_t)point->bytes_in));
    json_object_set_new(object, "bytes_out", json_integer((json_int_t)point->bytes_out));
    json_object_set_new(object, "latency_ms", write_latency(&point->latency));
    json_object_set_new(object, "codes",
                        point->codes == NULL ? json_object() : json_incref(point->codes));
    json_object_set_new(object, "unlogged", json_integer((json_int_t)point->unlogged));
    return object;
}

static json_t *write_series(const struct series *series) {
    json_t *items = json_array();
    for (size_t i = 0; i < series->window->points; i++) {
        json_t *item = json_object();
        json_object_set_new(item, "at",
                            api_call_time(series->from_ms + (int64_t)i * series->window->step_ms));
        json_array_append_new(items, write_point(&series->points[i], item));
    }
    return items;
}

static enum status refuse(struct api_call *call, const char *text) {
    return why_set(&call->why, STATUS_INVALID, "query_invalid", "%s", text);
}

static enum status find_window(struct api_call *call, const struct window **window) {
    struct str name = api_cursor_filter(call, "window");
    for (size_t i = 0; i < WINDOW_COUNT; i++) {
        if (str_eq(name, str_from(windows[i].name)) || str_is_empty(name)) {
            *window = &windows[i];
            return STATUS_OK;
        }
    }
    return refuse(call, "window has to be 15m, 1h, 24h or 7d");
}

static enum status find_route(struct api_call *call, struct id *route, const struct id **wanted) {
    struct str text = api_cursor_filter(call, "route");
    *wanted = NULL;
    if (str_is_empty(text)) {
        return STATUS_OK;
    }
    *wanted = route;
    return id_parse(ID_ROUTE, text, route) == STATUS_OK
               ? STATUS_OK
               : refuse(call, "route has to be the id of a route");
}

static void answer(struct api_call *call, const struct series *series, const struct id *route) {
    const struct window *window = series->window;
    json_t *body = json_object();
    json_object_set_new(body, "environment", api_call_id(&call->object));
    json_object_set_new(body, "route", route == NULL ? json_null() : api_call_id(route));
    json_object_set_new(body, "window", json_string(window->name));
    json_object_set_new(body, "step_seconds", json_integer(window->step_ms / 1000));
    json_object_set_new(body, "from", api_call_time(series->from_ms));
    json_object_set_new(body, "total", write_point(&series->points[window->points], json_object()));
    json_object_set_new(body, "series", write_series(series));
    call->answer.body = body;
}

enum status handle_metrics_get(struct api_call *call) {
    struct store_page ignored;
    struct id route;
    const struct id *wanted = NULL;
    struct series series = {.window = NULL};
    enum status status = api_cursor_page(call, &ignored);
    if (status == STATUS_OK) {
        status = find_window(call, &series.window);
    }
    if (status == STATUS_OK) {
        status = find_route(call, &route, &wanted);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int64_t now_ms = store_tx_now_ms(call->tx);
    size_t points = series.window->points;
    series.from_ms =
        now_ms - now_ms % series.window->step_ms - (int64_t)(points - 1) * series.window->step_ms;
    series.points = memory_new_array(points + 1, sizeof(struct point));
    status = store_metric_each(call->tx, &call->organization, &call->object, wanted,
                               series.window->step_ms, series.from_ms, take_metric, &series);
    if (status == STATUS_OK) {
        answer(call, &series, wanted);
    }
    for (size_t i = 0; i <= points; i++) {
        json_decref(series.points[i].codes);
    }
    memory_free(series.points);
    return status;
}
