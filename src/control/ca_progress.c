#include "control/ca_progress.h"

#include <string.h>

#include "control/ca_report.h"
#include "control/edge_presence.h"
#include "control/presence.h"
#include "store/store_edge.h"
#include "store/store_warpgate.h"

/* By what everybody is judged. */
struct wanted {
    char anchors[CA_ANCHORS_SIZE];
    char root[CA_ANCHORS_SIZE];
    enum ca_wait wait;
};

/* Whoever is to lose a root has to be off it: going back, and in the end. */
enum ca_wait ca_progress_wait(enum ca_phase phase, bool is_back) {
    if (is_back) {
        return phase == CA_ANNOUNCED ? CA_WAIT_CERTIFICATE : CA_WAIT_TRUST;
    }
    return phase == CA_ISSUING ? CA_WAIT_CERTIFICATE : CA_WAIT_TRUST;
}

static void judge(struct control *control, const struct wanted *wanted, const struct id *id,
                  bool is_connected, struct ca_progress *progress) {
    struct ca_report report;
    ca_report_get(control->ca_reports, id, &report);
    struct ca_laggard peer = {
        .id = *id,
        .is_connected = is_connected,
        .trusts_all = strcmp(report.anchors, wanted->anchors) == 0,
        .is_on_issuer = strcmp(report.root, wanted->root) == 0,
    };
    progress->total++;
    progress->trusting += peer.trusts_all ? 1 : 0;
    progress->on_issuer += peer.is_on_issuer ? 1 : 0;
    if (peer.trusts_all && (wanted->wait == CA_WAIT_TRUST || peer.is_on_issuer)) {
        return;
    }
    if (progress->laggard_count < CA_PROGRESS_LAGGARDS_MAX) {
        progress->laggards[progress->laggard_count] = peer;
    }
    progress->laggard_count++;
}

static bool is_alive(const struct store_tx *tx, const struct store_edge *edge,
                     const struct edge_presence_view *view) {
    int64_t until_ms = view->certificate_until_ms > edge->certificate_until_ms
                           ? view->certificate_until_ms
                           : edge->certificate_until_ms;
    return view->is_connected || until_ms > store_tx_now_ms(tx);
}

static enum status count_edges_of_page(struct control *control, struct store_tx *tx,
                                       const struct wanted *wanted, struct store_page *page,
                                       struct ca_progress *progress) {
    struct arena arena;
    struct store_edge *rows = NULL;
    size_t count = 0;
    arena_init(&arena);
    enum status status = store_edge_list(tx, page, &arena, &rows, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct edge_presence_view view;
        edge_presence_get(control->edge_presence, &rows[i].object.id, &view);
        if (is_alive(tx, &rows[i], &view)) {
            judge(control, wanted, &rows[i].object.id, view.is_connected, progress);
        }
        page->after = rows[i].object.id;
    }
    page->has_cursor = count > 0;
    arena_fini(&arena);
    return status;
}

static enum status count_edges(struct control *control, struct store_tx *tx,
                               const struct wanted *wanted, struct ca_progress *progress) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_ASCENDING};
    enum status status = STATUS_OK;
    bool has_more = true;
    while (status == STATUS_OK && has_more) {
        status = count_edges_of_page(control, tx, wanted, &page, progress);
        has_more = page.has_more && page.has_cursor;
    }
    return status;
}

static enum status count_warpgates(struct control *control, struct store_tx *tx,
                                   const struct wanted *wanted, struct ca_progress *progress) {
    struct arena arena;
    struct id *ids = NULL;
    size_t count = 0;
    arena_init(&arena);
    enum status status = store_warpgate_seen_since_any(
        tx, store_tx_now_ms(tx) - CONTROL_REVOCATION_MS, &arena, &ids, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct presence_view view;
        presence_get(control->presence, &ids[i], &view);
        judge(control, wanted, &ids[i], view.status == PRESENCE_CONNECTED, progress);
    }
    arena_fini(&arena);
    return status;
}

enum status ca_progress_count(struct control *control, struct store_tx *tx,
                              const struct ca_rotation *rotation, enum ca_wait wait,
                              struct ca_progresses *progresses) {
    struct wanted wanted = {.wait = wait};
    *progresses = (struct ca_progresses){.edges = {.total = 0}};
    ca_rotation_anchors_name(ca_rotation_anchors(rotation), wanted.anchors);
    ca_rotation_anchors_name(ca_root_pem(ca_rotation_issuer(rotation)), wanted.root);
    enum status status = count_edges(control, tx, &wanted, &progresses->edges);
    return status == STATUS_OK ? count_warpgates(control, tx, &wanted, &progresses->warpgates)
                               : status;
}
