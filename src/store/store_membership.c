#include "store/store_membership.h"

#include "store/store_row.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct store_column columns[] = {
    {"member_id", STORE_COLUMN_ID, offsetof(struct store_object, id), 0},
    {"organization_id", STORE_COLUMN_ID, offsetof(struct store_object, organization), 0},
    STORE_OBJECT_TIME_COLUMNS,
    {"role", STORE_COLUMN_NUMBER, offsetof(struct store_membership_row, role), 0},
};

static const struct store_unique uniques[] = {
    {"membership", "already_member", "this person is a member of the organization already"},
    {NULL, NULL, NULL},
};

static const struct store_table table = {
    .name = "membership",
    .id_kind = ID_MEMBER,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_membership_row),
    .columns = columns,
    .column_count = COUNT(columns),
    .uniques = uniques,
    .insert = STATEMENT_MEMBERSHIP_INSERT,
    .update = STATEMENT_MEMBERSHIP_UPDATE,
    .get = STATEMENT_MEMBERSHIP_ROW_GET,
};

enum status store_membership_insert(struct store_tx *tx, struct store_membership_row *membership) {
    return store_row_insert(tx, &table, membership);
}

enum status store_membership_get(struct store_tx *tx, const struct id *organization,
                                 const struct id *member, struct store_membership_row *membership) {
    struct arena none; /* the row has no text */
    arena_init(&none);
    enum status status = store_row_get(tx, &table, organization, member, &none, membership);
    arena_fini(&none);
    return status;
}

enum status store_membership_list(struct store_tx *tx, const struct id *organization, int64_t role,
                                  struct store_page *page, struct arena *arena,
                                  struct store_membership_row **rows, size_t *count) {
    const struct store_value values[] = {store_row_id(organization), store_row_number(role)};
    return store_row_list(tx, &table, STATEMENT_MEMBERSHIP_ROW_LIST, values, COUNT(values), page,
                          arena, (void **)rows, count);
}

enum status store_membership_update(struct store_tx *tx, struct store_membership_row *membership) {
    return store_row_update(tx, &table, membership);
}

enum status store_membership_delete(struct store_tx *tx, const struct id *organization,
                                    const struct id *member, uint64_t revision) {
    return store_row_delete(tx, &table, STATEMENT_MEMBERSHIP_DELETE, organization, member,
                            revision);
}

enum status store_membership_count_owners(struct store_tx *tx, const struct id *organization,
                                          int64_t *count) {
    const struct store_value values[] = {store_row_id(organization),
                                         store_row_number(STORE_ROLE_OWNER)};
    return store_row_numbers(tx, STATEMENT_MEMBERSHIP_COUNT, values, COUNT(values), count, 1);
}
