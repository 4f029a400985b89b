#include "tunnel/upstream_state.h"

#include "base/json.h"
#include "policy/bundle.h"

static const struct {
    const char *name;
    bool is_known;
    bool is_up;
} kinds[] = {
    {"unknown", false, false},
    {"up", true, true},
    {"down", true, false},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const char *upstream_state_name(const struct upstream_state *state) {
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].is_known == state->is_known &&
            (!state->is_known || kinds[i].is_up == state->is_up)) {
            return kinds[i].name;
        }
    }
    return kinds[0].name;
}

static enum status refuse(struct why *why, const char *fault) {
    return why_set(why, STATUS_INVALID, "member_value", "/upstreams %s", fault);
}

static enum status check_list(const json_t *list, struct why *why) {
    if (!json_is_array(list) || json_array_size(list) > UPSTREAM_STATE_MAX) {
        return why_set(why, STATUS_INVALID, "member_value",
                       "/upstreams is not a list of at most %d", UPSTREAM_STATE_MAX);
    }
    return STATUS_OK;
}

static enum status read_state(const json_t *item, struct upstream_state *state, struct why *why) {
    static const char *const names[] = {"name", "state"};
    struct str word;
    enum status status = json_object_check(item, names, 2, why);
    if (status == STATUS_OK) {
        status = json_get_str(item, "name", &state->name, why);
    }
    if (status == STATUS_OK) {
        status = json_get_str(item, "state", &word, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (str_eq(word, str_from(kinds[i].name))) {
            state->is_known = kinds[i].is_known;
            state->is_up = kinds[i].is_up;
            return STATUS_OK;
        }
    }
    return refuse(why, "has a state that is not allowed");
}

/* What is not a string has the empty name, which no upstream has. */
static enum status read_name(const json_t *item, struct upstream_state *state, struct why *why) {
    (void)why;
    *state = (struct upstream_state){
        .name = str_make(json_string_value(item), json_string_length(item)),
    };
    return STATUS_OK;
}

static enum status read_list(const json_t *list,
                             enum status (*read)(const json_t *item, struct upstream_state *state,
                                                 struct why *why),
                             struct upstream_state *states, size_t *count, struct why *why) {
    size_t i;
    json_t *item;
    enum status status = check_list(list, why);
    *count = 0;
    if (status != STATUS_OK) {
        return status;
    }
    json_array_foreach(list, i, item) {
        status = read(item, &states[i], why);
        if (status == STATUS_OK && !bundle_is_upstream_name(states[i].name)) {
            status = refuse(why, "has a name that is not allowed");
        }
        if (status != STATUS_OK) {
            return status;
        }
        *count = i + 1;
    }
    return STATUS_OK;
}

enum status upstream_state_read(const json_t *list,
                                struct upstream_state states[UPSTREAM_STATE_MAX], size_t *count,
                                struct why *why) {
    return read_list(list, read_state, states, count, why);
}

enum status upstream_state_read_names(const json_t *list,
                                      struct upstream_state states[UPSTREAM_STATE_MAX],
                                      size_t *count, struct why *why) {
    return read_list(list, read_name, states, count, why);
}

json_t *upstream_state_write(const struct upstream_state *states, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();
        json_object_set_new(item, "name", json_from_str(states[i].name));
        json_object_set_new(item, "state", json_string(upstream_state_name(&states[i])));
        json_array_append_new(list, item);
    }
    return list;
}

json_t *upstream_state_write_names(const struct upstream_state *states, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_from_str(states[i].name));
    }
    return list;
}
