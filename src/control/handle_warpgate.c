/* handle_warpgate.c: warpgates, which register themselves: what the store keeps of them, and what the edges say just now.
 *
 * What edges say is nobody's change: it shows in the ETag, so that a 304 is true, but breaks no If-Match.
 */
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "control/api_cursor.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/handle.h"
#include "control/presence.h"
#include "pki/digest.h"
#include "store/store_key.h"
#include "store/store_warpgate.h"

/* A list with a status reads so many pages of the store for one of its own: what is left is on the next. */
#define PAGES_MAX 20

/* What was reported since this process began goes before what was kept. */
static void merge_view(const struct store_warpgate *row, struct presence_view *view) {
    if (row->applied_revision > view->applied_revision) {
        view->applied_revision = row->applied_revision;
    }
    if (row->last_seen_at_ms > view->seen_at_ms) {
        view->seen_at_ms = row->last_seen_at_ms;
    }
    if (!view->is_known) {
        (void)!str_to_cstr(row->refused_code, view->refused_code, sizeof(view->refused_code));
    }
    if (view->ip_address[0] == '\0') {
        (void)!str_to_cstr(row->ip_address, view->ip_address, sizeof(view->ip_address));
    }
    if (view->version[0] == '\0') {
        (void)!str_to_cstr(row->version, view->version, sizeof(view->version));
    }
    /* One that never connected is not in doubt. */
    if (row->revoked_at_ms != 0 ||
        (view->status == PRESENCE_UNKNOWN && !view->is_known && row->last_seen_at_ms == 0)) {
        view->status = PRESENCE_DISCONNECTED;
    }
}

static json_t *text_or_null(const char *text) {
    return text[0] == '\0' ? json_null() : json_from_str(str_from(text));
}

/* What is kept, and no edge says. */
static json_t *write_kept(const struct store_warpgate *row, const struct id *account) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&row->object.id));
    json_object_set_new(item, "environment", api_call_id(&row->environment));
    json_object_set_new(item, "service_account", api_call_id(account));
    json_object_set_new(item, "key", api_call_id(&row->key));
    json_object_set_new(item, "name", json_from_str(row->name));
    json_object_set_new(item, "platform", json_from_str(row->platform));
    json_object_set_new(item, "certificate_expires_at", api_call_time(row->certificate_until_ms));
    json_object_set_new(item, "revoked_at", api_call_time(row->revoked_at_ms));
    json_object_set_new(item, "created_at", api_call_time(row->object.created_at_ms));
    return item;
}

static json_t *write_edges(struct api_call *call, const struct id *warpgate) {
    struct presence_tunnels at[PRESENCE_TUNNEL_EDGES_MAX];
    size_t count =
        presence_tunnels(call->control->presence, warpgate, at, PRESENCE_TUNNEL_EDGES_MAX);
    json_t *edges = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *edge = json_object();
        json_object_set_new(edge, "edge", api_call_id(&at[i].edge));
        json_object_set_new(edge, "tunnels", json_integer(at[i].count));
        json_array_append_new(edges, edge);
    }
    return edges;
}

static void add_view(json_t *item, const struct presence_view *view, uint64_t bundle_revision) {
    json_object_set_new(item, "status", json_string(presence_status_name(view->status)));
    json_object_set_new(item, "tunnels", json_integer(view->tunnel_count));
    json_object_set_new(item, "upstreams",
                        presence_write_upstreams(view->upstreams, view->upstream_count));
    json_object_set_new(item, "ip_address", text_or_null(view->ip_address));
    json_object_set_new(item, "version", text_or_null(view->version));
    json_object_set_new(item, "applied_revision",
                        view->applied_revision == 0
                            ? json_null()
                            : json_integer((json_int_t)view->applied_revision));
    json_object_set_new(item, "bundle_revision", json_integer((json_int_t)bundle_revision));
    json_object_set_new(item, "behind", json_boolean(view->applied_revision < bundle_revision));
    json_object_set_new(item, "refused_code", text_or_null(view->refused_code));
    json_object_set_new(item, "last_seen_at", api_call_time(view->seen_at_ms));
}

/* Whose key it came with. `key` is kept from one row to the next: most have the same. */
static enum status find_account(struct api_call *call, const struct store_warpgate *row,
                                struct store_key *key) {
    return id_eq(&key->object.id, &row->key)
               ? STATUS_OK
               : store_key_get(call->tx, &call->organization, &row->key, &call->arena, key);
}

static enum status write_warpgate(struct api_call *call, const struct store_warpgate *row,
                                  uint64_t bundle_revision, struct store_key *key, json_t **item) {
    struct presence_view view;
    enum status status = find_account(call, row, key);
    if (status != STATUS_OK) {
        return status;
    }
    presence_get(call->control->presence, &row->object.id, &view);
    merge_view(row, &view);
    *item = write_kept(row, &key->service_account);
    add_view(*item, &view, bundle_revision);
    json_object_set_new(*item, "edges", write_edges(call, &row->object.id));
    return STATUS_OK;
}

/* The list */

struct listing {
    struct store_environment environment;
    struct store_page page;
    struct store_key key;
    struct str wanted; /* status; empty: all */
    json_t *items;
    struct id last;
};

static bool is_wanted(const struct listing *listing, const json_t *item) {
    const char *status = json_string_value(json_object_get(item, "status"));
    return str_is_empty(listing->wanted) || str_eq(listing->wanted, str_from(status));
}

static enum status add_page(struct api_call *call, struct listing *listing, size_t *count) {
    struct store_warpgate *rows = NULL;
    enum status status = store_warpgate_list(call->tx, &call->organization, &call->object,
                                             &listing->page, &call->arena, &rows, count);
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        json_t *item = NULL;
        status = write_warpgate(call, &rows[i], listing->environment.bundle_revision, &listing->key,
                                &item);
        if (status == STATUS_OK && is_wanted(listing, item)) {
            json_array_append(listing->items, item);
        }
        json_decref(item);
        listing->last = listing->page.after = rows[i].object.id;
    }
    listing->page.has_cursor = listing->page.has_cursor || *count > 0;
    return status;
}

/* Reads on until the page is full of what the filter lets through. */
static enum status add_items(struct api_call *call, struct listing *listing) {
    uint32_t limit = listing->page.limit;
    bool has_more = true;
    enum status status = STATUS_OK;
    for (unsigned pages = 0; status == STATUS_OK && has_more && pages < PAGES_MAX &&
                             json_array_size(listing->items) < limit;
         pages++) {
        size_t count = 0;
        listing->page.limit = limit - (uint32_t)json_array_size(listing->items);
        status = add_page(call, listing, &count);
        has_more = listing->page.has_more && count > 0;
    }
    listing->page.limit = limit;
    return status;
}

enum status handle_warpgate_list(struct api_call *call) {
    struct listing listing = {.wanted = api_call_filter(call, "status")};
    enum status status = api_cursor_page(call, &listing.page);
    if (status == STATUS_OK && listing.page.wants_total && !str_is_empty(listing.wanted)) {
        status = why_set(&call->why, STATUS_INVALID, "query_invalid",
                         "include: there is no total of a list with status");
    }
    if (status == STATUS_OK) {
        status = store_environment_get(call->tx, &call->organization, &call->object, &call->arena,
                                       &listing.environment);
    }
    if (status != STATUS_OK) {
        return status;
    }
    listing.items = json_array();
    status = add_items(call, &listing);
    if (status != STATUS_OK) {
        json_decref(listing.items);
        return status;
    }
    api_cursor_answer(call, &listing.page, listing.items,
                      id_is_none(&listing.last) ? NULL : &listing.last, 0);
    return STATUS_OK;
}

/* One */

/* What shows besides the revision, as a number for the ETag. */
static uint64_t sum_up(const json_t *item) {
    uint8_t digest[DIGEST_BYTES];
    uint64_t sum = 0;
    char *text = json_dumps(item, JSON_COMPACT | JSON_SORT_KEYS);
    digest_sha256(str_from(text), digest);
    free(text);
    for (size_t i = 0; i < 6; i++) {
        sum = sum << 8 | digest[i];
    }
    return sum;
}

enum status handle_warpgate_get(struct api_call *call) {
    struct store_warpgate row;
    struct store_environment environment;
    struct store_key key = {.object = {.id = {.text = ""}}};
    json_t *item = NULL;
    enum status status =
        store_warpgate_get(call->tx, &call->organization, &call->object, &call->arena, &row);
    if (status == STATUS_OK) {
        status = store_environment_get(call->tx, &call->organization, &row.environment,
                                       &call->arena, &environment);
    }
    if (status == STATUS_OK) {
        status = write_warpgate(call, &row, environment.bundle_revision, &key, &item);
    }
    if (status == STATUS_OK) {
        call->answer.body = item;
        api_call_set_etag(call, row.object.revision, sum_up(item) | 1);
    }
    return status;
}

/* Its tunnels end at every edge as soon as this is committed. It takes no If-Match, as revoking a key takes none: who wants it gone wants
 * that whatever it has become. */
enum status handle_warpgate_delete(struct api_call *call) {
    struct store_warpgate row;
    struct store_key key = {.object = {.id = {.text = ""}}};
    enum status status =
        store_warpgate_get(call->tx, &call->organization, &call->object, &call->arena, &row);
    if (status == STATUS_OK) {
        status = api_call_precondition(call, row.object.revision, 0, false);
    }
    if (status == STATUS_OK) {
        status = find_account(call, &row, &key);
    }
    if (status == STATUS_OK) {
        status = store_warpgate_delete(call->tx, &call->organization, &call->object,
                                       store_tx_now_ms(call->tx) + CONTROL_REVOCATION_MS);
    }
    if (status == STATUS_OK) {
        status = change_reader_revocations(call->tx, "warpgate_deleted", &call->changes);
    }
    if (status == STATUS_OK) {
        status = audit_record(call, "warpgate.deleted", &call->object,
                              write_kept(&row, &key.service_account), NULL);
    }
    if (status == STATUS_OK) {
        call->answer.etag[0] = '\0';
        log_info("api.warpgate_deleted", "warpgate=%s by=%s", call->object.text, call->actor.text);
    }
    return status;
}
