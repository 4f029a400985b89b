#include "tunnel/feed_message.h"

#include <stddef.h>

#include "tunnel/message_form.h"
#include "tunnel/record.h"
#include "tunnel/usage_record.h"

#define HOST_BYTES_MAX 253
#define PEM_BYTES_MAX (64u << 10)
#define NAME_BYTES_MAX 64
#define CODE_BYTES_MAX 64
#define DETAIL_BYTES_MAX 256

#define AT(member) offsetof(struct feed_message, member)
#define ENVIRONMENT_MEMBER                                                                         \
    { "environment", MESSAGE_ID, AT(environment), .id_kind = ID_ENVIRONMENT }
#define WARPGATE_MEMBER                                                                            \
    { "warpgate", MESSAGE_ID, AT(warpgate), .id_kind = ID_WARPGATE }
#define HOSTNAME_MEMBER                                                                            \
    { "hostname", MESSAGE_WORD, AT(hostname), .max = HOST_BYTES_MAX }

static enum status read_upstreams(const json_t *value, void *at, struct why *why) {
    struct feed_message *message = at;
    message->upstream_count = 0;
    return value == NULL
               ? STATUS_OK
               : upstream_state_read(value, message->upstreams, &message->upstream_count, why);
}

static json_t *write_upstreams(const void *at) {
    const struct feed_message *message = at;
    return message->upstream_count == 0
               ? NULL
               : upstream_state_write(message->upstreams, message->upstream_count);
}

static const struct message_member keys_members[] = {
    {"jwks", MESSAGE_OBJECT, AT(jwks)},
};
static const struct message_member host_members[] = {
    HOSTNAME_MEMBER,
    {"chain", MESSAGE_TEXT, AT(chain), .max = PEM_BYTES_MAX},
    {"key", MESSAGE_TEXT, AT(key), .max = PEM_BYTES_MAX},
};
static const struct message_member host_removed_members[] = {HOSTNAME_MEMBER};
static const struct message_member environment_members[] = {
    {"bundle", MESSAGE_WORD, AT(bundle), .max = RECORD_BYTES_MAX},
};
static const struct message_member environment_removed_members[] = {ENVIRONMENT_MEMBER};
static const struct message_member revoked_members[] = {
    WARPGATE_MEMBER,
    {"reason", MESSAGE_TOKEN, AT(reason), .max = CODE_BYTES_MAX},
};
static const struct message_member certificate_members[] = {
    {"chain", MESSAGE_TEXT, AT(chain), .max = PEM_BYTES_MAX},
};
static const struct message_member hello_members[] = {
    {"version", MESSAGE_WORD, AT(version), .max = NAME_BYTES_MAX},
};
static const struct message_member applied_members[] = {
    ENVIRONMENT_MEMBER,
    {"revision", MESSAGE_REVISION, AT(revision), .max = MESSAGE_REVISION_MAX},
};
static const struct message_member refused_members[] = {
    {"environment", MESSAGE_MAYBE_ID, AT(environment), .id_kind = ID_ENVIRONMENT},
    {"revision", MESSAGE_REVISION, AT(revision), .max = MESSAGE_REVISION_MAX},
    {"code", MESSAGE_TOKEN, AT(code), .max = CODE_BYTES_MAX},
    {"detail", MESSAGE_TEXT, AT(detail), .max = DETAIL_BYTES_MAX},
};
static const struct message_member warpgate_members[] = {
    WARPGATE_MEMBER,
    ENVIRONMENT_MEMBER,
    {"tunnels", MESSAGE_COUNT, AT(tunnels), .max = UINT32_MAX},
    {"ip_address", MESSAGE_TOKEN, AT(ip_address), .max = NAME_BYTES_MAX},
    {"name", MESSAGE_TOKEN, AT(name), .max = NAME_BYTES_MAX},
    {"version", MESSAGE_TOKEN, AT(version), .max = NAME_BYTES_MAX},
    {"applied_revision", MESSAGE_REVISION, AT(revision), .max = MESSAGE_REVISION_MAX},
    {"refused_code", MESSAGE_TOKEN, AT(code), .max = CODE_BYTES_MAX},
    {"upstreams", MESSAGE_CUSTOM, .is_optional = true, .read = read_upstreams,
     .write = write_upstreams},
    {"anchors", MESSAGE_NAME, AT(anchors), .max = NAME_BYTES_MAX, .is_optional = true},
    {"root", MESSAGE_NAME, AT(root), .max = NAME_BYTES_MAX, .is_optional = true},
};
static const struct message_member anchors_members[] = {
    {"anchors", MESSAGE_TEXT, AT(anchors), .max = PEM_BYTES_MAX},
    {"issuer", MESSAGE_NAME, AT(issuer), .max = NAME_BYTES_MAX},
    {"renew_within_ms", MESSAGE_COUNT, AT(renew_within_ms), .max = UINT32_MAX},
};
static const struct message_member trust_members[] = {
    {"anchors", MESSAGE_NAME, AT(anchors), .max = NAME_BYTES_MAX},
    {"root", MESSAGE_NAME, AT(root), .max = NAME_BYTES_MAX},
};
static const struct message_member renew_members[] = {
    {"csr", MESSAGE_TEXT, AT(csr), .max = PEM_BYTES_MAX},
};

static enum status read_controls(const json_t *value, void *at, struct why *why) {
    return edge_enrolment_controls_read(value, &((struct feed_message *)at)->controls, why);
}

static json_t *write_controls(const void *at) {
    return edge_enrolment_controls_write(&((const struct feed_message *)at)->controls);
}

static const struct message_member state_members[] = {
    {"as_of", MESSAGE_REVISION, AT(as_of_ms), .max = MESSAGE_REVISION_MAX},
};
static const struct message_member edges_members[] = {
    {"jws", MESSAGE_WORD, AT(edges), .max = PEM_BYTES_MAX},
};
static const struct message_member controls_members[] = {
    {"controls", MESSAGE_CUSTOM, .read = read_controls, .write = write_controls},
};
static const struct message_member load_members[] = {
    {"connections", MESSAGE_COUNT, AT(load.connections), .max = UINT32_MAX},
    {"tunnels", MESSAGE_COUNT, AT(load.tunnels), .max = UINT32_MAX},
    {"requests_per_second", MESSAGE_COUNT, AT(load.requests_per_second), .max = UINT32_MAX},
    {"cpu_percent", MESSAGE_COUNT, AT(load.cpu_percent), .max = UINT32_MAX},
    {"memory_bytes", MESSAGE_REVISION, AT(load.memory_bytes), .max = MESSAGE_REVISION_MAX},
    {"environments", MESSAGE_COUNT, AT(load.environments), .max = UINT32_MAX},
};

/* The members of the arrays are judged by whoever takes them (usage_record.h): on another thread. */
static enum status read_array(const json_t *value, size_t max, const char *name, const json_t **at,
                              struct why *why) {
    if (!json_is_array(value) || json_array_size(value) > max) {
        return why_set(why, STATUS_INVALID, "member_value", "/%s has a value that is not allowed",
                       name);
    }
    *at = value;
    return STATUS_OK;
}

static enum status read_counts(const json_t *value, void *at, struct why *why) {
    return read_array(value, USAGE_RECORD_COUNTS_MAX, "counts",
                      &((struct feed_message *)at)->counts, why);
}

static enum status read_requests(const json_t *value, void *at, struct why *why) {
    return read_array(value, USAGE_RECORD_REQUESTS_MAX, "requests",
                      &((struct feed_message *)at)->requests, why);
}

static json_t *write_counts(const void *at) {
    return json_incref((json_t *)(uintptr_t)((const struct feed_message *)at)->counts);
}

static json_t *write_requests(const void *at) {
    return json_incref((json_t *)(uintptr_t)((const struct feed_message *)at)->requests);
}

#define PROCESS_MEMBER                                                                             \
    { "process", MESSAGE_NAME, AT(process), .max = NAME_BYTES_MAX }
#define SEQUENCE_MEMBER                                                                            \
    { "sequence", MESSAGE_REVISION, AT(sequence), .max = MESSAGE_REVISION_MAX }

static const struct message_member usage_members[] = {
    PROCESS_MEMBER,
    SEQUENCE_MEMBER,
    {"at", MESSAGE_REVISION, AT(at_ms), .max = MESSAGE_REVISION_MAX},
    {"counts", MESSAGE_CUSTOM, .read = read_counts, .write = write_counts},
    {"requests", MESSAGE_CUSTOM, .read = read_requests, .write = write_requests},
};
static const struct message_member usage_taken_members[] = {PROCESS_MEMBER, SEQUENCE_MEMBER};
static const struct message_member pace_members[] = {
    {"report_ms", MESSAGE_COUNT, AT(report_ms), .max = FEED_PACE_MS_MAX},
};

static const struct message_form forms[] = {
    [FEED_MESSAGE_UNKNOWN] = {NULL, NULL, 0},
    [FEED_MESSAGE_KEYS] = MESSAGE_FORM("keys", keys_members),
    [FEED_MESSAGE_HOST] = MESSAGE_FORM("host", host_members),
    [FEED_MESSAGE_HOST_REMOVED] = MESSAGE_FORM("host_removed", host_removed_members),
    [FEED_MESSAGE_ENVIRONMENT] = MESSAGE_FORM("environment", environment_members),
    [FEED_MESSAGE_ENVIRONMENT_REMOVED] =
        MESSAGE_FORM("environment_removed", environment_removed_members),
    [FEED_MESSAGE_REVOKED] = MESSAGE_FORM("revoked", revoked_members),
    [FEED_MESSAGE_CERTIFICATE] = MESSAGE_FORM("certificate", certificate_members),
    [FEED_MESSAGE_SYNCED] = {"synced", NULL, 0},
    [FEED_MESSAGE_HELLO] = MESSAGE_FORM("hello", hello_members),
    [FEED_MESSAGE_APPLIED] = MESSAGE_FORM("applied", applied_members),
    [FEED_MESSAGE_REFUSED] = MESSAGE_FORM("refused", refused_members),
    [FEED_MESSAGE_WARPGATE] = MESSAGE_FORM("warpgate", warpgate_members),
    [FEED_MESSAGE_RENEW] = MESSAGE_FORM("renew", renew_members),
    [FEED_MESSAGE_USAGE] = MESSAGE_FORM("usage", usage_members),
    [FEED_MESSAGE_USAGE_TAKEN] = MESSAGE_FORM("usage_taken", usage_taken_members),
    [FEED_MESSAGE_PACE] = MESSAGE_FORM("pace", pace_members),
    [FEED_MESSAGE_PING] = {"ping", NULL, 0},
    [FEED_MESSAGE_STATE] = MESSAGE_FORM("state", state_members),
    [FEED_MESSAGE_EDGES] = MESSAGE_FORM("edges", edges_members),
    [FEED_MESSAGE_CONTROLS] = MESSAGE_FORM("controls", controls_members),
    [FEED_MESSAGE_LOAD] = MESSAGE_FORM("load", load_members),
    [FEED_MESSAGE_ANCHORS] = MESSAGE_FORM("anchors", anchors_members),
    [FEED_MESSAGE_TRUST] = MESSAGE_FORM("trust", trust_members),
};
#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

enum status feed_message_read(const json_t *object, struct feed_message *message, struct why *why) {
    struct str type;
    enum status status = message_form_type(object, &type, why);
    if (status != STATUS_OK) {
        return status;
    }
    size_t index = message_form_find(forms, FORM_COUNT, type);
    message->type = index == FORM_COUNT ? FEED_MESSAGE_UNKNOWN : (enum feed_message_type)index;
    return message->type == FEED_MESSAGE_UNKNOWN
               ? STATUS_OK
               : message_form_read(&forms[index], object, message, why);
}

json_t *feed_message_write(const struct feed_message *message) {
    return message_form_write(&forms[message->type], message);
}
