/* str.h: borrowed text.
 *
 * A `struct str` is a pointer and a length into memory that somebody else owns; it is not terminated and may
 * hold any byte. It is passed by value. Nothing here allocates. Comparisons of secrets belong to secret.h.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

struct str {
    const char *at;
    size_t len;
};

#define STR(literal) ((struct str){("" literal), sizeof("" literal) - 1})
#define STR_INIT(literal)                                                                          \
    { ("" literal), sizeof("" literal) - 1 }
#define STR_EMPTY ((struct str){"", 0})
/* For printf: "%.*s", STR_ARG(s). */
#define STR_ARG(s) ((int)(s).len), ((s).at)

struct str str_from(const char *terminated); /* NULL gives the empty string */

static inline struct str str_make(const void *at, size_t len) {
    return (struct str){(const char *)at, len};
}

static inline bool str_is_empty(struct str s) {
    return s.len == 0;
}

static inline bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */

static inline bool str_starts_with(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_eq(str_make(s.at, prefix.len), prefix);
}

bool str_ends_with(struct str s, struct str suffix);

/* The part from `offset`, at most `len` long; both are clamped to the string. */
struct str str_sub(struct str s, size_t offset, size_t len);

/* The offset of the first `c`, or `s.len`. */
size_t str_find(struct str s, char c);

/* Cuts at the first `c`: *head is before it, *tail after it. False (head whole, tail empty) without one. */
bool str_cut(struct str s, char c, struct str *head, struct str *tail);

/* Without leading and trailing SP and HTAB. */
struct str str_trim(struct str s);

/* Strict decimal: digits only, no sign, no spaces, at most `max`. STATUS_INVALID, STATUS_TOO_LARGE. */
enum status str_to_u64(struct str s, uint64_t max, uint64_t *value) MUST_USE;

/* Copies and terminates. STATUS_TOO_LARGE if it does not fit, STATUS_INVALID if `s` holds a NUL. */
enum status str_to_cstr(struct str s, char *out, size_t out_size) MUST_USE;

static inline char str_lower_char(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Writes the ASCII lower case of `s` to `out` (`s.len` bytes; may be the same memory). */
void str_lower(struct str s, char *out);

/* A seeded-per-process hash for tables that peers can look up in. */
uint64_t str_hash(struct str s);

#endif
