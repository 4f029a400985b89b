#include "control/change_reader.h"

#include <stdio.h>

#include "control/edge_view.h"
#include "store/store_revocation.h"

static enum status read_page(struct store_tx *tx, const char *reason, struct store_page *page,
                             struct arena *arena, struct change_list *changes) {
    struct store_revocation *rows = NULL;
    size_t count = 0;
    enum status status = store_revocation_list_any(tx, page, arena, &rows, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct change *change = change_list_add(changes, CHANGE_REVOKED);
        change->environment = rows[i].environment;
        change->warpgate = rows[i].warpgate;
        change->expires_at_ms = rows[i].expires_at_ms;
        snprintf(change->reason, sizeof(change->reason), "%s", reason);
        page->after = rows[i].object.id;
    }
    page->has_cursor = count > 0;
    return status;
}

enum status change_reader_revocations(struct store_tx *tx, const char *reason,
                                      struct change_list *changes) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_DESCENDING};
    enum status status = STATUS_OK;
    bool has_more = true;
    while (status == STATUS_OK && has_more) {
        struct arena arena;
        arena_init(&arena);
        status = read_page(tx, reason, &page, &arena, changes);
        has_more = page.has_more && page.has_cursor;
        arena_fini(&arena);
    }
    return status;
}

static enum status read_edges(struct store_tx *tx, struct store_page *page, struct arena *arena,
                              struct change_list *changes) {
    struct store_edge *rows = NULL;
    size_t count = 0;
    enum status status = store_edge_list_all(tx, page, arena, &rows, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        edge_view_change(&rows[i], changes);
        page->after = rows[i].object.id;
    }
    page->has_cursor = count > 0;
    return status;
}

enum status change_reader_edges(struct store_tx *tx, struct change_list *changes) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_DESCENDING};
    enum status status = STATUS_OK;
    bool has_more = true;
    while (status == STATUS_OK && has_more) {
        struct arena arena;
        arena_init(&arena);
        status = read_edges(tx, &page, &arena, changes);
        has_more = page.has_more && page.has_cursor;
        arena_fini(&arena);
    }
    return status;
}
