/* control_export.c: an organization as one document: {"format", "version", "exported_at", "members": [people], "tables": {what the store has}}. */
#include "base/json.h"
#include "control/control_operation.h"
#include "store/store_export.h"
#include "store/store_membership.h"

static json_t *write_person(const struct store_membership_row *row,
                            const struct store_member *person) {
    char joined_at[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(row->object.created_at_ms, joined_at);
    json_t *item = json_object();
    json_object_set_new(item, "id", json_string(person->object.id.text));
    json_object_set_new(item, "email", json_from_str(person->email));
    json_object_set_new(item, "name", json_from_str(person->name));
    json_object_set_new(item, "role", json_string(store_role_name((enum store_role)row->role)));
    json_object_set_new(item, "joined_at", json_string(joined_at));
    return item;
}

static enum status write_people(struct store_tx *tx, const struct id *organization,
                                struct arena *arena, json_t *people) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_ASCENDING};
    enum status status = STATUS_OK;
    bool has_more = true;
    while (status == STATUS_OK && has_more) {
        struct store_membership_row *rows = NULL;
        size_t count = 0;
        status = store_membership_list(tx, organization, 0, &page, arena, &rows, &count);
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            struct store_member person;
            status = store_member_get_any(tx, &rows[i].object.id, arena, &person);
            if (status == STATUS_OK) {
                json_array_append_new(people, write_person(&rows[i], &person));
            }
            page.after = rows[i].object.id;
        }
        page.has_cursor = count > 0;
        has_more = page.has_more && page.has_cursor;
    }
    return status;
}

static enum status write_head(struct store_tx *tx, const struct id *organization,
                              struct buf *result) {
    struct arena arena;
    char now[CLOCK_RFC3339_SIZE];
    json_t *people = json_array();
    clock_format_rfc3339(store_tx_now_ms(tx), now);
    arena_init(&arena);
    enum status status = write_people(tx, organization, &arena, people);
    if (status == STATUS_OK) {
        status = buf_printf(result,
                            "{\"format\":\"mezusphere-organization\",\"version\":1,"
                            "\"exported_at\":\"%s\",\"members\":",
                            now);
    }
    if (status == STATUS_OK) {
        status = json_write(people, result);
    }
    json_decref(people);
    arena_fini(&arena);
    return status == STATUS_OK ? buf_append_str(result, STR(",\"tables\":{")) : status;
}

/* One reading transaction: the document shows one moment. */
enum status control_operation_export(struct control *control,
                                     const struct store_operation *operation, struct buf *result,
                                     struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_READ, why, &tx);
    if (status == STATUS_OK) {
        status = write_head(tx, &operation->object.organization, result);
    }
    if (status == STATUS_OK) {
        status = store_export_write(tx, &operation->object.organization, result);
    }
    return status == STATUS_OK ? buf_append_str(result, STR("}}\n")) : status;
}
