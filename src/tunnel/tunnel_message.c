#include "tunnel/tunnel_message.h"

#include <stddef.h>

#include "base/json.h"
#include "policy/bundle.h"
#include "tunnel/message_form.h"
#include "tunnel/record.h"

#define NAME_BYTES_MAX 64
#define CODE_BYTES_MAX 64
#define DETAIL_BYTES_MAX 256
#define CAPABILITIES_MAX 32

#define AT(member) offsetof(struct tunnel_message, member)

enum { STATE_UNKNOWN, STATE_UP, STATE_DOWN };
static const char *const state_names[] = {
    [STATE_UNKNOWN] = "unknown", [STATE_UP] = "up", [STATE_DOWN] = "down"};

/* Capabilities are names that a newer peer may add to: looked at for their shape only. */
static enum status read_capabilities(const json_t *value, void *message, struct why *why) {
    (void)message;
    size_t i;
    json_t *item;
    bool is_good = json_is_array(value) && json_array_size(value) <= CAPABILITIES_MAX;
    json_array_foreach(value, i, item) {
        is_good = is_good && json_is_string(item) && json_string_length(item) <= NAME_BYTES_MAX;
    }
    return is_good ? STATUS_OK
                   : why_set(why, STATUS_INVALID, "member_value",
                             "/capabilities is not a list of names");
}

static json_t *write_capabilities(const void *message) {
    (void)message;
    return json_array();
}

static enum status add_upstream(struct tunnel_message *message, struct str name, struct why *why) {
    if (!bundle_is_upstream_name(name)) {
        return why_set(why, STATUS_INVALID, "member_value",
                       "/upstreams has a name that is not allowed");
    }
    message->upstreams[message->upstream_count].name = name;
    message->upstreams[message->upstream_count].is_up = false;
    message->upstreams[message->upstream_count].is_known = false;
    message->upstream_count++;
    return STATUS_OK;
}

static enum status check_upstream_list(const json_t *value, struct why *why) {
    if (!json_is_array(value) || json_array_size(value) > TUNNEL_UPSTREAMS_MAX) {
        return why_set(why, STATUS_INVALID, "member_value",
                       "/upstreams is not a list of at most %d", TUNNEL_UPSTREAMS_MAX);
    }
    return STATUS_OK;
}

static enum status read_upstream_names(const json_t *value, void *at, struct why *why) {
    struct tunnel_message *message = at;
    size_t i;
    json_t *item;
    enum status status = check_upstream_list(value, why);
    message->upstream_count = 0;
    if (status != STATUS_OK) {
        return status;
    }
    json_array_foreach(value, i, item) {
        /* What is not a string has the empty name, which no upstream has. */
        status =
            add_upstream(message, str_make(json_string_value(item), json_string_length(item)), why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static json_t *write_upstream_names(const void *at) {
    const struct tunnel_message *message = at;
    json_t *list = json_array();
    for (size_t i = 0; i < message->upstream_count; i++) {
        json_array_append_new(list, json_from_str(message->upstreams[i].name));
    }
    return list;
}

static enum status read_upstream_state(const json_t *item, struct tunnel_message *message,
                                       struct why *why) {
    static const char *const names[] = {"name", "state"};
    struct str name;
    struct str state;
    enum status status = json_object_check(item, names, 2, why);
    if (status == STATUS_OK) {
        status = json_get_str(item, "name", &name, why);
    }
    if (status == STATUS_OK) {
        status = json_get_str(item, "state", &state, why);
    }
    if (status == STATUS_OK) {
        status = add_upstream(message, name, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    size_t index = message->upstream_count - 1;
    for (unsigned i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
        if (str_eq(state, str_from(state_names[i]))) {
            message->upstreams[index].is_known = i != STATE_UNKNOWN;
            message->upstreams[index].is_up = i == STATE_UP;
            return STATUS_OK;
        }
    }
    return why_set(why, STATUS_INVALID, "member_value",
                   "/upstreams has a state that is not allowed");
}

static enum status read_upstream_states(const json_t *value, void *at, struct why *why) {
    struct tunnel_message *message = at;
    size_t i;
    json_t *item;
    enum status status = check_upstream_list(value, why);
    message->upstream_count = 0;
    if (status != STATUS_OK) {
        return status;
    }
    json_array_foreach(value, i, item) {
        status = read_upstream_state(item, message, why);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static json_t *write_upstream_states(const void *at) {
    const struct tunnel_message *message = at;
    json_t *list = json_array();
    for (size_t i = 0; i < message->upstream_count; i++) {
        int state = !message->upstreams[i].is_known ? STATE_UNKNOWN
                    : message->upstreams[i].is_up   ? STATE_UP
                                                    : STATE_DOWN;
        json_t *item = json_object();
        json_object_set_new(item, "name", json_from_str(message->upstreams[i].name));
        json_object_set_new(item, "state", json_string(state_names[state]));
        json_array_append_new(list, item);
    }
    return list;
}

static const struct message_member bundle_members[] = {
    {"jws", MESSAGE_WORD, AT(jws), .max = RECORD_BYTES_MAX},
};
static const struct message_member tunnels_members[] = {
    {"count", MESSAGE_COUNT, AT(count), .max = TUNNEL_COUNT_MAX},
};
static const struct message_member revoked_members[] = {
    {"reason", MESSAGE_TEXT, AT(reason), .max = DETAIL_BYTES_MAX},
};
static const struct message_member hello_members[] = {
    {"version", MESSAGE_WORD, AT(version), .max = NAME_BYTES_MAX},
    {"name", MESSAGE_WORD, AT(name), .max = NAME_BYTES_MAX},
    {"capabilities", MESSAGE_CUSTOM, .read = read_capabilities, .write = write_capabilities},
    {"upstreams", MESSAGE_CUSTOM, .read = read_upstream_names, .write = write_upstream_names},
};
static const struct message_member applied_members[] = {
    {"revision", MESSAGE_REVISION, AT(revision), .max = MESSAGE_REVISION_MAX},
};
static const struct message_member refused_members[] = {
    {"revision", MESSAGE_REVISION, AT(revision), .max = MESSAGE_REVISION_MAX},
    {"code", MESSAGE_TOKEN, AT(code), .max = CODE_BYTES_MAX},
    {"detail", MESSAGE_TEXT, AT(detail), .max = DETAIL_BYTES_MAX},
};
static const struct message_member health_members[] = {
    {"upstreams", MESSAGE_CUSTOM, .read = read_upstream_states, .write = write_upstream_states},
};

static const struct message_form forms[] = {
    [TUNNEL_MESSAGE_UNKNOWN] = {NULL, NULL, 0},
    [TUNNEL_MESSAGE_BUNDLE] = MESSAGE_FORM("bundle", bundle_members),
    [TUNNEL_MESSAGE_TUNNELS] = MESSAGE_FORM("tunnels", tunnels_members),
    [TUNNEL_MESSAGE_DRAIN] = {"drain", NULL, 0},
    [TUNNEL_MESSAGE_REVOKED] = MESSAGE_FORM("revoked", revoked_members),
    [TUNNEL_MESSAGE_HELLO] = MESSAGE_FORM("hello", hello_members),
    [TUNNEL_MESSAGE_APPLIED] = MESSAGE_FORM("applied", applied_members),
    [TUNNEL_MESSAGE_REFUSED] = MESSAGE_FORM("refused", refused_members),
    [TUNNEL_MESSAGE_HEALTH] = MESSAGE_FORM("health", health_members),
};
#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

enum status tunnel_message_read(const json_t *object, struct tunnel_message *message,
                                struct why *why) {
    struct str type;
    enum status status = message_form_type(object, &type, why);
    if (status != STATUS_OK) {
        return status;
    }
    size_t index = message_form_find(forms, FORM_COUNT, type);
    message->type = index == FORM_COUNT ? TUNNEL_MESSAGE_UNKNOWN : (enum tunnel_message_type)index;
    if (message->type == TUNNEL_MESSAGE_UNKNOWN) {
        return STATUS_OK;
    }
    status = message_form_read(&forms[index], object, message, why);
    if (status == STATUS_OK && message->type == TUNNEL_MESSAGE_TUNNELS && message->count == 0) {
        return why_set(why, STATUS_INVALID, "member_value", "/count is from 1 to %d",
                       TUNNEL_COUNT_MAX);
    }
    return status;
}

json_t *tunnel_message_write(const struct tunnel_message *message) {
    return message_form_write(&forms[message->type], message);
}
