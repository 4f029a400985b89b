#include "store/store_postgres_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/str.h"
#include "store/store_postgres_error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PARAMETERS_MAX 64
#define OLDEST_SERVER 150000

bool store_postgres_link_knows(const char *place) {
    return str_starts_with(str_from(place), STR("postgres://")) ||
           str_starts_with(str_from(place), STR("postgresql://"));
}

void store_postgres_link_init(struct store_postgres_link *link, const char *place) {
    *link = (struct store_postgres_link){.place = memory_dup(place, strlen(place) + 1)};
}

void store_postgres_link_drop(struct store_postgres_link *link) {
    PQfinish(link->conn);
    link->conn = NULL;
}

void store_postgres_link_fini(struct store_postgres_link *link) {
    store_postgres_link_drop(link);
    if (link->place != NULL) {
        secret_wipe(link->place, strlen(link->place));
        memory_free(link->place);
        link->place = NULL;
    }
}

/* Waiting */

static enum status wait_once(PGconn *conn, short events, int64_t deadline_ms, struct why *why) {
    int64_t left_ms = deadline_ms - clock_mono_ms(clock_system());
    struct pollfd poller = {.fd = PQsocket(conn), .events = events};
    int ready = left_ms > 0 ? poll(&poller, 1, (int)left_ms) : 0;
    if (ready == 0) {
        return why_set(why, STATUS_UNAVAILABLE, "storage_unavailable",
                       "the database has not answered in time");
    }
    return ready > 0 || errno == EINTR ? STATUS_OK : store_postgres_error_of_connection(conn, why);
}

/* Until PQgetResult does not block. */
static enum status wait_result(PGconn *conn, int64_t deadline_ms, struct why *why) {
    for (;;) {
        int flushed = PQflush(conn);
        if (flushed < 0) {
            return store_postgres_error_of_connection(conn, why);
        }
        if (flushed == 0 && !PQisBusy(conn)) {
            return STATUS_OK;
        }
        enum status status =
            wait_once(conn, flushed > 0 ? POLLIN | POLLOUT : POLLIN, deadline_ms, why);
        if (status == STATUS_OK && PQconsumeInput(conn) == 0) {
            status = store_postgres_error_of_connection(conn, why);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
}

static bool is_good(const PGresult *result) {
    ExecStatusType type = PQresultStatus(result);
    return type == PGRES_COMMAND_OK || type == PGRES_TUPLES_OK || type == PGRES_EMPTY_QUERY;
}

/* One more result of the same answer: the first failure stays what the answer is. */
static enum status judge(struct store_postgres_link *link, PGresult *next, enum status before,
                         PGresult **last, bool *is_lost, struct why *why) {
    if (before != STATUS_OK) {
        PQclear(next);
        return before;
    }
    PQclear(*last);
    *last = next;
    if (is_good(next)) {
        return STATUS_OK;
    }
    *is_lost = store_postgres_error_is_final(next) || PQstatus(link->conn) != CONNECTION_OK;
    if (PQresultErrorField(next, PG_DIAG_SQLSTATE) == NULL) {
        *is_lost = true; /* libpq's own: the server did not say it */
        return store_postgres_error_of_connection(link->conn, why);
    }
    return store_postgres_error_of_result(next, why);
}

enum status store_postgres_link_await(struct store_postgres_link *link, int wait_ms,
                                      PGresult **result, struct why *why) {
    int64_t deadline_ms = clock_mono_ms(clock_system()) + wait_ms;
    enum status status = STATUS_OK;
    PGresult *last = NULL;
    bool is_lost = false;
    for (;;) {
        enum status waited = wait_result(link->conn, deadline_ms, status == STATUS_OK ? why : NULL);
        if (waited != STATUS_OK) {
            status = status == STATUS_OK ? waited : status;
            is_lost = true;
            break;
        }
        PGresult *next = PQgetResult(link->conn);
        if (next == NULL) {
            break;
        }
        status = judge(link, next, status, &last, &is_lost, why);
    }
    if (status != STATUS_OK || result == NULL) {
        PQclear(last);
        last = NULL;
    }
    if (result != NULL) {
        *result = last;
    }
    if (is_lost) {
        log_warn("store.connection_lost", "detail=%s", why != NULL ? why->text : "");
        store_postgres_link_drop(link);
    }
    return status;
}

enum status store_postgres_link_run(struct store_postgres_link *link, const char *sql, int wait_ms,
                                    PGresult **result, struct why *why) {
    if (PQsendQuery(link->conn, sql) == 0) {
        enum status status = store_postgres_error_of_connection(link->conn, why);
        store_postgres_link_drop(link);
        return status;
    }
    return store_postgres_link_await(link, wait_ms, result, why);
}

/* Connecting */

struct parameters {
    const char *names[PARAMETERS_MAX + 1];
    const char *values[PARAMETERS_MAX + 1];
    size_t count;
};

static void add(struct parameters *parameters, const char *name, const char *value) {
    for (size_t i = 0; i < parameters->count; i++) {
        if (strcmp(parameters->names[i], name) == 0) {
            return;
        }
    }
    if (parameters->count < PARAMETERS_MAX) {
        parameters->names[parameters->count] = name;
        parameters->values[parameters->count++] = value;
    }
}

/* What the URL leaves open. Keep-alives find a dead server within half a minute, also where nothing is under way. */
static const struct {
    const char *name;
    const char *value;
} defaults[] = {
    {"connect_timeout", "5"},      {"target_session_attrs", "read-write"},
    {"gssencmode", "disable"},     {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},  {"keepalives_count", "4"},
    {"tcp_user_timeout", "15000"}, {"application_name", "mezusphere"},
    {"client_encoding", "UTF8"},
};

/* Waits are short, and whoever hangs is let go by the server, too: a lock must not be held by somebody who has gone. */
static const char settings_sql[] =
    "SET lock_timeout = '5s';"
    "SET idle_in_transaction_session_timeout = '20s';"
    "SET client_connection_check_interval = '5s';"
    "SET client_min_messages = warning;"
    "SET jit = off;"
    "SELECT CASE WHEN current_setting('synchronous_commit') = 'off' THEN"
    " set_config('synchronous_commit', 'on', false) END;"
    "SELECT hashtext(current_schema())::bigint + 2147483648";

static enum status settle(struct store_postgres_link *link, struct why *why) {
    PGresult *result = NULL;
    if (PQserverVersion(link->conn) < OLDEST_SERVER) {
        return why_set(why, STATUS_UNSUPPORTED, "database_too_old",
                       "the database is PostgreSQL %d: this program needs 15 or newer",
                       PQserverVersion(link->conn) / 10000);
    }
    enum status status =
        store_postgres_link_run(link, settings_sql, STORE_POSTGRES_LINK_WAIT_MS, &result, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (PQgetisnull(result, 0, 0)) {
        status = why_set(why, STATUS_DENIED, "data_not_writable",
                         "the database has no schema of the search path: make it, or name another");
    } else {
        snprintf(link->channel, sizeof(link->channel), "mezusphere_%s", PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    return status;
}

static bool is_local(const PGconn *conn) {
    const char *host = PQhost(conn);
    return host == NULL || host[0] == '/' || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
}

/* Else libpq would write it to standard error. */
static void on_notice(void *context, const char *message) {
    (void)context;
    log_warn("store.notice", "detail=%.*s", (int)strcspn(message, "\n"), message);
}

static enum status judge_connection(struct store_postgres_link *link, struct why *why) {
    if (PQstatus(link->conn) != CONNECTION_OK || PQsetnonblocking(link->conn, 1) != 0) {
        return store_postgres_error_of_connection(link->conn, why);
    }
    (void)PQsetNoticeProcessor(link->conn, on_notice, NULL);
    if (link->generation++ == 0 && !PQsslInUse(link->conn) && !is_local(link->conn)) {
        log_warn("store.not_encrypted",
                 "host=%s: everything is sealed, but the password and who "
                 "does what can be seen on the way; add sslmode=verify-full to the database's URL",
                 PQhost(link->conn));
    }
    return settle(link, why);
}

/* libpq quotes what it cannot read, password and all: its words stay here. */
static enum status connect_by(struct store_postgres_link *link, struct why *why) {
    char *message = NULL;
    struct parameters parameters = {.count = 0};
    PQconninfoOption *options = PQconninfoParse(link->place, &message);
    PQfreemem(message);
    if (options == NULL) {
        return why_set(why, STATUS_INVALID, "database_url",
                       "--database is not a URL that can be read: it is "
                       "postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with "
                       "special characters as %%XX, and parameters that libpq knows");
    }
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val != NULL) {
            add(&parameters, option->keyword, option->val);
        }
    }
    for (size_t i = 0; i < COUNT(defaults); i++) {
        add(&parameters, defaults[i].name, defaults[i].value);
    }
    link->conn = PQconnectdbParams(parameters.names, parameters.values, 0);
    PQconninfoFree(options);
    return judge_connection(link, why);
}

enum status store_postgres_link_open(struct store_postgres_link *link, struct why *why) {
    int64_t now_ms = clock_mono_ms(clock_system());
    if (link->conn != NULL && PQstatus(link->conn) == CONNECTION_OK) {
        return STATUS_OK;
    }
    store_postgres_link_drop(link);
    if (now_ms < link->retry_at_ms) {
        return why_set(why, STATUS_UNAVAILABLE, link->last.slug, "%s", link->last.text);
    }
    enum status status = connect_by(link, &link->last);
    if (status == STATUS_OK) {
        if (link->generation > 1) {
            log_info("store.reconnected", "host=%s", PQhost(link->conn));
        }
        return STATUS_OK;
    }
    store_postgres_link_drop(link);
    link->retry_at_ms = clock_mono_ms(clock_system()) + STORE_POSTGRES_LINK_RETRY_MS;
    return why_set(why, status, link->last.slug, "%s", link->last.text);
}
