#include "store/store_tenant.h"

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    enum id_kind kind;
    enum store_statement statement;
} owners[] = {
    {ID_ORGANIZATION, STATEMENT_TENANT_OF_ORGANIZATION_ANY},
    {ID_PROJECT, STATEMENT_TENANT_OF_PROJECT_ANY},
    {ID_ENVIRONMENT, STATEMENT_TENANT_OF_ENVIRONMENT_ANY},
    {ID_ROUTE, STATEMENT_TENANT_OF_ROUTE_ANY},
    {ID_SERVICE_ACCOUNT, STATEMENT_TENANT_OF_SERVICE_ACCOUNT_ANY},
    {ID_KEY, STATEMENT_TENANT_OF_KEY_ANY},
    {ID_WARPGATE, STATEMENT_TENANT_OF_WARPGATE_ANY},
    {ID_INVITATION, STATEMENT_TENANT_OF_INVITATION_ANY},
    {ID_OPERATION, STATEMENT_TENANT_OF_OPERATION_ANY},
    {ID_EVENT, STATEMENT_TENANT_OF_EVENT_ANY},
};

enum status store_tenant_find_any(struct store_tx *tx, const struct id *id,
                                  struct store_tenant *tenant) {
    const struct store_value value = store_row_id(id);
    struct id *found = NULL;
    struct id parsed;
    size_t count = 0;
    enum status status = STATUS_OK;
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(owners) && count == 0 && status == STATUS_OK; i++) {
        if (id_parse(owners[i].kind, id_str(id), &parsed) == STATUS_OK) {
            status = store_row_ids(tx, owners[i].statement, &value, 1, 3, &arena, &found, &count);
        }
    }
    if (status == STATUS_OK && count == 0) {
        status = why_set(tx->why, STATUS_NOT_FOUND, "not_found", "there is no such object");
    }
    *tenant = status == STATUS_OK ? (struct store_tenant){found[0], found[1], found[2]}
                                  : (struct store_tenant){0};
    arena_fini(&arena);
    return status;
}
