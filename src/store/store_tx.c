#include "store/store_tx.h"

#include "base/memory.h"
#include "store/store_state.h"

/* A free connection for reading, a new one, or the next that becomes free. */
static enum status take_reader(struct store *store, struct store_connection **connection,
                               struct why *why) {
    enum status status = STATUS_OK;
    *connection = NULL;
    pthread_mutex_lock(&store->readers_lock);
    while (store->free_reader_count == 0 && store->reader_count == STORE_READERS_MAX) {
        pthread_cond_wait(&store->reader_free, &store->readers_lock);
    }
    if (store->free_reader_count > 0) {
        *connection = store->free_readers[--store->free_reader_count];
    } else {
        store->reader_count++;
    }
    pthread_mutex_unlock(&store->readers_lock);
    if (*connection != NULL) {
        return STATUS_OK;
    }
    status = store->driver->connect(store->place, false, false, connection, why);
    if (status != STATUS_OK) {
        pthread_mutex_lock(&store->readers_lock);
        store->reader_count--;
        pthread_cond_signal(&store->reader_free);
        pthread_mutex_unlock(&store->readers_lock);
    }
    return status;
}

static void give_reader(struct store *store, struct store_connection *connection) {
    pthread_mutex_lock(&store->readers_lock);
    store->free_readers[store->free_reader_count++] = connection;
    pthread_cond_signal(&store->reader_free);
    pthread_mutex_unlock(&store->readers_lock);
}

static enum status take_connection(struct store *store, enum store_tx_mode mode,
                                   struct store_connection **connection, struct why *why) {
    if (mode == STORE_READ) {
        return take_reader(store, connection, why);
    }
    pthread_mutex_lock(&store->writer_lock);
    *connection = store->writer;
    return STATUS_OK;
}

static void give_connection(struct store_tx *tx) {
    if (tx->mode == STORE_READ) {
        give_reader(tx->store, tx->connection);
    } else {
        pthread_mutex_unlock(&tx->store->writer_lock);
    }
}

static void free_tx(struct store_tx **tx) {
    arena_fini(&(*tx)->scratch);
    memory_free(*tx);
    *tx = NULL;
}

static void end(struct store_tx **tx) {
    give_connection(*tx);
    free_tx(tx);
}

enum status store_tx_begin(struct store *store, enum store_tx_mode mode, struct why *why,
                           struct store_tx **tx) {
    struct store_tx *begun = MEMORY_NEW(struct store_tx);
    begun->store = store;
    begun->mode = mode;
    begun->why = why != NULL ? why : &begun->own_why;
    enum status status = take_connection(store, mode, &begun->connection, begun->why);
    *tx = NULL;
    if (status != STATUS_OK) {
        memory_free(begun);
        return status;
    }
    arena_init(&begun->scratch);
    status = store->driver->begin(begun->connection, mode == STORE_WRITE, begun->why);
    if (status == STATUS_OK) {
        status = store_vault_follow(store->vault, begun->connection, begun->why);
        if (status != STATUS_OK) {
            store->driver->rollback(begun->connection);
        }
    }
    if (status != STATUS_OK) {
        end(&begun);
        return status;
    }
    /* Taken only now: a writer may have waited. */
    begun->now_ms = clock_wall_ms(store->clock);
    *tx = begun;
    return STATUS_OK;
}

enum status store_tx_commit(struct store_tx **tx) {
    struct store_tx *ended = *tx;
    if (ended->has_failed) {
        enum status failed = why_set(ended->why, STATUS_CONFLICT, "tx_failed",
                                     "a write of this transaction failed, nothing was kept");
        store_tx_rollback(tx);
        return failed;
    }
    enum status status = ended->store->driver->commit(ended->connection, ended->why);
    bool has_written = status == STATUS_OK && ended->mode == STORE_WRITE;
    uint64_t ticket = has_written ? store_sync_ticket(&ended->store->sync) : 0;
    give_connection(ended); /* the next writer need not wait for the disk */
    if (has_written) {
        status = store_sync_wait(&ended->store->sync, ticket, ended->why);
    }
    free_tx(tx);
    return status;
}

void store_tx_rollback(struct store_tx **tx) {
    if (*tx == NULL) {
        return;
    }
    (*tx)->store->driver->rollback((*tx)->connection);
    end(tx);
}

struct store *store_tx_store(const struct store_tx *tx) {
    return tx->store;
}

struct why *store_tx_why(const struct store_tx *tx) {
    return tx->why;
}

int64_t store_tx_now_ms(const struct store_tx *tx) {
    return tx->now_ms;
}
