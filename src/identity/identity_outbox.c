#include "identity/identity_outbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#define BATCH 8
#define POLL_MS 15000 /* for what another control plane has put there and not lived to send */

struct identity_outbox {
    struct store *store;
    struct identity_transport *transport;
    struct identity_mail_address from;
    char from_name[IDENTITY_MAIL_NAME_MAX + 1];
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t changed;
    bool is_woken;
};

void identity_outbox_new(const struct identity_outbox_config *config,
                         struct identity_outbox **out) {
    struct identity_outbox *outbox = MEMORY_NEW(struct identity_outbox);
    pthread_condattr_t attributes;
    outbox->store = config->store;
    outbox->transport = config->transport;
    outbox->from = config->from;
    /* It was judged to fit when it was parsed. */
    (void)!str_to_cstr(config->from.name, outbox->from_name, sizeof(outbox->from_name));
    outbox->from.name = str_from(outbox->from_name);
    atomic_init(&outbox->is_stopping, false);
    pthread_mutex_init(&outbox->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&outbox->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    *out = outbox;
}

static void wake(struct identity_outbox *outbox) {
    pthread_mutex_lock(&outbox->lock);
    outbox->is_woken = true;
    pthread_cond_signal(&outbox->changed);
    pthread_mutex_unlock(&outbox->lock);
}

void identity_outbox_free(struct identity_outbox **at) {
    struct identity_outbox *outbox = *at;
    *at = NULL;
    if (outbox == NULL) {
        return;
    }
    atomic_store(&outbox->is_stopping, true);
    if (outbox->has_thread) {
        wake(outbox);
        pthread_join(outbox->thread, NULL);
    }
    identity_transport_free(&outbox->transport);
    pthread_cond_destroy(&outbox->changed);
    pthread_mutex_destroy(&outbox->lock);
    memory_free(outbox);
}

bool identity_outbox_is_open(const struct identity_outbox *outbox) {
    return outbox->transport != NULL;
}

/* Putting */

static enum status insert(struct identity_outbox *outbox, struct store_tx *tx,
                          const struct identity_letter *letter, struct str message,
                          const struct id *id) {
    struct store_mail row = {
        .object = {.id = *id, .organization = letter->organization},
        .next_at_ms = store_tx_now_ms(tx),
        .expires_at_ms = letter->expires_at_ms,
        .recipient = identity_email_str(&letter->to.email),
        .message = message,
    };
    enum status status = store_outbox_insert(tx, &row);
    if (status == STATUS_OK) {
        /* It asks for the one writing transaction, and so waits for the end of this one. */
        wake(outbox);
    }
    return status;
}

enum status identity_outbox_put(struct identity_outbox *outbox, struct store_tx *tx,
                                const struct identity_letter *letter, struct id *id) {
    const int64_t now_ms = store_tx_now_ms(tx);
    struct buf message;
    *id = id_new(ID_MAIL, clock_system(), store_random(outbox->store));
    const struct identity_mail mail = {
        .id = *id,
        .from = outbox->from,
        .to = letter->to,
        .subject = letter->subject,
        .text = letter->text,
        .html = letter->html,
        .date_ms = now_ms,
    };
    buf_init(&message, STORE_OUTBOX_MESSAGE_MAX);
    enum status status = identity_mail_write(&mail, &message, store_tx_why(tx));
    if (status == STATUS_OK) {
        status = insert(outbox, tx, letter, buf_str(&message), id);
    }
    buf_fini_wiped(&message);
    return status;
}

/* Sending */

/* What is due, taken: nobody else will be at it until the lease is over. */
static enum status take(struct identity_outbox *outbox, struct arena *arena,
                        struct store_mail **rows, size_t *count, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(outbox->store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = store_outbox_due_any(tx, BATCH, arena, rows, count);
    }
    for (size_t i = 0; status == STATUS_OK && i < *count; i++) {
        struct store_mail *row = &(*rows)[i];
        row->attempts++;
        row->next_at_ms = store_tx_now_ms(tx) + IDENTITY_OUTBOX_LEASE_MS;
        status = store_outbox_update(tx, row);
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

static int64_t retry_after_ms(int64_t attempts) {
    int64_t delay_ms = IDENTITY_OUTBOX_RETRY_FIRST_MS;
    for (int64_t i = 1; i < attempts && delay_ms < IDENTITY_OUTBOX_RETRY_LAST_MS; i++) {
        delay_ms *= 2;
    }
    return delay_ms < IDENTITY_OUTBOX_RETRY_LAST_MS ? delay_ms : IDENTITY_OUTBOX_RETRY_LAST_MS;
}

/* A server's words need not be text. */
static struct str cut(const char *text) {
    struct str whole = str_sub(str_from(text), 0, STORE_OUTBOX_ERROR_MAX);
    return str_sub(whole, 0, text_utf8_prefix(whole));
}

static enum status note(struct identity_outbox *outbox, struct store_mail *row, enum status result,
                        const struct why *reason, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(outbox->store, STORE_WRITE, why, &tx);
    if (status != STATUS_OK) {
        return status;
    }
    if (result == STATUS_OK) {
        status = store_outbox_delete_any(tx, &row->object.id);
    } else {
        row->next_at_ms = store_tx_now_ms(tx) + retry_after_ms(row->attempts);
        row->last_error = cut(reason->text);
        if (result == STATUS_DENIED || row->next_at_ms >= row->expires_at_ms) {
            row->failed_at_ms = store_tx_now_ms(tx);
            row->message = STR_EMPTY;
        }
        status = store_outbox_update(tx, row);
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_CONFLICT) {
        return STATUS_OK; /* its organization is gone, or somebody else is at it */
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

static enum status send(struct identity_outbox *outbox, struct store_mail *row, struct why *why) {
    struct identity_email to;
    struct why reason = {0};
    enum status result = identity_email_parse(row->recipient, &to, &reason);
    if (result == STATUS_OK) {
        result =
            identity_transport_send(outbox->transport, row->object.id.text, &outbox->from.email,
                                    &to, row->message, &outbox->is_stopping, &reason);
    }
    if (result == STATUS_OK) {
        log_info("mail.sent", "mail=%s attempts=%lld", row->object.id.text,
                 (long long)row->attempts);
    } else {
        log_warn("mail.not_sent", "mail=%s attempts=%lld code=%s detail=%s", row->object.id.text,
                 (long long)row->attempts, reason.slug, reason.text);
    }
    return note(outbox, row, result == STATUS_INVALID ? STATUS_DENIED : result, &reason, why);
}

static enum status find_next(struct identity_outbox *outbox, int64_t *next_at_ms, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(outbox->store, STORE_READ, why, &tx);
    return status == STATUS_OK ? store_outbox_next_any(tx, next_at_ms) : status;
}

enum status identity_outbox_run(struct identity_outbox *outbox, int64_t *next_at_ms,
                                struct why *why) {
    struct arena arena;
    struct store_mail *rows = NULL;
    size_t count = 0;
    *next_at_ms = 0;
    arena_init(&arena);
    enum status status = take(outbox, &arena, &rows, &count, why);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = send(outbox, &rows[i], why);
    }
    arena_fini(&arena);
    return status == STATUS_OK ? find_next(outbox, next_at_ms, why) : status;
}

/* The thread */

static int64_t wait_ms(int64_t next_at_ms) {
    int64_t left_ms = next_at_ms == 0 ? POLL_MS : next_at_ms - clock_wall_ms(clock_system());
    return left_ms < 0 ? 0 : left_ms < POLL_MS ? left_ms : POLL_MS;
}

/* Until it is time, or somebody has put something. */
static void sleep_until(struct identity_outbox *outbox, int64_t delay_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += delay_ms / 1000;
    until.tv_nsec += delay_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&outbox->lock);
    int waited = 0;
    while (!outbox->is_woken && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&outbox->changed, &outbox->lock, &until);
    }
    outbox->is_woken = false;
    pthread_mutex_unlock(&outbox->lock);
}

static void *run_thread(void *context) {
    struct identity_outbox *outbox = context;
    while (!atomic_load(&outbox->is_stopping)) {
        struct why why = {0};
        int64_t next_at_ms = 0;
        if (identity_outbox_run(outbox, &next_at_ms, &why) != STATUS_OK) {
            log_warn("mail.outbox_not_read", "code=%s detail=%s", why.slug, why.text);
            next_at_ms = 0;
        }
        if (!atomic_load(&outbox->is_stopping)) {
            sleep_until(outbox, wait_ms(next_at_ms));
        }
    }
    return NULL;
}

enum status identity_outbox_start(struct identity_outbox *outbox, struct why *why) {
    if (outbox->transport == NULL) {
        return STATUS_OK;
    }
    if (pthread_create(&outbox->thread, NULL, run_thread, outbox) != 0) {
        return why_set(why, STATUS_FAILED, "mail_thread", "a thread for mails cannot be started");
    }
    outbox->has_thread = true;
    return STATUS_OK;
}
