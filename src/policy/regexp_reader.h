/* regexp_reader.h: where the parser of a route's regular expression stands, and how it says what is wrong. For route_regexp.c
 * and regexp_class.c alone.
 */
#ifndef POLICY_REGEXP_READER_H
#define POLICY_REGEXP_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"
#include "policy/route_regexp.h"

struct regexp_reader {
    struct str text;
    size_t at;
    unsigned depth; /* open groups */
    struct arena *arena;
    struct route_regexp_fault *fault;
    struct why *why;
};

/* For texts without anything to format. */
static inline enum status regexp_reader_refuse(struct regexp_reader *p, size_t offset,
                                               enum status status, const char *slug,
                                               const char *text) {
    p->fault->offset = offset;
    return why_set(p->why, status, slug, "%s (at byte %zu)", text, offset);
}

static inline bool regexp_reader_is_at_end(const struct regexp_reader *p) {
    return p->at >= p->text.len;
}

/* The byte `ahead` of the current one; 0 (which no pattern holds) past the end. */
static inline char regexp_reader_peek(const struct regexp_reader *p, size_t ahead) {
    return p->at + ahead < p->text.len ? p->text.at[p->at + ahead] : '\0';
}

static inline bool regexp_reader_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool regexp_reader_is_alphanumeric(char c) {
    char lower = str_lower_char(c);
    return regexp_reader_is_digit(c) || (lower >= 'a' && lower <= 'z');
}

#endif
