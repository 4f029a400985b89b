#include "control/health_option.h"

#include "base/json.h"
#include "base/log.h"
#include "policy/bundle.h"

#define UPSTREAM STR("default")

static struct str text_of(const json_t *object, const char *name, struct str fallback) {
    const json_t *value = json_object_get(object, name);
    return value == NULL ? fallback : str_make(json_string_value(value), json_string_length(value));
}

static json_int_t number_of(const json_t *object, const char *name, json_int_t fallback) {
    const json_t *value = json_object_get(object, name);
    return value == NULL ? fallback : json_integer_value(value);
}

/* With everything that the request left out. */
static json_t *complete(const json_t *item) {
    json_int_t interval_ms = number_of(item, "interval_ms", HEALTH_OPTION_INTERVAL_MS);
    json_int_t timeout_ms =
        interval_ms < HEALTH_OPTION_TIMEOUT_MS ? interval_ms : HEALTH_OPTION_TIMEOUT_MS;
    json_t *check = json_object();
    json_object_set_new(check, "upstream", json_from_str(text_of(item, "upstream", UPSTREAM)));
    json_object_set_new(check, "path", json_from_str(text_of(item, "path", STR_EMPTY)));
    json_object_set_new(check, "interval_ms", json_integer(interval_ms));
    json_object_set_new(check, "timeout_ms",
                        json_integer(number_of(item, "timeout_ms", timeout_ms)));
    return check;
}

static bool is_named_before(const json_t *list, size_t end, struct str upstream) {
    for (size_t i = 0; i < end; i++) {
        if (str_eq(text_of(json_array_get(list, i), "upstream", STR_EMPTY), upstream)) {
            return true;
        }
    }
    return false;
}

/* What takes more than one member to judge, or more than a length. */
static void judge(struct api_faults *faults, const char *pointer, const json_t *list,
                  size_t index) {
    const json_t *check = json_array_get(list, index);
    struct str upstream = text_of(check, "upstream", STR_EMPTY);
    api_schema_enter(faults, "%s/health_checks/%zu", pointer, index);
    if (!bundle_is_upstream_name(upstream)) {
        api_schema_add_fault(faults, "upstream", "upstream_invalid", -1,
                             "has to be 1 to 63 of a-z, 0-9 and -");
    } else if (is_named_before(list, index, upstream)) {
        api_schema_add_fault(faults, "upstream", "upstream_repeated", -1,
                             "an upstream has one check");
    }
    if (!bundle_is_check_path(text_of(check, "path", STR_EMPTY))) {
        api_schema_add_fault(
            faults, "path", "path_invalid", -1,
            "has to begin with / and to be of printable ASCII without spaces and #");
    }
    if (number_of(check, "timeout_ms", 0) > number_of(check, "interval_ms", 0)) {
        api_schema_add_fault(faults, "timeout_ms", "member_value", -1,
                             "has to be at most interval_ms");
    }
    api_schema_enter(faults, "%s", "");
}

static struct str keep(struct api_call *call, const json_t *list) {
    struct buf out;
    struct str text = STR_EMPTY;
    buf_init(&out, STORE_HEALTH_CHECKS_MAX);
    /* As many as there may be, with paths as long as they may be, fit. */
    if (json_array_size(list) > 0 && json_write(list, &out) == STATUS_OK) {
        text = arena_str(&call->arena, buf_str(&out));
    }
    buf_fini(&out);
    return text;
}

void health_option_take(struct api_call *call, const json_t *body, const char *pointer,
                        struct str *stored) {
    const json_t *asked = json_object_get(body, "health_checks");
    size_t before = call->faults.count;
    size_t i;
    json_t *item;
    if (asked == NULL) {
        return;
    }
    json_t *list = json_array();
    json_array_foreach(asked, i, item) {
        json_array_append_new(list, complete(item));
        judge(&call->faults, pointer, list, i);
    }
    if (call->faults.count == before) {
        *stored = keep(call, list);
    }
    json_decref(list);
}

json_t *health_option_write(struct str stored) {
    struct why why = {0};
    json_t *list = NULL;
    if (str_is_empty(stored)) {
        return json_array();
    }
    if (json_parse(stored, &list, &why) != STATUS_OK) {
        log_error("control.health_checks_malformed", "detail=%s", why.text);
        return json_array();
    }
    return list;
}
