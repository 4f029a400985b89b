/* store_state.h: struct store and struct store_tx as the files of this folder see them. No one else includes it. */
#ifndef STORE_STORE_STATE_H
#define STORE_STORE_STATE_H

#include <pthread.h>

#include "base/arena.h"
#include "store/store_driver.h"
#include "store/store_folder.h"
#include "store/store_master_key.h"
#include "store/store_sync.h"
#include "store/store_tx.h"
#include "store/store_vault.h"

#define STORE_READERS_MAX 4 /* reading transactions at once; more wait */

struct store {
    struct store_folder folder;
    const struct clock *clock;
    const struct random *random;
    const struct store_driver *driver;
    char origin[17];                    /* of this process's announcements (store_watch.h) */
    char place[STORE_FOLDER_PATH_SIZE]; /* of the database, as the driver understands it */
    struct store_master_key master_key; /* where no other source is given */
    struct store_vault *vault;
    struct store_connection *writer;
    pthread_mutex_t writer_lock;  /* held from begin to the end of a writing transaction */
    struct store_sync sync;       /* what a commit waits for then */
    struct id_sequence event_ids; /* under the writer_lock */
    pthread_mutex_t readers_lock;
    pthread_cond_t reader_free;
    struct store_connection *free_readers[STORE_READERS_MAX];
    size_t free_reader_count;
    size_t reader_count; /* open, free or not */
};

struct store_tx {
    struct store *store;
    struct store_connection *connection;
    enum store_tx_mode mode;
    bool has_failed; /* a write did: only a rollback is left */
    struct why *why; /* the caller's, or own_why */
    struct why own_why;
    int64_t now_ms;
    struct arena scratch; /* for what goes into statements; emptied after each */
};

/* Which driver the configuration names, and the place as that driver understands it (STORE_FOLDER_PATH_SIZE; wiped by the caller).
 * STATUS_INVALID (database_url), STATUS_TOO_LARGE (data_path). */
enum status store_choose(const struct store_config *config, const struct store_folder *folder,
                         const struct store_driver **driver, char *place, size_t place_size,
                         struct why *why) MUST_USE;

#endif
