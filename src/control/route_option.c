#include "control/route_option.h"

#include <stddef.h>

#include "base/json.h"
#include "base/log.h"
#include "store/store_route.h"

static const struct timeout {
    const char *name;
    size_t offset; /* in struct bundle_timeouts */
    uint32_t standard;
} timeouts[] = {
    {"connect_ms", offsetof(struct bundle_timeouts, connect_ms), BUNDLE_CONNECT_MS},
    {"first_byte_ms", offsetof(struct bundle_timeouts, first_byte_ms), BUNDLE_FIRST_BYTE_MS},
    {"idle_ms", offsetof(struct bundle_timeouts, idle_ms), 0},
};
#define TIMEOUT_COUNT (sizeof(timeouts) / sizeof(timeouts[0]))

static uint32_t *value_of(struct route_option *option, const struct timeout *timeout) {
    return (uint32_t *)(void *)((char *)&option->timeouts + timeout->offset);
}

static uint32_t read_value(const struct route_option *option, const struct timeout *timeout) {
    return *(const uint32_t *)(const void *)((const char *)&option->timeouts + timeout->offset);
}

static struct route_option standard(void) {
    struct route_option option = {.is_sticky = false};
    for (size_t i = 0; i < TIMEOUT_COUNT; i++) {
        *value_of(&option, &timeouts[i]) = timeouts[i].standard;
    }
    return option;
}

void route_option_patch(struct route_option *option, const json_t *body) {
    const json_t *object = json_object_get(body, "timeouts");
    const json_t *sticky = json_object_get(body, "sticky");
    for (size_t i = 0; i < TIMEOUT_COUNT && object != NULL; i++) {
        const json_t *value = json_object_get(object, timeouts[i].name);
        if (json_is_null(object) || json_is_null(value)) {
            *value_of(option, &timeouts[i]) = timeouts[i].standard;
        } else if (value != NULL) {
            *value_of(option, &timeouts[i]) = (uint32_t)json_integer_value(value);
        }
    }
    if (sticky != NULL) {
        option->is_sticky = json_is_true(sticky);
    }
}

struct route_option route_option_parse(struct str stored) {
    struct route_option option = standard();
    struct why why = {0};
    json_t *tree = NULL;
    if (str_is_empty(stored)) {
        return option;
    }
    if (json_parse(stored, &tree, &why) != STATUS_OK) {
        log_error("control.options_malformed", "detail=%s", why.text);
        return option;
    }
    route_option_patch(&option, tree);
    json_decref(tree);
    return option;
}

static json_t *write_differences(const struct route_option *option) {
    json_t *tree = json_object();
    json_t *object = json_object();
    for (size_t i = 0; i < TIMEOUT_COUNT; i++) {
        uint32_t value = read_value(option, &timeouts[i]);
        if (value != timeouts[i].standard) {
            json_object_set_new(object, timeouts[i].name, json_integer(value));
        }
    }
    if (json_object_size(object) > 0) {
        json_object_set(tree, "timeouts", object);
    }
    if (option->is_sticky) {
        json_object_set_new(tree, "sticky", json_true());
    }
    json_decref(object);
    return tree;
}

struct str route_option_format(const struct route_option *option, struct arena *arena) {
    json_t *tree = write_differences(option);
    struct str text = STR_EMPTY;
    struct buf out;
    buf_init(&out, STORE_ROUTE_OPTIONS_MAX);
    /* Three numbers and a word: they always fit. */
    if (json_object_size(tree) > 0 && json_write(tree, &out) == STATUS_OK) {
        text = arena_str(arena, buf_str(&out));
    }
    buf_fini(&out);
    json_decref(tree);
    return text;
}

void route_option_write(const struct route_option *option, json_t *item) {
    json_t *object = json_object();
    for (size_t i = 0; i < TIMEOUT_COUNT; i++) {
        json_object_set_new(object, timeouts[i].name,
                            json_integer(read_value(option, &timeouts[i])));
    }
    json_object_set_new(item, "timeouts", object);
    json_object_set_new(item, "sticky", json_boolean(option->is_sticky));
}

void route_option_write_bundle(const struct route_option *option, json_t *item) {
    json_t *tree = write_differences(option);
    json_object_update(item, tree);
    json_decref(tree);
}
