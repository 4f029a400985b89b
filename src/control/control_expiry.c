#include "control/control_expiry.h"

#include "base/log.h"
#include "base/memory.h"
#include "control/change_reader.h"
#include "control/control_watch.h"
#include "control/feed_hub.h"
#include "store/store_service_account.h"

#define LOOK_MS 1000

struct control_expiry {
    struct control *control;
    int64_t look_at_ms; /* wall */
    bool is_looking;
    /* of the look that is under way: a pool thread's until it is finished */
    int64_t next_ms;
    struct change_list changes;
};

struct control_expiry *control_expiry_new(struct control *control) {
    struct control_expiry *expiry = MEMORY_NEW(struct control_expiry);
    expiry->control = control;
    change_list_init(&expiry->changes);
    return expiry;
}

void control_expiry_free(struct control_expiry **at) {
    struct control_expiry *expiry = *at;
    *at = NULL;
    if (expiry != NULL) {
        change_list_fini(&expiry->changes);
        memory_free(expiry);
    }
}

/* Certificates that were issued before have ended by themselves. */
static int64_t oldest_ms(const struct store_tx *tx) {
    return store_tx_now_ms(tx) - CONTROL_REVOCATION_MS;
}

static enum status find_due(struct control_expiry *expiry, bool *is_due, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(expiry->control->store, STORE_READ, why, &tx);
    return status == STATUS_OK
               ? store_service_account_expiry_any(tx, oldest_ms(tx), is_due, &expiry->next_ms)
               : status;
}

static enum status end_due(struct control_expiry *expiry, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    size_t ended = 0;
    enum status status = store_tx_begin(expiry->control->store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = store_service_account_expire_any(
            tx, oldest_ms(tx), store_tx_now_ms(tx) + CONTROL_REVOCATION_MS, &ended);
    }
    if (status == STATUS_OK) {
        status = change_reader_revocations(tx, "key_expired", &expiry->changes);
    }
    if (status == STATUS_OK) {
        status = control_watch_announce(tx, &expiry->changes);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&tx);
    }
    if (status == STATUS_OK) {
        log_info("control.expired", "warpgates=%zu", ended);
    } else {
        change_list_fini(&expiry->changes);
    }
    return status;
}

static void run_look(void *context) {
    struct control_expiry *expiry = context;
    struct why why = {0};
    bool is_due = false;
    enum status status = find_due(expiry, &is_due, &why);
    if (status == STATUS_OK && is_due) {
        status = end_due(expiry, &why);
    }
    if (status != STATUS_OK) {
        log_warn("control.expiry_failed", "code=%s detail=%s", why.slug, why.text);
    }
}

static void finish_look(void *context) {
    struct control_expiry *expiry = context;
    struct control *control = expiry->control;
    int64_t now_ms = clock_wall_ms(loop_clock(control->loop));
    expiry->is_looking = false;
    expiry->look_at_ms = now_ms + LOOK_MS;
    if (expiry->next_ms != 0 && expiry->next_ms < expiry->look_at_ms) {
        expiry->look_at_ms = expiry->next_ms;
    }
    feed_hub_apply(control->hub, &expiry->changes);
    control->work_count--;
    control_state_check_ended(control);
}

void control_expiry_tick(struct control_expiry *expiry) {
    struct control *control = expiry->control;
    int64_t now_ms = clock_wall_ms(loop_clock(control->loop));
    /* A clock that was set back must not stop the looking. */
    bool is_time = now_ms >= expiry->look_at_ms || expiry->look_at_ms > now_ms + LOOK_MS;
    if (expiry->is_looking || control->phase != CONTROL_RUNNING || !is_time) {
        return;
    }
    expiry->is_looking = true;
    control->work_count++;
    loop_work(control->loop, run_look, finish_look, expiry);
}
