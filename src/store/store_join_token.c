#include "store/store_join_token.h"

#include <string.h>

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_join_token, member)

/* What is written: the row and what it is found by. */
struct written_token {
    struct store_join_token token;
    uint8_t sha256[DIGEST_BYTES];
};

static const struct store_column columns[] = {
    STORE_OBJECT_FREE_COLUMNS,
    {"edge_id", STORE_COLUMN_ID, AT(edge), 0},
    {"expires_at", STORE_COLUMN_NUMBER, AT(expires_at_ms), 0},
    {"used_at", STORE_COLUMN_NUMBER, AT(used_at_ms), 0},
    {"revoked_at", STORE_COLUMN_NUMBER, AT(revoked_at_ms), 0},
    {"name", STORE_COLUMN_SEALED, AT(name), STORE_JOIN_TOKEN_NAME_MAX},
    {"secret_hash", STORE_COLUMN_HASH, offsetof(struct written_token, sha256), 0},
};

static const struct store_table table = {
    .name = "join_token",
    .id_kind = ID_JOIN_TOKEN,
    .seal = STORE_SEAL_SYSTEM,
    .row_bytes = sizeof(struct store_join_token),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_JOIN_TOKEN_INSERT,
};

enum status store_join_token_insert(struct store_tx *tx, struct store_join_token *token,
                                    const uint8_t sha256[DIGEST_BYTES]) {
    struct written_token written = {.token = *token};
    memcpy(written.sha256, sha256, sizeof(written.sha256));
    enum status status = store_row_insert(tx, &table, &written);
    *token = written.token;
    return status;
}

enum status store_join_token_find(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                                  struct arena *arena, struct store_join_token *token) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup_bytes(tx->store->vault, table.name, "secret_hash",
                             str_make(sha256, DIGEST_BYTES), hash);
    const struct store_value value = store_row_bytes(hash, sizeof(hash));
    return store_row_find(tx, &table, STATEMENT_JOIN_TOKEN_FIND, &value, 1, arena, token);
}

enum status store_join_token_list(struct store_tx *tx, struct store_page *page, struct arena *arena,
                                  struct store_join_token **rows, size_t *count) {
    return store_row_list(tx, &table, STATEMENT_JOIN_TOKEN_LIST, NULL, 0, page, arena,
                          (void **)rows, count);
}

enum status store_join_token_use(struct store_tx *tx, const struct id *id, const struct id *edge) {
    const struct store_value values[] = {store_row_id(id), store_row_id(edge),
                                         store_row_number(store_tx_now_ms(tx))};
    return store_row_change(tx, STATEMENT_JOIN_TOKEN_USE, values, COUNT(values));
}

enum status store_join_token_revoke(struct store_tx *tx, const struct id *id) {
    const struct store_value values[] = {store_row_id(id), store_row_number(store_tx_now_ms(tx))};
    return store_row_change(tx, STATEMENT_JOIN_TOKEN_REVOKE, values, COUNT(values));
}

enum status store_join_token_prune(struct store_tx *tx, int64_t before_ms) {
    const struct store_value value = store_row_number(before_ms);
    return store_row_write(tx, STATEMENT_JOIN_TOKEN_PRUNE, &value, 1, NULL);
}
