/* database_option.h: the option by which every command that opens the store is told where the database is: a row of its option table.
 *
 * The URL may hold a password: it is a secret, wiped from the command line and the environment, and kept for as long as the store may
 * have to be opened again. Afterwards database_option_url.
 */
#ifndef CMD_DATABASE_OPTION_H
#define CMD_DATABASE_OPTION_H

#include "base/option.h"

#define DATABASE_OPTION(target)                                                                    \
    {                                                                                              \
        "database", "URL", OPTION_SECRET, &(target), NULL,                                         \
            "PostgreSQL database, postgres://USER:PASSWORD@HOST/NAME?sslmode=verify-full "         \
            "(default: "                                                                           \
            "store.db in the data folder)."                                                        \
    }

/* For store_config.database: NULL where none was named. Borrowed. */
static inline const char *database_option_url(const struct secret *database) {
    return secret_is_empty(database) ? NULL : database->text;
}

#endif
