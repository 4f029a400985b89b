#include "control/ca_renewal.h"

#include "base/log.h"
#include "base/memory.h"
#include "control/audit.h"
#include "control/ca_step.h"
#include "control/control_ca.h"
#include "control/control_watch.h"
#include "control/feed_hub.h"

struct renewal {
    struct control *control;
    struct change_list changes;
    enum status status;
    struct why why;
};

static enum status record(struct store_tx *tx) {
    struct audit_fact fact = {.action = "ca.intermediates_renewed"};
    return audit_record_system(tx, &fact);
}

/* Another control plane may have been quicker: the store knows. */
static enum status renew(struct renewal *renewal, struct store_tx *tx) {
    const struct clock *clock = loop_clock(renewal->control->loop);
    struct ca_rotation *rotation = NULL;
    uint64_t revision;
    enum status status = ca_step_read(tx, &rotation, &revision, &renewal->why);
    if (status == STATUS_OK && !ca_step_is_renewal_due(rotation, store_tx_now_ms(tx))) {
        status = STATUS_END;
    }
    if (status == STATUS_OK) {
        status = ca_step_take(tx, rotation, revision, CA_STEP_RENEW_INTERMEDIATES, clock,
                              &renewal->changes, &renewal->why);
    }
    ca_rotation_free(&rotation);
    if (status == STATUS_OK) {
        status = record(tx);
    }
    return status == STATUS_OK ? control_watch_announce(tx, &renewal->changes) : status;
}

static void run(void *context) {
    struct renewal *renewal = context;
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    renewal->status = store_tx_begin(renewal->control->store, STORE_WRITE, &renewal->why, &tx);
    if (renewal->status == STATUS_OK) {
        renewal->status = renew(renewal, tx);
    }
    if (renewal->status == STATUS_OK) {
        renewal->status = store_tx_commit(&tx);
    }
}

static void finish(void *context) {
    struct renewal *renewal = context;
    struct control *control = renewal->control;
    if (renewal->status == STATUS_OK) {
        feed_hub_apply(control->hub, &renewal->changes);
    } else if (renewal->status != STATUS_END) {
        log_error("control.intermediates_not_renewed", "code=%s detail=%s", renewal->why.slug,
                  renewal->why.text);
    }
    change_list_fini(&renewal->changes);
    memory_free(renewal);
    control->work_count--;
    control_state_check_ended(control);
}

void ca_renewal_check(struct control *control) {
    if (!ca_step_is_renewal_due(control_ca(control), clock_wall_ms(loop_clock(control->loop)))) {
        return;
    }
    struct renewal *renewal = MEMORY_NEW(struct renewal);
    renewal->control = control;
    change_list_init(&renewal->changes);
    control->work_count++;
    loop_work(control->loop, run, finish, renewal);
}
