/* store_watch.h: what other processes on the same database change, told as soon as it is committed; and which of them leads.
 *
 * Whoever changes something that others keep in memory announces it in the transaction that changes it: the others hear of it when, and
 * only if, that is committed (PostgreSQL's NOTIFY, on a channel of the schema). An announcement names, it does not tell: the listener
 * reads the database. Own announcements are not heard. Nothing is lost while the connection stands; when it was lost, and once it is
 * back, there is one STORE_WATCH_ALL: anything may have changed meanwhile. The connection is tried every PROBE_MS, and made again every
 * RETRY_MS.
 *
 * One of the processes leads: it does what is to be done once for all of them (pruning, …). It is a lock of the listening connection, so
 * another takes over, within PROBE_MS, when it ends however it ends. For a moment there may be two, or none: what is done
 * under it has to bear that.
 *
 * With SQLite there are no others: nothing is heard, and this process leads. Threads: announcing, in any with a transaction; events
 * come on a thread of the watch's own, which may block.
 */
#ifndef STORE_STORE_WATCH_H
#define STORE_STORE_WATCH_H

#include <stdbool.h>

#include "base/id.h"
#include "store/store_tx.h"

#define STORE_WATCH_PROBE_MS 30000
#define STORE_WATCH_RETRY_MS 500
#define STORE_WATCH_TEXT_MAX 64 /* with its end */

enum store_watch_kind {
    STORE_WATCH_ENVIRONMENT, /* `object`: an environment; what its bundle is made of has changed, or it is gone */
    STORE_WATCH_REVOCATION, /* certificates of warpgates are void; `text`: why */
    STORE_WATCH_EDGES,      /* one has joined, or was changed */
    STORE_WATCH_SETTING,    /* `text`: its name (store_setting.h) */
    STORE_WATCH_TOPIC, /* `text`, and perhaps `object`: an agreement between who tells and who listens */
    STORE_WATCH_ALL, /* heard only */
};

struct store_watch_event {
    enum store_watch_kind kind;
    struct id object;                /* or none */
    char text[STORE_WATCH_TEXT_MAX]; /* a-z 0-9 _ . - or empty */
};

struct store_watch;

/* Told to the others with the commit of this writing transaction. STATUS_INVALID (name_invalid: the text), STATUS_TOO_LARGE. */
enum status store_watch_announce(struct store_tx *tx,
                                 const struct store_watch_event *event) MUST_USE;

/* From when this returns everything is heard. Fails as store_open does. */
enum status store_watch_start(struct store *store,
                              void (*on_event)(void *context,
                                               const struct store_watch_event *event),
                              void *context, struct store_watch **watch, struct why *why) MUST_USE;
/* No more events come after this; it does not wait for one that is being told. Then store_watch_free, which does. */
void store_watch_stop(struct store_watch *watch);
void store_watch_free(struct store_watch **watch);

/* Any thread. Until when everything was heard, wall clock in ms: now, or when the connection that was lost last gave a sign. */
int64_t store_watch_as_of_ms(const struct store_watch *watch);
/* Any thread. */
bool store_watch_leads(const struct store_watch *watch);

/* What is sent: "ORIGIN KIND OBJECT|- TEXT|-". `bytes` is anything. STATUS_INVALID. */
enum status store_watch_parse(struct str bytes, struct str *origin,
                              struct store_watch_event *event) MUST_USE;

#endif
