/* store_outbox.h: mails that are to be sent, kept until they are: written in the transaction of what they tell of.
 *
 * A mail's row goes when it has been sent. One that was given up stays for a while without its content, so that the operator sees why.
 * A mail that belongs to an organization is sealed with its key and goes with it; others with the system's. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_OUTBOX_H
#define STORE_STORE_OUTBOX_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_OUTBOX_ROWS_MAX 10000 /* waiting, of all tenants */
#define STORE_OUTBOX_MESSAGE_MAX ((size_t)64 << 10)
#define STORE_OUTBOX_ERROR_MAX 300

struct store_mail {
    struct store_object object; /* organization may be none */
    int64_t attempts;
    int64_t next_at_ms;    /* not before; also while somebody is at it */
    int64_t expires_at_ms; /* of no use after this */
    int64_t failed_at_ms;  /* given up; 0: not */
    struct str recipient;  /* an address */
    struct str message;    /* as it is sent; empty once given up */
    struct str last_error; /* of the last attempt, for people */
};

/* object.id may be set. STATUS_UNAVAILABLE (outbox_full). */
enum status store_outbox_insert(struct store_tx *tx, struct store_mail *mail) MUST_USE;
/* STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch). */
enum status store_outbox_update(struct store_tx *tx, struct store_mail *mail) MUST_USE;
/* Those whose time has come, `limit` at the most, the longest waiting first. Over all tenants: for sending alone. */
enum status store_outbox_due_any(struct store_tx *tx, size_t limit, struct arena *arena,
                                 struct store_mail **rows, size_t *count) MUST_USE;
/* When the next is due; 0: none waits. */
enum status store_outbox_next_any(struct store_tx *tx, int64_t *next_at_ms) MUST_USE;
/* Over all tenants: for the operator. */
enum status store_outbox_list_any(struct store_tx *tx, struct store_page *page, struct arena *arena,
                                  struct store_mail **rows, size_t *count) MUST_USE;
/* How it stands with a mail of an organization's. STATUS_NOT_FOUND: it has been sent, or there was none. */
enum status store_outbox_get(struct store_tx *tx, const struct id *organization,
                             const struct id *id, struct arena *arena,
                             struct store_mail *mail) MUST_USE;
/* Sent. Deleting what is gone is no error. */
enum status store_outbox_delete_any(struct store_tx *tx, const struct id *id) MUST_USE;
/* Forgets those that were given up before. */
enum status store_outbox_prune_any(struct store_tx *tx, int64_t before_ms) MUST_USE;

#endif
