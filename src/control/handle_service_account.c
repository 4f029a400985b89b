/* handle_service_account.c: service accounts of a project. Whatever makes one void ends the warpgates that enrolled with its keys: edges
 * are told in the same breath. */
#include "base/json.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/handle.h"
#include "store/store_service_account.h"

#define DEFAULT_PERMISSIONS PERMISSION_BIT(PERMISSION_WARPGATE_CONNECT)

static json_t *write_account(const struct store_service_account *row) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "project", api_call_id(&row->project));
    json_object_set_new(item, "environment",
                        id_is_none(&row->environment) ? json_null()
                                                      : api_call_id(&row->environment));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "permissions", api_call_words(row->permissions));
    json_object_set_new(item, "enabled", json_boolean(!row->is_disabled));
    json_object_set_new(item, "expires_at", api_call_time(row->expires_at_ms));
    json_object_set_new(item, "last_used_at", api_call_time(row->last_used_at_ms));
    json_object_set_new(item, "last_used_ip",
                        str_is_empty(row->last_used_ip) ? json_null()
                                                        : json_from_str(row->last_used_ip));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "updated_at", api_call_time(row->object.updated_at_ms));
    json_object_set_new(item, "revision", json_integer((json_int_t)row->object.revision));
    return item;
}

/* Its last use shows, so it is part of the tag; a precondition looks at the revision alone. */
static void answer_account(struct api_call *call, const struct store_service_account *row) {
    call->answer.body = write_account(row);
    api_call_set_etag(call, row->object.revision, (uint64_t)row->last_used_at_ms);
}

/* Lists */

static enum status list_named(struct api_call *call, struct store_page *page,
                              struct store_service_account **rows, size_t *count) {
    *rows = arena_alloc(&call->arena, sizeof(**rows));
    enum status status =
        store_service_account_find(call->tx, &call->organization, &call->object,
                                   api_call_filter(call, "name"), &call->arena, *rows);
    *count = status == STATUS_OK ? 1 : 0;
    page->total = (int64_t)*count;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status handle_service_account_list(struct api_call *call) {
    struct store_page page;
    struct store_service_account *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = api_call_has_filter(call, "name")
                     ? list_named(call, &page, &rows, &count)
                     : store_service_account_list(call->tx, &call->organization, &call->object,
                                                  &page, &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_account(&rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

/* What a body says */

static uint32_t read_permissions(const json_t *list) {
    size_t i;
    json_t *item;
    uint32_t permissions = 0;
    json_array_foreach(list, i, item) {
        permissions |= permission_read(str_from(json_string_value(item)));
    }
    return permissions;
}

/* What stands in the body, over what was: null is as if it had never been said. */
static enum status take_members(struct api_call *call, struct store_service_account *account) {
    const json_t *permissions = json_object_get(call->input, "permissions");
    const json_t *enabled = json_object_get(call->input, "enabled");
    account->name = api_call_text(call, "name", account->name);
    if (permissions != NULL) {
        account->permissions = permission_write(
            json_is_null(permissions) ? DEFAULT_PERMISSIONS : read_permissions(permissions),
            &call->arena);
    }
    if (enabled != NULL) {
        account->is_disabled = json_is_false(enabled);
    }
    return api_call_take_expiry(call, &account->expires_at_ms);
}

static enum status take_environment(struct api_call *call, struct id *id) {
    const json_t *value = json_object_get(call->input, "environment");
    struct store_environment environment;
    if (value == NULL || json_is_null(value)) {
        return STATUS_OK;
    }
    enum status status = id_parse(ID_ENVIRONMENT, str_from(json_string_value(value)), id);
    if (status == STATUS_OK) {
        status =
            store_environment_get(call->tx, &call->organization, id, &call->arena, &environment);
    }
    if (status == STATUS_INVALID || status == STATUS_NOT_FOUND ||
        (status == STATUS_OK && !id_eq(&environment.project, &call->object))) {
        return api_call_refuse(call, "environment", "environment_unknown", -1,
                               "has to be the id of an environment of the project");
    }
    return status;
}

enum status handle_service_account_create(struct api_call *call) {
    struct store_service_account account = {
        .object = {.organization = call->organization},
        .project = call->object,
        .permissions = permission_write(DEFAULT_PERMISSIONS, &call->arena),
    };
    enum status status = take_members(call, &account);
    if (status == STATUS_OK) {
        status = take_environment(call, &account.environment);
    }
    if (status == STATUS_OK) {
        status = store_service_account_insert(call->tx, &account);
    }
    if (status == STATUS_OK) {
        answer_account(call, &account);
        status = audit_record(call, "service_account.created", &account.object.id, NULL,
                              write_account(&account));
    }
    return status;
}

static enum status get_account(struct api_call *call, struct store_service_account *account) {
    return store_service_account_get(call->tx, &call->organization, &call->object, &call->arena,
                                     account);
}

enum status handle_service_account_get(struct api_call *call) {
    struct store_service_account account;
    enum status status = get_account(call, &account);
    if (status == STATUS_OK) {
        answer_account(call, &account);
    }
    return status;
}

/* Changes */

static bool may_connect(struct api_call *call, const struct store_service_account *account) {
    uint32_t permissions = permission_read(account->permissions);
    return !account->is_disabled &&
           (account->expires_at_ms == 0 || account->expires_at_ms > store_tx_now_ms(call->tx)) &&
           (permissions & PERMISSION_BIT(PERMISSION_WARPGATE_CONNECT)) != 0;
}

/* Warpgates of an account that may no longer have any are cut off. */
static enum status end_warpgates(struct api_call *call, const char *reason) {
    enum status status =
        store_service_account_end_warpgates(call->tx, &call->organization, &call->object,
                                            store_tx_now_ms(call->tx) + CONTROL_REVOCATION_MS);
    return status == STATUS_OK ? change_reader_revocations(call->tx, reason, &call->changes)
                               : status;
}

static bool is_same(const struct store_service_account *a, const struct store_service_account *b) {
    return str_eq(a->name, b->name) && str_eq(a->permissions, b->permissions) &&
           a->is_disabled == b->is_disabled && a->expires_at_ms == b->expires_at_ms;
}

static enum status change_account(struct api_call *call, const struct store_service_account *before,
                                  struct store_service_account *changed) {
    if (is_same(before, changed)) {
        audit_unchanged(call);
        return STATUS_OK;
    }
    enum status status = store_service_account_update(call->tx, changed);
    if (status == STATUS_OK && may_connect(call, before) && !may_connect(call, changed)) {
        status = end_warpgates(call, changed->is_disabled ? "account_disabled"
                                                          : "account_may_not_connect");
    }
    return status == STATUS_OK ? audit_record(call, "service_account.changed", &call->object,
                                              write_account(before), write_account(changed))
                               : status;
}

enum status handle_service_account_patch(struct api_call *call) {
    struct store_service_account account;
    enum status status = get_account(call, &account);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, account.object.revision, 0, false);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct store_service_account changed = account;
    status = take_members(call, &changed);
    if (status == STATUS_OK) {
        status = change_account(call, &account, &changed);
    }
    if (status == STATUS_OK) {
        answer_account(call, &changed);
    }
    return status;
}

enum status handle_service_account_delete(struct api_call *call) {
    struct store_service_account account;
    enum status status = get_account(call, &account);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, account.object.revision, 0, true);
    }
    if (status == STATUS_OK) {
        status = store_service_account_delete(call->tx, &call->organization, &call->object,
                                              account.object.revision,
                                              store_tx_now_ms(call->tx) + CONTROL_REVOCATION_MS);
    }
    if (status == STATUS_OK) {
        status = change_reader_revocations(call->tx, "account_deleted", &call->changes);
    }
    if (status == STATUS_OK) {
        call->answer.etag[0] = '\0';
        status = audit_record(call, "service_account.deleted", &call->object,
                              write_account(&account), NULL);
    }
    return status;
}
