#include "store/store_key.h"

#include <string.h>

#include "store/store_revocation.h"
#include "store/store_row.h"
#include "store/store_service_account.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_key, member)
#define AT_LAST_USED_IP 11 /* in `columns` */

/* What is written: the row and what it is found by. */
struct written_key {
    struct store_key key;
    uint8_t sha256[DIGEST_BYTES];
};

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"project_id", STORE_COLUMN_ID, AT(project), 0},
    {"service_account_id", STORE_COLUMN_ID, AT(service_account), 0},
    {"last_used_at", STORE_COLUMN_NUMBER, AT(last_used_at_ms), 0},
    {"revoked_at", STORE_COLUMN_NUMBER, AT(revoked_at_ms), 0},
    {"expires_at", STORE_COLUMN_NUMBER, AT(expires_at_ms), 0},
    {"prefix", STORE_COLUMN_SEALED, AT(prefix), STORE_KEY_PREFIX_MAX},
    {"last_used_ip", STORE_COLUMN_SEALED_LATE, AT(last_used_ip), STORE_IP_MAX},
    {"secret_hash", STORE_COLUMN_HASH, offsetof(struct written_key, sha256), 0},
};

static const struct store_table table = {
    .name = "service_account_key",
    .id_kind = ID_KEY,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_key),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_KEY_INSERT,
    .get = STATEMENT_KEY_GET,
};

/* Finds the project of the service account, and whether another key may be. */
static enum status check_account(struct store_tx *tx, struct store_key *key) {
    struct arena arena;
    struct store_service_account account;
    const struct store_value values[] = {store_row_id(&key->object.organization),
                                         store_row_id(&key->service_account),
                                         store_row_number(store_tx_now_ms(tx))};
    int64_t live = 0;
    arena_init(&arena);
    enum status status = store_service_account_get(tx, &key->object.organization,
                                                   &key->service_account, &arena, &account);
    if (status == STATUS_OK) {
        key->project = account.project;
        status = store_row_numbers(tx, STATEMENT_KEY_COUNT_LIVE, values, COUNT(values), &live, 1);
    }
    arena_fini(&arena);
    if (status == STATUS_OK && live >= STORE_KEYS_LIVE_MAX) {
        status = why_set(tx->why, STATUS_CONFLICT, "keys_too_many",
                         "a service account has at most %d live keys: revoke one first",
                         STORE_KEYS_LIVE_MAX);
    }
    if (status != STATUS_OK) {
        tx->has_failed = true;
    }
    return status;
}

enum status store_key_insert(struct store_tx *tx, struct store_key *key,
                             const uint8_t sha256[DIGEST_BYTES]) {
    struct written_key written;
    enum status status = check_account(tx, key);
    if (status != STATUS_OK) {
        return status;
    }
    written.key = *key;
    memcpy(written.sha256, sha256, sizeof(written.sha256));
    status = store_row_insert(tx, &table, &written);
    *key = written.key;
    return status;
}

enum status store_key_get(struct store_tx *tx, const struct id *organization, const struct id *id,
                          struct arena *arena, struct store_key *key) {
    return store_row_get(tx, &table, organization, id, arena, key);
}

enum status store_key_list(struct store_tx *tx, const struct id *organization,
                           const struct id *service_account, struct store_page *page,
                           struct arena *arena, struct store_key **rows, size_t *count) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(service_account)};
    return store_row_list(tx, &table, STATEMENT_KEY_LIST, values, COUNT(values), page, arena,
                          (void **)rows, count);
}

enum status store_key_find_any(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                               struct arena *arena, struct store_key *key) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup_bytes(tx->store->vault, table.name, "secret_hash",
                             str_make(sha256, DIGEST_BYTES), hash);
    const struct store_value value = store_row_bytes(hash, sizeof(hash));
    return store_row_find(tx, &table, STATEMENT_KEY_FIND_ANY, &value, 1, arena, key);
}

enum status store_key_used(struct store_tx *tx, const struct store_key *key,
                           struct str ip_address) {
    struct store_value all[STORE_ROW_COLUMNS_MAX];
    struct written_key changed = {.key = *key};
    changed.key.last_used_ip = ip_address;
    enum status status = store_row_encode(tx, &table, &changed, all);
    if (status != STATUS_OK) {
        return status;
    }
    const struct store_value values[] = {
        store_row_id(&key->object.id), store_row_id(&key->object.organization),
        store_row_number(store_tx_now_ms(tx)), all[AT_LAST_USED_IP]};
    return store_row_change(tx, STATEMENT_KEY_USED, values, COUNT(values));
}

enum status store_key_revoke(struct store_tx *tx, const struct id *organization,
                             const struct id *id, int64_t certificates_end_at_ms) {
    const struct store_value values[] = {store_row_id(id), store_row_id(organization),
                                         store_row_number(store_tx_now_ms(tx))};
    struct arena arena;
    struct store_key key;
    arena_init(&arena);
    enum status status = store_key_get(tx, organization, id, &arena, &key);
    arena_fini(&arena);
    if (status != STATUS_OK) {
        return status;
    }
    status = store_row_write(tx, STATEMENT_KEY_REVOKE, values, COUNT(values), NULL);
    if (status != STATUS_OK) {
        return status;
    }
    return store_revocation_insert_for(tx, STATEMENT_WARPGATE_LIVE_OF_KEY, organization, id,
                                       certificates_end_at_ms);
}
