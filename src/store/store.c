#include "store/store.h"

#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/store_migration.h"
#include "store/store_postgres.h"
#include "store/store_postgres_link.h"
#include "store/store_sqlite.h"
#include "store/store_state.h"

/* The keys of the installation, made at the first start. */
static enum status open_vault(struct store *store, const struct store_key_source *source,
                              struct why *why) {
    const struct store_driver *driver = store->driver;
    struct store_key_source chosen = *source;
    if (source->fetch == NULL) {
        store->master_key =
            (struct store_master_key){.folder = store->folder.path, .random = store->random};
        chosen = store_master_key_source(&store->master_key);
    }
    enum status status = driver->begin(store->writer, true, why);
    if (status != STATUS_OK) {
        return status;
    }
    status =
        store_vault_new(&chosen, store->writer, store->clock, store->random, &store->vault, why);
    if (status != STATUS_OK) {
        driver->rollback(store->writer);
        return status;
    }
    return driver->commit(store->writer, why);
}

enum status store_choose(const struct store_config *config, const struct store_folder *folder,
                         const struct store_driver **driver, char *place, size_t place_size,
                         struct why *why) {
    *driver = config->database == NULL ? &store_sqlite : &store_postgres;
    if (config->database == NULL) {
        return store_folder_path(folder, "store.db", place, why);
    }
    if (!store_postgres_link_knows(config->database) ||
        str_to_cstr(str_from(config->database), place, place_size) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "database_url",
                       "--database is not a URL of a PostgreSQL database: "
                       "postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full");
    }
    return STATUS_OK;
}

static enum status connect(struct store *store, const struct store_config *config,
                           struct why *why) {
    enum status status = store_choose(config, &store->folder, &store->driver, store->place,
                                      sizeof(store->place), why);
    return status == STATUS_OK
               ? store->driver->connect(store->place, true, true, &store->writer, why)
               : status;
}

static enum status begin_group_commit(struct store *store, struct why *why) {
    int fd = -1;
    if (store->driver->defer_sync == NULL) {
        return STATUS_OK;
    }
    enum status status = store->driver->defer_sync(store->writer, store->place, &fd, why);
    store_sync_use(&store->sync, fd);
    return status;
}

static enum status open_all(struct store *store, const struct store_config *config,
                            struct why *why) {
    enum status status = connect(store, config, why);
    if (status == STATUS_OK) {
        status = store_migration_run(store->writer, store->clock, store->folder.is_ready, why);
    }
    if (status == STATUS_OK) {
        status = open_vault(store, &config->master_key, why);
    }
    if (status == STATUS_OK) {
        status = begin_group_commit(store, why);
    }
    return status == STATUS_OK ? store_folder_set_ready(&store->folder, why) : status;
}

enum status store_open(const struct store_config *config, struct store **store, struct why *why) {
    struct store *opened = MEMORY_NEW(struct store);
    opened->clock = config->clock != NULL ? config->clock : clock_system();
    opened->random = config->random != NULL ? config->random : random_system();
    pthread_mutex_init(&opened->writer_lock, NULL);
    pthread_mutex_init(&opened->readers_lock, NULL);
    store_sync_init(&opened->sync);
    pthread_cond_init(&opened->reader_free, NULL);
    uint8_t origin[8];
    random_fill(random_system(), origin, sizeof(origin));
    text_hex(origin, sizeof(origin), opened->origin);
    enum status status = store_folder_open(&opened->folder, config->data_folder, why);
    if (status == STATUS_OK) {
        status = open_all(opened, config, why);
    }
    *store = opened;
    if (status != STATUS_OK) {
        store_close(store);
    }
    return status;
}

void store_close(struct store **store) {
    struct store *closed = *store;
    if (closed == NULL) {
        return;
    }
    for (size_t i = 0; i < closed->free_reader_count; i++) {
        closed->driver->close(&closed->free_readers[i]);
    }
    if (closed->writer != NULL) {
        closed->driver->close(&closed->writer);
    }
    store_vault_free(&closed->vault);
    store_folder_close(&closed->folder);
    pthread_cond_destroy(&closed->reader_free);
    pthread_mutex_destroy(&closed->readers_lock);
    store_sync_fini(&closed->sync);
    pthread_mutex_destroy(&closed->writer_lock);
    secret_wipe(closed->place, sizeof(closed->place)); /* a URL holds a password */
    memory_free(closed);
    *store = NULL;
}

const struct random *store_random(const struct store *store) {
    return store->random;
}
