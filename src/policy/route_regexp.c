/* A recursive descent over the grammar; one function for each level:
 *   alternatives := branch ("|" branch)*      branch := repeat*      repeat := atom quantifier?
 */
#include "policy/route_regexp.h"

#include "policy/regexp_class.h"
#include "policy/regexp_reader.h"
#include "policy/route_regexp_node.h"

#define NESTING_MAX 64
#define REPEAT_MAX 255

static enum status parse_alternatives(struct regexp_reader *p, struct route_regexp_node **node);

/* ---- nodes ---- */

static struct route_regexp_node *make_node(struct regexp_reader *p, enum route_regexp_kind kind,
                                           size_t start) {
    struct route_regexp_node *node = ARENA_NEW(p->arena, struct route_regexp_node);
    node->kind = kind;
    node->text = str_sub(p->text, start, p->at - start);
    node->state_count = kind == REGEXP_EMPTY ? 0 : 1;
    return node;
}

static void append_child(struct route_regexp_node *parent, struct route_regexp_node *child) {
    child->prev = parent->last;
    child->next = NULL;
    *(parent->last != NULL ? &parent->last->next : &parent->first) = child;
    parent->last = child;
}

static enum status check_states(struct regexp_reader *p, size_t count, size_t offset) {
    if (count > ROUTE_REGEXP_STATES_MAX) {
        return regexp_reader_refuse(p, offset, STATUS_TOO_LARGE, "regexp_states",
                                    "written out, the expression has too many states");
    }
    return STATUS_OK;
}

/* A class of one byte is a byte. */
static struct route_regexp_node *simplify_class(struct route_regexp_node *node) {
    unsigned count = 0;
    for (size_t i = 0; i < 4; i++) {
        count += (unsigned)__builtin_popcountll(node->set.bits[i]);
    }
    if (count == 1) {
        size_t word = 0;
        while (node->set.bits[word] == 0) {
            word++;
        }
        node->kind = REGEXP_BYTE;
        node->byte = (uint8_t)(word * 64 + (size_t)__builtin_ctzll(node->set.bits[word]));
    }
    return node;
}

/* Alternatives that are all single bytes or classes become one class. */
static bool merge_alternatives(struct route_regexp_node *node) {
    struct route_regexp_set set = {{0}};
    for (const struct route_regexp_node *child = node->first; child; child = child->next) {
        if (child->kind != REGEXP_BYTE && child->kind != REGEXP_CLASS) {
            return false;
        }
        for (size_t i = 0; i < 4; i++) {
            set.bits[i] |= child->set.bits[i];
        }
    }
    node->kind = REGEXP_CLASS;
    node->set = set;
    node->state_count = 1;
    node->first = NULL;
    node->last = NULL;
    return true;
}

/* ---- atoms ---- */

static enum status parse_class(struct regexp_reader *p, struct route_regexp_node **node) {
    size_t start = p->at;
    struct route_regexp_set set;
    enum status status = regexp_class_parse(p, &set);
    if (status != STATUS_OK) {
        return status;
    }
    *node = make_node(p, REGEXP_CLASS, start);
    (*node)->set = set;
    simplify_class(*node);
    return STATUS_OK;
}

static enum status make_byte(struct regexp_reader *p, size_t start,
                             struct route_regexp_node **node) {
    char c = regexp_reader_peek(p, 0);
    p->at++;
    *node = make_node(p, REGEXP_BYTE, start);
    (*node)->byte = (uint8_t)c;
    route_regexp_set_add(&(*node)->set, (uint8_t)c);
    return STATUS_OK;
}

static enum status parse_escape(struct regexp_reader *p, struct route_regexp_node **node) {
    size_t start = p->at++;
    if (regexp_reader_is_at_end(p)) {
        return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_escape",
                                    "nothing follows the \\");
    }
    char c = regexp_reader_peek(p, 0);
    struct route_regexp_set set = {{0}};
    if (regexp_class_add_escape(&set, c)) {
        p->at++;
        *node = make_node(p, REGEXP_CLASS, start);
        (*node)->set = set;
        return STATUS_OK;
    }
    if (c >= '1' && c <= '9') {
        return regexp_reader_refuse(p, start, STATUS_UNSUPPORTED, "regexp_back_reference",
                                    "back-references are not available");
    }
    if (regexp_reader_is_alphanumeric(c) || (uint8_t)c >= 0x80) {
        return regexp_reader_refuse(p, start, STATUS_UNSUPPORTED, "regexp_escape_unsupported",
                                    "this escape is not available");
    }
    return make_byte(p, start, node);
}

/* What "(?" begins besides "(?:". */
static enum status refuse_group(struct regexp_reader *p, size_t start) {
    char c = regexp_reader_peek(p, 2);
    char after = regexp_reader_peek(p, 3);
    if (c == '=' || c == '!' || (c == '<' && (after == '=' || after == '!')) || c == '>') {
        return regexp_reader_refuse(p, start, STATUS_UNSUPPORTED, "regexp_look_around",
                                    "look-around and atomic groups are not available");
    }
    if (c == 'P' || c == '<' || c == '\'') {
        return regexp_reader_refuse(p, start, STATUS_UNSUPPORTED, "regexp_named_group",
                                    "named groups are not available");
    }
    return regexp_reader_refuse(p, start, STATUS_UNSUPPORTED, "regexp_flags",
                                "flags and other (? groups are not available");
}

static enum status parse_group(struct regexp_reader *p, struct route_regexp_node **node) {
    size_t start = p->at;
    if (regexp_reader_peek(p, 1) == '?' && regexp_reader_peek(p, 2) != ':') {
        return refuse_group(p, start);
    }
    if (p->depth == NESTING_MAX) {
        return regexp_reader_refuse(p, start, STATUS_TOO_LARGE, "regexp_nesting",
                                    "groups are nested too deep");
    }
    p->at += regexp_reader_peek(p, 1) == '?' ? 3 : 1;
    p->depth++;
    enum status status = parse_alternatives(p, node);
    if (status != STATUS_OK) {
        return status;
    }
    p->depth--;
    if (regexp_reader_peek(p, 0) != ')') {
        return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_group",
                                    "a group has no final )");
    }
    p->at++;
    return STATUS_OK;
}

static enum status parse_atom(struct regexp_reader *p, struct route_regexp_node **node) {
    size_t start = p->at;
    char c = regexp_reader_peek(p, 0);
    switch (c) {
    case '(':
        return parse_group(p, node);
    case '[':
        return parse_class(p, node);
    case '\\':
        return parse_escape(p, node);
    case '.':
        p->at++;
        *node = make_node(p, REGEXP_CLASS, start);
        route_regexp_set_add_range(&(*node)->set, 0, '\n' - 1);
        route_regexp_set_add_range(&(*node)->set, '\n' + 1, 255);
        return STATUS_OK;
    case '*':
    case '+':
    case '?':
    case '{':
        return regexp_reader_refuse(
            p, start, STATUS_INVALID, "regexp_repeat",
            "there is nothing to repeat here; write \\ before the character itself");
    case '^':
    case '$':
        return regexp_reader_refuse(
            p, start, STATUS_UNSUPPORTED, "regexp_anchor",
            "^ and $ are only allowed first and last: a pattern covers the whole path");
    case ']':
    case '}':
        return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_bracket",
                                    "nothing is closed here; write \\ before the character itself");
    default:
        return make_byte(p, start, node);
    }
}

/* ---- repeats ---- */

/* Digits up to REPEAT_MAX. */
static enum status parse_count(struct regexp_reader *p, size_t start, unsigned *count) {
    if (!regexp_reader_is_digit(regexp_reader_peek(p, 0))) {
        return regexp_reader_refuse(
            p, start, STATUS_INVALID, "regexp_repeat",
            "{ must begin a repeat such as {2,5}; write \\{ for the character");
    }
    *count = 0;
    while (regexp_reader_is_digit(regexp_reader_peek(p, 0))) {
        *count = *count * 10 + (unsigned)(regexp_reader_peek(p, 0) - '0');
        if (*count > REPEAT_MAX) {
            return regexp_reader_refuse(p, start, STATUS_TOO_LARGE, "regexp_repeat_count",
                                        "a repeat is limited to 255");
        }
        p->at++;
    }
    return STATUS_OK;
}

/* "{n}", "{n,}" or "{n,m}", at its "{". */
static enum status parse_braces(struct regexp_reader *p, unsigned *min, unsigned *max) {
    size_t start = p->at++;
    enum status status = parse_count(p, start, min);
    if (status != STATUS_OK) {
        return status;
    }
    *max = *min;
    if (regexp_reader_peek(p, 0) == ',') {
        p->at++;
        *max = ROUTE_REGEXP_UNBOUNDED;
        if (regexp_reader_peek(p, 0) != '}') {
            status = parse_count(p, start, max);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    if (regexp_reader_peek(p, 0) != '}' || *max < *min) {
        return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_repeat",
                                    "a repeat is {n}, {n,} or {n,m} with n not above m");
    }
    p->at++;
    return STATUS_OK;
}

static enum status refuse_second_quantifier(struct regexp_reader *p) {
    switch (regexp_reader_peek(p, 0)) {
    case '?':
        return regexp_reader_refuse(p, p->at, STATUS_UNSUPPORTED, "regexp_lazy",
                                    "lazy repeats do not exist here");
    case '+':
        return regexp_reader_refuse(p, p->at, STATUS_UNSUPPORTED, "regexp_possessive",
                                    "possessive repeats are not available");
    case '*':
    case '{':
        return regexp_reader_refuse(p, p->at, STATUS_INVALID, "regexp_repeat",
                                    "a repeat cannot be repeated");
    default:
        return STATUS_OK;
    }
}

/* *node becomes its own repeat. `start` is where the atom begins, `quantifier` where its repeat does. */
static enum status apply_repeat(struct regexp_reader *p, size_t start, size_t quantifier,
                                unsigned min, unsigned max, struct route_regexp_node **node) {
    struct route_regexp_node *child = *node;
    if (child->kind == REGEXP_EMPTY || (min == 1 && max == 1)) {
        return STATUS_OK;
    }
    if (max == 0) {
        *node = make_node(p, REGEXP_EMPTY, start);
        return STATUS_OK;
    }
    struct route_regexp_node *repeat = make_node(p, REGEXP_REPEAT, start);
    repeat->min = (uint16_t)min;
    repeat->max = (uint16_t)max;
    append_child(repeat, child);
    if (max == ROUTE_REGEXP_UNBOUNDED) {
        repeat->state_count = child->state_count * (min > 1 ? min : 1) + 1;
    } else {
        repeat->state_count = child->state_count * max + (max - min);
    }
    *node = repeat;
    return check_states(p, repeat->state_count, quantifier);
}

static enum status parse_repeat(struct regexp_reader *p, struct route_regexp_node **node) {
    size_t start = p->at;
    enum status status = parse_atom(p, node);
    if (status != STATUS_OK) {
        return status;
    }
    size_t quantifier = p->at;
    unsigned min = 0;
    unsigned max = ROUTE_REGEXP_UNBOUNDED;
    switch (regexp_reader_peek(p, 0)) {
    case '*':
        p->at++;
        break;
    case '+':
        p->at++;
        min = 1;
        break;
    case '?':
        p->at++;
        max = 1;
        break;
    case '{':
        status = parse_braces(p, &min, &max);
        break;
    default:
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = refuse_second_quantifier(p);
    }
    return status != STATUS_OK ? status : apply_repeat(p, start, quantifier, min, max, node);
}

/* ---- branches and alternatives ---- */

/* Appends to a concatenation, flat and without empty parts. */
static enum status append_part(struct regexp_reader *p, struct route_regexp_node *concat,
                               struct route_regexp_node *part, size_t offset) {
    if (part->kind == REGEXP_EMPTY) {
        return STATUS_OK;
    }
    concat->state_count += part->state_count;
    if (part->kind != REGEXP_CONCAT) {
        append_child(concat, part);
        return check_states(p, concat->state_count, offset);
    }
    for (struct route_regexp_node *child = part->first; child != NULL;) {
        struct route_regexp_node *next = child->next;
        append_child(concat, child);
        child = next;
    }
    return check_states(p, concat->state_count, offset);
}

/* "$" counts for nothing where a pattern or one of its outermost alternatives ends. */
static bool is_final_dollar(const struct regexp_reader *p) {
    return p->depth == 0 && regexp_reader_peek(p, 0) == '$' &&
           (p->at + 1 == p->text.len || regexp_reader_peek(p, 1) == '|');
}

static enum status parse_branch(struct regexp_reader *p, struct route_regexp_node **node) {
    size_t start = p->at;
    struct route_regexp_node *concat = make_node(p, REGEXP_CONCAT, start);
    concat->state_count = 0;
    if (p->depth == 0 && regexp_reader_peek(p, 0) == '^') {
        p->at++;
    }
    while (!regexp_reader_is_at_end(p) && regexp_reader_peek(p, 0) != '|' &&
           regexp_reader_peek(p, 0) != ')') {
        if (is_final_dollar(p)) {
            p->at++;
            break;
        }
        size_t offset = p->at;
        struct route_regexp_node *part = NULL;
        enum status status = parse_repeat(p, &part);
        if (status == STATUS_OK) {
            status = append_part(p, concat, part, offset);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    concat->text = str_sub(p->text, start, p->at - start);
    *node = concat;
    if (concat->first == NULL) {
        concat->kind = REGEXP_EMPTY;
    } else if (concat->first == concat->last) {
        *node = concat->first;
    }
    return STATUS_OK;
}

static enum status parse_alternatives(struct regexp_reader *p, struct route_regexp_node **node) {
    size_t start = p->at;
    enum status status = parse_branch(p, node);
    if (status != STATUS_OK || regexp_reader_peek(p, 0) != '|') {
        return status;
    }
    struct route_regexp_node *alternate = make_node(p, REGEXP_ALTERNATE, start);
    alternate->state_count = (*node)->state_count;
    append_child(alternate, *node);
    while (regexp_reader_peek(p, 0) == '|') {
        size_t offset = ++p->at;
        struct route_regexp_node *branch = NULL;
        status = parse_branch(p, &branch);
        if (status != STATUS_OK) {
            return status;
        }
        append_child(alternate, branch);
        alternate->state_count += branch->state_count + 1;
        status = check_states(p, alternate->state_count, offset);
        if (status != STATUS_OK) {
            return status;
        }
    }
    alternate->text = str_sub(p->text, start, p->at - start);
    if (merge_alternatives(alternate)) {
        simplify_class(alternate);
    }
    *node = alternate;
    return STATUS_OK;
}

static enum status check_bytes(struct regexp_reader *p) {
    if (p->text.len == 0) {
        return regexp_reader_refuse(p, 0, STATUS_INVALID, "regexp_empty",
                                    "the expression is empty");
    }
    if (p->text.len > ROUTE_REGEXP_BYTES_MAX) {
        return regexp_reader_refuse(p, ROUTE_REGEXP_BYTES_MAX, STATUS_TOO_LARGE, "regexp_too_long",
                                    "the expression is too long");
    }
    for (size_t at = 0; at < p->text.len; at++) {
        if ((uint8_t)p->text.at[at] < 0x20 || p->text.at[at] == 0x7f) {
            return regexp_reader_refuse(p, at, STATUS_INVALID, "regexp_control",
                                        "the expression holds a control character");
        }
    }
    return STATUS_OK;
}

enum status route_regexp_parse(struct str pattern, struct arena *arena,
                               struct route_regexp **regexp, struct route_regexp_fault *fault,
                               struct why *why) {
    struct regexp_reader p = {.text = pattern, .arena = arena, .fault = fault, .why = why};
    fault->offset = 0;
    enum status status = check_bytes(&p);
    if (status != STATUS_OK) {
        return status;
    }
    struct route_regexp_node *root = NULL;
    status = parse_alternatives(&p, &root);
    if (status != STATUS_OK) {
        return status;
    }
    if (!regexp_reader_is_at_end(&p)) {
        return regexp_reader_refuse(&p, p.at, STATUS_INVALID, "regexp_group",
                                    "a ) closes no group");
    }
    *regexp = ARENA_NEW(arena, struct route_regexp);
    (*regexp)->root = root;
    return STATUS_OK;
}
