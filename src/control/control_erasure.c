#include "control/control_erasure.h"

#include "base/log.h"
#include "store/store_erasure.h"

static enum status find_due(struct control *control, struct arena *arena, struct id **ids,
                            size_t *count, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_READ, why, &tx);
    return status == STATUS_OK ? store_erasure_due_any(tx, arena, ids, count) : status;
}

static enum status erase(struct control *control, const struct id *organization, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = store_erasure_run(tx, organization);
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

void control_erasure_run(struct control *control) {
    struct arena arena;
    struct id *ids = NULL;
    size_t count = 0;
    size_t erased = 0;
    struct why why = {0};
    arena_init(&arena);
    enum status status = find_due(control, &arena, &ids, &count, &why);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = erase(control, &ids[i], &why);
        if (status == STATUS_OK) {
            log_info("control.organization_erased", "organization=%s", ids[i].text);
            erased++;
        }
        /* Restored, or erased by another control plane, in between. */
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (erased > 0 && status == STATUS_OK) {
        status = store_erasure_scrub(control->store, &why);
    }
    if (status != STATUS_OK) {
        log_warn("control.not_erased", "code=%s detail=%s", why.slug, why.text);
    }
    arena_fini(&arena);
}
