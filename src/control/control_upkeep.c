#include "control/control_upkeep.h"

#include "base/log.h"
#include "base/memory.h"
#include "control/api_download.h"
#include "control/api_exchange.h"
#include "control/api_idempotency.h"
#include "control/api_stream.h"
#include "control/audit_access.h"
#include "control/ca_renewal.h"
#include "control/ca_report.h"
#include "control/control_conn.h"
#include "control/control_erasure.h"
#include "control/control_expiry.h"
#include "control/control_operation.h"
#include "control/control_reload.h"
#include "control/control_watch.h"
#include "control/edge_keeper.h"
#include "control/event_watch.h"
#include "control/feed_hub.h"
#include "control/meter.h"
#include "control/presence.h"
#include "store/store_audit.h"
#include "store/store_hostname.h"
#include "store/store_idempotency.h"
#include "store/store_invitation.h"
#include "store/store_metric.h"
#include "store/store_revocation.h"
#include "store/store_tenant.h"
#include "store/store_usage.h"

#define TICK_MS 250
#define SECOND_TICKS 4
#define KEEP_SECONDS 2
#define HOUR_SECONDS 3600
#define KEEP_COUNT_MAX 500
#define INVITATION_FORGET_MS (INT64_C(30) * 24 * 3600 * 1000) /* after it ran out */
#define AUDIT_PRUNE_ROWS 1000 /* in one transaction: others write, too */

/* Apart from the control plane, since it goes a moment after it. */
struct control_timers {
    struct loop_timer tick;
    struct control *control; /* NULL once it is over */
    uint64_t ticks;
    uint64_t seconds;
    bool is_keeping; /* one such job at a time */
};

/* Keeping reports */

static enum status keep_report(struct control *control, struct store_tx *tx, const struct id *id) {
    struct arena arena;
    struct store_tenant tenant;
    struct store_warpgate row;
    struct presence_view view;
    arena_init(&arena);
    presence_get(control->presence, id, &view);
    enum status status = store_tenant_find_any(tx, id, &tenant);
    if (status == STATUS_OK) {
        status = store_warpgate_get(tx, &tenant.organization, id, &arena, &row);
    }
    if (status == STATUS_OK && view.is_known) {
        row.last_seen_at_ms = view.seen_at_ms;
        row.refused_code = str_from(view.refused_code);
        if (view.applied_revision > 0) {
            row.applied_revision = view.applied_revision;
            row.version = str_from(view.version);
            row.ip_address = str_from(view.ip_address);
        }
        status = store_warpgate_report(tx, &row);
    }
    arena_fini(&arena);
    /* Deleted in the meantime, or never ours: nothing to keep. */
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void keep_reports(struct control *control) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct why why = {0};
    struct id *ids = memory_new_array(KEEP_COUNT_MAX, sizeof(struct id));
    size_t count = presence_take_changed(control->presence, ids, KEEP_COUNT_MAX);
    enum status status =
        count == 0 ? STATUS_END : store_tx_begin(control->store, STORE_WRITE, &why, &tx);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = keep_report(control, tx, &ids[i]);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&tx);
    }
    if (status != STATUS_OK && status != STATUS_END) {
        log_warn("control.reports_not_kept", "code=%s detail=%s", why.slug, why.text);
    }
    memory_free(ids);
}

static void run_keeping(void *context) {
    struct control *control = ((struct control_timers *)context)->control;
    keep_reports(control);
    control_erasure_run(control);
    control_operation_run(control);
    edge_keeper_write(control);
    audit_access_write(control->access, control->store);
}

static void finish_keeping(void *context) {
    struct control_timers *timers = context;
    timers->is_keeping = false;
    timers->control->work_count--;
    control_state_check_ended(timers->control);
}

/* Throwing away */

static enum status prune(const struct control *control, struct store_tx *tx) {
    int64_t now_ms = store_tx_now_ms(tx);
    enum status status = store_session_prune(tx, now_ms - IDENTITY_SESSION_IDLE_MS);
    if (status == STATUS_OK) {
        status = store_revocation_prune_any(tx);
    }
    if (status == STATUS_OK) {
        status = store_idempotency_prune_any(tx, now_ms - API_IDEMPOTENCY_MS);
    }
    if (status == STATUS_OK) {
        status = edge_keeper_prune(tx);
    }
    if (status == STATUS_OK) {
        status = store_outbox_prune_any(tx, now_ms - IDENTITY_OUTBOX_FORGET_MS);
    }
    if (status == STATUS_OK) {
        status = store_invitation_prune_any(tx, now_ms - INVITATION_FORGET_MS);
    }
    if (status == STATUS_OK) {
        status = store_operation_prune_any(tx);
    }
    if (status == STATUS_OK) {
        status = store_warpgate_prune_any(tx, now_ms - control->warpgate_keep_ms);
    }
    if (status == STATUS_OK) {
        status = store_hostname_release_gone(tx, NULL);
    }
    if (status == STATUS_OK) {
        status = store_hostname_prune_any(tx);
    }
    if (status == STATUS_OK) {
        status = store_usage_prune_any(tx);
    }
    if (status == STATUS_OK) {
        status = store_metric_prune_any(tx);
    }
    if (status == STATUS_OK) {
        status = meter_prune(tx);
    }
    return status;
}

static enum status prune_all(const struct control *control, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = prune(control, tx);
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

static enum status prune_audit(const struct control *control, uint64_t *deleted, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &tx);
    *deleted = 0;
    if (status == STATUS_OK) {
        status = store_audit_prune_any(tx, store_tx_now_ms(tx) - control->audit_keep_ms,
                                       AUDIT_PRUNE_ROWS, deleted);
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

static void run_prune(void *context) {
    const struct control *control = context;
    struct why why = {0};
    uint64_t deleted = AUDIT_PRUNE_ROWS;
    enum status status = prune_all(control, &why);
    while (status == STATUS_OK && deleted >= AUDIT_PRUNE_ROWS) {
        status = prune_audit(control, &deleted, &why);
    }
    if (status != STATUS_OK) {
        log_warn("control.not_pruned", "code=%s detail=%s", why.slug, why.text);
    }
}

static void finish_prune(void *context) {
    struct control *control = context;
    control->work_count--;
    control_state_check_ended(control);
}

/* The clock */

static void run_hourly(struct control *control) {
    control_conn_maintain(control);
    feed_hub_maintain(control->hub);
    presence_sweep(control->presence);
    ca_report_sweep(control->ca_reports);
    if (!control_watch_leads(control->others)) {
        return; /* another one does it */
    }
    control->work_count++;
    loop_work(control->loop, run_prune, finish_prune, control);
    ca_renewal_check(control);
}

static void run_often(struct control_timers *timers) {
    struct control *control = timers->control;
    control_reload_check(control);
    presence_sweep(control->presence);
    if (!timers->is_keeping) {
        timers->is_keeping = true;
        control->work_count++;
        loop_work(control->loop, run_keeping, finish_keeping, timers);
    }
}

static void run_second(struct control_timers *timers) {
    struct control *control = timers->control;
    timers->seconds++;
    api_exchange_tick(control);
    api_download_tick(control->downloads);
    feed_hub_tick(control->hub);
    if (control->phase == CONTROL_STOPPING) {
        if (loop_now_ms(control->loop) >= control->stop_deadline_ms) {
            control_conn_abort_all(control);
        }
    } else if (timers->seconds % HOUR_SECONDS == 1) {
        run_hourly(control);
    } else if (timers->seconds % KEEP_SECONDS == 0) {
        run_often(timers);
    }
}

/* Streams are to tell soon; everything else has time. */
static void on_tick(struct loop_timer *timer) {
    struct control_timers *timers = timer->context;
    struct control *control = timers->control;
    timers->ticks++;
    if (control->phase == CONTROL_RUNNING) {
        event_watch_tick(control->watch);
        meter_tick(control);
    }
    api_stream_tick(control->streams);
    control_expiry_tick(control->expiry);
    if (timers->ticks % SECOND_TICKS == 0) {
        run_second(timers);
    }
    loop_timer_set(timer, TICK_MS);
}

void control_upkeep_start(struct control *control) {
    control->timers = MEMORY_NEW(struct control_timers);
    control->timers->control = control;
    loop_timer_init(&control->timers->tick, control->loop, on_tick, control->timers);
    loop_timer_set(&control->timers->tick, TICK_MS);
}

static void on_timer_closed(struct loop_timer *timer) {
    memory_free(timer->context);
}

void control_upkeep_end(struct control *control) {
    if (control->timers != NULL) {
        loop_timer_close(&control->timers->tick, on_timer_closed);
        control->timers = NULL;
    }
}
