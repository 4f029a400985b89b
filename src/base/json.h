/* json.h: strict JSON on top of jansson.
 *
 * Everything that a peer sends as JSON is read through these: duplicate members, trailing bytes, invalid UTF-8, NULs in
 * strings and nesting over 32 are refused, and json_object_check refuses members that nobody asked for. Pointers into
 * the tree live as long as the tree. `why` text names the member by its RFC 6901 pointer.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

/* A new tree; json_decref when done. The top must be an object or array. STATUS_INVALID (slug json_invalid). */
enum status json_parse(struct str text, json_t **tree, struct why *why) MUST_USE;

/* STATUS_INVALID (slug unknown_member) when `object` is not an object or has a member not in `names`. */
enum status json_object_check(const json_t *object, const char *const *names, size_t count,
                              struct why *why) MUST_USE;

/* Required members: STATUS_INVALID (slugs member_missing, member_type). */
enum status json_get_str(const json_t *object, const char *name, struct str *value,
                         struct why *why) MUST_USE;
enum status json_get_bool(const json_t *object, const char *name, bool *value,
                          struct why *why) MUST_USE;
/* An integer from 0 to `max`. */
enum status json_get_u64(const json_t *object, const char *name, uint64_t max, uint64_t *value,
                         struct why *why) MUST_USE;
enum status json_get_array(const json_t *object, const char *name, json_t **value,
                           struct why *why) MUST_USE;
enum status json_get_object(const json_t *object, const char *name, json_t **value,
                            struct why *why) MUST_USE;

/* Compact text, members in the order they were set. STATUS_TOO_LARGE. */
enum status json_write(const json_t *tree, struct buf *out) MUST_USE;
/* A string node from borrowed text; invalid UTF-8 is replaced by U+FFFD. */
json_t *json_from_str(struct str s);

#endif
