#include "edge/edge_meter.h"

#include <string.h>

#include "base/memory.h"
#include "edge/edge_log.h"
#include "edge/edge_request.h"

#define SLOTS_FIRST 64
_Static_assert(EDGE_CODE_COUNT <= USAGE_RECORD_CODES_MAX, "a count has room for every code");
_Static_assert(sizeof(struct id) == 32, "an id is compared as four words");

/* The table */

/* Ids are made by the control plane: their ends are random, and no tenant's to choose. */
static size_t hash_key(const struct id *environment, const struct id *route) {
    uint64_t words[2];
    memcpy(&words[0], environment->text + 22, sizeof words[0]);
    memcpy(&words[1], route->text + 21, sizeof words[1]);
    uint64_t mixed = words[0] * UINT64_C(0x9e3779b97f4a7c15) ^ words[1];
    mixed *= UINT64_C(0xff51afd7ed558ccd);
    return (size_t)(mixed >> 32);
}

/* Ids are zeroed behind their text. */
static bool is_same(const struct id *a, const struct id *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static struct edge_meter_row **find_slot(const struct edge_meter_table *table,
                                         const struct id *environment, const struct id *route) {
    size_t mask = table->slot_count - 1;
    size_t at = hash_key(environment, route) & mask;
    for (;; at = (at + 1) & mask) {
        struct edge_meter_row *row = table->slots[at];
        if (row == NULL ||
            (is_same(&row->key.route, route) && is_same(&row->key.environment, environment))) {
            return &table->slots[at];
        }
    }
}

static void grow(struct edge_meter_table *table) {
    struct edge_meter_table larger = *table;
    larger.slot_count = table->slot_count == 0 ? SLOTS_FIRST : 2 * table->slot_count;
    larger.slots = memory_new_array(larger.slot_count, sizeof(struct edge_meter_row *));
    for (size_t i = 0; i < table->slot_count; i++) {
        struct edge_meter_row *row = table->slots[i];
        if (row != NULL) {
            *find_slot(&larger, &row->key.environment, &row->key.route) = row;
        }
    }
    memory_free(table->slots);
    *table = larger;
}

static struct edge_meter_row *add_row(struct edge_meter_table *table,
                                      const struct usage_record_key *key, const struct id *route) {
    if (2 * (table->row_count + 1) > table->slot_count) {
        grow(table);
    }
    struct edge_meter_row *row = MEMORY_NEW(struct edge_meter_row);
    row->key = *key;
    row->key.route = *route;
    *find_slot(table, &key->environment, route) = row;
    table->row_count++;
    table->route_count += id_is_none(route) ? 0 : 1;
    return row;
}

/* The slow way: the row is to be made, or there are too many. */
static struct edge_meter_row *make_row(struct edge_meter_table *table,
                                       const struct usage_record_key *key,
                                       const struct allowance_rate *rate, int64_t now_ms) {
    static const struct id none;
    struct edge_meter_row *whole =
        table->slot_count == 0 ? NULL : *find_slot(table, &key->environment, &none);
    if (whole == NULL) {
        whole = add_row(table, key, &none);
        whole->whole = whole;
        if (rate != NULL) {
            allowance_init(&whole->logged, rate, now_ms);
        }
    }
    if (id_is_none(&key->route) || table->route_count >= EDGE_METER_ROUTES_MAX) {
        return whole;
    }
    struct edge_meter_row *row = add_row(table, key, &key->route);
    row->whole = whole;
    return row;
}

struct edge_meter_row *edge_meter_table_find(struct edge_meter_table *table,
                                             const struct usage_record_key *key,
                                             const struct allowance_rate *rate, int64_t now_ms) {
    struct edge_meter_row *row =
        table->slot_count == 0 ? NULL : *find_slot(table, &key->environment, &key->route);
    return row != NULL ? row : make_row(table, key, rate, now_ms);
}

struct edge_meter_row *edge_meter_table_next(const struct edge_meter_table *table, size_t *at) {
    while (*at < table->slot_count) {
        struct edge_meter_row *row = table->slots[(*at)++];
        if (row != NULL) {
            return row;
        }
    }
    return NULL;
}

void edge_meter_table_merge(struct edge_meter_table *into, const struct edge_meter_table *from) {
    size_t at = 0;
    for (const struct edge_meter_row *row = edge_meter_table_next(from, &at); row != NULL;
         row = edge_meter_table_next(from, &at)) {
        if (edge_meter_row_counts(row)) {
            usage_record_merge(&edge_meter_table_find(into, &row->key, NULL, 0)->count,
                               &row->count);
        }
    }
}

bool edge_meter_row_counts(const struct edge_meter_row *row) {
    const struct usage_record_count *count = &row->count;
    uint64_t sum = count->bytes_in | count->bytes_out | count->unlogged;
    for (unsigned i = 0; i < USAGE_RECORD_CLASSES; i++) {
        sum |= count->status[i];
    }
    return sum != 0;
}

void edge_meter_table_clear(struct edge_meter_table *table) {
    for (size_t i = 0; i < table->slot_count; i++) {
        memory_free(table->slots[i]);
    }
    memory_free(table->slots);
    json_decref(table->requests);
    *table = (struct edge_meter_table){0};
}

void edge_meter_table_free(struct edge_meter_table **at) {
    struct edge_meter_table *table = *at;
    *at = NULL;
    if (table != NULL) {
        edge_meter_table_clear(table);
        memory_free(table);
    }
}

/* Requests */

void edge_meter_init(struct edge_meter *meter, unsigned worker_count, int64_t now_ms) {
    *meter = (struct edge_meter){0};
    list_init(&meter->live);
    edge_log_rates(worker_count, &meter->log_rate, &meter->log_rate_all);
    allowance_init(&meter->logged_all, &meter->log_rate_all, now_ms);
}

void edge_meter_fini(struct edge_meter *meter) {
    edge_meter_table_clear(&meter->table);
}

static struct edge_meter_row *row_of(const struct edge_request *request) {
    static const struct id none;
    struct edge_meter *meter = &request->worker->meter;
    const struct bundle *bundle = request->bundle;
    const struct id *route = request->route != NULL ? &request->route->id : &none;
    if (meter->table.slot_count > 0) {
        struct edge_meter_row *row = *find_slot(&meter->table, &bundle->environment, route);
        if (row != NULL) {
            return row;
        }
    }
    const struct usage_record_key key = {bundle->environment, bundle->project, bundle->organization,
                                         *route};
    return make_row(&meter->table, &key, &meter->log_rate, loop_now_ms(request->worker->loop));
}

static void count_bytes(struct edge_request *request, struct edge_meter_row *row) {
    row->count.bytes_in += request->body.received_bytes - request->metered.in;
    row->count.bytes_out += request->response_bytes - request->metered.out;
    request->metered = (struct edge_metered){request->body.received_bytes, request->response_bytes};
}

void edge_meter_begin(struct edge_request *request) {
    struct edge_worker *worker = request->worker;
    request->started_us = clock_mono_us(loop_clock(worker->loop));
    list_append(&worker->meter.live, &request->live_node);
}

void edge_meter_end(struct edge_request *request) {
    list_remove(&request->live_node);
    if (request->bundle == NULL) {
        return; /* of no environment */
    }
    struct edge_meter_row *row = row_of(request);
    row->count.status[usage_record_class(request->status)]++;
    count_bytes(request, row);
    if (request->code != EDGE_CODE_NONE) {
        row->count.codes[request->code]++;
    }
    if (request->first_byte_us > 0) {
        histogram_add(&row->count.latency,
                      (uint64_t)(request->first_byte_us - request->started_us));
    }
    edge_log_request(request, row->whole);
}

/* What long requests have moved so far. */
static void count_live(struct edge_meter *meter) {
    for (struct list *node = meter->live.next; node != &meter->live; node = node->next) {
        struct edge_request *request = CONTAINER_OF(node, struct edge_request, live_node);
        bool has_moved = request->body.received_bytes != request->metered.in ||
                         request->response_bytes != request->metered.out;
        if (has_moved && request->bundle != NULL) {
            count_bytes(request, row_of(request));
        }
    }
}

/* Whoever has used up what may be logged of him has not saved up anew because the table is. */
static void keep_allowances(struct edge_meter *meter, const struct edge_meter_table *former,
                            int64_t now_ms) {
    size_t at = 0;
    for (struct edge_meter_row *row = edge_meter_table_next(former, &at); row != NULL;
         row = edge_meter_table_next(former, &at)) {
        if (row->whole == row &&
            allowance_left(&row->logged, &meter->log_rate, now_ms) < meter->log_rate.burst) {
            edge_meter_table_find(&meter->table, &row->key, &meter->log_rate, now_ms)->logged =
                row->logged;
        }
    }
}

struct edge_meter_table *edge_meter_take(struct edge_meter *meter, int64_t now_ms) {
    struct edge_meter_table *taken = MEMORY_NEW(struct edge_meter_table);
    count_live(meter);
    *taken = meter->table;
    meter->table = (struct edge_meter_table){0};
    keep_allowances(meter, taken, now_ms);
    return taken;
}
