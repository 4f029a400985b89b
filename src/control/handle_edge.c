/* handle_edge.c: the edges of the installation, for those who run it. They join by themselves (handle_edge_enrolment.c). */
#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/edge_view.h"
#include "control/handle.h"
#include "store/store_edge.h"

/* A revoked one is kept for the sake of its certificate, and is there for nobody else. */
static enum status find_edge(struct api_call *call, struct store_edge *edge) {
    enum status status = store_edge_get(call->tx, &call->object, &call->arena, edge);
    return status == STATUS_OK && edge->revoked_at_ms != 0
               ? why_set(&call->why, STATUS_NOT_FOUND, "not_found", "there is no such edge")
               : status;
}

static void answer_edge(struct api_call *call, const struct store_edge *edge) {
    call->answer.body = edge_view_write(call->control, edge);
    api_call_set_etag(call, edge->object.revision, 0);
}

enum status handle_edge_list(struct api_call *call) {
    struct store_page page;
    struct store_edge *rows = NULL;
    size_t count = 0;
    enum status status = api_cursor_page(call, &page);
    if (status == STATUS_OK) {
        status = store_edge_list(call->tx, &page, &call->arena, &rows, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(items, edge_view_write(call->control, &rows[i]));
    }
    api_cursor_answer(call, &page, items, count > 0 ? &rows[count - 1].object.id : NULL, 0);
    return STATUS_OK;
}

enum status handle_edge_get(struct api_call *call) {
    struct store_edge edge;
    enum status status = find_edge(call, &edge);
    if (status == STATUS_OK) {
        answer_edge(call, &edge);
    }
    return status;
}

static enum status judge_address(struct api_call *call, struct str address) {
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    struct why reason = {0};
    return address_split(address, 0, host, &port, &reason) == STATUS_OK
               ? STATUS_OK
               : api_call_refuse(call, "address", "address_invalid", -1,
                                 "an edge's address is HOST:PORT");
}

enum status handle_edge_patch(struct api_call *call) {
    struct store_edge edge;
    enum status status = find_edge(call, &edge);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, edge.object.revision, 0, false);
    }
    struct store_edge changed = edge;
    if (status == STATUS_OK) {
        changed.name = api_call_text(call, "name", edge.name);
        changed.address = api_call_text(call, "address", edge.address);
        changed.is_enabled = api_call_boolean(call, "enabled", edge.is_enabled);
        status = judge_address(call, changed.address);
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool is_same = str_eq(changed.name, edge.name) && str_eq(changed.address, edge.address) &&
                   changed.is_enabled == edge.is_enabled;
    if (is_same) {
        audit_unchanged(call);
    } else {
        status = store_edge_update(call->tx, &changed);
        if (status == STATUS_OK) {
            status = audit_record(call, "edge.updated", &edge.object.id,
                                  edge_view_write_kept(&edge), edge_view_write_kept(&changed));
        }
        edge_view_change(&changed, &call->changes);
    }
    if (status == STATUS_OK) {
        answer_edge(call, &changed);
    }
    return status;
}

/* Its feed ends and warpgates leave it as soon as this is committed. */
enum status handle_edge_delete(struct api_call *call) {
    struct store_edge edge;
    enum status status = find_edge(call, &edge);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, edge.object.revision, 0, true);
    }
    if (status == STATUS_OK) {
        status = store_edge_revoke(call->tx, &call->object);
    }
    if (status == STATUS_OK) {
        status =
            audit_record(call, "edge.deleted", &edge.object.id, edge_view_write_kept(&edge), NULL);
    }
    if (status == STATUS_OK) {
        edge.revoked_at_ms = store_tx_now_ms(call->tx);
        edge.object.revision++;
        edge_view_change(&edge, &call->changes);
        call->answer.etag[0] = '\0';
        log_info("api.edge_deleted", "edge=%s member=%s", call->object.text, call->actor.text);
    }
    return status;
}
