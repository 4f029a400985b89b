#include "tunnel/enrolment.h"

#include <stddef.h>

#include "tunnel/message_form.h"

#define VERSION_BYTES_MAX 64
#define PLATFORM_BYTES_MAX 64
#define ENVIRONMENT_BYTES_MAX 128
#define PEM_BYTES_MAX (64u << 10)
#define HOST_BYTES_MAX 253
#define ADDRESS_BYTES_MAX 261 /* host, colon, port */

static const struct message_member edge_members[] = {
    {"address", MESSAGE_WORD, offsetof(struct enrolment_edge, address), .max = ADDRESS_BYTES_MAX},
    {"server_name", MESSAGE_WORD, offsetof(struct enrolment_edge, server_name),
     .max = HOST_BYTES_MAX},
};
static const struct message_form edge_form = MESSAGE_FORM(NULL, edge_members);

static enum status read_edges(const json_t *value, void *at, struct why *why) {
    struct enrolment_answer *answer = at;
    size_t count = json_array_size(value); /* 0 for what is no array */
    answer->edge_count = 0;
    if (count == 0 || count > ENROLMENT_EDGES_MAX) {
        return why_set(why, STATUS_INVALID, "member_value", "/edges is not a list of 1 to %d",
                       ENROLMENT_EDGES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        enum status status =
            message_form_read(&edge_form, json_array_get(value, i), &answer->edges[i], why);
        if (status != STATUS_OK) {
            return status;
        }
        answer->edge_count++;
    }
    return STATUS_OK;
}

static json_t *write_edges(const void *at) {
    const struct enrolment_answer *answer = at;
    json_t *list = json_array();
    for (size_t i = 0; i < answer->edge_count; i++) {
        json_array_append_new(list, message_form_write(&edge_form, &answer->edges[i]));
    }
    return list;
}

#define REQUEST_AT(member) offsetof(struct enrolment_request, member)
static const struct message_member request_members[] = {
    {"csr", MESSAGE_TEXT, REQUEST_AT(csr), .max = PEM_BYTES_MAX},
    {"name", MESSAGE_NAME, REQUEST_AT(name), .max = ENROLMENT_NAME_MAX, .is_optional = true},
    {"version", MESSAGE_TOKEN, REQUEST_AT(version), .max = VERSION_BYTES_MAX, .is_optional = true},
    {"platform", MESSAGE_TOKEN, REQUEST_AT(platform), .max = PLATFORM_BYTES_MAX,
     .is_optional = true},
    {"environment", MESSAGE_TEXT, REQUEST_AT(environment), .max = ENVIRONMENT_BYTES_MAX,
     .is_optional = true},
};
static const struct message_form request_form = MESSAGE_FORM(NULL, request_members);

#define ANSWER_AT(member) offsetof(struct enrolment_answer, member)
static const struct message_member answer_members[] = {
    {"warpgate", MESSAGE_ID, ANSWER_AT(warpgate), .id_kind = ID_WARPGATE},
    {"environment", MESSAGE_ID, ANSWER_AT(environment), .id_kind = ID_ENVIRONMENT},
    {"trust_domain", MESSAGE_WORD, ANSWER_AT(trust_domain), .max = HOST_BYTES_MAX},
    {"certificate", MESSAGE_TEXT, ANSWER_AT(certificate), .max = PEM_BYTES_MAX},
    {"trust_anchors", MESSAGE_TEXT, ANSWER_AT(trust_anchors), .max = PEM_BYTES_MAX},
    {"bundle_keys", MESSAGE_OBJECT, ANSWER_AT(bundle_keys)},
    {"bundle", MESSAGE_WORD, ANSWER_AT(bundle), .max = ENROLMENT_BYTES_MAX},
    {"edges", MESSAGE_CUSTOM, .read = read_edges, .write = write_edges},
};
static const struct message_form answer_form = MESSAGE_FORM(NULL, answer_members);

enum status enrolment_request_read(const json_t *object, struct enrolment_request *request,
                                   struct why *why) {
    return message_form_read(&request_form, object, request, why);
}

json_t *enrolment_request_write(const struct enrolment_request *request) {
    return message_form_write(&request_form, request);
}

enum status enrolment_answer_read(const json_t *object, struct enrolment_answer *answer,
                                  struct why *why) {
    return message_form_read(&answer_form, object, answer, why);
}

json_t *enrolment_answer_write(const struct enrolment_answer *answer) {
    return message_form_write(&answer_form, answer);
}
