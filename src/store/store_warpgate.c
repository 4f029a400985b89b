#include "store/store_warpgate.h"

#include "store/store_revocation.h"
#include "store/store_row.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_warpgate, member)

/* Where the columns stand that a report writes. */
enum {
    AT_ID,
    AT_ORGANIZATION,
    AT_UPDATED_AT = 4,
    AT_LAST_SEEN = 7,
    AT_APPLIED_REVISION,
    AT_VERSION = 11,
    AT_PLATFORM,
    AT_IP_ADDRESS,
    AT_REFUSED_CODE,
    AT_REFUSED_DETAIL,
};

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"environment_id", STORE_COLUMN_ID, AT(environment), 0},
    {"key_id", STORE_COLUMN_ID, AT(key), 0},
    [AT_LAST_SEEN] = {"last_seen_at", STORE_COLUMN_NUMBER, AT(last_seen_at_ms), 0},
    [AT_APPLIED_REVISION] = {"applied_revision", STORE_COLUMN_NUMBER, AT(applied_revision), 0},
    {"revoked_at", STORE_COLUMN_NUMBER, AT(revoked_at_ms), 0},
    {"name", STORE_COLUMN_SEALED, AT(name), STORE_WARPGATE_NAME_MAX},
    [AT_VERSION] = {"version", STORE_COLUMN_SEALED, AT(version), STORE_WARPGATE_VERSION_MAX},
    [AT_PLATFORM] = {"platform", STORE_COLUMN_SEALED, AT(platform), STORE_WARPGATE_PLATFORM_MAX},
    [AT_IP_ADDRESS] = {"ip_address", STORE_COLUMN_SEALED, AT(ip_address), STORE_WARPGATE_IP_MAX},
    [AT_REFUSED_CODE] = {"refused_code", STORE_COLUMN_SEALED, AT(refused_code),
                         STORE_WARPGATE_REFUSED_CODE_MAX},
    [AT_REFUSED_DETAIL] = {"refused_detail", STORE_COLUMN_SEALED, AT(refused_detail),
                           STORE_WARPGATE_REFUSED_DETAIL_MAX},
    {"certificate_until", STORE_COLUMN_NUMBER, AT(certificate_until_ms), 0},
};

static const struct store_table table = {
    .name = "warpgate",
    .id_kind = ID_WARPGATE,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_warpgate),
    .columns = columns,
    .column_count = COUNT(columns),
    .insert = STATEMENT_WARPGATE_INSERT,
    .get = STATEMENT_WARPGATE_GET,
};

enum status store_warpgate_insert(struct store_tx *tx, struct store_warpgate *warpgate) {
    return store_row_insert(tx, &table, warpgate);
}

enum status store_warpgate_get(struct store_tx *tx, const struct id *organization,
                               const struct id *id, struct arena *arena,
                               struct store_warpgate *warpgate) {
    return store_row_get(tx, &table, organization, id, arena, warpgate);
}

enum status store_warpgate_list(struct store_tx *tx, const struct id *organization,
                                const struct id *environment, struct store_page *page,
                                struct arena *arena, struct store_warpgate **rows, size_t *count) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(environment)};
    return store_row_list(tx, &table, STATEMENT_WARPGATE_LIST, values, COUNT(values), page, arena,
                          (void **)rows, count);
}

enum status store_warpgate_report(struct store_tx *tx, struct store_warpgate *warpgate) {
    struct store_value all[STORE_ROW_COLUMNS_MAX];
    warpgate->object.updated_at_ms = store_tx_now_ms(tx);
    enum status status = store_row_encode(tx, &table, warpgate, all);
    if (status != STATUS_OK) {
        return status;
    }
    const struct store_value values[] = {
        all[AT_ID],
        all[AT_ORGANIZATION],
        all[AT_UPDATED_AT],
        all[AT_LAST_SEEN],
        all[AT_APPLIED_REVISION],
        all[AT_VERSION],
        all[AT_PLATFORM],
        all[AT_IP_ADDRESS],
        all[AT_REFUSED_CODE],
        all[AT_REFUSED_DETAIL],
    };
    return store_row_change(tx, STATEMENT_WARPGATE_REPORT, values, COUNT(values));
}

enum status store_warpgate_revoke(struct store_tx *tx, const struct id *organization,
                                  const struct id *id, int64_t certificates_end_at_ms) {
    struct arena arena;
    struct store_warpgate warpgate;
    arena_init(&arena);
    enum status status = store_warpgate_get(tx, organization, id, &arena, &warpgate);
    arena_fini(&arena);
    if (status != STATUS_OK || warpgate.revoked_at_ms != 0) {
        return status;
    }
    struct store_revocation revocation = {
        .object.organization = *organization,
        .environment = warpgate.environment,
        .warpgate = *id,
        .expires_at_ms = certificates_end_at_ms,
    };
    return store_revocation_insert(tx, &revocation);
}

enum status store_warpgate_certified(struct store_tx *tx, const struct id *organization,
                                     const struct id *id, int64_t until_ms) {
    const struct store_value values[] = {store_row_id(id), store_row_id(organization),
                                         store_row_number(until_ms)};
    return store_row_change(tx, STATEMENT_WARPGATE_CERTIFIED, values, COUNT(values));
}

enum status store_warpgate_delete(struct store_tx *tx, const struct id *organization,
                                  const struct id *id, int64_t certificates_end_at_ms) {
    const struct store_value values[] = {store_row_id(id), store_row_id(organization)};
    enum status status = store_warpgate_revoke(tx, organization, id, certificates_end_at_ms);
    return status == STATUS_OK
               ? store_row_change(tx, STATEMENT_WARPGATE_DELETE, values, COUNT(values))
               : status;
}

enum status store_warpgate_prune_any(struct store_tx *tx, int64_t before_ms) {
    const struct store_value value = store_row_number(before_ms);
    return store_row_write(tx, STATEMENT_WARPGATE_PRUNE_ANY, &value, 1, NULL);
}

enum status store_warpgate_seen_since_any(struct store_tx *tx, int64_t since_ms,
                                          struct arena *arena, struct id **ids, size_t *count) {
    const struct store_value value = store_row_number(since_ms);
    return store_row_ids(tx, STATEMENT_WARPGATE_SEEN_SINCE_ANY, &value, 1, 1, arena, ids, count);
}
