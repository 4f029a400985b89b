#include "store/store_setting.h"

#include "base/secret.h"
#include "store/store_row.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct store_vault_place place_of(struct str name) {
    return (struct store_vault_place){STORE_VAULT_SYSTEM, "setting", name, "value"};
}

static enum status check_name(struct store_tx *tx, struct str name) {
    bool is_good = name.len > 0 && name.len <= STORE_SETTING_NAME_MAX;
    for (size_t i = 0; i < name.len && is_good; i++) {
        char c = name.at[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    }
    return is_good ? STATUS_OK
                   : why_set(tx->why, STATUS_INVALID, "name_invalid", "not a setting's name");
}

/* The secret goes from an arena of its own, which is wiped, to the caller. */
static enum status open_value(struct store_tx *tx, struct str name, struct str sealed,
                              struct buf *value) {
    const struct store_vault_place place = place_of(name);
    struct arena arena;
    struct str text = STR_EMPTY;
    arena_init(&arena);
    enum status status = store_vault_unseal(tx->store->vault, tx->connection, &place, sealed,
                                            &arena, &text, tx->why);
    if (status == STATUS_OK) {
        status = buf_append_str(value, text);
        if (status != STATUS_OK) {
            status = why_set(tx->why, status, "setting_too_long", "the value of %.*s is too long",
                             STR_ARG(name));
        }
        secret_wipe((void *)(uintptr_t)text.at, text.len);
    }
    arena_fini(&arena);
    return status;
}

enum status store_setting_get(struct store_tx *tx, struct str name, struct buf *value) {
    const struct store_driver *driver = tx->connection->driver;
    const struct store_value parameter = store_row_text(name);
    struct store_value sealed;
    enum status status =
        driver->start(tx->connection, STATEMENT_SETTING_GET, &parameter, 1, tx->why);
    if (status == STATUS_OK) {
        status = driver->next(tx->connection, STATEMENT_SETTING_GET, &sealed, 1, tx->why);
    }
    if (status == STATUS_OK) {
        status = open_value(tx, name, sealed.bytes, value);
    }
    driver->finish(tx->connection, STATEMENT_SETTING_GET);
    if (status == STATUS_END) {
        return why_set(tx->why, STATUS_NOT_FOUND, "not_found", "%.*s is not set", STR_ARG(name));
    }
    return status;
}

static enum status seal_value(struct store_tx *tx, struct str name, struct str value,
                              struct str *sealed) {
    const struct store_vault_place place = place_of(name);
    enum status status = check_name(tx, name);
    if (status == STATUS_OK && value.len > STORE_SETTING_BYTES_MAX) {
        status = why_set(tx->why, STATUS_TOO_LARGE, "setting_too_long",
                         "the value of %.*s is too long", STR_ARG(name));
    }
    if (status == STATUS_OK) {
        status = store_vault_seal(tx->store->vault, tx->connection, &place, value, &tx->scratch,
                                  sealed, tx->why);
    }
    if (status != STATUS_OK) {
        tx->has_failed = true;
    }
    return status;
}

enum status store_setting_set(struct store_tx *tx, struct str name, struct str value) {
    struct str sealed = STR_EMPTY;
    enum status status = seal_value(tx, name, value, &sealed);
    if (status != STATUS_OK) {
        return status;
    }
    const struct store_value values[] = {store_row_text(name),
                                         store_row_bytes(sealed.at, sealed.len),
                                         store_row_number(store_tx_now_ms(tx))};
    return store_row_write(tx, STATEMENT_SETTING_SET, values, COUNT(values), NULL);
}

enum status store_setting_delete(struct store_tx *tx, struct str name) {
    const struct store_value value = store_row_text(name);
    return store_row_change(tx, STATEMENT_SETTING_DELETE, &value, 1);
}
