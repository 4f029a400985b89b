/* openapi_test.c: the contract and the code are the same: every operation, every body, every code, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "control/api_idempotency.h"
#include "control/api_problem.h"
#include "control/api_router.h"

extern const unsigned char openapi_json[];
extern const size_t openapi_json_len;

static json_t *document;

static int read_document(void **state) {
    struct why why;
    (void)state;
    return json_parse(str_make(openapi_json, openapi_json_len), &document, &why) == STATUS_OK ? 0
                                                                                              : -1;
}

static int free_document(void **state) {
    (void)state;
    json_decref(document);
    return 0;
}

static const char *lower(const char *method) {
    static char text[16];
    size_t len = strlen(method);
    str_lower(str_make(method, len), text);
    text[len] = '\0';
    return text;
}

static const json_t *find_described(const struct api_operation *operation) {
    const json_t *path = json_object_get(json_object_get(document, "paths"), operation->path);
    return json_object_get(path, lower(operation->method));
}

static void test_every_operation_is_described(void **state) {
    (void)state;
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        const json_t *described = find_described(operation);
        char status[8];
        if (described == NULL) {
            fail_msg("%s %s is not in openapi.json", operation->method, operation->path);
        }
        snprintf(status, sizeof(status), "%u", operation->status);
        assert_non_null(json_object_get(json_object_get(described, "responses"), status));
        assert_string_equal(json_string_value(json_object_get(described, "x-permission")),
                            permission_name(operation->permission));
        /* Without "security" the document's own applies: a bearer token. */
        assert_true((json_object_get(described, "security") != NULL) ==
                    (operation->permission == PERMISSION_OPEN));
        assert_true((json_object_get(described, "requestBody") != NULL) ==
                    (operation->schema != NULL));
    }
}

static bool is_served(const char *method, const char *path) {
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        if (strcmp(operation->path, path) == 0 && strcmp(lower(operation->method), method) == 0) {
            return true;
        }
    }
    return false;
}

static void test_every_description_is_served(void **state) {
    const char *path;
    json_t *item;
    size_t count = 0;
    (void)state;
    json_object_foreach(json_object_get(document, "paths"), path, item) {
        const char *method;
        json_t *operation;
        json_object_foreach(item, method, operation) {
            if (strcmp(method, "parameters") == 0) {
                continue;
            }
            count++;
            if (!is_served(method, path)) {
                fail_msg("%s %s is in openapi.json and nowhere else", method, path);
            }
        }
    }
    assert_int_equal(count, api_router_public.count);
}

/* Bodies */

static const json_t *find_schema(const char *name) {
    return json_object_get(json_object_get(json_object_get(document, "components"), "schemas"),
                           name);
}

static bool is_required(const json_t *schema, const char *name) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(schema, "required"), i, item) {
        if (strcmp(json_string_value(item), name) == 0) {
            return true;
        }
    }
    return false;
}

static void expect_reference(const json_t *node, const struct api_schema *schema) {
    char reference[96];
    snprintf(reference, sizeof(reference), "#/components/schemas/%s", schema->name);
    assert_string_equal(json_string_value(json_object_get(node, "$ref")), reference);
}

static void expect_schema(const struct api_schema *schema);

/* An object that may be null is one of two; a list names what its members are. */
static void expect_inside(const struct api_member *member, const json_t *property) {
    const json_t *node = json_object_get(property, "items");
    if (member->kind == API_OBJECT) {
        const json_t *choices = json_object_get(property, "anyOf");
        node = json_array_get(choices, 0);
        assert_true(member->may_be_null);
        assert_string_equal(json_string_value(json_object_get(json_array_get(choices, 1), "type")),
                            "null");
    } else {
        assert_int_equal(json_integer_value(json_object_get(property, "maxItems")), member->max);
    }
    expect_reference(node, member->schema);
    expect_schema(member->schema);
}

/* "type", or the first of the two where the second is null. */
static const char *type_of(const struct api_member *member, const json_t *property) {
    const json_t *type = json_object_get(property, "type");
    if (!member->may_be_null) {
        return json_string_value(type);
    }
    assert_int_equal(json_array_size(type), 2);
    assert_string_equal(json_string_value(json_array_get(type, 1)), "null");
    return json_string_value(json_array_get(type, 0));
}

static void expect_range(const struct api_member *member, const json_t *property) {
    const json_t *minimum = property;
    assert_int_equal(json_integer_value(json_object_get(property, "maximum")), member->max);
    if (member->may_be_zero) {
        const json_t *choices = json_object_get(property, "anyOf");
        assert_true(json_is_integer(json_object_get(json_array_get(choices, 0), "const")));
        assert_int_equal(json_integer_value(json_object_get(json_array_get(choices, 0), "const")),
                         0);
        minimum = json_array_get(choices, 1);
    }
    assert_int_equal(json_integer_value(json_object_get(minimum, "minimum")), member->min);
}

static void expect_type(const struct api_member *member, const json_t *property) {
    static const char *const types[] = {
        [API_TEXT] = "string", [API_OPAQUE] = "string",   [API_SLUG] = "string",
        [API_WORD] = "string", [API_BOOLEAN] = "boolean", [API_INTEGER] = "integer",
        [API_LIST] = "array",  [API_TIME] = "string",     [API_WORDS] = "array",
    };
    if (member->kind == API_OBJECT || member->kind == API_LIST) {
        expect_inside(member, property);
    }
    if (member->kind == API_OBJECT) {
        return;
    }
    assert_string_equal(type_of(member, property), types[member->kind]);
    if (member->kind == API_TEXT || member->kind == API_OPAQUE || member->kind == API_SLUG) {
        assert_int_equal(json_integer_value(json_object_get(property, "minLength")), member->min);
        assert_int_equal(json_integer_value(json_object_get(property, "maxLength")), member->max);
    }
    if (member->kind == API_INTEGER) {
        expect_range(member, property);
    }
    if (member->kind == API_TIME) {
        assert_string_equal(json_string_value(json_object_get(property, "format")), "date-time");
    }
    if (member->kind == API_WORD || member->kind == API_WORDS) {
        const json_t *words = json_object_get(
            member->kind == API_WORDS ? json_object_get(property, "items") : property, "enum");
        size_t i = 0;
        for (; member->words[i] != NULL; i++) {
            assert_string_equal(json_string_value(json_array_get(words, i)), member->words[i]);
        }
        assert_int_equal(json_array_size(words), i);
    }
}

/* They come from the same tables: that they are there is what is left to see. */
static size_t expect_settings(const struct setting_shape *shape, const json_t *properties) {
    for (size_t i = 0; shape != NULL && i < shape->count; i++) {
        const json_t *property = json_object_get(properties, shape->members[i].name);
        assert_string_equal(json_string_value(json_object_get(property, "description")),
                            shape->members[i].about);
    }
    return shape != NULL ? shape->count : 0;
}

static void expect_schema(const struct api_schema *schema) {
    const json_t *described = find_schema(schema->name);
    const json_t *properties = json_object_get(described, "properties");
    assert_non_null(described);
    assert_true(json_is_false(json_object_get(described, "additionalProperties")));
    assert_int_equal(json_object_size(properties),
                     schema->count + expect_settings(schema->settings, properties));
    for (size_t i = 0; i < schema->count; i++) {
        const struct api_member *member = &schema->members[i];
        const json_t *property = json_object_get(properties, member->name);
        if (property == NULL) {
            fail_msg("%s.%s is not in openapi.json", schema->name, member->name);
        }
        assert_true(is_required(described, member->name) == member->is_required);
        expect_type(member, property);
    }
}

static void test_bodies_are_what_the_schemas_say(void **state) {
    (void)state;
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        if (operation->schema == NULL) {
            continue;
        }
        expect_schema(operation->schema);
        const json_t *body = json_object_get(find_described(operation), "requestBody");
        const json_t *content =
            json_object_get(json_object_get(body, "content"), "application/json");
        expect_reference(json_object_get(content, "schema"), operation->schema);
        assert_true(json_is_true(json_object_get(body, "required")) ==
                    (!api_schema_may_be_absent(operation->schema) ||
                     strcmp(operation->method, "PATCH") == 0));
    }
}

static bool names_parameter(const json_t *described, const char *name) {
    char reference[96];
    size_t i;
    json_t *item;
    snprintf(reference, sizeof(reference), "#/components/parameters/%s", name);
    json_array_foreach(json_object_get(described, "parameters"), i, item) {
        const char *found = json_string_value(json_object_get(item, "$ref"));
        if (found != NULL && strcmp(found, reference) == 0) {
            return true;
        }
    }
    return false;
}

/* A filter is described where it is used. */
static bool describes_filter(const json_t *described, const char *name) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(described, "parameters"), i, item) {
        const char *own = json_string_value(json_object_get(item, "name"));
        if (own != NULL && strcmp(own, name) == 0) {
            return strcmp(json_string_value(json_object_get(item, "in")), "query") == 0;
        }
    }
    return false;
}

static void test_lists_take_what_they_say(void **state) {
    (void)state;
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        const json_t *described = find_described(operation);
        assert_true(names_parameter(described, "limit") == (operation->list != API_LIST_NONE));
        assert_true(names_parameter(described, "cursor") == (operation->list != API_LIST_NONE));
        assert_true(names_parameter(described, "include") == (operation->list != API_LIST_NONE));
        assert_true(names_parameter(described, "order") == (operation->list == API_LIST_TIME));
        assert_true(names_parameter(described, "idempotency_key") ==
                    api_idempotency_is_for(operation));
        for (const char *const *filter = operation->filters; filter != NULL && *filter != NULL;
             filter++) {
            assert_true(describes_filter(described, *filter));
        }
    }
}

/* What the query may hold besides stands at the operation itself. */
static size_t count_own_parameters(const json_t *described) {
    size_t i;
    size_t count = 0;
    json_t *item;
    json_array_foreach(json_object_get(described, "parameters"), i, item) {
        const char *in = json_string_value(json_object_get(item, "in"));
        count += in != NULL && strcmp(in, "query") == 0;
    }
    return count;
}

static const json_t *find_own_parameter(const json_t *described, const char *name) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(described, "parameters"), i, item) {
        const char *found = json_string_value(json_object_get(item, "name"));
        if (found != NULL && strcmp(found, name) == 0) {
            return item;
        }
    }
    fail_msg("the query's %s is not described", name);
    return NULL;
}

static void test_filters_are_described(void **state) {
    (void)state;
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        const json_t *described = find_described(operation);
        size_t count = operation->query == NULL ? 0 : operation->query->count;
        size_t text_count = 0;
        while (operation->filters != NULL && operation->filters[text_count] != NULL) {
            text_count++;
        }
        assert_int_equal(count_own_parameters(described), count + text_count);
        for (size_t k = 0; k < count; k++) {
            const struct api_member *member = &operation->query->members[k];
            const json_t *parameter = find_own_parameter(described, member->name);
            assert_true(json_is_true(json_object_get(parameter, "required")) ==
                        member->is_required);
            expect_type(member, json_object_get(parameter, "schema"));
        }
    }
}

static void test_codes_are_listed(void **state) {
    const json_t *listed = json_object_get(document, "x-problems");
    size_t count = 0;
    (void)state;
    for (; api_problem_at(count) != NULL; count++) {
        const struct api_problem *problem = api_problem_at(count);
        const json_t *row = json_object_get(listed, problem->code);
        if (row == NULL) {
            fail_msg("%s is not in x-problems", problem->code);
        }
        assert_int_equal(json_integer_value(json_object_get(row, "status")), problem->status);
        assert_string_equal(json_string_value(json_object_get(row, "title")), problem->title);
    }
    assert_int_equal(json_object_size(listed), count);
}

/* Every "$ref" leads somewhere. */
static void check_references(const json_t *node) {
    const char *name;
    json_t *child;
    size_t i;
    json_array_foreach(node, i, child) {
        check_references(child);
    }
    json_object_foreach((json_t *)(uintptr_t)node, name, child) {
        if (strcmp(name, "$ref") != 0) {
            check_references(child);
            continue;
        }
        const json_t *target = document;
        struct str rest = str_sub(str_from(json_string_value(child)), 2, SIZE_MAX);
        while (!str_is_empty(rest)) {
            struct str part;
            char text[64];
            (void)str_cut(rest, '/', &part, &rest);
            assert_int_equal(str_to_cstr(part, text, sizeof(text)), STATUS_OK);
            target = json_object_get(target, text);
        }
        if (target == NULL) {
            fail_msg("%s leads nowhere", json_string_value(child));
        }
    }
}

/* What can be asked for "if it has changed" has a tag, and can be unchanged. */
static void test_tags_go_with_conditions(void **state) {
    (void)state;
    for (size_t i = 0; i < api_router_public.count; i++) {
        const struct api_operation *operation = &api_router_public.operations[i];
        const json_t *described = find_described(operation);
        const json_t *responses = json_object_get(described, "responses");
        const json_t *headers = json_object_get(json_object_get(responses, "200"), "headers");
        bool has_tag = json_object_get(headers, "ETag") != NULL;
        bool is_read = strcmp(operation->method, "GET") == 0;
        if ((is_read && has_tag) != (json_object_get(responses, "304") != NULL) ||
            (is_read && has_tag) != names_parameter(described, "if_none_match") ||
            (json_object_get(responses, "428") == NULL &&
             names_parameter(described, "if_match_required"))) {
            fail_msg("%s %s: conditions", operation->method, operation->path);
        }
    }
}

static void test_references_lead_somewhere(void **state) {
    (void)state;
    check_references(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation_is_described),
        cmocka_unit_test(test_every_description_is_served),
        cmocka_unit_test(test_bodies_are_what_the_schemas_say),
        cmocka_unit_test(test_lists_take_what_they_say),
        cmocka_unit_test(test_filters_are_described),
        cmocka_unit_test(test_codes_are_listed),
        cmocka_unit_test(test_tags_go_with_conditions),
        cmocka_unit_test(test_references_lead_somewhere),
    };
    return cmocka_run_group_tests(tests, read_document, free_document);
}
