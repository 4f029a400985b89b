#include "store/store_audit.h"

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_audit, member)
/* An id is made after its transaction began, which the row's time is of: by no more than this. */
#define LATE_MS 60000

#define ID_COLUMN                                                                                  \
    { "id", STORE_COLUMN_ID, AT(object.id), 0 }
#define CREATED_COLUMN                                                                             \
    { "created_at", STORE_COLUMN_NUMBER, AT(object.created_at_ms), 0 }
#define DETAIL_COLUMNS                                                                             \
    {"actor_id", STORE_COLUMN_ID, AT(actor), 0}, {"target_id", STORE_COLUMN_ID, AT(target), 0},    \
        {"request_id", STORE_COLUMN_ID, AT(request), 0},                                           \
        {"action", STORE_COLUMN_TEXT, AT(action), STORE_AUDIT_ACTION_MAX},                         \
        {"actor_name", STORE_COLUMN_SEALED, AT(actor_name), STORE_AUDIT_NAME_MAX},                 \
        {"ip_address", STORE_COLUMN_SEALED, AT(ip_address), STORE_AUDIT_IP_MAX},                   \
        {"before_value", STORE_COLUMN_SEALED, AT(before), STORE_AUDIT_VALUE_MAX}, {                \
        "after_value", STORE_COLUMN_SEALED, AT(after), STORE_AUDIT_VALUE_MAX                       \
    }

static const struct store_column columns[] = {
    ID_COLUMN,
    {"organization_id", STORE_COLUMN_ID, AT(object.organization), 0},
    CREATED_COLUMN,
    {"project_id", STORE_COLUMN_ID, AT(project), 0},
    {"environment_id", STORE_COLUMN_ID, AT(environment), 0},
    DETAIL_COLUMNS,
};

static const struct store_table table = {
    .name = "audit_event",
    .id_kind = ID_EVENT,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_audit),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_AUDIT_INSERT,
    .get = STATEMENT_AUDIT_GET,
};

static const struct store_column free_columns[] = {ID_COLUMN, CREATED_COLUMN, DETAIL_COLUMNS};

static const struct store_table free_table = {
    .name = "installation_event",
    .id_kind = ID_EVENT,
    .seal = STORE_SEAL_SYSTEM,
    .row_bytes = sizeof(struct store_audit),
    .columns = free_columns,
    .column_count = COUNT(free_columns),
    .insert = STATEMENT_AUDIT_FREE_INSERT,
};

enum status store_audit_insert(struct store_tx *tx, struct store_audit *event) {
    bool is_free = id_is_none(&event->object.organization);
    /* In the order of what happened, also within a transaction. */
    event->object.id =
        id_next(ID_EVENT, tx->store->clock, tx->store->random, &tx->store->event_ids);
    return store_row_insert(tx, is_free ? &free_table : &table, event);
}

enum status store_audit_get(struct store_tx *tx, const struct id *organization, const struct id *id,
                            struct arena *arena, struct store_audit *event) {
    return store_row_get(tx, &table, organization, id, arena, event);
}

static struct store_value text_or_null(struct str text) {
    return str_is_empty(text) ? (struct store_value){.kind = STORE_VALUE_NULL}
                              : store_row_text(text);
}

/* Both the exact times and the ids that go with them: by ids the database finds the rows without reading the others. */
struct window {
    int64_t since_ms;
    int64_t until_ms;
    struct id first;
    struct id last;
};

static struct window find_window(const struct store_audit_filter *filter) {
    struct window window = {.since_ms = filter->since_ms, .until_ms = filter->until_ms};
    if (window.since_ms < 0) {
        window.since_ms = 0;
    }
    if (window.until_ms <= 0 || window.until_ms > STORE_AUDIT_TIME_MAX) {
        window.until_ms = STORE_AUDIT_TIME_MAX;
    }
    window.first = id_floor(ID_EVENT, window.since_ms);
    window.last = id_floor(ID_EVENT, window.until_ms + LATE_MS);
    return window;
}

enum status store_audit_list(struct store_tx *tx, const struct id *organization,
                             const struct store_audit_filter *filter, struct store_page *page,
                             struct arena *arena, struct store_audit **rows, size_t *count) {
    struct window window = find_window(filter);
    const struct store_value values[] = {
        store_row_id(organization),        store_row_id(&filter->actor),
        store_row_id(&filter->target),     text_or_null(filter->action),
        store_row_id(&filter->project),    store_row_id(&filter->environment),
        store_row_number(window.since_ms), store_row_number(window.until_ms),
        store_row_id(&window.first),       store_row_id(&window.last),
    };
    return store_row_list(tx, &table, STATEMENT_AUDIT_LIST, values, COUNT(values), page, arena,
                          (void **)rows, count);
}

enum status store_audit_list_free(struct store_tx *tx, const struct store_audit_filter *filter,
                                  struct store_page *page, struct arena *arena,
                                  struct store_audit **rows, size_t *count) {
    struct window window = find_window(filter);
    const struct store_value values[] = {
        store_row_id(&filter->actor),      store_row_id(&filter->target),
        text_or_null(filter->action),      store_row_number(window.since_ms),
        store_row_number(window.until_ms), store_row_id(&window.first),
        store_row_id(&window.last),
    };
    return store_row_list(tx, &free_table, STATEMENT_AUDIT_FREE_LIST, values, COUNT(values), page,
                          arena, (void **)rows, count);
}

enum status store_audit_prune_any(struct store_tx *tx, int64_t before_ms, uint32_t limit,
                                  uint64_t *deleted) {
    const struct id floor = id_floor(ID_EVENT, before_ms < 0 ? 0 : before_ms);
    const struct store_value values[] = {store_row_id(&floor), store_row_number(limit)};
    uint64_t free_deleted = 0;
    enum status status =
        store_row_write(tx, STATEMENT_AUDIT_PRUNE_ANY, values, COUNT(values), deleted);
    if (status == STATUS_OK) {
        status =
            store_row_write(tx, STATEMENT_AUDIT_FREE_PRUNE, values, COUNT(values), &free_deleted);
    }
    *deleted = free_deleted > *deleted ? free_deleted : *deleted;
    return status;
}

static const struct {
    enum id_kind kind;
    enum store_statement statement;
} projects[] = {
    {ID_ENVIRONMENT, STATEMENT_AUDIT_PROJECT_OF_ENVIRONMENT},
    {ID_SERVICE_ACCOUNT, STATEMENT_AUDIT_PROJECT_OF_SERVICE_ACCOUNT},
};

enum status store_audit_project_of(struct store_tx *tx, const struct id *organization,
                                   const struct id *of, struct id *project) {
    const struct store_value values[] = {store_row_id(of), store_row_id(organization)};
    struct id parsed;
    struct id *found = NULL;
    size_t count = 0;
    enum status status = STATUS_OK;
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(projects) && count == 0 && status == STATUS_OK; i++) {
        if (id_parse(projects[i].kind, id_str(of), &parsed) == STATUS_OK) {
            status = store_row_ids(tx, projects[i].statement, values, COUNT(values), 1, &arena,
                                   &found, &count);
        }
    }
    *project = status == STATUS_OK && count > 0 ? found[0] : (struct id){0};
    arena_fini(&arena);
    return status;
}
