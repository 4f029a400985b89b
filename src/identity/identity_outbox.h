/* identity_outbox.h: mails on their way: written with the change that they tell of, sent by a thread of their own, again and again
 * until the server has taken them.
 *
 * A mail that is committed is sent, across restarts, by any control plane of the installation: one takes it for LEASE and sends it; if it dies
 * meanwhile another does, so that a mail may come twice in that case, with the same Message-ID. After a failure the next try is 5 s later,
 * then twice as long each time, 30 min at the most, until the mail expires; what the server refuses for good is given up at once.
 * put may be called from any thread within a transaction. Without a transport nothing is put: ask identity_outbox_is_open.
 */
#ifndef IDENTITY_IDENTITY_OUTBOX_H
#define IDENTITY_IDENTITY_OUTBOX_H

#include "base/clock.h"
#include "identity/identity_mail.h"
#include "identity/identity_transport.h"
#include "store/store_outbox.h"

#define IDENTITY_OUTBOX_LEASE_MS (INT64_C(5) * 60 * 1000)
#define IDENTITY_OUTBOX_RETRY_FIRST_MS INT64_C(5000)
#define IDENTITY_OUTBOX_RETRY_LAST_MS (INT64_C(30) * 60 * 1000)
#define IDENTITY_OUTBOX_FORGET_MS (INT64_C(7) * 24 * 3600 * 1000) /* what was given up */

struct identity_outbox;

struct identity_outbox_config {
    struct store *store;                  /* borrowed */
    struct identity_transport *transport; /* taken over; NULL: mails are not sent */
    struct identity_mail_address from;    /* its name is copied */
};

void identity_outbox_new(const struct identity_outbox_config *config,
                         struct identity_outbox **outbox);
/* Stops the thread, which breaks off what it is at within a second. */
void identity_outbox_free(struct identity_outbox **outbox);
/* Starts the thread. STATUS_FAILED. */
enum status identity_outbox_start(struct identity_outbox *outbox, struct why *why) MUST_USE;
/* Whether mails are sent at all. */
bool identity_outbox_is_open(const struct identity_outbox *outbox);

/* What is to be told to whom. */
struct identity_letter {
    struct id organization; /* that it belongs to; none: the installation */
    struct identity_mail_address to;
    struct str subject;
    struct str text;
    struct str html;
    int64_t expires_at_ms;
};

/* Within a writing transaction; sent once that is committed. STATUS_INVALID and STATUS_TOO_LARGE of identity_mail.h, STATUS_UNAVAILABLE
 * (outbox_full). */
enum status identity_outbox_put(struct identity_outbox *outbox, struct store_tx *tx,
                                const struct identity_letter *letter, struct id *mail) MUST_USE;
/* One round of the thread's work, for tests: sends what is due. *next_at_ms: when there will be more; 0: never. */
enum status identity_outbox_run(struct identity_outbox *outbox, int64_t *next_at_ms,
                                struct why *why) MUST_USE;

#endif
