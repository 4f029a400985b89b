#include "edge/edge_log.h"

#include "edge/edge_meter.h"
#include "edge/edge_request.h"

/* What the environment wants to have logged. */
struct wish {
    bool is_enabled;
    bool has_query;
};

static struct wish wish_of(const struct bundle *bundle) {
    const struct environment_logs *logs = bundle->settings->logs;
    return (struct wish){.is_enabled = logs->enabled, .has_query = logs->include_query};
}

static uint32_t part(uint32_t whole, unsigned worker_count) {
    uint32_t each = whole / (worker_count > 0 ? worker_count : 1);
    return each > 0 ? each : 1;
}

void edge_log_rates(unsigned worker_count, struct allowance_rate *one, struct allowance_rate *all) {
    *one = (struct allowance_rate){part(EDGE_LOG_BURST, worker_count),
                                   part(EDGE_LOG_PER_SECOND, worker_count)};
    *all = (struct allowance_rate){part(EDGE_LOG_ALL_BURST, worker_count),
                                   part(EDGE_LOG_ALL_PER_SECOND, worker_count)};
}

static bool is_plain(char c) {
    return c > ' ' && c <= '~';
}

/* At most `max` bytes; an escape is not cut. */
static struct str escape(struct str text, size_t max, struct arena *arena) {
    static const char digits[] = "0123456789ABCDEF";
    struct str cut = str_sub(text, 0, max);
    char *out = arena_bytes(arena, 3 * cut.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < cut.len && len + 3 <= max + 2; i++) {
        uint8_t byte = (uint8_t)cut.at[i];
        if (is_plain(cut.at[i])) {
            out[len++] = cut.at[i];
        } else if (len + 3 <= max) {
            out[len++] = '%';
            out[len++] = digits[byte >> 4];
            out[len++] = digits[byte & 15];
        } else {
            break;
        }
    }
    return str_make(out, len < max ? len : max);
}

static struct str protocol_of(const struct http_head *head) {
    if (!str_is_empty(head->protocol)) {
        return head->version == HTTP_VERSION_2 ? STR("websocket/h2") : STR("websocket");
    }
    switch (head->version) {
    case HTTP_VERSION_10:
        return STR("http/1.0");
    case HTTP_VERSION_11:
        return STR("http/1.1");
    case HTTP_VERSION_2:
        break;
    }
    return STR("h2");
}

static uint64_t elapsed_ms(int64_t from_us, int64_t to_us) {
    return to_us > from_us ? (uint64_t)(to_us - from_us) / 1000 : 0;
}

static json_t *describe(const struct edge_request *request, const struct wish *wish) {
    struct arena *arena = request->arena;
    const struct clock *clock = loop_clock(request->worker->loop);
    int64_t now_us = clock_mono_us(clock);
    struct str path;
    struct str query;
    bool has_query = str_cut(request->head->path, '?', &path, &query);
    const struct usage_record_request row = {
        .id = request->id,
        .environment = request->bundle->environment,
        .route = request->route != NULL ? request->route->id : (struct id){0},
        .warpgate = request->warpgate,
        .at_ms = (uint64_t)clock_wall_ms(clock) - elapsed_ms(request->started_us, now_us),
        .method = escape(request->head->method, USAGE_RECORD_WORD_MAX, arena),
        .host = escape(request->head->authority, USAGE_RECORD_HOST_MAX, arena),
        .path = escape(path, USAGE_RECORD_TEXT_MAX, arena),
        .query =
            has_query && wish->has_query ? escape(query, USAGE_RECORD_TEXT_MAX, arena) : STR_EMPTY,
        .status = request->status,
        .code =
            request->code != EDGE_CODE_NONE ? str_from(edge_answer_slug(request->code)) : STR_EMPTY,
        .step = str_from(request->decided_by),
        .reason = request->why != NULL ? str_from(request->why->slug) : STR_EMPTY,
        .protocol = protocol_of(request->head),
        .ip_address = str_from(request->visitor->ip_address),
        .duration_ms = elapsed_ms(request->started_us, now_us),
        .first_byte_ms = elapsed_ms(request->started_us, request->first_byte_us),
        .bytes_in = request->body.received_bytes,
        .bytes_out = request->response_bytes,
    };
    return usage_record_write_request(&row);
}

void edge_log_request(struct edge_request *request, struct edge_meter_row *whole) {
    struct edge_meter *meter = &request->worker->meter;
    const struct wish wish = wish_of(request->bundle);
    int64_t now_ms = loop_now_ms(request->worker->loop);
    if (!wish.is_enabled) {
        return;
    }
    if (!allowance_take(&whole->logged, &meter->log_rate, now_ms) ||
        !allowance_take(&meter->logged_all, &meter->log_rate_all, now_ms)) {
        whole->count.unlogged++;
        return;
    }
    if (meter->table.requests == NULL) {
        meter->table.requests = json_array();
    }
    json_array_append_new(meter->table.requests, describe(request, &wish));
}
