#include "cli/cli_yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/json.h"

#define NUMBER_SIZE 64

/* One list or object that is open. */
struct level {
    json_t *node; /* borrowed: its parent owns it */
    char *member; /* of an object: waits for its value; owned */
};

struct reader {
    yaml_parser_t parser;
    struct level levels[CLI_YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    json_t *root;
    struct why *why;
};

static enum status refuse(struct reader *reader, const yaml_mark_t *mark, const char *fault) {
    return why_set(reader->why, STATUS_INVALID, "yaml_invalid", "line %zu, column %zu: %s",
                   mark->line + 1, mark->column + 1, fault);
}

static bool is_word(struct str text, const char *const *words) {
    for (size_t i = 0; words[i] != NULL; i++) {
        if (str_eq(text, str_from(words[i]))) {
            return true;
        }
    }
    return false;
}

/* [-+]? digits, and for decimals a fraction, an exponent or both. */
static bool is_number(struct str text, bool *is_integer) {
    size_t at = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+') ? 1 : 0;
    size_t digits = 0;
    *is_integer = true;
    for (; at < text.len; at++) {
        char c = text.at[at];
        if (c >= '0' && c <= '9') {
            digits++;
        } else if (c == '.' || ((c == 'e' || c == 'E') && digits > 0)) {
            *is_integer = false;
        } else if ((c != '-' && c != '+') || (text.at[at - 1] != 'e' && text.at[at - 1] != 'E')) {
            return false;
        }
    }
    return digits > 0;
}

/* NULL: what looks like a number is none that JSON has. */
static json_t *read_number(struct str text, bool is_integer) {
    char digits[NUMBER_SIZE];
    char *end = NULL;
    if (str_to_cstr(text, digits, sizeof(digits)) != STATUS_OK) {
        return NULL;
    }
    errno = 0;
    if (is_integer) {
        long long value = strtoll(digits, &end, 10);
        return *end == '\0' && errno == 0 ? json_integer(value) : NULL;
    }
    double value = strtod(digits, &end);
    return *end == '\0' && isfinite(value) ? json_real(value) : NULL;
}

json_t *cli_yaml_scalar(struct str text) {
    static const char *const nulls[] = {"null", "Null", "NULL", "~", "", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    bool is_integer = true;
    if (is_word(text, nulls)) {
        return json_null();
    }
    if (is_word(text, trues)) {
        return json_true();
    }
    if (is_word(text, falses)) {
        return json_false();
    }
    json_t *number = is_number(text, &is_integer) ? read_number(text, is_integer) : NULL;
    return number != NULL ? number : json_from_str(text);
}

/* Puts a node where the reader is; the tree owns it from here, also when it is refused. */
static enum status place(struct reader *reader, json_t *node, const yaml_mark_t *mark) {
    if (++reader->nodes > CLI_YAML_NODES_MAX) {
        json_decref(node);
        return refuse(reader, mark, "more values than can be meant");
    }
    if (reader->depth == 0) {
        reader->root = node;
        return STATUS_OK;
    }
    struct level *level = &reader->levels[reader->depth - 1];
    if (json_is_array(level->node)) {
        json_array_append_new(level->node, node);
        return STATUS_OK;
    }
    json_object_set_new_nocheck(level->node, level->member, node);
    free(level->member);
    level->member = NULL;
    return STATUS_OK;
}

static bool wants_member(const struct reader *reader) {
    const struct level *level = reader->depth == 0 ? NULL : &reader->levels[reader->depth - 1];
    return level != NULL && json_is_object(level->node) && level->member == NULL;
}

static enum status take_member(struct reader *reader, struct str name, const yaml_mark_t *mark) {
    struct level *level = &reader->levels[reader->depth - 1];
    level->member = strndup(name.at, name.len);
    if (level->member == NULL || strlen(level->member) != name.len) {
        return refuse(reader, mark, "a member's name holds a NUL");
    }
    return json_object_get(level->node, level->member) == NULL
               ? STATUS_OK
               : refuse(reader, mark, "this member stands twice");
}

static enum status take_scalar(struct reader *reader, const yaml_event_t *event) {
    struct str text = str_make(event->data.scalar.value, event->data.scalar.length);
    if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL) {
        return refuse(reader, &event->start_mark, "anchors and tags are not taken");
    }
    if (wants_member(reader)) {
        return take_member(reader, text, &event->start_mark);
    }
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return place(reader, is_plain ? cli_yaml_scalar(text) : json_from_str(text),
                 &event->start_mark);
}

static enum status open_level(struct reader *reader, json_t *node, bool is_marked,
                              const yaml_mark_t *mark) {
    if (is_marked || wants_member(reader) || reader->depth == CLI_YAML_DEPTH_MAX) {
        json_decref(node);
        return refuse(reader, mark,
                      is_marked              ? "anchors and tags are not taken"
                      : wants_member(reader) ? "a member's name has to be text"
                                             : "nested too deep");
    }
    enum status status = place(reader, node, mark);
    if (status == STATUS_OK) {
        reader->levels[reader->depth++] = (struct level){.node = node};
    }
    return status;
}

/* STATUS_END: the document is over. */
static enum status take_event(struct reader *reader, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_level(reader, json_array(),
                          event->data.sequence_start.anchor != NULL ||
                              event->data.sequence_start.tag != NULL,
                          &event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return open_level(reader, json_object(),
                          event->data.mapping_start.anchor != NULL ||
                              event->data.mapping_start.tag != NULL,
                          &event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        reader->depth--;
        return STATUS_OK;
    case YAML_ALIAS_EVENT:
        return refuse(reader, &event->start_mark, "aliases are not taken");
    case YAML_DOCUMENT_START_EVENT:
        return reader->root == NULL ? STATUS_OK
                                    : refuse(reader, &event->start_mark, "a second document");
    case YAML_STREAM_END_EVENT:
        return STATUS_END;
    default:
        return STATUS_OK;
    }
}

static enum status read_all(struct reader *reader) {
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        yaml_event_t event;
        if (yaml_parser_parse(&reader->parser, &event) == 0) {
            const char *problem = reader->parser.problem;
            return refuse(reader, &reader->parser.problem_mark,
                          problem == NULL ? "not YAML" : problem);
        }
        status = take_event(reader, &event);
        yaml_event_delete(&event);
    }
    return status == STATUS_END ? STATUS_OK : status;
}

enum status cli_yaml_parse(struct str text, json_t **tree, struct why *why) {
    struct reader reader = {.why = why};
    *tree = NULL;
    if (yaml_parser_initialize(&reader.parser) == 0) {
        return why_set(why, STATUS_FAILED, "yaml_failed", "libyaml does not start");
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.at, text.len);
    enum status status = read_all(&reader);
    yaml_parser_delete(&reader.parser);
    for (size_t i = 0; i < reader.depth; i++) {
        free(reader.levels[i].member);
    }
    if (status == STATUS_OK && reader.root == NULL) {
        status = why_set(why, STATUS_INVALID, "yaml_invalid", "the document is empty");
    }
    if (status != STATUS_OK) {
        json_decref(reader.root);
        return status;
    }
    *tree = reader.root;
    return STATUS_OK;
}
