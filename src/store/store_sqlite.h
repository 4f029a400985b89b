/* store_sqlite.h: the SQLite driver: one file, write-ahead log, every commit on the disk before it returns.
 *
 * `place` is the path of the database file, which is made with mode 0600. A file that is a database of some other program is
 * refused (data_not_ours), a damaged one too (data_corrupt: the first connection runs PRAGMA quick_check).
 */
#ifndef STORE_STORE_SQLITE_H
#define STORE_STORE_SQLITE_H

#include "store/store_driver.h"

extern const struct store_driver store_sqlite;

#endif
