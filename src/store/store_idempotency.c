#include "store/store_idempotency.h"

#include <string.h>

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_idempotency, member)

/* What is written: the row and what it is found by. */
struct written_row {
    struct store_idempotency row;
    uint8_t sha256[DIGEST_BYTES];
};

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"principal_id", STORE_COLUMN_ID, AT(principal), 0},
    {"answer", STORE_COLUMN_SEALED, AT(answer), STORE_IDEMPOTENCY_ANSWER_MAX},
    {"key_hash", STORE_COLUMN_HASH, offsetof(struct written_row, sha256), 0},
};

static const struct store_unique uniques[] = {
    {"key_hash", "idempotency_running", "a request with this Idempotency-Key is being worked on"},
    {NULL, NULL, NULL},
};

#define TABLE(how)                                                                                 \
    {                                                                                              \
        .name = "idempotency", .id_kind = ID_REQUEST, .seal = how,                                 \
        .row_bytes = sizeof(struct store_idempotency), .columns = columns,                         \
        .column_count = COUNT(columns), .uniques = uniques, .insert = STATEMENT_IDEMPOTENCY_INSERT \
    }

static const struct store_table of_tenant = TABLE(STORE_SEAL_TENANT);
static const struct store_table of_none = TABLE(STORE_SEAL_SYSTEM);

static const struct store_table *choose(const struct id *organization) {
    return id_is_none(organization) ? &of_none : &of_tenant;
}

static struct store_value hash_key(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                                   uint8_t hash[DIGEST_BYTES]) {
    store_vault_lookup_bytes(tx->store->vault, of_tenant.name, "key_hash",
                             str_make(sha256, DIGEST_BYTES), hash);
    return store_row_bytes(hash, DIGEST_BYTES);
}

enum status store_idempotency_insert(struct store_tx *tx, struct store_idempotency *row,
                                     const uint8_t sha256[DIGEST_BYTES]) {
    uint8_t hash[DIGEST_BYTES];
    struct written_row written = {.row = *row};
    const struct store_value former = hash_key(tx, sha256, hash);
    const struct store_value beyond[] = {store_row_id(&row->principal),
                                         store_row_number(STORE_IDEMPOTENCY_KEYS_MAX)};
    memcpy(written.sha256, sha256, sizeof(written.sha256));
    enum status status = store_row_write(tx, STATEMENT_IDEMPOTENCY_DELETE, &former, 1, NULL);
    if (status == STATUS_OK) {
        status = store_row_insert(tx, choose(&row->object.organization), &written);
        *row = written.row;
    }
    return status == STATUS_OK
               ? store_row_write(tx, STATEMENT_IDEMPOTENCY_TRIM, beyond, COUNT(beyond), NULL)
               : status;
}

enum status store_idempotency_find(struct store_tx *tx, const struct id *organization,
                                   const uint8_t sha256[DIGEST_BYTES], int64_t after_ms,
                                   struct arena *arena, struct store_idempotency *row) {
    uint8_t hash[DIGEST_BYTES];
    const struct store_value values[] = {hash_key(tx, sha256, hash), store_row_number(after_ms)};
    return store_row_find(tx, choose(organization), STATEMENT_IDEMPOTENCY_FIND, values,
                          COUNT(values), arena, row);
}

enum status store_idempotency_prune_any(struct store_tx *tx, int64_t before_ms) {
    const struct store_value value = store_row_number(before_ms);
    return store_row_write(tx, STATEMENT_IDEMPOTENCY_PRUNE_ANY, &value, 1, NULL);
}
