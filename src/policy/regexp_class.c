#include "policy/regexp_class.h"

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

static void add_named(struct route_regexp_set *set, const struct class_name *class, bool negated) {
    struct route_regexp_set named = {{0}};
    for (const char *range = class->ranges; *range != '\0'; range += 2) {
        route_regexp_set_add_range(&named, (uint8_t)range[0], (uint8_t)range[1]);
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

bool regexp_class_add_escape(struct route_regexp_set *set, char letter) {
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
static enum status parse_posix_class(struct regexp_reader *p, struct route_regexp_set *set) {
    size_t start = p->at;
    struct str rest = str_sub(p->text, p->at + 2, p->text.len);
    struct str name = str_sub(rest, 0, str_find(rest, ':'));
    p->at += 2 + name.len;
    bool negated = name.len > 0 && name.at[0] == '^';
    const struct class_name *class = find_class(negated ? str_sub(name, 1, name.len) : name);
    if (class == NULL || regexp_reader_peek(p, 0) != ':' || regexp_reader_peek(p, 1) != ']') {
        return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_class",
                                    "there is no such [: :] class");
    }
    p->at += 2;
    add_named(set, class, negated);
    return STATUS_OK;
}

/* One byte that stands for itself inside a class, possibly escaped. `may_be_dash`: "-" is a byte here. */
static enum status parse_byte(struct regexp_reader *p, bool may_be_dash, uint8_t *byte) {
    size_t start = p->at;
    char c = regexp_reader_peek(p, 0);
    if (regexp_reader_is_at_end(p)) {
        return regexp_reader_refuse(p, p->at, STATUS_INVALID, "regexp_class",
                                    "a class has no final ]");
    }
    if (c == '\\') {
        p->at++;
        c = regexp_reader_peek(p, 0);
        if (regexp_reader_is_at_end(p)) {
            return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_escape",
                                        "nothing follows the \\");
        }
        if (regexp_reader_is_alphanumeric(c)) {
            return regexp_reader_refuse(p, start, STATUS_UNSUPPORTED, "regexp_escape_unsupported",
                                        "this escape is not available in a class");
        }
    } else if (c == '[' || (c == '-' && !may_be_dash) || c == ']') {
        return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_class",
                                    "this character must be escaped in a class");
    }
    if ((uint8_t)c >= 0x80) {
        return regexp_reader_refuse(p, start, STATUS_UNSUPPORTED, "regexp_class_not_ascii",
                                    "a class cannot hold characters beyond ASCII");
    }
    p->at++;
    *byte = (uint8_t)c;
    return STATUS_OK;
}

/* One member of a class: a named class, a byte or a range. `is_first`: directly after "[" or "[^". */
static enum status parse_member(struct regexp_reader *p, bool is_first,
                                struct route_regexp_set *set) {
    if (regexp_reader_peek(p, 0) == '[' && regexp_reader_peek(p, 1) == ':') {
        return parse_posix_class(p, set);
    }
    if (regexp_reader_peek(p, 0) == '\\' &&
        regexp_class_add_escape(set, regexp_reader_peek(p, 1))) {
        p->at += 2;
        return STATUS_OK;
    }
    size_t start = p->at;
    uint8_t low = 0;
    enum status status = parse_byte(p, is_first || regexp_reader_peek(p, 1) == ']', &low);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t high = low;
    if (regexp_reader_peek(p, 0) == '-' && regexp_reader_peek(p, 1) != ']') {
        p->at++;
        status = parse_byte(p, true, &high);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (high < low) {
        return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_class",
                                    "a range is the wrong way round");
    }
    route_regexp_set_add_range(set, low, high);
    return STATUS_OK;
}

/* "[:alpha:]" and its unknown sisters "[.a.]" and "[=a=]", where "[[:alpha:]]" was meant. */
static bool is_bare_name(struct str text) {
    char mark = text.len > 3 ? text.at[1] : '\0';
    return (mark == ':' || mark == '.' || mark == '=') && text.at[text.len - 2] == mark;
}

enum status regexp_class_parse(struct regexp_reader *p, struct route_regexp_set *set) {
    size_t start = p->at++;
    bool negated = regexp_reader_peek(p, 0) == '^';
    p->at += negated;
    *set = (struct route_regexp_set){{0}};
    bool is_first = true;
    do {
        enum status status = parse_member(p, is_first, set);
        if (status != STATUS_OK) {
            return status;
        }
        is_first = false;
    } while (regexp_reader_peek(p, 0) != ']');
    p->at++;
    if (is_bare_name(str_sub(p->text, start, p->at - start))) {
        return regexp_reader_refuse(p, start, STATUS_INVALID, "regexp_class",
                                    "a named class stands inside a class: [[:alpha:]]");
    }
    for (size_t i = 0; i < 4 && negated; i++) {
        set->bits[i] = ~set->bits[i];
    }
    return STATUS_OK;
}
