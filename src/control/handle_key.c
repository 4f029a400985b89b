/* handle_key.c: keys of service accounts. The key itself is in one answer, the one that made it. */
#include "base/json.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/handle.h"
#include "pki/api_key.h"
#include "store/store_key.h"

static const char *status_of(const struct store_key *row, int64_t now_ms) {
    if (row->revoked_at_ms != 0) {
        return "revoked";
    }
    return row->expires_at_ms != 0 && row->expires_at_ms <= now_ms ? "expired" : "live";
}

static json_t *write_key(const struct api_call *call, const struct store_key *row) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "service_account", api_call_id(&row->service_account));
    json_object_set_new(item, "prefix", json_from_str(row->prefix));
    json_object_set_new(item, "status", json_string(status_of(row, store_tx_now_ms(call->tx))));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "expires_at", api_call_time(row->expires_at_ms));
    json_object_set_new(item, "last_used_at", api_call_time(row->last_used_at_ms));
    json_object_set_new(item, "last_used_ip",
                        str_is_empty(row->last_used_ip) ? json_null()
                                                        : json_from_str(row->last_used_ip));
    json_object_set_new(item, "revoked_at", api_call_time(row->revoked_at_ms));
    return item;
}

/* Reads on until the page is full of what the filter lets through. Few keys are live, but those that were revoked stay. */
static enum status add_items(struct api_call *call, struct store_page *page, json_t *items,
                             struct id *last) {
    struct str wanted = api_call_filter(call, "status");
    uint32_t limit = page->limit;
    bool has_more = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && has_more && json_array_size(items) < limit) {
        struct store_key *rows = NULL;
        size_t count = 0;
        page->limit = limit - (uint32_t)json_array_size(items);
        status = store_key_list(call->tx, &call->organization, &call->object, page, &call->arena,
                                &rows, &count);
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            const char *now = status_of(&rows[i], store_tx_now_ms(call->tx));
            if (str_is_empty(wanted) || str_eq(wanted, str_from(now))) {
                json_array_append_new(items, write_key(call, &rows[i]));
            }
            *last = page->after = rows[i].object.id;
        }
        page->has_cursor = page->has_cursor || count > 0;
        has_more = page->has_more && count > 0;
    }
    page->limit = limit;
    return status;
}

enum status handle_key_list(struct api_call *call) {
    struct store_page page;
    struct id last = {.text = ""};
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK && page.wants_total && api_call_has_filter(call, "status")) {
        status = why_set(&call->why, STATUS_INVALID, "query_invalid",
                         "include: there is no total of a list with status");
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    status = add_items(call, &page, items, &last);
    if (status != STATUS_OK) {
        json_decref(items);
        return status;
    }
    api_cursor_answer(call, &page, items, id_is_none(&last) ? NULL : &last, 0);
    return STATUS_OK;
}

static enum status make_key(struct api_call *call, struct store_key *key, struct secret *secret) {
    uint8_t hash[DIGEST_BYTES];
    api_key_new(store_random(call->control->store), secret);
    api_key_hash(secret_str(secret), hash);
    *key = (struct store_key){
        .object = {.organization = call->organization},
        .service_account = call->object,
        .prefix = str_sub(secret_str(secret), 0, API_KEY_PREFIX_LENGTH),
    };
    enum status status = api_call_take_expiry(call, &key->expires_at_ms);
    return status == STATUS_OK ? store_key_insert(call->tx, key, hash) : status;
}

enum status handle_key_create(struct api_call *call) {
    struct secret secret;
    struct store_key key;
    secret_init(&secret);
    enum status status = make_key(call, &key, &secret);
    if (status == STATUS_OK) {
        call->answer.body = write_key(call, &key);
        json_object_set_new(call->answer.body, "key", json_from_str(secret_str(&secret)));
        status = audit_record(call, "key.created", &key.object.id, NULL, write_key(call, &key));
    }
    secret_fini(&secret);
    return status;
}

static enum status get_key(struct api_call *call, struct store_key *key) {
    return store_key_get(call->tx, &call->organization, &call->object, &call->arena, key);
}

enum status handle_key_get(struct api_call *call) {
    struct store_key key;
    enum status status = get_key(call, &key);
    if (status == STATUS_OK) {
        call->answer.body = write_key(call, &key);
        api_call_set_etag(call, key.object.revision,
                          (uint64_t)key.last_used_at_ms +
                              (status_of(&key, store_tx_now_ms(call->tx))[0] == 'e'));
    }
    return status;
}

/* With it end the warpgates that enrolled by it: edges are told in the same breath. It takes no If-Match: a key that has leaked is revoked
 * whatever else has happened to it. */
enum status handle_key_delete(struct api_call *call) {
    struct store_key key;
    enum status status = get_key(call, &key);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, key.object.revision, 0, false);
    }
    if (status != STATUS_OK || key.revoked_at_ms != 0) {
        audit_unchanged(call);
        return status;
    }
    status = store_key_revoke(call->tx, &call->organization, &call->object,
                              store_tx_now_ms(call->tx) + CONTROL_REVOCATION_MS);
    if (status == STATUS_OK) {
        status = change_reader_revocations(call->tx, "key_revoked", &call->changes);
    }
    struct store_key after;
    if (status == STATUS_OK) {
        status = get_key(call, &after);
    }
    if (status == STATUS_OK) {
        call->answer.etag[0] = '\0';
        status = audit_record(call, "key.revoked", &call->object, write_key(call, &key),
                              write_key(call, &after));
    }
    return status;
}
