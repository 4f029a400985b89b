#include "store/store_route.h"

#include <stdint.h>

#include "store/store_environment.h"
#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_route, member)

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"environment_id", STORE_COLUMN_ID, AT(environment), 0},
    {"position", STORE_COLUMN_NUMBER, AT(position), 0},
    {"match_kind", STORE_COLUMN_TEXT, AT(match), STORE_ROUTE_MATCH_MAX},
    {"path", STORE_COLUMN_SEALED, AT(path), STORE_ROUTE_PATH_MAX},
    {"upstream", STORE_COLUMN_SEALED, AT(upstream), STORE_ROUTE_UPSTREAM_MAX},
    {"options", STORE_COLUMN_SEALED_LATE, AT(options), STORE_ROUTE_OPTIONS_MAX},
    {"managed_by", STORE_COLUMN_SEALED_LATE, AT(managed_by), STORE_ROUTE_MANAGER_MAX},
};

static const struct store_table table = {
    .name = "route",
    .id_kind = ID_ROUTE,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_route),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_ROUTE_INSERT,
    .update = STATEMENT_ROUTE_UPDATE,
    .get = STATEMENT_ROUTE_GET,
};

static enum status find_last(struct store_tx *tx, struct store_route *route) {
    const struct store_value values[] = {store_row_id(&route->object.organization),
                                         store_row_id(&route->environment)};
    int64_t numbers[2] = {0};
    enum status status =
        store_row_numbers(tx, STATEMENT_ROUTE_LAST, values, COUNT(values), numbers, COUNT(numbers));
    if (status == STATUS_OK && numbers[0] >= STORE_ROUTES_MAX) {
        tx->has_failed = true;
        return why_set(tx->why, STATUS_TOO_LARGE, "routes_too_many",
                       "an environment has at most %d routes", STORE_ROUTES_MAX);
    }
    route->position = numbers[1] + 1;
    return status;
}

enum status store_route_insert(struct store_tx *tx, struct store_route *route) {
    enum status status = find_last(tx, route);
    return status == STATUS_OK ? store_route_insert_at(tx, route) : status;
}

enum status store_route_insert_at(struct store_tx *tx, struct store_route *route) {
    enum status status = store_row_insert(tx, &table, route);
    if (status == STATUS_OK) {
        status = store_environment_touch_bundle(tx, &route->object.organization,
                                                &route->environment, NULL);
    }
    return status;
}

enum status store_route_get(struct store_tx *tx, const struct id *organization, const struct id *id,
                            struct arena *arena, struct store_route *route) {
    return store_row_get(tx, &table, organization, id, arena, route);
}

enum status store_route_list(struct store_tx *tx, const struct id *organization,
                             const struct id *environment, struct store_page *page,
                             struct arena *arena, struct store_route **rows, size_t *count) {
    const struct store_value values[] = {
        store_row_id(organization),
        store_row_id(environment),
        store_row_number(page->has_cursor ? page->after_position : INT64_MIN),
        store_row_text(page->has_cursor ? id_str(&page->after) : STR_EMPTY),
        store_row_number((int64_t)page->limit + 1),
    };
    enum status status =
        store_row_collect(tx, &table, STATEMENT_ROUTE_LIST, values, COUNT(values), page->limit,
                          arena, (void **)rows, count, &page->has_more);
    return status == STATUS_OK && page->wants_total
               ? store_row_numbers(tx, STATEMENT_ROUTE_LIST_COUNT, values, 2, &page->total, 1)
               : status;
}

enum status store_route_list_all(struct store_tx *tx, const struct id *organization,
                                 const struct id *environment, struct arena *arena,
                                 struct store_route **rows, size_t *count) {
    struct store_page page = {.limit = STORE_ROUTES_MAX};
    return store_route_list(tx, organization, environment, &page, arena, rows, count);
}

enum status store_route_update(struct store_tx *tx, struct store_route *route) {
    enum status status = store_row_update(tx, &table, route);
    if (status == STATUS_OK) {
        status = store_environment_touch_bundle(tx, &route->object.organization,
                                                &route->environment, NULL);
    }
    return status;
}

enum status store_route_delete(struct store_tx *tx, const struct id *organization,
                               const struct id *id, uint64_t revision) {
    struct arena arena;
    struct store_route route;
    arena_init(&arena);
    enum status status = store_route_get(tx, organization, id, &arena, &route);
    if (status == STATUS_OK) {
        status = store_row_delete(tx, &table, STATEMENT_ROUTE_DELETE, organization, id, revision);
    }
    if (status == STATUS_OK) {
        status = store_environment_touch_bundle(tx, organization, &route.environment, NULL);
    }
    arena_fini(&arena);
    return status;
}
