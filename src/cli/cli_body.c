#include "cli/cli_body.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli_yaml.h"

/* The object that a dotted name leads to, made where it is not there; *name becomes the last part. NULL: something else is in the way. */
static json_t *descend(json_t *object, char **name) {
    char *dot = strchr(*name, '.');
    while (dot != NULL && object != NULL) {
        *dot = '\0';
        json_t *inner = json_object_get(object, *name);
        if (inner == NULL) {
            inner = json_object();
            json_object_set_new(object, *name, inner);
        }
        object = json_is_object(inner) ? inner : NULL;
        *name = dot + 1;
        dot = strchr(*name, '.');
    }
    return object;
}

static enum status read_value(struct str text, bool is_yaml, json_t **value, struct why *why) {
    if (!is_yaml) {
        *value = json_from_str(text);
        return STATUS_OK;
    }
    return cli_yaml_parse(text, value, why);
}

/* name=text or name:=YAML. */
static enum status add_member(struct cli *cli, json_t *body, const char *member, struct why *why) {
    const char *equals = strchr(member, '=');
    size_t len = equals == NULL ? 0 : (size_t)(equals - member);
    bool is_yaml = len > 0 && member[len - 1] == ':';
    json_t *value = NULL;
    len -= is_yaml ? 1 : 0;
    if (len == 0) {
        return why_set(why, STATUS_INVALID, "member_malformed",
                       "\"%.60s\" is neither NAME=TEXT nor NAME:=VALUE", member);
    }
    char *name = (char *)(uintptr_t)arena_str(&cli->arena, str_make(member, len)).at;
    enum status status = read_value(str_from(equals + 1), is_yaml, &value, why);
    if (status != STATUS_OK) {
        return status;
    }
    json_t *object = descend(body, &name);
    if (object == NULL || json_object_set(object, name, value) != 0) {
        status = why_set(why, STATUS_INVALID, "member_malformed",
                         "\"%.60s\" does not fit what was said before it", member);
    }
    json_decref(value);
    return status;
}

static enum status read_file(struct cli *cli, const char *file, json_t **body, struct why *why) {
    struct str text;
    enum status status = cli_read_file(cli, file, &text, why);
    if (status == STATUS_OK) {
        status = cli_yaml_parse(text, body, why);
    }
    if (status == STATUS_OK && !json_is_object(*body)) {
        json_decref(*body);
        *body = NULL;
        return why_set(why, STATUS_INVALID, "yaml_invalid", "%.100s: has to hold an object", file);
    }
    return status;
}

enum status cli_body_make(struct cli *cli, const char *file, const struct option_list *members,
                          size_t first, json_t **body, struct why *why) {
    enum status status = STATUS_OK;
    *body = NULL;
    if (file != NULL) {
        status = read_file(cli, file, body, why);
    } else {
        *body = json_object();
    }
    for (size_t i = first; i < members->count && status == STATUS_OK; i++) {
        status = add_member(cli, *body, members->values[i], why);
    }
    if (status != STATUS_OK) {
        json_decref(*body);
        *body = NULL;
    }
    return status;
}
