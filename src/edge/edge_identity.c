#include "edge/edge_identity.h"

#include "base/json.h"

void edge_identity_init(struct edge_identity *identity) {
    *identity = (struct edge_identity){.control_count = 0};
    buf_init(&identity->key_pem, EDGE_IDENTITY_PEM_MAX);
    buf_init(&identity->certificate_pem, EDGE_IDENTITY_PEM_MAX);
    buf_init(&identity->trust_anchors_pem, EDGE_IDENTITY_PEM_MAX);
}

void edge_identity_fini(struct edge_identity *identity) {
    buf_fini_wiped(&identity->key_pem);
    buf_fini(&identity->certificate_pem);
    buf_fini(&identity->trust_anchors_pem);
}

enum status edge_identity_take_controls(struct edge_identity *identity,
                                        const struct edge_controls *controls) {
    enum status status = STATUS_OK;
    identity->control_count = 0;
    for (size_t i = 0; i < controls->count && status == STATUS_OK; i++) {
        status = str_to_cstr(controls->at[i].address, identity->control_address[i],
                             sizeof(identity->control_address[i]));
        if (status == STATUS_OK) {
            status = str_to_cstr(controls->at[i].server_name, identity->control_server_name[i],
                                 sizeof(identity->control_server_name[i]));
        }
        identity->control_count++;
    }
    return status;
}

static enum status take_text(const json_t *tree, const char *name, struct buf *out,
                             struct why *why) {
    struct str text;
    enum status status = json_get_str(tree, name, &text, why);
    return status == STATUS_OK ? buf_append_str(out, text) : status;
}

static enum status take_name(const json_t *tree, const char *name, char *out, size_t size,
                             struct why *why) {
    struct str text;
    enum status status = json_get_str(tree, name, &text, why);
    return status == STATUS_OK ? str_to_cstr(text, out, size) : status;
}

static enum status take_tree(const json_t *tree, struct edge_identity *identity, struct why *why) {
    struct str edge = STR_EMPTY;
    struct edge_controls controls;
    enum status status = json_get_str(tree, "edge", &edge, why);
    if (status == STATUS_OK) {
        status = id_parse(ID_EDGE, edge, &identity->edge);
    }
    if (status == STATUS_OK) {
        status = take_text(tree, "key", &identity->key_pem, why);
    }
    if (status == STATUS_OK) {
        status = take_text(tree, "certificate", &identity->certificate_pem, why);
    }
    if (status == STATUS_OK) {
        status = take_text(tree, "trust_anchors", &identity->trust_anchors_pem, why);
    }
    if (status == STATUS_OK) {
        status = take_name(tree, "trust_domain", identity->trust_domain,
                           sizeof(identity->trust_domain), why);
    }
    if (status == STATUS_OK) {
        status = take_name(tree, "tunnel_server_name", identity->tunnel_server_name,
                           sizeof(identity->tunnel_server_name), why);
    }
    if (status == STATUS_OK) {
        status = edge_enrolment_controls_read(json_object_get(tree, "controls"), &controls, why);
    }
    return status == STATUS_OK ? edge_identity_take_controls(identity, &controls) : status;
}

enum status edge_identity_read(struct edge_disk *disk, struct edge_identity *identity,
                               struct why *why) {
    struct buf text;
    struct why reason = {0};
    json_t *tree = NULL;
    buf_init(&text, EDGE_DISK_TEXT_MAX);
    enum status status = edge_disk_read(disk, EDGE_IDENTITY_NAME, &text, why);
    if (status != STATUS_OK) {
        buf_fini(&text);
        return status;
    }
    status = json_parse(buf_str(&text), &tree, &reason);
    if (status == STATUS_OK) {
        status = take_tree(tree, identity, &reason);
    }
    json_decref(tree);
    buf_fini_wiped(&text);
    return status == STATUS_OK ? STATUS_OK
                               : why_set(why, STATUS_INVALID, "state_malformed",
                                         EDGE_IDENTITY_NAME " cannot be read: %s", reason.text);
}

static json_t *write_controls(const struct edge_identity *identity) {
    struct edge_controls controls = {.count = identity->control_count};
    for (size_t i = 0; i < controls.count; i++) {
        controls.at[i] = (struct enrolment_edge){str_from(identity->control_address[i]),
                                                 str_from(identity->control_server_name[i])};
    }
    return edge_enrolment_controls_write(&controls);
}

enum status edge_identity_write(struct edge_disk *disk, const struct edge_identity *identity,
                                struct why *why) {
    struct buf text;
    json_t *tree = json_object();
    json_object_set_new(tree, "edge", json_string(identity->edge.text));
    json_object_set_new(tree, "key", json_from_str(buf_str(&identity->key_pem)));
    json_object_set_new(tree, "certificate", json_from_str(buf_str(&identity->certificate_pem)));
    json_object_set_new(tree, "trust_anchors",
                        json_from_str(buf_str(&identity->trust_anchors_pem)));
    json_object_set_new(tree, "trust_domain", json_string(identity->trust_domain));
    json_object_set_new(tree, "tunnel_server_name", json_string(identity->tunnel_server_name));
    json_object_set_new(tree, "controls", write_controls(identity));
    buf_init(&text, EDGE_DISK_TEXT_MAX);
    enum status status = json_write(tree, &text);
    if (status == STATUS_OK) {
        status = edge_disk_write(disk, EDGE_IDENTITY_NAME, buf_str(&text), why);
    }
    json_decref(tree);
    buf_fini_wiped(&text);
    return status;
}
