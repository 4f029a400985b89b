/* store_postgres_error.h: what PostgreSQL says, in the store's words (store_driver.h lists them). One table, by SQLSTATE.
 *
 * A unique constraint is told by its name and its columns, so that a concept can say which of its rules was broken. Values of
 * rows are never repeated. What libpq itself says of a connection names host, user and database, never the password.
 */
#ifndef STORE_STORE_POSTGRES_ERROR_H
#define STORE_STORE_POSTGRES_ERROR_H

#include <libpq-fe.h>

#include "base/status.h"

/* From a result that is an error. */
enum status store_postgres_error_of_result(const PGresult *result, struct why *why);
/* The connection is gone, or never came about: storage_unavailable, with what libpq says of it on one line. */
enum status store_postgres_error_of_connection(const PGconn *conn, struct why *why);
/* Whether after this the connection is of no more use: the server has gone, or has become a standby. */
int store_postgres_error_is_final(const PGresult *result);

#endif
