/* store.h: where everything that must survive a restart is kept: one data folder, one database, all of it sealed. The database is a
 * file in that folder (SQLite), or a PostgreSQL server's, which several processes may share, each with a folder of its own.
 *
 * Only the control plane has a store. All text that says something about a customer (names, addresses, host names, paths,
 * keys) is sealed before it reaches the database driver, with a data key of the organization it belongs to; what belongs to no
 * organization (members, the CA, signing keys) with the system's. Data keys are wrapped by the master key, which is never in
 * the database. Look-ups by such text go by keyed hash.
 *
 * Files in the folder (0700, files 0600): mezusphere.lock (held for as long as the store is open, and the mark by which a
 * folder is known as ours), master.key, store.db and what SQLite puts beside it. Others may add files after store_open.
 *
 * Threads: every function may be called from any thread; each transaction (store_tx.h) belongs to one thread. Everything
 * blocks: never call it on a loop thread.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/random.h"
#include "base/status.h"
#include "base/str.h"

#define STORE_MASTER_KEY_BYTES 32

struct store;

/* One, and behind it the one that is about to take its place (store_rotation.h). */
#define STORE_MASTER_KEYS_MAX 2
struct store_master_keys {
    uint8_t at[STORE_MASTER_KEYS_MAX][STORE_MASTER_KEY_BYTES];
    size_t count;
};

/* Where master keys come from (store_master_key.h). `fetch` fills `keys`, or fails with a why; `may_make` is true when there is no
 * database with keys yet, so that a new key may be made and kept. Called inside store_open, and again, from any thread, when the
 * database turns out to be under another key. `settle` (may be NULL) is told that the second of the keys is the database's. */
struct store_key_source {
    enum status (*fetch)(void *context, bool may_make, struct store_master_keys *keys,
                         struct why *why);
    void (*settle)(void *context);
    void *context;
};

struct store_config {
    const char *data_folder;     /* made if absent */
    const char *database;        /* NULL: store.db in the folder; else postgres://… (a secret) */
    const struct clock *clock;   /* NULL: the system's; outlives the store */
    const struct random *random; /* NULL: the system's; safe from any thread; outlives the store */
    struct store_key_source
        master_key; /* fetch NULL: the file master.key in the folder; outlives the store */
};

/* Opens the store, making it when the folder is absent or empty, and brings its schema up to date. On failure `why` tells an
 * operator what to do:
 *   STATUS_DENIED    data_not_writable, master_key_wrong
 *   STATUS_CONFLICT  data_in_use (another process has it open), data_not_ours (neither empty nor made by this program)
 *   STATUS_NOT_FOUND master_key_missing (there is a database, but not its key)
 *   STATUS_INVALID   data_corrupt, master_key_invalid, database_url
 *   STATUS_UNSUPPORTED data_newer (written by a newer version of this program), database_too_old (PostgreSQL before 15)
 *   STATUS_UNAVAILABLE storage_full, storage_busy, storage_unavailable (the server cannot be reached)
 *   STATUS_TOO_LARGE data_path (longer than 4,000 bytes)
 *   STATUS_FAILED    store_failed and anything else the system says */
enum status store_open(const struct store_config *config, struct store **store,
                       struct why *why) MUST_USE;
/* No transaction may be open. Wipes the keys. */
void store_close(struct store **store);

const struct random *store_random(const struct store *store);

/* What every object has. `organization` is the tenant: for an organization it is its own id, for a member it is none.
 * An insert fills id (when none), times and revision; an update raises revision by one and sets updated_at_ms. */
struct store_object {
    struct id id;
    struct id organization;
    int64_t created_at_ms;
    uint64_t revision; /* from 1; the object's ETag */
    int64_t updated_at_ms;
};

enum store_order {
    STORE_ASCENDING,  /* oldest first */
    STORE_DESCENDING, /* newest first */
};

#define STORE_PAGE_MAX 1000

/* One page of a list. The list functions return at most `limit` rows after the cursor, and set has_more. The next cursor is the
 * last row's: its id and, in collections with an order of their own (routes), its position. */
struct store_page {
    uint32_t limit; /* 1 to STORE_PAGE_MAX */
    enum store_order order;
    bool has_cursor;        /* false: from the start */
    struct id after;        /* the id of the row before the page */
    int64_t after_position; /* routes only */
    bool has_more;          /* set by the call */
    bool wants_total;
    int64_t total; /* set by the call if it is wanted: of all pages */
};

#endif
