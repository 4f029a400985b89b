#include "tunnel/signed_edges.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "tunnel/message_form.h"

#define HOST_BYTES_MAX 253
#define ADDRESS_BYTES_MAX 261
#define ISSUER_BYTES_MAX 64

static const struct message_member edge_members[] = {
    {"address", MESSAGE_WORD, offsetof(struct enrolment_edge, address), .max = ADDRESS_BYTES_MAX},
    {"server_name", MESSAGE_WORD, offsetof(struct enrolment_edge, server_name),
     .max = HOST_BYTES_MAX},
};
static const struct message_form edge_form = MESSAGE_FORM(NULL, edge_members);

static enum status read_edges(const json_t *value, void *at, struct why *why) {
    struct signed_edges *list = at;
    if (!json_is_array(value) || json_array_size(value) > ENROLMENT_EDGES_MAX) {
        return why_set(why, STATUS_INVALID, "member_value", "/edges is not a list of at most %d",
                       ENROLMENT_EDGES_MAX);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        enum status status =
            message_form_read(&edge_form, json_array_get(value, i), &list->edges[i], why);
        if (status != STATUS_OK) {
            return status;
        }
        list->edge_count++;
    }
    return STATUS_OK;
}

static json_t *write_edges(const void *at) {
    const struct signed_edges *list = at;
    json_t *items = json_array();
    for (size_t i = 0; i < list->edge_count; i++) {
        json_array_append_new(items, message_form_write(&edge_form, &list->edges[i]));
    }
    return items;
}

static enum status read_revoked(const json_t *value, void *at, struct why *why) {
    struct signed_edges *list = at;
    bool is_good = json_is_array(value) && json_array_size(value) <= SIGNED_EDGES_REVOKED_MAX;
    for (size_t i = 0; is_good && i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        struct str text = str_make(json_string_value(item), json_string_length(item));
        is_good = json_is_string(item) && id_parse(ID_EDGE, text, &list->revoked[i]) == STATUS_OK;
        list->revoked_count++;
    }
    return is_good ? STATUS_OK
                   : why_set(why, STATUS_INVALID, "member_value",
                             "/revoked is not a list of at most %d ids of edges",
                             SIGNED_EDGES_REVOKED_MAX);
}

static json_t *write_revoked(const void *at) {
    const struct signed_edges *list = at;
    json_t *items = json_array();
    for (size_t i = 0; i < list->revoked_count; i++) {
        json_array_append_new(items, json_from_str(id_str(&list->revoked[i])));
    }
    return items;
}

static enum status read_renew(const json_t *value, void *at, struct why *why) {
    struct signed_edges *list = at;
    json_int_t within_ms = value == NULL ? 0 : json_integer_value(value);
    if ((value != NULL && !json_is_integer(value)) || within_ms < 0 ||
        within_ms > SIGNED_EDGES_RENEW_MS_MAX) {
        return why_set(why, STATUS_INVALID, "member_value", "/renew_within_ms is from 0 to %d",
                       SIGNED_EDGES_RENEW_MS_MAX);
    }
    list->renew_within_ms = (unsigned)within_ms;
    return STATUS_OK;
}

static json_t *write_renew(const void *at) {
    const struct signed_edges *list = at;
    return str_is_empty(list->anchors) ? NULL : json_integer(list->renew_within_ms);
}

static const struct message_member members[] = {
    {"revision", MESSAGE_REVISION, offsetof(struct signed_edges, revision),
     .max = MESSAGE_REVISION_MAX},
    {"edges", MESSAGE_CUSTOM, .read = read_edges, .write = write_edges},
    {"revoked", MESSAGE_CUSTOM, .read = read_revoked, .write = write_revoked},
    {"anchors", MESSAGE_TEXT, offsetof(struct signed_edges, anchors),
     .max = SIGNED_EDGES_ANCHORS_MAX, .is_optional = true},
    {"issuer", MESSAGE_NAME, offsetof(struct signed_edges, issuer), .max = ISSUER_BYTES_MAX,
     .is_optional = true},
    {"renew_within_ms", MESSAGE_CUSTOM, .is_optional = true, .read = read_renew,
     .write = write_renew},
};
static const struct message_form form = MESSAGE_FORM(NULL, members);

enum status signed_edges_write(const struct signed_edges *list, EVP_PKEY *key, struct buf *jws) {
    struct buf payload;
    json_t *object = message_form_write(&form, list);
    buf_init(&payload, SIGNED_EDGES_BYTES_MAX);
    enum status status = json_write(object, &payload);
    json_decref(object);
    if (status == STATUS_OK) {
        status = jws_sign(key, STR(SIGNED_EDGES_TYPE), buf_str(&payload), jws);
    }
    buf_fini(&payload);
    return status;
}

static enum status read_payload(struct str payload, uint64_t newer_than, struct signed_edges *list,
                                struct why *why) {
    enum status status = json_parse(payload, &list->tree, why);
    if (status == STATUS_OK) {
        status = message_form_read(&form, list->tree, list, why);
    }
    if (status == STATUS_OK && list->revision <= newer_than) {
        return why_set(why, STATUS_CONFLICT, "edges_not_newer",
                       "the list of revision %" PRIu64 " is not newer than %" PRIu64,
                       list->revision, newer_than);
    }
    return status;
}

enum status signed_edges_open(const struct jws_keys *keys, struct str jws, uint64_t newer_than,
                              struct signed_edges *list, struct why *why) {
    struct buf payload;
    memset(list, 0, sizeof(*list));
    buf_init(&payload, SIGNED_EDGES_BYTES_MAX);
    enum status status = jws_verify(keys, STR(SIGNED_EDGES_TYPE), jws, &payload, why);
    if (status == STATUS_OK) {
        status = read_payload(buf_str(&payload), newer_than, list, why);
    }
    buf_fini(&payload);
    if (status != STATUS_OK) {
        signed_edges_fini(list);
    }
    return status;
}

void signed_edges_fini(struct signed_edges *list) {
    json_decref(list->tree);
    memset(list, 0, sizeof(*list));
}

bool signed_edges_is_revoked(const struct signed_edges *list, const struct id *edge) {
    for (size_t i = 0; i < list->revoked_count; i++) {
        if (id_eq(&list->revoked[i], edge)) {
            return true;
        }
    }
    return false;
}
