#include "store/store_member.h"

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct store_column columns[] = {
    STORE_OBJECT_FREE_COLUMNS,
    {"email", STORE_COLUMN_SEALED, offsetof(struct store_member, email), STORE_MEMBER_EMAIL_MAX},
    {"email_hash", STORE_COLUMN_LOOKUP, offsetof(struct store_member, email), 0},
    {"name", STORE_COLUMN_SEALED, offsetof(struct store_member, name), STORE_MEMBER_NAME_MAX},
    {"password_hash", STORE_COLUMN_SEALED, offsetof(struct store_member, password_hash),
     STORE_MEMBER_PASSWORD_HASH_MAX},
    {"is_operator", STORE_COLUMN_FLAG, offsetof(struct store_member, is_operator), 0},
};

static const struct store_unique uniques[] = {
    {"email_hash", "email_taken", "there is a member with this e-mail address already"},
    {NULL, NULL, NULL},
};

static const struct store_table table = {
    .name = "member",
    .id_kind = ID_MEMBER,
    .seal = STORE_SEAL_SYSTEM,
    .row_bytes = sizeof(struct store_member),
    .columns = columns,
    .column_count = COUNT(columns),
    .uniques = uniques,
    .insert = STATEMENT_MEMBER_INSERT,
    .update = STATEMENT_MEMBER_UPDATE,
    .get = STATEMENT_MEMBER_GET_ANY,
};

static const struct {
    enum store_role role;
    const char *name;
} roles[] = {
    {STORE_ROLE_OWNER, "owner"},         {STORE_ROLE_ADMIN, "admin"},
    {STORE_ROLE_DEVELOPER, "developer"}, {STORE_ROLE_VIEWER, "viewer"},
    {STORE_ROLE_BILLING, "billing"},
};

const char *store_role_name(enum store_role role) {
    for (size_t i = 0; i < COUNT(roles); i++) {
        if (roles[i].role == role) {
            return roles[i].name;
        }
    }
    return "none";
}

enum status store_role_parse(struct str text, enum store_role *role) {
    for (size_t i = 0; i < COUNT(roles); i++) {
        if (str_eq(text, str_from(roles[i].name))) {
            *role = roles[i].role;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

enum status store_member_insert(struct store_tx *tx, struct store_member *member) {
    return store_row_insert(tx, &table, member);
}

enum status store_member_update(struct store_tx *tx, struct store_member *member) {
    return store_row_update(tx, &table, member);
}

enum status store_member_get(struct store_tx *tx, const struct id *organization,
                             const struct id *id, struct arena *arena, struct store_member *member,
                             enum store_role *role) {
    const struct store_value values[] = {store_row_id(id), store_row_id(organization)};
    int64_t number = 0;
    enum status status =
        store_row_find(tx, &table, STATEMENT_MEMBER_GET, values, COUNT(values), arena, member);
    if (status == STATUS_OK) {
        status = store_row_numbers(tx, STATEMENT_MEMBERSHIP_GET, values, COUNT(values), &number, 1);
    }
    *role = (enum store_role)number;
    return status;
}

enum status store_member_list(struct store_tx *tx, const struct id *organization,
                              struct store_page *page, struct arena *arena,
                              struct store_member **rows, size_t *count) {
    const struct store_value value = store_row_id(organization);
    return store_row_list(tx, &table, STATEMENT_MEMBER_LIST, &value, 1, page, arena, (void **)rows,
                          count);
}

enum status store_member_find_any(struct store_tx *tx, struct str email, struct arena *arena,
                                  struct store_member *member) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup(tx->store->vault, table.name, "email_hash", STR_EMPTY, email, hash);
    const struct store_value value = store_row_bytes(hash, sizeof(hash));
    return store_row_find(tx, &table, STATEMENT_MEMBER_FIND_ANY, &value, 1, arena, member);
}

enum status store_member_get_any(struct store_tx *tx, const struct id *id, struct arena *arena,
                                 struct store_member *member) {
    const struct store_value value = store_row_id(id);
    return store_row_find(tx, &table, STATEMENT_MEMBER_GET_ANY, &value, 1, arena, member);
}

enum status store_member_set_role(struct store_tx *tx, const struct id *organization,
                                  const struct id *member, enum store_role role) {
    const struct store_value values[] = {store_row_id(member), store_row_id(organization),
                                         store_row_number(role),
                                         store_row_number(store_tx_now_ms(tx))};
    return store_row_write(tx, STATEMENT_MEMBERSHIP_SET, values, COUNT(values), NULL);
}

static enum status read_membership(struct store_tx *tx, const struct store_value columns_read[3],
                                   struct store_membership *membership) {
    *membership = (struct store_membership){
        .role = (enum store_role)columns_read[1].number,
        .created_at_ms = columns_read[2].number,
    };
    if (id_parse(ID_ORGANIZATION, columns_read[0].bytes, &membership->organization) != STATUS_OK) {
        return why_set(tx->why, STATUS_FAILED, "seal_broken",
                       "a membership was changed outside of this program");
    }
    return STATUS_OK;
}

enum status store_member_roles(struct store_tx *tx, const struct id *member, struct arena *arena,
                               struct store_membership **rows, size_t *count) {
    const struct store_driver *driver = tx->connection->driver;
    const struct store_value values[] = {store_row_id(member),
                                         store_row_number(STORE_MEMBER_ORGANIZATIONS_MAX)};
    struct store_value read[3];
    struct store_membership *found = NULL;
    size_t cap = 0;
    *count = 0;
    enum status status =
        driver->start(tx->connection, STATEMENT_MEMBERSHIP_LIST, values, COUNT(values), tx->why);
    while (status == STATUS_OK) {
        status =
            driver->next(tx->connection, STATEMENT_MEMBERSHIP_LIST, read, COUNT(read), tx->why);
        if (status == STATUS_OK && *count == cap) {
            struct store_membership *more =
                arena_alloc(arena, (2 * cap + 4) * sizeof(struct store_membership));
            for (size_t i = 0; i < cap; i++) {
                more[i] = found[i];
            }
            found = more;
            cap = 2 * cap + 4;
        }
        if (status == STATUS_OK) {
            status = read_membership(tx, read, &found[(*count)++]);
        }
    }
    driver->finish(tx->connection, STATEMENT_MEMBERSHIP_LIST);
    *rows = found;
    return status == STATUS_END ? STATUS_OK : status;
}
