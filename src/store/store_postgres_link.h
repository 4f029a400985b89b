/* store_postgres_link.h: one connection to a PostgreSQL server: made, lost and made again, with a limit on every wait.
 *
 * The place is a URL, postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&…, as libpq reads it: several hosts, TLS
 * parameters, options and passfile included; what it leaves out, libpq takes from PGPASSWORD and the like. It holds a password: it is
 * never printed, not even when it cannot be read. Defaults of ours, where the URL says nothing else: 5 s for connecting, keep-alives,
 * the primary among several hosts, no Kerberos.
 *
 * Nothing waits longer than STORE_POSTGRES_LINK_WAIT_MS for an answer: a server that hangs costs the connection. After a
 * connection could not be made, the next RETRY ms answer the same at once, so that waiting callers do not add up.
 * One thread at a time. Failures are those of store_driver.h.
 */
#ifndef STORE_STORE_POSTGRES_LINK_H
#define STORE_STORE_POSTGRES_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/status.h"

#define STORE_POSTGRES_LINK_WAIT_MS 20000
#define STORE_POSTGRES_LINK_RETRY_MS 300

struct store_postgres_link {
    PGconn *conn;        /* NULL: none */
    char *place;         /* wiped at the end */
    char channel[32];    /* where announcements go: of this schema alone */
    uint64_t generation; /* raised with each connection: what was prepared on another is gone */
    int64_t retry_at_ms;
    struct why last; /* why there is none */
};

/* Whether this is a URL that this driver is meant for. */
bool store_postgres_link_knows(const char *place);

void store_postgres_link_init(struct store_postgres_link *link, const char *place);
void store_postgres_link_fini(struct store_postgres_link *link);
/* Connects unless connected. STATUS_INVALID (database_url), STATUS_UNSUPPORTED (database_too_old), STATUS_DENIED
 * (data_not_writable: there is no schema to write to), STATUS_UNAVAILABLE (storage_unavailable). */
enum status store_postgres_link_open(struct store_postgres_link *link, struct why *why) MUST_USE;
/* Forgets the connection. */
void store_postgres_link_drop(struct store_postgres_link *link);
/* The answer to what was sent: the first failure, or the last result, which the caller clears (NULL when it fails). */
enum status store_postgres_link_await(struct store_postgres_link *link, int wait_ms,
                                      PGresult **result, struct why *why) MUST_USE;
/* Statements without parameters. `result` may be NULL. */
enum status store_postgres_link_run(struct store_postgres_link *link, const char *sql, int wait_ms,
                                    PGresult **result, struct why *why) MUST_USE;

#endif
