#include "store/store_vault.h"

#include <pthread.h>
#include <stdio.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/secret.h"
#include "pki/aead.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FORMAT 1
#define VERSION_AT 1
#define NONCE_AT 5
#define TEXT_AT (NONCE_AT + AEAD_NONCE_BYTES)
#define WRAPPED_BYTES (AEAD_KEY_BYTES + STORE_VAULT_OVERHEAD)
#define CONTEXT_SIZE 192
#define VERSIONS_MAX 8 /* of one scope's data key that are alive while it is being replaced */
#define LOOKUP_SCOPE STR("lookup")

_Static_assert(TEXT_AT + AEAD_TAG_BYTES == STORE_VAULT_OVERHEAD, "what sealing adds");
_Static_assert(AEAD_KEY_BYTES == STORE_MASTER_KEY_BYTES, "the master key seals, too");

struct data_key {
    uint32_t version;
    uint8_t bytes[AEAD_KEY_BYTES];
};

/* All data keys of one scope, newest first. */
struct keyring {
    struct data_key keys[VERSIONS_MAX];
    size_t count;
};

struct store_vault {
    uint8_t master_key[STORE_MASTER_KEY_BYTES];
    uint32_t master_version;
    uint8_t lookup_key[AEAD_KEY_BYTES];
    const struct clock *clock;
    const struct random *random;
    pthread_mutex_t lock; /* of `keyrings` */
    struct map keyrings;  /* scope → struct keyring */
};

static void write_u32(uint32_t value, uint8_t out[4]) {
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static uint32_t read_u32(const uint8_t in[4]) {
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static struct str make_context(char out[CONTEXT_SIZE], const char *table, struct str row,
                               const char *column) {
    int len = snprintf(out, CONTEXT_SIZE, "%s|%.*s|%s", table, STR_ARG(row), column);
    return str_make(out, (size_t)len < CONTEXT_SIZE ? (size_t)len : CONTEXT_SIZE - 1);
}

/* Writes text.len + STORE_VAULT_OVERHEAD bytes. */
static void seal(const struct store_vault *vault, const struct data_key *key, struct str context,
                 struct str text, uint8_t *out) {
    out[0] = FORMAT;
    write_u32(key->version, out + VERSION_AT);
    random_fill(vault->random, out + NONCE_AT, AEAD_NONCE_BYTES);
    aead_seal(key->bytes, out + NONCE_AT, context, text, out + TEXT_AT);
}

static bool is_sealed(struct str sealed) {
    return sealed.len >= STORE_VAULT_OVERHEAD && (uint8_t)sealed.at[0] == FORMAT;
}

static uint32_t sealed_version(struct str sealed) {
    return read_u32((const uint8_t *)sealed.at + VERSION_AT);
}

/* Writes sealed.len - STORE_VAULT_OVERHEAD bytes. */
static enum status unseal(const struct data_key *key, struct str context, struct str sealed,
                          uint8_t *out) {
    return aead_open(key->bytes, (const uint8_t *)sealed.at + NONCE_AT, context,
                     str_sub(sealed, TEXT_AT, sealed.len), out);
}

/* Data keys under the master key. */

static struct str wrap_context(char out[CONTEXT_SIZE], struct str scope, uint32_t version) {
    char column[16];
    snprintf(column, sizeof(column), "%u", version);
    return make_context(out, "data_key", scope, column);
}

static void load_master(const struct store_vault *vault, struct data_key *master) {
    master->version = vault->master_version;
    memcpy(master->bytes, vault->master_key, sizeof(master->bytes));
}

static void wrap(const struct store_vault *vault, struct str scope, const struct data_key *key,
                 uint8_t out[WRAPPED_BYTES]) {
    char context[CONTEXT_SIZE];
    struct data_key master;
    load_master(vault, &master);
    seal(vault, &master, wrap_context(context, scope, key->version),
         str_make(key->bytes, sizeof(key->bytes)), out);
    secret_wipe(&master, sizeof(master));
}

static enum status unwrap(const struct store_vault *vault, struct str scope, struct str wrapped,
                          struct data_key *key, struct why *why) {
    char context[CONTEXT_SIZE];
    struct data_key master;
    if (wrapped.len != WRAPPED_BYTES || !is_sealed(wrapped)) {
        return why_set(why, STATUS_INVALID, "data_corrupt",
                       "a data key in the database is damaged: restore a backup of store.db");
    }
    load_master(vault, &master);
    enum status status = STATUS_DENIED;
    if (sealed_version(wrapped) == master.version) {
        status = unseal(&master, wrap_context(context, scope, key->version), wrapped, key->bytes);
    }
    secret_wipe(&master, sizeof(master));
    if (status == STATUS_DENIED) {
        return why_set(why, STATUS_DENIED, "master_key_wrong",
                       "the master key is not the one that this database was made with: restore "
                       "the right one from your backup");
    }
    if (status != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "data_corrupt",
                       "a data key in the database is damaged: restore a backup of store.db");
    }
    return STATUS_OK;
}

enum status store_vault_add_scope(struct store_vault *vault, struct store_connection *connection,
                                  struct str scope, struct why *why) {
    const struct store_driver *driver = connection->driver;
    struct data_key key = {.version = 1};
    uint8_t wrapped[WRAPPED_BYTES];
    random_fill(vault->random, key.bytes, sizeof(key.bytes));
    wrap(vault, scope, &key, wrapped);
    const struct store_value values[] = {
        {STORE_VALUE_TEXT, 0, scope},
        {STORE_VALUE_NUMBER, key.version, STR_EMPTY},
        {STORE_VALUE_BYTES, 0, str_make(wrapped, sizeof(wrapped))},
        {STORE_VALUE_NUMBER, clock_wall_ms(vault->clock), STR_EMPTY},
    };
    secret_wipe(&key, sizeof(key));
    enum status status =
        driver->start(connection, STATEMENT_DATA_KEY_INSERT, values, COUNT(values), why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_DATA_KEY_INSERT, NULL, 0, why);
    }
    driver->finish(connection, STATEMENT_DATA_KEY_INSERT);
    return status == STATUS_END ? STATUS_OK : status;
}

/* Fills an empty keyring from the database. STATUS_NOT_FOUND: no keys of that scope. */
static enum status read_keyring(const struct store_vault *vault,
                                struct store_connection *connection, struct str scope,
                                struct keyring *keyring, struct why *why) {
    const struct store_driver *driver = connection->driver;
    const struct store_value value = {STORE_VALUE_TEXT, 0, scope};
    struct store_value columns[2];
    enum status status = driver->start(connection, STATEMENT_DATA_KEY_LIST, &value, 1, why);
    while (status == STATUS_OK && keyring->count < VERSIONS_MAX) {
        status = driver->next(connection, STATEMENT_DATA_KEY_LIST, columns, COUNT(columns), why);
        if (status == STATUS_OK) {
            struct data_key *key = &keyring->keys[keyring->count++];
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

/* The newest key of the scope (version 0), or the one with this version. */
static bool find_key(struct store_vault *vault, struct str scope, uint32_t version,
                     struct data_key *key) {
    bool is_found = false;
    pthread_mutex_lock(&vault->lock);
    const struct keyring *keyring = map_get(&vault->keyrings, scope);
    for (size_t i = 0; keyring != NULL && i < keyring->count && !is_found; i++) {
        is_found = version == 0 || keyring->keys[i].version == version;
        if (is_found) {
            *key = keyring->keys[i];
        }
    }
    pthread_mutex_unlock(&vault->lock);
    return is_found;
}

static void free_keyring(struct keyring *keyring) {
    if (keyring != NULL) {
        secret_wipe(keyring, sizeof(*keyring));
        memory_free(keyring);
    }
}

/* As find_key, from the database when memory does not have it. `key` is the caller's to wipe. */
static enum status load_key(struct store_vault *vault, struct store_connection *connection,
                            struct str scope, uint32_t version, struct data_key *key,
                            struct why *why) {
    if (find_key(vault, scope, version, key)) {
        return STATUS_OK;
    }
    struct keyring *keyring = MEMORY_NEW(struct keyring);
    enum status status = read_keyring(vault, connection, scope, keyring, why);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&vault->lock);
        keyring = map_set(&vault->keyrings, scope, keyring);
        pthread_mutex_unlock(&vault->lock);
        status = find_key(vault, scope, version, key) ? STATUS_OK : STATUS_NOT_FOUND;
    }
    free_keyring(keyring);
    if (status == STATUS_NOT_FOUND) {
        return why_set(why, STATUS_FAILED, "seal_broken", "there is no data key of %.*s",
                       STR_ARG(scope));
    }
    return status;
}

enum status store_vault_seal(struct store_vault *vault, struct store_connection *connection,
                             const struct store_vault_place *place, struct str text,
                             struct arena *arena, struct str *sealed, struct why *why) {
    char context[CONTEXT_SIZE];
    struct data_key key;
    enum status status = load_key(vault, connection, place->scope, 0, &key, why);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *out = (uint8_t *)arena_bytes(arena, text.len + STORE_VAULT_OVERHEAD);
    seal(vault, &key, make_context(context, place->table, place->row, place->column), text, out);
    secret_wipe(&key, sizeof(key));
    *sealed = str_make(out, text.len + STORE_VAULT_OVERHEAD);
    return STATUS_OK;
}

enum status store_vault_unseal(struct store_vault *vault, struct store_connection *connection,
                               const struct store_vault_place *place, struct str sealed,
                               struct arena *arena, struct str *text, struct why *why) {
    char context[CONTEXT_SIZE];
    struct data_key key;
    enum status status = STATUS_INVALID;
    /* No key has version 0: it stands for the newest, and only inside. */
    if (is_sealed(sealed) && sealed_version(sealed) != 0) {
        status = load_key(vault, connection, place->scope, sealed_version(sealed), &key, why);
        if (status != STATUS_OK) {
            return status;
        }
        size_t len = sealed.len - STORE_VAULT_OVERHEAD;
        char *out = arena_bytes(arena, len + 1);
        status = unseal(&key, make_context(context, place->table, place->row, place->column),
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

static void hash(const struct store_vault *vault, const char *table, const char *column,
                 struct str message, uint8_t out[DIGEST_BYTES]) {
    char purpose[CONTEXT_SIZE];
    uint8_t key[DIGEST_BYTES];
    digest_hmac_sha256(str_make(vault->lookup_key, sizeof(vault->lookup_key)),
                       make_context(purpose, table, STR("lookup"), column), key);
    digest_hmac_sha256(str_make(key, sizeof(key)), message, out);
    secret_wipe(key, sizeof(key));
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

/* Reads a key of the installation itself, or makes it at the first start. */
static enum status load_or_add(struct store_vault *vault, struct store_connection *connection,
                               struct str scope, struct data_key *key, struct why *why) {
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

enum status store_vault_new(const uint8_t master_key[STORE_MASTER_KEY_BYTES],
                            struct store_connection *connection, const struct clock *clock,
                            const struct random *random, struct store_vault **vault,
                            struct why *why) {
    struct store_vault *made = MEMORY_NEW(struct store_vault);
    struct data_key key;
    uint8_t digest[DIGEST_BYTES];
    memcpy(made->master_key, master_key, sizeof(made->master_key));
    digest_hmac_sha256(str_make(master_key, STORE_MASTER_KEY_BYTES), STR("mezusphere master key"),
                       digest);
    made->master_version = read_u32(digest);
    made->clock = clock;
    made->random = random;
    pthread_mutex_init(&made->lock, NULL);
    map_init(&made->keyrings);
    enum status status = load_or_add(made, connection, STORE_VAULT_SYSTEM, &key, why);
    if (status == STATUS_OK) {
        status = load_or_add(made, connection, LOOKUP_SCOPE, &key, why);
        memcpy(made->lookup_key, key.bytes, sizeof(made->lookup_key));
    }
    secret_wipe(&key, sizeof(key));
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
    while (map_next(&(*vault)->keyrings, &at, &scope, &keyring)) {
        free_keyring(keyring);
    }
    map_fini(&(*vault)->keyrings);
    pthread_mutex_destroy(&(*vault)->lock);
    secret_wipe(*vault, sizeof(**vault));
    memory_free(*vault);
    *vault = NULL;
}
