#include "store/store_invitation.h"

#include <string.h>

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_invitation, member)

/* What is written: the row and what it is found by. */
struct written_invitation {
    struct store_invitation invitation;
    uint8_t sha256[DIGEST_BYTES];
};

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"invited_by", STORE_COLUMN_ID, AT(invited_by), 0},
    {"mail_id", STORE_COLUMN_ID, AT(mail), 0},
    {"role", STORE_COLUMN_NUMBER, AT(role), 0},
    {"expires_at", STORE_COLUMN_NUMBER, AT(expires_at_ms), 0},
    {"sent_at", STORE_COLUMN_NUMBER, AT(sent_at_ms), 0},
    {"sent_count", STORE_COLUMN_NUMBER, AT(sent_count), 0},
    {"email", STORE_COLUMN_SEALED, AT(email), STORE_MEMBER_EMAIL_MAX},
    {"email_hash", STORE_COLUMN_LOOKUP_TENANT, AT(email), 0},
    {"token_hash", STORE_COLUMN_HASH, offsetof(struct written_invitation, sha256), 0},
};

static const struct store_unique uniques[] = {
    {"email_hash", "invitation_exists", "this address has been invited already: resend it"},
    {NULL, NULL, NULL},
};

static const struct store_table table = {
    .name = "invitation",
    .id_kind = ID_INVITATION,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_invitation),
    .columns = columns,
    .column_count = COUNT(columns),
    .uniques = uniques,
    .insert = STATEMENT_INVITATION_INSERT,
    .update = STATEMENT_INVITATION_UPDATE,
    .get = STATEMENT_INVITATION_GET,
};

static enum status
write(struct store_tx *tx, struct store_invitation *invitation, const uint8_t sha256[DIGEST_BYTES],
      enum status (*how)(struct store_tx *tx, const struct store_table *table, void *row)) {
    struct written_invitation written = {.invitation = *invitation};
    memcpy(written.sha256, sha256, sizeof(written.sha256));
    enum status status = how(tx, &table, &written);
    *invitation = written.invitation;
    return status;
}

enum status store_invitation_insert(struct store_tx *tx, struct store_invitation *invitation,
                                    const uint8_t sha256[DIGEST_BYTES]) {
    return write(tx, invitation, sha256, store_row_insert);
}

enum status store_invitation_update(struct store_tx *tx, struct store_invitation *invitation,
                                    const uint8_t sha256[DIGEST_BYTES]) {
    return write(tx, invitation, sha256, store_row_update);
}

enum status store_invitation_get(struct store_tx *tx, const struct id *organization,
                                 const struct id *id, struct arena *arena,
                                 struct store_invitation *invitation) {
    return store_row_get(tx, &table, organization, id, arena, invitation);
}

enum status store_invitation_find(struct store_tx *tx, const struct id *organization,
                                  struct str email, struct arena *arena,
                                  struct store_invitation *invitation) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup(tx->store->vault, table.name, "email_hash", id_str(organization), email,
                       hash);
    const struct store_value values[] = {store_row_id(organization),
                                         store_row_bytes(hash, sizeof(hash))};
    return store_row_find(tx, &table, STATEMENT_INVITATION_FIND, values, COUNT(values), arena,
                          invitation);
}

enum status store_invitation_find_any(struct store_tx *tx, const uint8_t sha256[DIGEST_BYTES],
                                      struct arena *arena, struct store_invitation *invitation) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup_bytes(tx->store->vault, table.name, "token_hash",
                             str_make(sha256, DIGEST_BYTES), hash);
    const struct store_value value = store_row_bytes(hash, sizeof(hash));
    return store_row_find(tx, &table, STATEMENT_INVITATION_FIND_ANY, &value, 1, arena, invitation);
}

enum status store_invitation_list(struct store_tx *tx, const struct id *organization,
                                  struct store_page *page, struct arena *arena,
                                  struct store_invitation **rows, size_t *count) {
    const struct store_value value = store_row_id(organization);
    return store_row_list(tx, &table, STATEMENT_INVITATION_LIST, &value, 1, page, arena,
                          (void **)rows, count);
}

enum status store_invitation_count(struct store_tx *tx, const struct id *organization,
                                   int64_t *count) {
    const struct store_value value = store_row_id(organization);
    return store_row_numbers(tx, STATEMENT_INVITATION_LIST_COUNT, &value, 1, count, 1);
}

enum status store_invitation_delete(struct store_tx *tx, const struct id *organization,
                                    const struct id *id, uint64_t revision) {
    return store_row_delete(tx, &table, STATEMENT_INVITATION_DELETE, organization, id, revision);
}

enum status store_invitation_prune_any(struct store_tx *tx, int64_t before_ms) {
    const struct store_value value = store_row_number(before_ms);
    return store_row_write(tx, STATEMENT_INVITATION_PRUNE_ANY, &value, 1, NULL);
}
