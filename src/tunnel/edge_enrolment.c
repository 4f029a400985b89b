#include "tunnel/edge_enrolment.h"

#include <stddef.h>

#include "tunnel/message_form.h"

#define VERSION_BYTES_MAX 64
#define PEM_BYTES_MAX (64u << 10)
#define HOST_BYTES_MAX 253
#define ADDRESS_BYTES_MAX 261 /* host, colon, port */

/* Control planes */

static const struct message_member control_members[] = {
    {"address", MESSAGE_WORD, offsetof(struct enrolment_edge, address), .max = ADDRESS_BYTES_MAX},
    {"server_name", MESSAGE_WORD, offsetof(struct enrolment_edge, server_name),
     .max = HOST_BYTES_MAX},
};
static const struct message_form control_form = MESSAGE_FORM(NULL, control_members);

enum status edge_enrolment_controls_read(const json_t *list, struct edge_controls *controls,
                                         struct why *why) {
    size_t count = json_array_size(list); /* 0 for what is no array */
    controls->count = 0;
    if (count == 0 || count > EDGE_ENROLMENT_CONTROLS_MAX) {
        return why_set(why, STATUS_INVALID, "member_value", "/controls is not a list of 1 to %d",
                       EDGE_ENROLMENT_CONTROLS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        enum status status =
            message_form_read(&control_form, json_array_get(list, i), &controls->at[i], why);
        if (status != STATUS_OK) {
            return status;
        }
        controls->count++;
    }
    return STATUS_OK;
}

json_t *edge_enrolment_controls_write(const struct edge_controls *controls) {
    json_t *list = json_array();
    for (size_t i = 0; i < controls->count; i++) {
        json_array_append_new(list, message_form_write(&control_form, &controls->at[i]));
    }
    return list;
}

static enum status read_controls(const json_t *value, void *at, struct why *why) {
    return edge_enrolment_controls_read(value, &((struct edge_enrolment_answer *)at)->controls,
                                        why);
}

static json_t *write_controls(const void *at) {
    return edge_enrolment_controls_write(&((const struct edge_enrolment_answer *)at)->controls);
}

/* Messages */

#define REQUEST_AT(member) offsetof(struct edge_enrolment_request, member)
static const struct message_member request_members[] = {
    {"csr", MESSAGE_TEXT, REQUEST_AT(csr), .max = PEM_BYTES_MAX},
    {"name", MESSAGE_NAME, REQUEST_AT(name), .max = ENROLMENT_NAME_MAX, .is_optional = true},
    {"version", MESSAGE_TOKEN, REQUEST_AT(version), .max = VERSION_BYTES_MAX, .is_optional = true},
    {"address", MESSAGE_TOKEN, REQUEST_AT(address), .max = ADDRESS_BYTES_MAX, .is_optional = true},
};
static const struct message_form request_form = MESSAGE_FORM(NULL, request_members);

#define ANSWER_AT(member) offsetof(struct edge_enrolment_answer, member)
static const struct message_member answer_members[] = {
    {"edge", MESSAGE_ID, ANSWER_AT(edge), .id_kind = ID_EDGE},
    {"trust_domain", MESSAGE_WORD, ANSWER_AT(trust_domain), .max = HOST_BYTES_MAX},
    {"certificate", MESSAGE_TEXT, ANSWER_AT(certificate), .max = PEM_BYTES_MAX},
    {"trust_anchors", MESSAGE_TEXT, ANSWER_AT(trust_anchors), .max = PEM_BYTES_MAX},
    {"tunnel_server_name", MESSAGE_WORD, ANSWER_AT(tunnel_server_name), .max = HOST_BYTES_MAX},
    {"controls", MESSAGE_CUSTOM, .read = read_controls, .write = write_controls},
};
static const struct message_form answer_form = MESSAGE_FORM(NULL, answer_members);

enum status edge_enrolment_request_read(const json_t *object,
                                        struct edge_enrolment_request *request, struct why *why) {
    return message_form_read(&request_form, object, request, why);
}

json_t *edge_enrolment_request_write(const struct edge_enrolment_request *request) {
    return message_form_write(&request_form, request);
}

enum status edge_enrolment_answer_read(const json_t *object, struct edge_enrolment_answer *answer,
                                       struct why *why) {
    return message_form_read(&answer_form, object, answer, why);
}

json_t *edge_enrolment_answer_write(const struct edge_enrolment_answer *answer) {
    return message_form_write(&answer_form, answer);
}
