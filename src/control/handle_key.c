/* handle_key.c: keys of service accounts. The key itself is in one answer, the one that made it. */
#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/handle.h"
#include "pki/api_key.h"
#include "store/store_key.h"

static json_t *write_key(const struct store_key *row) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "service_account", api_call_id(&row->service_account));
    json_object_set_new(item, "prefix", json_from_str(row->prefix));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    json_object_set_new(item, "last_used_at", api_call_time(row->last_used_at_ms));
    json_object_set_new(item, "revoked_at", api_call_time(row->revoked_at_ms));
    return item;
}

enum status handle_key_list(struct api_call *call) {
    struct store_page page;
    struct store_key *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_key_list(call->tx, &call->organization, &call->object, &page, &call->arena,
                                &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, write_key(&rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

enum status handle_key_create(struct api_call *call) {
    struct secret secret;
    uint8_t hash[DIGEST_BYTES];
    secret_init(&secret);
    api_key_new(store_random(call->control->store), &secret);
    api_key_hash(secret_str(&secret), hash);
    struct store_key key = {
        .object = {.organization = call->organization},
        .service_account = call->object,
        .prefix = str_sub(secret_str(&secret), 0, API_KEY_PREFIX_LENGTH),
    };
    enum status status = store_key_insert(call->tx, &key, hash);
    if (status == STATUS_OK) {
        status = audit_record(call, "key.created", &key.object.id, NULL, write_key(&key));
    }
    if (status == STATUS_OK) {
        call->answer.body = write_key(&key);
        json_object_set_new(call->answer.body, "key", json_from_str(secret_str(&secret)));
        log_info("api.key_created", "key=%s service_account=%s member=%s", key.object.id.text,
                 call->object.text, call->actor.text);
    }
    secret_fini(&secret);
    return status;
}

static enum status record_revoked(struct api_call *call, const struct store_key *key) {
    struct store_key revoked = *key;
    if (key->revoked_at_ms != 0) {
        audit_unchanged(call);
        return STATUS_OK;
    }
    revoked.revoked_at_ms = store_tx_now_ms(call->tx);
    return audit_record(call, "key.revoked", &key->object.id, write_key(key), write_key(&revoked));
}

/* With it end the warpgates that enrolled by it: edges are told in the same breath. */
enum status handle_key_delete(struct api_call *call) {
    struct store_key key;
    enum status status =
        store_key_get(call->tx, &call->organization, &call->object, &call->arena, &key);
    if (status == STATUS_OK) {
        status = store_key_revoke(call->tx, &call->organization, &call->object,
                                  store_tx_now_ms(call->tx) + CONTROL_REVOCATION_MS);
    }
    if (status == STATUS_OK) {
        status = change_reader_revocations(call->tx, "key_revoked", &call->changes);
    }
    if (status == STATUS_OK) {
        status = record_revoked(call, &key);
    }
    if (status == STATUS_OK) {
        log_info("api.key_revoked", "key=%s member=%s", call->object.text, call->actor.text);
    }
    return status;
}
