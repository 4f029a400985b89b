#include "tunnel/tunnel_message.h"

#include <stddef.h>
#include <string.h>

#include "tunnel/message_form.h"
#include "tunnel/record.h"

#define NAME_BYTES_MAX 64
#define CODE_BYTES_MAX 64
#define DETAIL_BYTES_MAX 256
#define CAPABILITIES_MAX 32
#define EDGES_BYTES_MAX (64u << 10)

#define AT(member) offsetof(struct tunnel_message, member)

/* Capabilities are names that a newer peer may add to: looked at for their shape only. */
static enum status read_capabilities(const json_t *value, void *at, struct why *why) {
    struct tunnel_message *message = at;
    size_t i;
    json_t *item;
    bool is_good = json_is_array(value) && json_array_size(value) <= CAPABILITIES_MAX;
    message->has_probe = false;
    json_array_foreach(value, i, item) {
        is_good = is_good && json_is_string(item) && json_string_length(item) <= NAME_BYTES_MAX;
        message->has_probe |=
            is_good && strcmp(json_string_value(item), TUNNEL_CAPABILITY_PROBE) == 0;
    }
    return is_good ? STATUS_OK
                   : why_set(why, STATUS_INVALID, "member_value",
                             "/capabilities is not a list of names");
}

static json_t *write_capabilities(const void *at) {
    const struct tunnel_message *message = at;
    json_t *names = json_array();
    if (message->has_probe) {
        json_array_append_new(names, json_string(TUNNEL_CAPABILITY_PROBE));
    }
    return names;
}

static enum status read_upstream_names(const json_t *value, void *at, struct why *why) {
    struct tunnel_message *message = at;
    return upstream_state_read_names(value, message->upstreams, &message->upstream_count, why);
}

static json_t *write_upstream_names(const void *at) {
    const struct tunnel_message *message = at;
    return upstream_state_write_names(message->upstreams, message->upstream_count);
}

static enum status read_upstream_states(const json_t *value, void *at, struct why *why) {
    struct tunnel_message *message = at;
    return upstream_state_read(value, message->upstreams, &message->upstream_count, why);
}

static json_t *write_upstream_states(const void *at) {
    const struct tunnel_message *message = at;
    return upstream_state_write(message->upstreams, message->upstream_count);
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

static const struct message_member edges_members[] = {
    {"jws", MESSAGE_WORD, AT(jws), .max = EDGES_BYTES_MAX},
};

static const struct message_member trust_members[] = {
    {"anchors", MESSAGE_NAME, AT(anchors), .max = NAME_BYTES_MAX},
    {"root", MESSAGE_NAME, AT(root), .max = NAME_BYTES_MAX},
};

static const struct message_form forms[] = {
    [TUNNEL_MESSAGE_UNKNOWN] = {NULL, NULL, 0},
    [TUNNEL_MESSAGE_BUNDLE] = MESSAGE_FORM("bundle", bundle_members),
    [TUNNEL_MESSAGE_TUNNELS] = MESSAGE_FORM("tunnels", tunnels_members),
    [TUNNEL_MESSAGE_DRAIN] = {"drain", NULL, 0},
    [TUNNEL_MESSAGE_REPLACE] = {"replace", NULL, 0},
    [TUNNEL_MESSAGE_REVOKED] = MESSAGE_FORM("revoked", revoked_members),
    [TUNNEL_MESSAGE_HELLO] = MESSAGE_FORM("hello", hello_members),
    [TUNNEL_MESSAGE_APPLIED] = MESSAGE_FORM("applied", applied_members),
    [TUNNEL_MESSAGE_REFUSED] = MESSAGE_FORM("refused", refused_members),
    [TUNNEL_MESSAGE_HEALTH] = MESSAGE_FORM("health", health_members),
    [TUNNEL_MESSAGE_EDGES] = MESSAGE_FORM("edges", edges_members),
    [TUNNEL_MESSAGE_TRUST] = MESSAGE_FORM("trust", trust_members),
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
