#include "store/store_environment.h"

#include "store/store_hostname.h"
#include "store/store_project.h"
#include "store/store_revocation.h"
#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct store_environment, member)

static const struct store_column columns[] = {
    STORE_OBJECT_TENANT_COLUMNS,
    {"project_id", STORE_COLUMN_ID, AT(project), 0},
    {"is_enabled", STORE_COLUMN_FLAG, AT(is_enabled), 0},
    {"bundle_revision", STORE_COLUMN_NUMBER, AT(bundle_revision), 0},
    {"name", STORE_COLUMN_SEALED, AT(name), STORE_SLUG_MAX},
    {"name_hash", STORE_COLUMN_LOOKUP_TENANT, AT(name), 0},
    {"hostname", STORE_COLUMN_SEALED, AT(hostname), STORE_HOSTNAME_MAX},
    {"hostname_hash", STORE_COLUMN_LOOKUP, AT(hostname), 0},
    {"health_checks", STORE_COLUMN_SEALED_LATE, AT(health_checks), STORE_HEALTH_CHECKS_MAX},
    {"settings", STORE_COLUMN_SEALED_LATE, AT(settings), STORE_ENVIRONMENT_SETTINGS_MAX},
    {"hostnames", STORE_COLUMN_SEALED_LATE, AT(hostnames), STORE_HOSTNAMES_MAX},
    {"managed_by", STORE_COLUMN_SEALED_LATE, AT(managed_by), STORE_MANAGER_MAX},
};

static const struct store_unique uniques[] = {
    {"hostname_hash", "hostname_taken", "this host name is in use by another environment"},
    {"name_hash", "name_taken", "there is an environment of this name in the project already"},
    {NULL, NULL, NULL},
};

static const struct store_table table = {
    .name = "environment",
    .id_kind = ID_ENVIRONMENT,
    .seal = STORE_SEAL_TENANT,
    .row_bytes = sizeof(struct store_environment),
    .columns = columns,
    .column_count = COUNT(columns),
    .uniques = uniques,
    .insert = STATEMENT_ENVIRONMENT_INSERT,
    .update = STATEMENT_ENVIRONMENT_UPDATE,
    .get = STATEMENT_ENVIRONMENT_GET,
};

static enum status check_name(struct store_tx *tx, struct str name) {
    if (store_project_is_slug(name)) {
        return STATUS_OK;
    }
    tx->has_failed = true;
    return why_set(tx->why, STATUS_INVALID, "name_invalid",
                   "a name is 1 to %d characters of a-z, 0-9 and -, and neither begins nor ends "
                   "with -",
                   STORE_SLUG_MAX);
}

/* ---- host names ---- */

static bool has_name(const struct store_environment *environment, struct str name) {
    struct str rest = environment->hostnames;
    if (str_eq(environment->hostname, name)) {
        return true;
    }
    while (!str_is_empty(rest)) {
        struct str item;
        (void)str_cut(rest, ' ', &item, &rest);
        if (str_eq(item, name)) {
            return true;
        }
    }
    return false;
}

static enum status claim_names(struct store_tx *tx, const struct store_environment *environment) {
    struct str rest = environment->hostnames;
    enum status status = store_hostname_claim(tx, &environment->object.organization,
                                              &environment->object.id, environment->hostname);
    while (status == STATUS_OK && !str_is_empty(rest)) {
        struct str item;
        (void)str_cut(rest, ' ', &item, &rest);
        status = store_hostname_claim(tx, &environment->object.organization,
                                      &environment->object.id, item);
    }
    return status;
}

/* Those of `before` that are no longer there. */
static enum status release_names(struct store_tx *tx, const struct store_environment *before,
                                 const struct store_environment *after) {
    struct str rest = before->hostnames;
    struct str item = before->hostname;
    enum status status = STATUS_OK;
    bool has_more = true;
    while (status == STATUS_OK && has_more) {
        if (!has_name(after, item)) {
            status =
                store_hostname_release(tx, &before->object.organization, &before->object.id, item);
        }
        has_more = !str_is_empty(rest);
        (void)str_cut(rest, ' ', &item, &rest);
    }
    return status;
}

static bool has_same_names(const struct store_environment *a, const struct store_environment *b) {
    return str_eq(a->hostname, b->hostname) && str_eq(a->hostnames, b->hostnames);
}

/* ---- the objects ---- */

enum status store_environment_insert(struct store_tx *tx, struct store_environment *environment) {
    enum status status = check_name(tx, environment->name);
    environment->bundle_revision = 1;
    if (status == STATUS_OK) {
        status = store_row_insert(tx, &table, environment);
    }
    return status == STATUS_OK ? claim_names(tx, environment) : status;
}

enum status store_environment_get(struct store_tx *tx, const struct id *organization,
                                  const struct id *id, struct arena *arena,
                                  struct store_environment *environment) {
    return store_row_get(tx, &table, organization, id, arena, environment);
}

enum status store_environment_find(struct store_tx *tx, const struct id *organization,
                                   const struct id *project, struct str name, struct arena *arena,
                                   struct store_environment *environment) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup(tx->store->vault, table.name, "name_hash", id_str(organization), name, hash);
    const struct store_value values[] = {store_row_id(organization), store_row_id(project),
                                         store_row_bytes(hash, sizeof(hash))};
    return store_row_find(tx, &table, STATEMENT_ENVIRONMENT_FIND, values, COUNT(values), arena,
                          environment);
}

enum status store_environment_list(struct store_tx *tx, const struct id *organization,
                                   const struct id *project, struct store_page *page,
                                   struct arena *arena, struct store_environment **rows,
                                   size_t *count) {
    const struct store_value values[] = {store_row_id(organization), store_row_id(project)};
    return store_row_list(tx, &table, STATEMENT_ENVIRONMENT_LIST, values, COUNT(values), page,
                          arena, (void **)rows, count);
}

enum status store_environment_find_any(struct store_tx *tx, struct str hostname,
                                       struct arena *arena, struct store_environment *environment) {
    uint8_t hash[DIGEST_BYTES];
    store_vault_lookup(tx->store->vault, table.name, "hostname_hash", STR_EMPTY, hostname, hash);
    const struct store_value value = store_row_bytes(hash, sizeof(hash));
    return store_row_find(tx, &table, STATEMENT_ENVIRONMENT_FIND_ANY, &value, 1, arena,
                          environment);
}

enum status store_environment_list_any(struct store_tx *tx, struct store_page *page,
                                       struct arena *arena, struct store_environment **rows,
                                       size_t *count) {
    return store_row_list(tx, &table, STATEMENT_ENVIRONMENT_LIST_ANY, NULL, 0, page, arena,
                          (void **)rows, count);
}

/* What the database made of it: only it knows how far routes have raised it. */
static enum status read_bundle_revision(struct store_tx *tx, const struct id *organization,
                                        const struct id *id, uint64_t *bundle_revision) {
    struct arena arena;
    struct store_environment environment;
    arena_init(&arena);
    enum status status = store_row_get(tx, &table, organization, id, &arena, &environment);
    if (status == STATUS_OK) {
        *bundle_revision = environment.bundle_revision;
    }
    arena_fini(&arena);
    return status;
}

static enum status move_names(struct store_tx *tx, const struct store_environment *before,
                              const struct store_environment *after) {
    if (has_same_names(before, after)) {
        return STATUS_OK;
    }
    enum status status = claim_names(tx, after);
    return status == STATUS_OK ? release_names(tx, before, after) : status;
}

enum status store_environment_update(struct store_tx *tx, struct store_environment *environment) {
    struct arena arena;
    struct store_environment before;
    arena_init(&arena);
    enum status status = check_name(tx, environment->name);
    if (status == STATUS_OK) {
        status = store_row_get(tx, &table, &environment->object.organization,
                               &environment->object.id, &arena, &before);
    }
    if (status == STATUS_OK) {
        status = store_row_update(tx, &table, environment);
    }
    if (status == STATUS_OK) {
        status = move_names(tx, &before, environment);
    }
    if (status == STATUS_OK) {
        status = read_bundle_revision(tx, &environment->object.organization,
                                      &environment->object.id, &environment->bundle_revision);
    }
    arena_fini(&arena);
    return status;
}

enum status store_environment_delete(struct store_tx *tx, const struct id *organization,
                                     const struct id *id, uint64_t revision,
                                     int64_t certificates_end_at_ms) {
    enum status status = store_revocation_insert_for(tx, STATEMENT_WARPGATE_LIVE_OF_ENVIRONMENT,
                                                     organization, id, certificates_end_at_ms);
    if (status != STATUS_OK) {
        return status;
    }
    status = store_row_delete(tx, &table, STATEMENT_ENVIRONMENT_DELETE, organization, id, revision);
    return status == STATUS_OK ? store_hostname_release_gone(tx, organization) : status;
}

enum status store_environment_touch_bundle(struct store_tx *tx, const struct id *organization,
                                           const struct id *id, uint64_t *bundle_revision) {
    const struct store_value values[] = {store_row_id(id), store_row_id(organization)};
    enum status status = store_row_change(tx, STATEMENT_ENVIRONMENT_TOUCH, values, COUNT(values));
    if (status == STATUS_OK && bundle_revision != NULL) {
        status = read_bundle_revision(tx, organization, id, bundle_revision);
    }
    return status;
}
