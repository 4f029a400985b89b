#include "control/edge_keeper.h"

#include "base/log.h"
#include "control/edge_presence.h"
#include "store/store_edge.h"
#include "store/store_join_token.h"

#define EDGES_MAX 100 /* at a time; the rest the next time */
#define FORGET_MS ((CONTROL_EDGE_LIFETIME_SECONDS + INT64_C(24) * 3600) * 1000)

static enum status keep(struct control *control, struct store_tx *tx, const struct id *id) {
    struct arena arena;
    struct store_edge row;
    struct edge_presence_view view;
    arena_init(&arena);
    edge_presence_get(control->edge_presence, id, &view);
    enum status status = store_edge_get(tx, id, &arena, &row);
    if (status == STATUS_OK && view.is_known) {
        row.last_seen_at_ms = view.seen_at_ms;
        row.certificate_until_ms = view.certificate_until_ms;
        row.version = str_from(view.version);
        row.ip_address = str_from(view.ip_address);
        status = store_edge_report(tx, &row);
    }
    arena_fini(&arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

void edge_keeper_write(struct control *control) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct why why = {0};
    struct id ids[EDGES_MAX];
    size_t count = edge_presence_take_changed(control->edge_presence, ids, EDGES_MAX);
    enum status status =
        count == 0 ? STATUS_END : store_tx_begin(control->store, STORE_WRITE, &why, &tx);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = keep(control, tx, &ids[i]);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&tx);
    }
    if (status != STATUS_OK && status != STATUS_END) {
        log_warn("control.edges_not_kept", "code=%s detail=%s", why.slug, why.text);
    }
}

enum status edge_keeper_prune(struct store_tx *tx) {
    int64_t before_ms = store_tx_now_ms(tx) - FORGET_MS;
    enum status status = store_edge_prune(tx, before_ms);
    return status == STATUS_OK ? store_join_token_prune(tx, before_ms) : status;
}
