/* store_postgres.h: the PostgreSQL driver, 15 and newer: several control planes may share one database.
 *
 * `place` is a URL (store_postgres_link.h). The tables are in the first schema of the search path; everything of this program that is
 * told apart by name (the writers' lock, announcements) is of that schema, so one database may hold several installations.
 *
 * A writing transaction is alone in the whole database, not only in this process: it begins by taking an advisory lock, waits for it
 * at most 5 s (storage_busy), and reads what was committed last (READ COMMITTED). Reading transactions are REPEATABLE READ and
 * read only. A connection that was lost is made anew by the next `begin`, which then also hears why that fails
 * (storage_unavailable). When it is lost during a commit, whether the transaction was kept is not known.
 */
#ifndef STORE_STORE_POSTGRES_H
#define STORE_STORE_POSTGRES_H

#include "store/store_driver.h"

/* The first of the two keys of every advisory lock of ours ("Mezu"); the second is the schema's hash, or that and one. */
#define STORE_POSTGRES_LOCKS "1298496117"

extern const struct store_driver store_postgres;

#endif
