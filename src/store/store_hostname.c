#include "store/store_hostname.h"

#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The same hash that the environment's own column has. */
static void hash_name(struct store_tx *tx, struct str name, uint8_t hash[DIGEST_BYTES]) {
    store_vault_lookup(tx->store->vault, "environment", "hostname_hash", STR_EMPTY, name, hash);
}

struct holder {
    struct id organization;
    struct id environment;
    int64_t until_ms;
    bool is_live; /* its environment is there */
};

static enum status find_holder(struct store_tx *tx, struct str name, struct holder *holder) {
    uint8_t hash[DIGEST_BYTES];
    int64_t numbers[2] = {0};
    struct arena arena;
    struct id *ids = NULL;
    size_t count = 0;
    hash_name(tx, name, hash);
    const struct store_value value = store_row_bytes(hash, sizeof(hash));
    arena_init(&arena);
    enum status status =
        store_row_ids(tx, STATEMENT_HOSTNAME_CLAIM_HOLDER_ANY, &value, 1, 2, &arena, &ids, &count);
    if (status == STATUS_OK && count == 0) {
        status = STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK) {
        holder->organization = ids[0];
        holder->environment = ids[1];
        status = store_row_numbers(tx, STATEMENT_HOSTNAME_CLAIM_STATE_ANY, &value, 1, numbers,
                                   COUNT(numbers));
    }
    holder->until_ms = numbers[0];
    holder->is_live = numbers[1] > 0;
    arena_fini(&arena);
    return status;
}

/* In use, or given up so lately that it stays with who had it. */
static bool is_held(struct store_tx *tx, const struct holder *holder) {
    return holder->until_ms == 0 || holder->until_ms > store_tx_now_ms(tx);
}

enum status store_hostname_is_foreign(struct store_tx *tx, const struct id *organization,
                                      struct str name, bool *is_foreign) {
    struct holder holder = {0};
    enum status status = find_holder(tx, name, &holder);
    *is_foreign =
        status == STATUS_OK && !id_eq(&holder.organization, organization) && is_held(tx, &holder);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status refuse(struct store_tx *tx, const char *slug, const char *text) {
    tx->has_failed = true;
    return why_set(tx->why, STATUS_CONFLICT, slug, "%s", text);
}

enum status store_hostname_claim(struct store_tx *tx, const struct id *organization,
                                 const struct id *environment, struct str name) {
    uint8_t hash[DIGEST_BYTES];
    struct holder holder = {0};
    enum status status = find_holder(tx, name, &holder);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    bool is_own = id_eq(&holder.organization, organization);
    if (status == STATUS_OK && holder.until_ms == 0 && holder.is_live &&
        !id_eq(&holder.environment, environment)) {
        return refuse(tx, "hostname_taken", "this host name is in use by another environment");
    }
    if (status == STATUS_OK && !is_own && is_held(tx, &holder)) {
        return refuse(
            tx, "hostname_held",
            "another organization gave this host name up lately; it is free a week later");
    }
    hash_name(tx, name, hash);
    const struct store_value values[] = {store_row_bytes(hash, sizeof(hash)),
                                         store_row_id(organization), store_row_id(environment)};
    return store_row_change(tx, STATEMENT_HOSTNAME_CLAIM_SET, values, COUNT(values));
}

enum status store_hostname_release(struct store_tx *tx, const struct id *organization,
                                   const struct id *environment, struct str name) {
    uint8_t hash[DIGEST_BYTES];
    hash_name(tx, name, hash);
    const struct store_value values[] = {
        store_row_bytes(hash, sizeof(hash)), store_row_id(organization), store_row_id(environment),
        store_row_number(store_tx_now_ms(tx) + STORE_HOSTNAME_HOLD_MS)};
    return store_row_write(tx, STATEMENT_HOSTNAME_CLAIM_RELEASE, values, COUNT(values), NULL);
}

enum status store_hostname_release_gone(struct store_tx *tx, const struct id *organization) {
    struct store_value values[2] = {store_row_number(store_tx_now_ms(tx) + STORE_HOSTNAME_HOLD_MS)};
    if (organization == NULL) {
        return store_row_write(tx, STATEMENT_HOSTNAME_CLAIM_RELEASE_GONE_ANY, values, 1, NULL);
    }
    values[1] = store_row_id(organization);
    return store_row_write(tx, STATEMENT_HOSTNAME_CLAIM_RELEASE_GONE, values, 2, NULL);
}

enum status store_hostname_prune_any(struct store_tx *tx) {
    const struct store_value value = store_row_number(store_tx_now_ms(tx));
    return store_row_write(tx, STATEMENT_HOSTNAME_CLAIM_PRUNE_ANY, &value, 1, NULL);
}
