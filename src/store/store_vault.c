#include "store/store_vault.h"

#include <pthread.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/secret.h"
#include "store/store_generation.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VERSIONS_MAX 8 /* of one scope's data key that are alive while it is being replaced */
#define LOOKUP_SCOPE STR("lookup")
/* So often at most a source is asked for a master key that it has not given before. */
#define ASK_AGAIN_MS 1000

_Static_assert(AEAD_KEY_BYTES == STORE_MASTER_KEY_BYTES, "the master key seals, too");

/* All data keys of one scope, newest first, as a generation has them. */
struct keyring {
    int64_t generation;
    struct store_seal_key keys[VERSIONS_MAX];
    size_t count;
};

/* One lock for all that changes; apart from it, so that hashing can have a vault that is const. */
struct changing {
    pthread_mutex_t lock;
    int64_t generation; /* of lookup_key: the newest that was seen */
    uint8_t lookup_key[AEAD_KEY_BYTES];
    struct map keyrings; /* scope → struct keyring */
    struct store_seal_key masters[STORE_MASTER_KEYS_MAX];
    size_t master_count;
    uint32_t missing_version; /* asked for, and not given, at … */
    int64_t missing_at_ms;
};

struct store_vault {
    struct store_key_source source;
    const struct clock *clock;
    const struct random *random;
    struct changing *changing;
};

/* Master keys. */

static enum status ask_source(struct store_vault *vault, bool may_make, struct why *why) {
    struct changing *changing = vault->changing;
    struct store_master_keys keys = {.count = 0};
    enum status status = vault->source.fetch(vault->source.context, may_make, &keys, why);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&changing->lock);
        changing->master_count = keys.count;
        for (size_t i = 0; i < keys.count; i++) {
            store_seal_master(keys.at[i], &changing->masters[i]);
        }
        pthread_mutex_unlock(&changing->lock);
    }
    secret_wipe(&keys, sizeof(keys));
    return status;
}

static bool find_master(const struct store_vault *vault, uint32_t version,
                        struct store_seal_key *master) {
    struct changing *changing = vault->changing;
    bool is_found = false;
    pthread_mutex_lock(&changing->lock);
    for (size_t i = 0; i < changing->master_count && !is_found; i++) {
        is_found = changing->masters[i].version == version;
        if (is_found) {
            *master = changing->masters[i];
        }
    }
    pthread_mutex_unlock(&changing->lock);
    return is_found;
}

/* Whether it is time to ask for a version that is not known here. */
static bool may_ask(struct store_vault *vault, uint32_t version) {
    struct changing *changing = vault->changing;
    int64_t now_ms = clock_mono_ms(vault->clock);
    pthread_mutex_lock(&changing->lock);
    bool may =
        changing->missing_version != version || now_ms - changing->missing_at_ms >= ASK_AGAIN_MS;
    changing->missing_version = version;
    changing->missing_at_ms = now_ms;
    pthread_mutex_unlock(&changing->lock);
    return may;
}

/* `master` is the caller's to wipe. */
static enum status get_master(struct store_vault *vault, uint32_t version,
                              struct store_seal_key *master, struct why *why) {
    if (find_master(vault, version, master)) {
        return STATUS_OK;
    }
    if (may_ask(vault, version)) {
        enum status status = ask_source(vault, false, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return find_master(vault, version, master) ? STATUS_OK : store_seal_wrong_master(why);
}

static enum status unwrap(struct store_vault *vault, struct str scope, struct str wrapped,
                          struct store_seal_key *key, struct why *why) {
    struct store_seal_key master = {0};
    uint32_t version = 0;
    enum status status = store_seal_wrapped_version(wrapped, &version, why);
    if (status == STATUS_OK) {
        status = get_master(vault, version, &master, why);
    }
    if (status == STATUS_OK) {
        status = store_seal_unwrap(&master, scope, wrapped, key, why);
    }
    secret_wipe(&master, sizeof(master));
    return status;
}

/* Which master key the database is under. STATUS_NOT_FOUND: it has no keys yet. */
static enum status read_master_version(struct store_connection *connection, uint32_t *version,
                                       struct why *why) {
    const struct store_driver *driver = connection->driver;
    const struct store_value value = {STORE_VALUE_TEXT, 0, STORE_VAULT_SYSTEM};
    struct store_value columns[2];
    enum status status = driver->start(connection, STATEMENT_DATA_KEY_LIST, &value, 1, why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_DATA_KEY_LIST, columns, COUNT(columns), why);
    }
    if (status == STATUS_OK) {
        status = store_seal_wrapped_version(columns[1].bytes, version, why);
    }
    driver->finish(connection, STATEMENT_DATA_KEY_LIST);
    return status == STATUS_END ? STATUS_NOT_FOUND : status;
}

/* What new data keys are wrapped with; the first master key where there is no database yet. */
static enum status get_current_master(struct store_vault *vault,
                                      struct store_connection *connection,
                                      struct store_seal_key *master, struct why *why) {
    uint32_t version = 0;
    enum status status = read_master_version(connection, &version, why);
    if (status == STATUS_NOT_FOUND) {
        pthread_mutex_lock(&vault->changing->lock);
        *master = vault->changing->masters[0];
        pthread_mutex_unlock(&vault->changing->lock);
        return STATUS_OK;
    }
    return status == STATUS_OK ? get_master(vault, version, master, why) : status;
}

/* Data keys. */

static enum status insert_key(struct store_vault *vault, struct store_connection *connection,
                              const struct store_seal_key *master, struct str scope,
                              uint32_t version, struct why *why) {
    const struct store_driver *driver = connection->driver;
    struct store_seal_key key = {.version = version};
    uint8_t wrapped[STORE_SEAL_WRAPPED_BYTES];
    random_fill(vault->random, key.bytes, sizeof(key.bytes));
    store_seal_wrap(vault->random, master, scope, &key, wrapped);
    secret_wipe(&key, sizeof(key));
    const struct store_value values[] = {
        {STORE_VALUE_TEXT, 0, scope},
        {STORE_VALUE_NUMBER, version, STR_EMPTY},
        {STORE_VALUE_BYTES, 0, str_make(wrapped, sizeof(wrapped))},
        {STORE_VALUE_NUMBER, clock_wall_ms(vault->clock), STR_EMPTY},
    };
    enum status status =
        driver->start(connection, STATEMENT_DATA_KEY_INSERT, values, COUNT(values), why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_DATA_KEY_INSERT, NULL, 0, why);
    }
    driver->finish(connection, STATEMENT_DATA_KEY_INSERT);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status store_vault_add_scope(struct store_vault *vault, struct store_connection *connection,
                                  struct str scope, struct why *why) {
    struct store_seal_key master = {0};
    enum status status = get_current_master(vault, connection, &master, why);
    if (status == STATUS_OK) {
        status = insert_key(vault, connection, &master, scope, 1, why);
    }
    secret_wipe(&master, sizeof(master));
    return status;
}

/* Fills an empty keyring from the database. STATUS_NOT_FOUND: no keys of that scope. */
static enum status read_keyring(struct store_vault *vault, struct store_connection *connection,
                                struct str scope, struct keyring *keyring, struct why *why) {
    const struct store_driver *driver = connection->driver;
    const struct store_value value = {STORE_VALUE_TEXT, 0, scope};
    struct store_value columns[2];
    keyring->generation = connection->generation;
    enum status status = driver->start(connection, STATEMENT_DATA_KEY_LIST, &value, 1, why);
    while (status == STATUS_OK && keyring->count < VERSIONS_MAX) {
        status = driver->next(connection, STATEMENT_DATA_KEY_LIST, columns, COUNT(columns), why);
        if (status == STATUS_OK) {
            struct store_seal_key *key = &keyring->keys[keyring->count++];
            key->version = (uint32_t)columns[0].number;
            status = unwrap(vault, scope, columns[1].bytes, key, why);
        }
    }
    driver->finish(connection, STATEMENT_DATA_KEY_LIST);
    if (status != STATUS_OK && status != STATUS_END) {
        return status;
    }
    return keyring->count > 0 ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The newest key of the ring (version 0), or the one with this version. */
static bool find_key(const struct keyring *keyring, uint32_t version, struct store_seal_key *key) {
    for (size_t i = 0; i < keyring->count; i++) {
        if (version == 0 || keyring->keys[i].version == version) {
            *key = keyring->keys[i];
            return true;
        }
    }
    return false;
}

static void free_keyring(struct keyring *keyring) {
    if (keyring != NULL) {
        secret_wipe(keyring, sizeof(*keyring));
        memory_free(keyring);
    }
}

static bool find_kept_key(const struct store_vault *vault, int64_t generation, struct str scope,
                          uint32_t version, struct store_seal_key *key) {
    struct changing *changing = vault->changing;
    pthread_mutex_lock(&changing->lock);
    const struct keyring *keyring = map_get(&changing->keyrings, scope);
    bool is_found =
        keyring != NULL && keyring->generation == generation && find_key(keyring, version, key);
    pthread_mutex_unlock(&changing->lock);
    return is_found;
}

/* A transaction that sees an older generation does not take the newer keys from the others. */
static void keep_keyring(struct store_vault *vault, struct str scope, struct keyring *keyring) {
    struct changing *changing = vault->changing;
    pthread_mutex_lock(&changing->lock);
    const struct keyring *kept = map_get(&changing->keyrings, scope);
    if (kept == NULL || kept->generation <= keyring->generation) {
        keyring = map_set(&changing->keyrings, scope, keyring);
    }
    pthread_mutex_unlock(&changing->lock);
    free_keyring(keyring);
}

/* From the database when memory does not have it. `key` is the caller's to wipe. */
static enum status load_key(struct store_vault *vault, struct store_connection *connection,
                            struct str scope, uint32_t version, struct store_seal_key *key,
                            struct why *why) {
    if (find_kept_key(vault, connection->generation, scope, version, key)) {
        return STATUS_OK;
    }
    struct keyring *keyring = MEMORY_NEW(struct keyring);
    enum status status = read_keyring(vault, connection, scope, keyring, why);
    if (status == STATUS_OK) {
        status = find_key(keyring, version, key) ? STATUS_OK : STATUS_NOT_FOUND;
        keep_keyring(vault, scope, keyring);
    } else {
        free_keyring(keyring);
    }
    if (status == STATUS_NOT_FOUND) {
        return why_set(why, STATUS_FAILED, "seal_broken", "there is no data key of %.*s",
                       STR_ARG(scope));
    }
    return status;
}

static enum status add_version(struct store_vault *vault, struct store_connection *connection,
                               const struct store_seal_key *master, struct str scope,
                               struct why *why) {
    struct keyring keyring = {0};
    enum status status = read_keyring(vault, connection, scope, &keyring, why);
    if (status == STATUS_OK && keyring.count == 1) {
        status = insert_key(vault, connection, master, scope, keyring.keys[0].version + 1, why);
    }
    secret_wipe(&keyring, sizeof(keyring));
    return status;
}

/* The scopes one after the other, since a statement cannot be open twice. */
static enum status next_scope(struct store_connection *connection, char scope[ID_SIZE],
                              struct why *why) {
    const struct store_driver *driver = connection->driver;
    const struct store_value after = {STORE_VALUE_TEXT, 0, str_from(scope)};
    struct store_value column;
    enum status status =
        driver->start(connection, STATEMENT_DATA_KEY_NEXT_SCOPE_ANY, &after, 1, why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_DATA_KEY_NEXT_SCOPE_ANY, &column, 1, why);
    }
    char next[ID_SIZE] = "";
    if (status == STATUS_OK && str_to_cstr(column.bytes, next, sizeof(next)) != STATUS_OK) {
        status = why_set(why, STATUS_INVALID, "data_corrupt", "a data key has no proper scope");
    }
    driver->finish(connection, STATEMENT_DATA_KEY_NEXT_SCOPE_ANY);
    memcpy(scope, next, sizeof(next));
    return status;
}

enum status store_vault_renew_scopes(struct store_vault *vault, struct store_connection *connection,
                                     struct why *why) {
    struct store_seal_key master = {0};
    char scope[ID_SIZE] = "";
    enum status status = get_current_master(vault, connection, &master, why);
    while (status == STATUS_OK) {
        status = next_scope(connection, scope, why);
        if (status == STATUS_OK && !str_eq(str_from(scope), LOOKUP_SCOPE)) {
            status = add_version(vault, connection, &master, str_from(scope), why);
        }
    }
    secret_wipe(&master, sizeof(master));
    return status == STATUS_END ? STATUS_OK : status;
}

/* Sealing. */

enum status store_vault_seal(struct store_vault *vault, struct store_connection *connection,
                             const struct store_vault_place *place, struct str text,
                             struct arena *arena, struct str *sealed, struct why *why) {
    char context[STORE_SEAL_PLACE_SIZE];
    struct store_seal_key key;
    enum status status = load_key(vault, connection, place->scope, 0, &key, why);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *out = (uint8_t *)arena_bytes(arena, text.len + STORE_SEAL_OVERHEAD);
    store_seal_close(vault->random, &key,
                     store_seal_place(context, place->table, place->row, place->column), text, out);
    secret_wipe(&key, sizeof(key));
    *sealed = str_make(out, text.len + STORE_SEAL_OVERHEAD);
    return STATUS_OK;
}

enum status store_vault_unseal(struct store_vault *vault, struct store_connection *connection,
                               const struct store_vault_place *place, struct str sealed,
                               struct arena *arena, struct str *text, struct why *why) {
    char context[STORE_SEAL_PLACE_SIZE];
    struct store_seal_key key;
    enum status status = STATUS_INVALID;
    /* No key has version 0: it stands for the newest, and only inside. */
    if (store_seal_is_sealed(sealed) && store_seal_version(sealed) != 0) {
        status = load_key(vault, connection, place->scope, store_seal_version(sealed), &key, why);
        if (status != STATUS_OK) {
            return status;
        }
        size_t len = sealed.len - STORE_SEAL_OVERHEAD;
        char *out = arena_bytes(arena, len + 1);
        status = store_seal_open(&key,
                                 store_seal_place(context, place->table, place->row, place->column),
                                 sealed, (uint8_t *)out);
        out[len] = '\0';
        *text = str_make(out, len);
        secret_wipe(&key, sizeof(key));
    }
    if (status != STATUS_OK) {
        return why_set(why, STATUS_FAILED, "seal_broken",
                       "%s of %.*s in table %s was changed outside of this program or is damaged",
                       place->column, STR_ARG(place->row), place->table);
    }
    return STATUS_OK;
}

enum status store_vault_reseal(struct store_vault *vault, struct store_connection *connection,
                               const struct store_vault_place *place, struct str sealed,
                               struct arena *arena, struct str *resealed, struct why *why) {
    struct store_seal_key newest = {0};
    struct str text = STR_EMPTY;
    *resealed = sealed;
    enum status status = load_key(vault, connection, place->scope, 0, &newest, why);
    uint32_t version = newest.version;
    secret_wipe(&newest, sizeof(newest));
    if (status != STATUS_OK ||
        (store_seal_is_sealed(sealed) && store_seal_version(sealed) == version)) {
        return status;
    }
    status = store_vault_unseal(vault, connection, place, sealed, arena, &text, why);
    if (status == STATUS_OK) {
        status = store_vault_seal(vault, connection, place, text, arena, resealed, why);
        secret_wipe((void *)(uintptr_t)text.at, text.len);
    }
    return status;
}

/* Keyed hashes. */

static void hash(const struct store_vault *vault, const char *table, const char *column,
                 struct str message, uint8_t out[DIGEST_BYTES]) {
    char purpose[STORE_SEAL_PLACE_SIZE];
    uint8_t lookup_key[AEAD_KEY_BYTES];
    uint8_t key[DIGEST_BYTES];
    pthread_mutex_lock(&vault->changing->lock);
    memcpy(lookup_key, vault->changing->lookup_key, sizeof(lookup_key));
    pthread_mutex_unlock(&vault->changing->lock);
    digest_hmac_sha256(str_make(lookup_key, sizeof(lookup_key)),
                       store_seal_place(purpose, table, STR("lookup"), column), key);
    digest_hmac_sha256(str_make(key, sizeof(key)), message, out);
    secret_wipe(key, sizeof(key));
    secret_wipe(lookup_key, sizeof(lookup_key));
}

void store_vault_lookup(const struct store_vault *vault, const char *table, const char *column,
                        struct str scope, struct str text, uint8_t out[DIGEST_BYTES]) {
    struct arena arena;
    arena_init(&arena);
    char *message = arena_bytes(&arena, scope.len + 1 + text.len);
    memcpy(message, scope.at, scope.len);
    message[scope.len] = '\0';
    str_lower(text, message + scope.len + 1);
    hash(vault, table, column, str_make(message, scope.len + 1 + text.len), out);
    secret_wipe(message, scope.len + 1 + text.len);
    arena_fini(&arena);
}

void store_vault_lookup_bytes(const struct store_vault *vault, const char *table,
                              const char *column, struct str bytes, uint8_t out[DIGEST_BYTES]) {
    hash(vault, table, column, bytes, out);
}

/* The life of a vault. */

/* Reads a key of the installation itself, or makes it at the first start. */
static enum status load_or_add(struct store_vault *vault, struct store_connection *connection,
                               struct str scope, struct store_seal_key *key, struct why *why) {
    struct keyring keyring = {0};
    enum status status = read_keyring(vault, connection, scope, &keyring, why);
    if (status == STATUS_NOT_FOUND) {
        status = store_vault_add_scope(vault, connection, scope, why);
        if (status == STATUS_OK) {
            status = read_keyring(vault, connection, scope, &keyring, why);
        }
    }
    *key = keyring.keys[0];
    secret_wipe(&keyring, sizeof(keyring));
    return status;
}

enum status store_vault_follow(struct store_vault *vault, struct store_connection *connection,
                               struct why *why) {
    struct changing *changing = vault->changing;
    struct keyring keyring = {0};
    enum status status =
        store_generation_read(connection, STORE_GENERATION_KEYS, &connection->generation, why);
    pthread_mutex_lock(&changing->lock);
    bool is_newer = connection->generation > changing->generation;
    pthread_mutex_unlock(&changing->lock);
    if (status != STATUS_OK || !is_newer) {
        return status;
    }
    status = read_keyring(vault, connection, LOOKUP_SCOPE, &keyring, why);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&changing->lock);
        if (connection->generation > changing->generation) {
            memcpy(changing->lookup_key, keyring.keys[0].bytes, sizeof(changing->lookup_key));
            changing->generation = connection->generation;
        }
        pthread_mutex_unlock(&changing->lock);
    }
    secret_wipe(&keyring, sizeof(keyring));
    return status == STATUS_NOT_FOUND ? why_set(why, STATUS_INVALID, "data_corrupt",
                                                "the database has lost its keys: restore a backup")
                                      : status;
}

/* The keys of the installation, and what the database says of its master key: the second one's turn may have come. */
static enum status load_keys(struct store_vault *vault, struct store_connection *connection,
                             struct why *why) {
    struct changing *changing = vault->changing;
    struct store_seal_key key = {0};
    uint32_t version = 0;
    enum status status =
        store_generation_read(connection, STORE_GENERATION_KEYS, &connection->generation, why);
    if (status == STATUS_OK) {
        status = read_master_version(connection, &version, why);
    }
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
        status = ask_source(vault, status == STATUS_NOT_FOUND, why);
    }
    if (status == STATUS_OK) {
        status = load_or_add(vault, connection, STORE_VAULT_SYSTEM, &key, why);
    }
    if (status == STATUS_OK) {
        status = load_or_add(vault, connection, LOOKUP_SCOPE, &key, why);
        memcpy(changing->lookup_key, key.bytes, sizeof(changing->lookup_key));
        changing->generation = connection->generation;
    }
    if (status == STATUS_OK) {
        status = get_current_master(vault, connection, &key, why);
    }
    if (status == STATUS_OK && vault->source.settle != NULL && changing->master_count > 1 &&
        key.version == changing->masters[1].version) {
        vault->source.settle(vault->source.context);
    } else if (status == STATUS_OK && changing->master_count > 1) {
        log_warn("store.rotation_unfinished",
                 "a new master key is there, but was not put into force: the former one is; "
                 "rotate-key goes on where it was");
    }
    secret_wipe(&key, sizeof(key));
    return status;
}

enum status store_vault_new(const struct store_key_source *source,
                            struct store_connection *connection, const struct clock *clock,
                            const struct random *random, struct store_vault **vault,
                            struct why *why) {
    struct store_vault *made = MEMORY_NEW(struct store_vault);
    made->source = *source;
    made->clock = clock;
    made->random = random;
    made->changing = MEMORY_NEW(struct changing);
    pthread_mutex_init(&made->changing->lock, NULL);
    map_init(&made->changing->keyrings);
    enum status status = load_keys(made, connection, why);
    *vault = made;
    if (status != STATUS_OK) {
        store_vault_free(vault);
    }
    return status;
}

void store_vault_free(struct store_vault **vault) {
    size_t at = 0;
    struct str scope;
    void *keyring;
    if (*vault == NULL) {
        return;
    }
    struct changing *changing = (*vault)->changing;
    while (map_next(&changing->keyrings, &at, &scope, &keyring)) {
        free_keyring(keyring);
    }
    map_fini(&changing->keyrings);
    pthread_mutex_destroy(&changing->lock);
    secret_wipe(changing, sizeof(*changing));
    memory_free(changing);
    memory_free(*vault);
    *vault = NULL;
}
