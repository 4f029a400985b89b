#include "store/store_session.h"

#include <string.h>

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_session, member)

/* What is written: the row and what it is found by. */
struct written_session {
    struct store_session session;
    uint8_t sha256[DIGEST_BYTES];
};

static const struct store_column columns[] = {
    STORE_OBJECT_FREE_COLUMNS,
    {"member_id", STORE_COLUMN_ID, AT(member), 0},
    {"expires_at", STORE_COLUMN_NUMBER, AT(expires_at_ms), 0},
    {"last_used_at", STORE_COLUMN_NUMBER, AT(last_used_at_ms), 0},
    {"token_hash", STORE_COLUMN_HASH, offsetof(struct written_session, sha256), 0},
    {"ip_address", STORE_COLUMN_SEALED_LATE, AT(ip_address), STORE_SESSION_ADDRESS_MAX},
    {"user_agent", STORE_COLUMN_SEALED_LATE, AT(user_agent), STORE_SESSION_AGENT_MAX},
};

static const struct store_table table = {
    .name = "session",
    .id_kind = ID_SESSION,
    .seal = STORE_SEAL_SYSTEM,
    .row_bytes = sizeof(struct store_session),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_SESSION_INSERT,
};

enum status store_session_insert(struct store_tx *tx, struct store_session *session,
                                 const uint8_t sha256[DIGEST_BYTES]) {
    struct written_session written = {.session = *session};
    memcpy(written.sha256, sha256, sizeof(written.sha256));
    enum status status = store_row_insert(tx, &table, &written);
    *session = written.session;
    return status;
}

enum status store_session_find_any(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                                   struct arena *arena, struct store_session *session) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup_bytes(tx->store->vault, table.name, "token_hash",
                             str_make(sha256, DIGEST_BYTES), hash);
    const struct store_value value = store_row_bytes(hash, sizeof(hash));
    return store_row_find(tx, &table, STATEMENT_SESSION_FIND_ANY, &value, 1, arena, session);
}

enum status store_session_list(struct store_tx *tx, const struct id *member,
                               struct store_page *page, struct arena *arena,
                               struct store_session **rows, size_t *count) {
    const struct store_value value = store_row_id(member);
    return store_row_list(tx, &table, STATEMENT_SESSION_LIST, &value, 1, page, arena, (void **)rows,
                          count);
}

enum status store_session_used(struct store_tx *tx, const struct id *id) {
    const struct store_value values[] = {store_row_id(id), store_row_number(store_tx_now_ms(tx))};
    return store_row_change(tx, STATEMENT_SESSION_USED, values, COUNT(values));
}

enum status store_session_delete(struct store_tx *tx, const struct id *id) {
    const struct store_value value = store_row_id(id);
    return store_row_change(tx, STATEMENT_SESSION_DELETE, &value, 1);
}

enum status store_session_delete_of(struct store_tx *tx, const struct id *member,
                                    const struct id *id) {
    const struct store_value values[] = {store_row_id(id), store_row_id(member)};
    return store_row_change(tx, STATEMENT_SESSION_DELETE_OF, values, COUNT(values));
}

enum status store_session_delete_of_member(struct store_tx *tx, const struct id *member) {
    const struct store_value value = store_row_id(member);
    return store_row_write(tx, STATEMENT_SESSION_DELETE_OF_MEMBER, &value, 1, NULL);
}

enum status store_session_delete_others(struct store_tx *tx, const struct id *member,
                                        const struct id *kept) {
    const struct store_value values[] = {store_row_id(member), store_row_id(kept)};
    return store_row_write(tx, STATEMENT_SESSION_DELETE_OTHERS, values, COUNT(values), NULL);
}

enum status store_session_prune(struct store_tx *tx, int64_t idle_before_ms) {
    const struct store_value values[] = {store_row_number(store_tx_now_ms(tx)),
                                         store_row_number(idle_before_ms)};
    return store_row_write(tx, STATEMENT_SESSION_PRUNE, values, COUNT(values), NULL);
}
