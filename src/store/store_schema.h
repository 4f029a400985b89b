/* store_schema.h: the database's tables, as the steps that made them. store_migration.h applies what is missing.
 *
 * One text serves all drivers: what SQLite and PostgreSQL both understand. A step that has been released is never edited: its
 * checksum would no longer fit. A change is a new step at the end.
 */
#ifndef STORE_STORE_SCHEMA_H
#define STORE_STORE_SCHEMA_H

#include <stddef.h>

struct store_schema_step {
    const char *name; /* for operators */
    const char *sql;  /* several statements, without parameters */
};

extern const struct store_schema_step store_schema_steps[]; /* the first has number 1 */
extern const size_t store_schema_step_count;

#endif
