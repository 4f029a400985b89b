/* A recursive descent over the grammar; one function for each level:
 *   alternatives := branch ("|" branch)*      branch := repeat*      repeat := atom quantifier?
 */
#include "policy/route_regexp.h"

#include "policy/route_regexp_node.h"

#define NESTING_MAX 64
#define REPEAT_MAX 255

struct parser {
    struct str text;
    size_t at;
    unsigned depth; /* open groups */
    struct arena *arena;
    struct route_regexp_fault *fault;
    struct why *why;
};

static enum status parse_alternatives(struct parser *p, struct route_regexp_node **node);

/* For texts without anything to format. */
static enum status refuse(struct parser *p, size_t offset, enum status status, const char *slug,
                          const char *text) {
    p->fault->offset = offset;
    return why_set(p->why, status, slug, "%s (at byte %zu)", text, offset);
}

static bool is_at_end(const struct parser *p) {
    return p->at >= p->text.len;
}

/* The byte `ahead` of the current one; 0 (which no pattern holds) past the end. */
static char peek(const struct parser *p, size_t ahead) {
    return p->at + ahead < p->text.len ? p->text.at[p->at + ahead] : '\0';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c) {
    char lower = str_lower_char(c);
    return is_digit(c) || (lower >= 'a' && lower <= 'z');
}

/* ---- nodes ---- */

static struct route_regexp_node *make_node(struct parser *p, enum route_regexp_kind kind,
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

static enum status check_states(struct parser *p, size_t count, size_t offset) {
    if (count > ROUTE_REGEXP_STATES_MAX) {
        return refuse(p, offset, STATUS_TOO_LARGE, "regexp_states",
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

/* ---- classes ---- */

struct class_name {
    struct str name;
    const char *ranges; /* pairs of first and last byte */
};

static const struct class_name class_names[] = {
    {STR_INIT("alnum"), "09AZaz"},   {STR_INIT("alpha"), "AZaz"},
    {STR_INIT("ascii"), "\1\x7f"}, /* no text holds a NUL: classes add it below */
    {STR_INIT("blank"), "\t\t  "},   {STR_INIT("cntrl"), "\1\x1f\x7f\x7f"},
    {STR_INIT("digit"), "09"},       {STR_INIT("graph"), "!~"},
    {STR_INIT("lower"), "az"},       {STR_INIT("print"), " ~"},
    {STR_INIT("punct"), "!/:@[`{~"}, {STR_INIT("space"), "\t\r  "},
    {STR_INIT("upper"), "AZ"},       {STR_INIT("word"), "09AZ__az"},
    {STR_INIT("xdigit"), "09AFaf"},
};

static void add_range(struct route_regexp_set *set, uint8_t low, uint8_t high) {
    for (unsigned byte = low; byte <= high; byte++) {
        route_regexp_set_add(set, (uint8_t)byte);
    }
}

static void add_named(struct route_regexp_set *set, const struct class_name *class, bool negated) {
    struct route_regexp_set named = {{0}};
    for (const char *range = class->ranges; *range != '\0'; range += 2) {
        add_range(&named, (uint8_t)range[0], (uint8_t)range[1]);
    }
    if (str_eq(class->name, STR("ascii")) || str_eq(class->name, STR("cntrl"))) {
        route_regexp_set_add(&named, 0);
    }
    for (size_t i = 0; i < 4; i++) {
        set->bits[i] |= negated ? ~named.bits[i] : named.bits[i];
    }
}

static const struct class_name *find_class(struct str name) {
    for (size_t i = 0; i < sizeof class_names / sizeof class_names[0]; i++) {
        if (str_eq(class_names[i].name, name)) {
            return &class_names[i];
        }
    }
    return NULL;
}

/* \d \w \s and their negations. False for every other letter. */
static bool add_escape_class(struct route_regexp_set *set, char letter) {
    char lower = str_lower_char(letter);
    struct str name = lower == 'd'   ? STR("digit")
                      : lower == 'w' ? STR("word")
                      : lower == 's' ? STR("space")
                                     : STR_EMPTY;
    const struct class_name *class = find_class(name);
    if (class != NULL) {
        add_named(set, class, letter != lower);
    }
    return class != NULL;
}

/* "[:alpha:]" or "[:^alpha:]", at its "[". */
static enum status parse_posix_class(struct parser *p, struct route_regexp_set *set) {
    size_t start = p->at;
    struct str rest = str_sub(p->text, p->at + 2, p->text.len);
    struct str name = str_sub(rest, 0, str_find(rest, ':'));
    p->at += 2 + name.len;
    bool negated = name.len > 0 && name.at[0] == '^';
    const struct class_name *class = find_class(negated ? str_sub(name, 1, name.len) : name);
    if (class == NULL || peek(p, 0) != ':' || peek(p, 1) != ']') {
        return refuse(p, start, STATUS_INVALID, "regexp_class", "there is no such [: :] class");
    }
    p->at += 2;
    add_named(set, class, negated);
    return STATUS_OK;
}

/* One byte that stands for itself inside a class, possibly escaped. `may_be_dash`: "-" is a byte here. */
static enum status parse_class_byte(struct parser *p, bool may_be_dash, uint8_t *byte) {
    size_t start = p->at;
    char c = peek(p, 0);
    if (is_at_end(p)) {
        return refuse(p, p->at, STATUS_INVALID, "regexp_class", "a class has no final ]");
    }
    if (c == '\\') {
        p->at++;
        c = peek(p, 0);
        if (is_at_end(p)) {
            return refuse(p, start, STATUS_INVALID, "regexp_escape", "nothing follows the \\");
        }
        if (is_alphanumeric(c)) {
            return refuse(p, start, STATUS_UNSUPPORTED, "regexp_escape_unsupported",
                          "this escape is not available in a class");
        }
    } else if (c == '[' || (c == '-' && !may_be_dash) || c == ']') {
        return refuse(p, start, STATUS_INVALID, "regexp_class",
                      "this character must be escaped in a class");
    }
    if ((uint8_t)c >= 0x80) {
        return refuse(p, start, STATUS_UNSUPPORTED, "regexp_class_not_ascii",
                      "a class cannot hold characters beyond ASCII");
    }
    p->at++;
    *byte = (uint8_t)c;
    return STATUS_OK;
}

/* One member of a class: a named class, a byte or a range. `is_first`: directly after "[" or "[^". */
static enum status parse_class_member(struct parser *p, bool is_first,
                                      struct route_regexp_set *set) {
    if (peek(p, 0) == '[' && peek(p, 1) == ':') {
        return parse_posix_class(p, set);
    }
    if (peek(p, 0) == '\\' && add_escape_class(set, peek(p, 1))) {
        p->at += 2;
        return STATUS_OK;
    }
    size_t start = p->at;
    uint8_t low = 0;
    enum status status = parse_class_byte(p, is_first || peek(p, 1) == ']', &low);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t high = low;
    if (peek(p, 0) == '-' && peek(p, 1) != ']') {
        p->at++;
        status = parse_class_byte(p, true, &high);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (high < low) {
        return refuse(p, start, STATUS_INVALID, "regexp_class", "a range is the wrong way round");
    }
    add_range(set, low, high);
    return STATUS_OK;
}

/* "[:alpha:]" and its unknown sisters "[.a.]" and "[=a=]", where "[[:alpha:]]" was meant. */
static bool is_bare_name(struct str text) {
    char mark = text.len > 3 ? text.at[1] : '\0';
    return (mark == ':' || mark == '.' || mark == '=') && text.at[text.len - 2] == mark;
}

static enum status parse_class(struct parser *p, struct route_regexp_node **node) {
    size_t start = p->at++;
    bool negated = peek(p, 0) == '^';
    p->at += negated;
    struct route_regexp_set set = {{0}};
    bool is_first = true;
    do {
        enum status status = parse_class_member(p, is_first, &set);
        if (status != STATUS_OK) {
            return status;
        }
        is_first = false;
    } while (peek(p, 0) != ']');
    p->at++;
    *node = make_node(p, REGEXP_CLASS, start);
    if (is_bare_name((*node)->text)) {
        return refuse(p, start, STATUS_INVALID, "regexp_class",
                      "a named class stands inside a class: [[:alpha:]]");
    }
    for (size_t i = 0; i < 4 && negated; i++) {
        set.bits[i] = ~set.bits[i];
    }
    (*node)->set = set;
    simplify_class(*node);
    return STATUS_OK;
}

/* ---- atoms ---- */

static enum status make_byte(struct parser *p, size_t start, struct route_regexp_node **node) {
    char c = peek(p, 0);
    p->at++;
    *node = make_node(p, REGEXP_BYTE, start);
    (*node)->byte = (uint8_t)c;
    route_regexp_set_add(&(*node)->set, (uint8_t)c);
    return STATUS_OK;
}

static enum status parse_escape(struct parser *p, struct route_regexp_node **node) {
    size_t start = p->at++;
    if (is_at_end(p)) {
        return refuse(p, start, STATUS_INVALID, "regexp_escape", "nothing follows the \\");
    }
    char c = peek(p, 0);
    struct route_regexp_set set = {{0}};
    if (add_escape_class(&set, c)) {
        p->at++;
        *node = make_node(p, REGEXP_CLASS, start);
        (*node)->set = set;
        return STATUS_OK;
    }
    if (c >= '1' && c <= '9') {
        return refuse(p, start, STATUS_UNSUPPORTED, "regexp_back_reference",
                      "back-references are not available");
    }
    if (is_alphanumeric(c) || (uint8_t)c >= 0x80) {
        return refuse(p, start, STATUS_UNSUPPORTED, "regexp_escape_unsupported",
                      "this escape is not available");
    }
    return make_byte(p, start, node);
}

/* What "(?" begins besides "(?:". */
static enum status refuse_group(struct parser *p, size_t start) {
    char c = peek(p, 2);
    char after = peek(p, 3);
    if (c == '=' || c == '!' || (c == '<' && (after == '=' || after == '!')) || c == '>') {
        return refuse(p, start, STATUS_UNSUPPORTED, "regexp_look_around",
                      "look-around and atomic groups are not available");
    }
    if (c == 'P' || c == '<' || c == '\'') {
        return refuse(p, start, STATUS_UNSUPPORTED, "regexp_named_group",
                      "named groups are not available");
    }
    return refuse(p, start, STATUS_UNSUPPORTED, "regexp_flags",
                  "flags and other (? groups are not available");
}

static enum status parse_group(struct parser *p, struct route_regexp_node **node) {
    size_t start = p->at;
    if (peek(p, 1) == '?' && peek(p, 2) != ':') {
        return refuse_group(p, start);
    }
    if (p->depth == NESTING_MAX) {
        return refuse(p, start, STATUS_TOO_LARGE, "regexp_nesting", "groups are nested too deep");
    }
    p->at += peek(p, 1) == '?' ? 3 : 1;
    p->depth++;
    enum status status = parse_alternatives(p, node);
    if (status != STATUS_OK) {
        return status;
    }
    p->depth--;
    if (peek(p, 0) != ')') {
        return refuse(p, start, STATUS_INVALID, "regexp_group", "a group has no final )");
    }
    p->at++;
    return STATUS_OK;
}

static enum status parse_atom(struct parser *p, struct route_regexp_node **node) {
    size_t start = p->at;
    char c = peek(p, 0);
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
        add_range(&(*node)->set, 0, '\n' - 1);
        add_range(&(*node)->set, '\n' + 1, 255);
        return STATUS_OK;
    case '*':
    case '+':
    case '?':
    case '{':
        return refuse(p, start, STATUS_INVALID, "regexp_repeat",
                      "there is nothing to repeat here; write \\ before the character itself");
    case '^':
    case '$':
        return refuse(p, start, STATUS_UNSUPPORTED, "regexp_anchor",
                      "^ and $ are only allowed first and last: a pattern covers the whole path");
    case ']':
    case '}':
        return refuse(p, start, STATUS_INVALID, "regexp_bracket",
                      "nothing is closed here; write \\ before the character itself");
    default:
        return make_byte(p, start, node);
    }
}

/* ---- repeats ---- */

/* Digits up to REPEAT_MAX. */
static enum status parse_count(struct parser *p, size_t start, unsigned *count) {
    if (!is_digit(peek(p, 0))) {
        return refuse(p, start, STATUS_INVALID, "regexp_repeat",
                      "{ must begin a repeat such as {2,5}; write \\{ for the character");
    }
    *count = 0;
    while (is_digit(peek(p, 0))) {
        *count = *count * 10 + (unsigned)(peek(p, 0) - '0');
        if (*count > REPEAT_MAX) {
            return refuse(p, start, STATUS_TOO_LARGE, "regexp_repeat_count",
                          "a repeat is limited to 255");
        }
        p->at++;
    }
    return STATUS_OK;
}

/* "{n}", "{n,}" or "{n,m}", at its "{". */
static enum status parse_braces(struct parser *p, unsigned *min, unsigned *max) {
    size_t start = p->at++;
    enum status status = parse_count(p, start, min);
    if (status != STATUS_OK) {
        return status;
    }
    *max = *min;
    if (peek(p, 0) == ',') {
        p->at++;
        *max = ROUTE_REGEXP_UNBOUNDED;
        if (peek(p, 0) != '}') {
            status = parse_count(p, start, max);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    if (peek(p, 0) != '}' || *max < *min) {
        return refuse(p, start, STATUS_INVALID, "regexp_repeat",
                      "a repeat is {n}, {n,} or {n,m} with n not above m");
    }
    p->at++;
    return STATUS_OK;
}

static enum status refuse_second_quantifier(struct parser *p) {
    switch (peek(p, 0)) {
    case '?':
        return refuse(p, p->at, STATUS_UNSUPPORTED, "regexp_lazy",
                      "lazy repeats do not exist here");
    case '+':
        return refuse(p, p->at, STATUS_UNSUPPORTED, "regexp_possessive",
                      "possessive repeats are not available");
    case '*':
    case '{':
        return refuse(p, p->at, STATUS_INVALID, "regexp_repeat", "a repeat cannot be repeated");
    default:
        return STATUS_OK;
    }
}

/* *node becomes its own repeat. `start` is where the atom begins, `quantifier` where its repeat does. */
static enum status apply_repeat(struct parser *p, size_t start, size_t quantifier, unsigned min,
                                unsigned max, struct route_regexp_node **node) {
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

static enum status parse_repeat(struct parser *p, struct route_regexp_node **node) {
    size_t start = p->at;
    enum status status = parse_atom(p, node);
    if (status != STATUS_OK) {
        return status;
    }
    size_t quantifier = p->at;
    unsigned min = 0;
    unsigned max = ROUTE_REGEXP_UNBOUNDED;
    switch (peek(p, 0)) {
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
static enum status append_part(struct parser *p, struct route_regexp_node *concat,
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
static bool is_final_dollar(const struct parser *p) {
    return p->depth == 0 && peek(p, 0) == '$' && (p->at + 1 == p->text.len || peek(p, 1) == '|');
}

static enum status parse_branch(struct parser *p, struct route_regexp_node **node) {
    size_t start = p->at;
    struct route_regexp_node *concat = make_node(p, REGEXP_CONCAT, start);
    concat->state_count = 0;
    if (p->depth == 0 && peek(p, 0) == '^') {
        p->at++;
    }
    while (!is_at_end(p) && peek(p, 0) != '|' && peek(p, 0) != ')') {
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

static enum status parse_alternatives(struct parser *p, struct route_regexp_node **node) {
    size_t start = p->at;
    enum status status = parse_branch(p, node);
    if (status != STATUS_OK || peek(p, 0) != '|') {
        return status;
    }
    struct route_regexp_node *alternate = make_node(p, REGEXP_ALTERNATE, start);
    alternate->state_count = (*node)->state_count;
    append_child(alternate, *node);
    while (peek(p, 0) == '|') {
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

static enum status check_bytes(struct parser *p) {
    if (p->text.len == 0) {
        return refuse(p, 0, STATUS_INVALID, "regexp_empty", "the expression is empty");
    }
    if (p->text.len > ROUTE_REGEXP_BYTES_MAX) {
        return refuse(p, ROUTE_REGEXP_BYTES_MAX, STATUS_TOO_LARGE, "regexp_too_long",
                      "the expression is too long");
    }
    for (size_t at = 0; at < p->text.len; at++) {
        if ((uint8_t)p->text.at[at] < 0x20 || p->text.at[at] == 0x7f) {
            return refuse(p, at, STATUS_INVALID, "regexp_control",
                          "the expression holds a control character");
        }
    }
    return STATUS_OK;
}

enum status route_regexp_parse(struct str pattern, struct arena *arena,
                               struct route_regexp **regexp, struct route_regexp_fault *fault,
                               struct why *why) {
    struct parser p = {.text = pattern, .arena = arena, .fault = fault, .why = why};
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
    if (!is_at_end(&p)) {
        return refuse(&p, p.at, STATUS_INVALID, "regexp_group", "a ) closes no group");
    }
    *regexp = ARENA_NEW(arena, struct route_regexp);
    (*regexp)->root = root;
    return STATUS_OK;
}
