/* describe_settings.c: the settings' part of the API's description, from the tables that the settings are judged by (policy/setting.h), so
 * that the two cannot differ: describe_settings > part.json, for tools/join_openapi.
 *
 * Of a shape NAME: the schema NAME with all of its members. Where a request may leave out a member, null stands for that.
 */
#include <stdio.h>
#include <string.h>

#include "policy/environment_settings.h"

static json_t *schemas;

static void describe_shape(const struct setting_shape *shape);

static json_t *reference(const struct setting_shape *shape) {
    return json_pack("{s:s+}", "$ref", "#/components/schemas/", shape->name);
}

static const char *type_of(const struct setting *setting) {
    static const char *const types[] = {
        [SETTING_BOOLEAN] = "boolean", [SETTING_INTEGER] = "integer", [SETTING_WORD] = "string",
        [SETTING_WORDS] = "array",     [SETTING_TEXT] = "string",     [SETTING_TEXTS] = "array",
        [SETTING_NUMBERS] = "array",   [SETTING_CIDRS] = "array",     [SETTING_OBJECTS] = "array",
    };
    return types[setting->kind];
}

static json_t *list_words(const struct setting *setting, uint64_t bits) {
    json_t *list = json_array();
    for (size_t i = 0; setting->words[i] != NULL; i++) {
        if ((bits >> i & 1) != 0) {
            json_array_append_new(list, json_string(setting->words[i]));
        }
    }
    return list;
}

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

/* What one value of a text or number may be. */
static void add_bounds(json_t *node, const struct setting *setting, bool is_text) {
    json_object_set_new(node, is_text ? "minLength" : "minimum",
                        number(setting->may_be_zero ? 0 : setting->min));
    json_object_set_new(node, is_text ? "maxLength" : "maximum", number(setting->max));
}

static json_t *describe_items(const struct setting *setting) {
    json_t *items = NULL;
    switch (setting->kind) {
    case SETTING_WORDS:
        return json_pack("{s:s, s:o}", "type", "string", "enum", list_words(setting, UINT64_MAX));
    case SETTING_NUMBERS:
        items = json_pack("{s:s}", "type", "integer");
        add_bounds(items, setting, false);
        return items;
    case SETTING_TEXTS:
        items = json_pack("{s:s}", "type", "string");
        add_bounds(items, setting, true);
        return items;
    case SETTING_OBJECTS:
        describe_shape(setting->shape);
        return reference(setting->shape);
    default:
        return json_pack("{s:s}", "type", "string");
    }
}

static json_t *standard_of(const struct setting *setting) {
    switch (setting->kind) {
    case SETTING_BOOLEAN:
        return json_boolean(setting->standard != 0);
    case SETTING_INTEGER:
        return number(setting->standard);
    case SETTING_WORD:
        return json_string(setting->words[setting->standard]);
    case SETTING_WORDS:
        return list_words(setting, setting->standard);
    case SETTING_TEXT:
        return json_null();
    default:
        return json_array();
    }
}

static json_t *describe_object(const struct setting *setting) {
    describe_shape(setting->shape);
    return json_pack("{s:[o, {s:s}], s:s}", "anyOf", reference(setting->shape), "type", "null",
                     "description", setting->about);
}

static json_t *describe_member(const struct setting *setting) {
    if (setting->kind == SETTING_OBJECT) {
        return describe_object(setting);
    }
    json_t *node = setting->is_required ? json_pack("{s:s}", "type", type_of(setting))
                                        : json_pack("{s:[s, s]}", "type", type_of(setting), "null");
    json_object_set_new(node, "description", json_string(setting->about));
    if (setting->kind == SETTING_INTEGER || setting->kind == SETTING_TEXT) {
        add_bounds(node, setting, setting->kind == SETTING_TEXT);
    } else if (setting->kind == SETTING_WORD) {
        json_t *words = list_words(setting, UINT64_MAX);
        json_array_append_new(words, json_null());
        json_object_set_new(node, "enum", words);
    } else if (setting->kind != SETTING_BOOLEAN) {
        json_object_set_new(node, "items", describe_items(setting));
    }
    if (setting->count_max > 0) {
        json_object_set_new(node, "maxItems", number(setting->count_max));
    }
    if (!setting->is_required) {
        json_object_set_new(node, "default", standard_of(setting));
    }
    return node;
}

static void describe_shape(const struct setting_shape *shape) {
    if (json_object_get(schemas, shape->name) != NULL) {
        return;
    }
    json_t *properties = json_object();
    json_t *required = json_array();
    json_object_set_new(schemas, shape->name,
                        json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
                                  "properties", properties));
    for (size_t i = 0; i < shape->count; i++) {
        const struct setting *setting = &shape->members[i];
        json_object_set_new(properties, setting->name, describe_member(setting));
        if (setting->is_required) {
            json_array_append_new(required, json_string(setting->name));
        }
    }
    if (json_array_size(required) > 0) {
        json_object_set(json_object_get(schemas, shape->name), "required", required);
    }
    json_decref(required);
}

int main(void) {
    schemas = json_object();
    describe_shape(&route_settings_shape);
    describe_shape(&environment_settings_members);
    json_t *part = json_pack("{s:o}", "schemas", schemas);
    int failed = json_dumpf(part, stdout, JSON_INDENT(2));
    json_decref(part);
    return failed == 0 && fflush(stdout) == 0 ? 0 : 1;
}
