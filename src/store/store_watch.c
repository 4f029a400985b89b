#include "store/store_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/store_postgres.h"
#include "store/store_postgres_link.h"
#include "store/store_state.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAYLOAD_SIZE 192
#define ANSWER_MS 3000 /* of the watch's own few questions */

static const char *const kinds[] = {
    [STORE_WATCH_ENVIRONMENT] = "environment",
    [STORE_WATCH_REVOCATION] = "revocation",
    [STORE_WATCH_EDGES] = "edges",
    [STORE_WATCH_SETTING] = "setting",
    [STORE_WATCH_TOPIC] = "topic",
    [STORE_WATCH_ALL] = "all",
};

struct store_watch {
    struct store *store;
    void (*on_event)(void *context, const struct store_watch_event *event);
    void *context;
    struct store_postgres_link link;
    int wake[2]; /* a pipe: something to read means that it is to end */
    pthread_t thread;
    bool has_thread;
    atomic_bool leads;
    atomic_bool is_stopping;
    _Atomic int64_t lost_at_ms; /* wall: when the database was last in touch; 0: it is */
    int64_t touched_at_ms;      /* wall: the thread's own */
};

/* Telling */

static bool is_word(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
              c == '-')) {
            return false;
        }
    }
    return text.len < STORE_WATCH_TEXT_MAX && !str_eq(text, STR("-"));
}

enum status store_watch_announce(struct store_tx *tx, const struct store_watch_event *event) {
    const struct store_driver *driver = tx->connection->driver;
    char payload[PAYLOAD_SIZE];
    if (!is_word(str_from(event->text))) {
        tx->has_failed = true;
        return why_set(tx->why, STATUS_INVALID, "name_invalid", "this cannot be announced");
    }
    if (driver->announce == NULL) {
        return STATUS_OK;
    }
    int len = snprintf(payload, sizeof(payload), "%s %s %s %s", tx->store->origin,
                       kinds[event->kind], id_is_none(&event->object) ? "-" : event->object.text,
                       event->text[0] == '\0' ? "-" : event->text);
    enum status status = driver->announce(tx->connection, str_make(payload, (size_t)len), tx->why);
    tx->has_failed |= status != STATUS_OK;
    return status;
}

/* Hearing */

enum status store_watch_parse(struct str bytes, struct str *origin,
                              struct store_watch_event *event) {
    struct str kind;
    struct str object;
    struct str text;
    *event = (struct store_watch_event){.kind = STORE_WATCH_ALL};
    if (!str_cut(bytes, ' ', origin, &bytes) || !str_cut(bytes, ' ', &kind, &bytes) ||
        !str_cut(bytes, ' ', &object, &text)) {
        return STATUS_INVALID;
    }
    while (event->kind > 0 && !str_eq(kind, str_from(kinds[event->kind]))) {
        event->kind--;
    }
    bool has_text = !str_eq(text, STR("-"));
    if (!str_eq(kind, str_from(kinds[event->kind])) ||
        (has_text && (text.len == 0 || !is_word(text))) ||
        (!str_eq(object, STR("-")) &&
         str_to_cstr(object, event->object.text, sizeof(event->object.text)) != STATUS_OK)) {
        return STATUS_INVALID;
    }
    return has_text ? str_to_cstr(text, event->text, sizeof(event->text)) : STATUS_OK;
}

static void tell(struct store_watch *watch, const struct store_watch_event *event) {
    if (!atomic_load(&watch->is_stopping)) {
        watch->on_event(watch->context, event);
    }
}

static void take_notifications(struct store_watch *watch) {
    PGnotify *notify = NULL;
    while (watch->link.conn != NULL && (notify = PQnotifies(watch->link.conn)) != NULL) {
        struct store_watch_event event;
        struct str origin;
        if (store_watch_parse(str_from(notify->extra), &origin, &event) != STATUS_OK) {
            log_warn("store.announcement_unknown", "from=%d: of another version?", notify->be_pid);
        } else if (!str_eq(origin, str_from(watch->store->origin))) {
            tell(watch, &event);
        }
        PQfreemem(notify);
    }
}

/* Asking for what one leads already would count it twice: it is let go with the connection. */
static enum status probe(struct store_watch *watch, struct why *why) {
    static const char ask[] = "SELECT pg_try_advisory_lock(" STORE_POSTGRES_LOCKS
                              ", hashtext(current_schema() || '/leader'))";
    PGresult *result = NULL;
    bool leads = atomic_load(&watch->leads);
    enum status status =
        store_postgres_link_run(&watch->link, leads ? "SELECT true" : ask, ANSWER_MS, &result, why);
    bool leads_now = status == STATUS_OK && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    if (leads_now != leads) {
        log_info(leads_now ? "store.leading" : "store.not_leading", "database=postgres");
        atomic_store(&watch->leads, leads_now);
    }
    return status;
}

static enum status listen_anew(struct store_watch *watch, struct why *why) {
    char sql[64];
    enum status status = store_postgres_link_open(&watch->link, why);
    if (status != STATUS_OK) {
        return status;
    }
    snprintf(sql, sizeof(sql), "LISTEN %s", watch->link.channel);
    status = store_postgres_link_run(&watch->link, sql, ANSWER_MS, NULL, why);
    return status == STATUS_OK ? probe(watch, why) : status;
}

/* Until something is to be read, or it is to end. */
static bool wait_news(struct store_watch *watch, int wait_ms) {
    struct pollfd pollers[2] = {{.fd = watch->wake[0], .events = POLLIN},
                                {.fd = -1, .events = POLLIN}};
    if (watch->link.conn != NULL) {
        pollers[1].fd = PQsocket(watch->link.conn);
    }
    return poll(pollers, 2, wait_ms) > 0 && pollers[1].revents != 0;
}

static void lose(struct store_watch *watch, const struct why *why) {
    log_warn("store.watch_lost", "detail=%s", why->text);
    atomic_store(&watch->lost_at_ms, watch->touched_at_ms);
    store_postgres_link_drop(&watch->link);
    if (atomic_exchange(&watch->leads, false)) {
        log_info("store.not_leading", "database=postgres");
    }
}

static void come_back(struct store_watch *watch) {
    static const struct store_watch_event all = {.kind = STORE_WATCH_ALL};
    struct why why = {0};
    if (listen_anew(watch, &why) != STATUS_OK) {
        store_postgres_link_drop(&watch->link);
        (void)wait_news(watch, STORE_WATCH_RETRY_MS);
        return;
    }
    log_info("store.watching_again", "database=postgres");
    tell(watch, &all);
    watch->touched_at_ms = clock_wall_ms(watch->store->clock);
    atomic_store(&watch->lost_at_ms, 0);
}

static void hear(struct store_watch *watch) {
    struct why why = {0};
    enum status status = STATUS_OK;
    if (!wait_news(watch, STORE_WATCH_PROBE_MS)) {
        status = atomic_load(&watch->is_stopping) ? STATUS_OK : probe(watch, &why);
    } else if (PQconsumeInput(watch->link.conn) == 0) {
        status = why_set(&why, STATUS_UNAVAILABLE, "storage_unavailable",
                         "the connection to the database was lost");
    }
    take_notifications(watch);
    if (status != STATUS_OK) {
        lose(watch, &why);
        return;
    }
    watch->touched_at_ms = clock_wall_ms(watch->store->clock);
}

static void *run(void *context) {
    struct store_watch *watch = context;
    while (!atomic_load(&watch->is_stopping)) {
        if (watch->link.conn == NULL) {
            come_back(watch);
        } else {
            hear(watch);
        }
    }
    return NULL;
}

/* Beginning and end */

static enum status start(struct store_watch *watch, struct why *why) {
    store_postgres_link_init(&watch->link, watch->store->place);
    watch->touched_at_ms = clock_wall_ms(watch->store->clock);
    enum status status = listen_anew(watch, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (pipe(watch->wake) != 0) {
        return why_set(why, STATUS_FAILED, "store_failed", "no pipe: %s", strerror(errno));
    }
    (void)fcntl(watch->wake[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(watch->wake[1], F_SETFD, FD_CLOEXEC);
    int error = pthread_create(&watch->thread, NULL, run, watch);
    watch->has_thread = error == 0;
    return error == 0
               ? STATUS_OK
               : why_set(why, STATUS_FAILED, "store_failed", "no thread: %s", strerror(error));
}

enum status store_watch_start(struct store *store,
                              void (*on_event)(void *context,
                                               const struct store_watch_event *event),
                              void *context, struct store_watch **watch, struct why *why) {
    struct store_watch *started = MEMORY_NEW(struct store_watch);
    *started = (struct store_watch){
        .store = store, .on_event = on_event, .context = context, .wake = {-1, -1}};
    bool is_alone = store->driver->announce == NULL;
    atomic_init(&started->leads, is_alone);
    enum status status = is_alone ? STATUS_OK : start(started, why);
    *watch = started;
    if (status != STATUS_OK) {
        store_watch_free(watch);
    }
    return status;
}

void store_watch_stop(struct store_watch *watch) {
    if (!atomic_exchange(&watch->is_stopping, true) && watch->wake[1] >= 0) {
        (void)!write(watch->wake[1], "", 1);
    }
}

void store_watch_free(struct store_watch **at) {
    struct store_watch *watch = *at;
    *at = NULL;
    if (watch == NULL) {
        return;
    }
    store_watch_stop(watch);
    if (watch->has_thread) {
        (void)pthread_join(watch->thread, NULL);
    }
    for (size_t i = 0; i < COUNT(watch->wake); i++) {
        if (watch->wake[i] >= 0) {
            close(watch->wake[i]);
        }
    }
    store_postgres_link_fini(&watch->link);
    memory_free(watch);
}

int64_t store_watch_as_of_ms(const struct store_watch *watch) {
    int64_t lost_at_ms = atomic_load(&watch->lost_at_ms);
    return lost_at_ms != 0 ? lost_at_ms : clock_wall_ms(watch->store->clock);
}

bool store_watch_leads(const struct store_watch *watch) {
    return atomic_load(&watch->leads);
}
