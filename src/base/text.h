/* text.h: hexadecimal, base64 and base64url (RFC 4648, strict), and UTF-8 checks. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

/* `out` holds 2 * len + 1 bytes; lower case, terminated. */
void text_hex(const void *bytes, size_t len, char *out);
/* Exactly `len` bytes from 2 * len characters. STATUS_INVALID. */
enum status text_hex_decode(struct str hex, uint8_t *out, size_t len) MUST_USE;

#define TEXT_BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)
/* RFC 4648 §5 without padding; `out` holds TEXT_BASE64_SIZE(len); returns the length, and terminates. */
size_t text_base64url(const void *bytes, size_t len, char *out);
/* `*len` is the room on entry and what was written on return. No padding, no spaces, no stray bits.
 * STATUS_INVALID, STATUS_TOO_LARGE. */
enum status text_base64url_decode(struct str text, uint8_t *out, size_t *len) MUST_USE;
/* RFC 4648 §4 with padding. */
size_t text_base64(const void *bytes, size_t len, char *out);
enum status text_base64_decode(struct str text, uint8_t *out, size_t *len) MUST_USE;

/* True when every byte sequence is well-formed UTF-8 (RFC 3629: no overlongs, no surrogates). */
bool text_is_utf8(struct str s);
/* The length of the longest start of `s` that is well-formed UTF-8. */
size_t text_utf8_prefix(struct str s);

#endif
