/* h1_lines.h: the field lines of a head or a trailer section become fields (RFC 9112 §5), by llhttp in strict mode.
 *
 * Between h1_scan.h, which found the section and counted its lines, and h1_parse.h, which reads what the fields say. llhttp sees them behind a
 * start line of our own, so that it judges lines alone; what it found has to be as many as were counted, or a line could be read in
 * two ways. Pure: no state between calls. Names and values point into `lines`, the array is the arena's, with room for
 * a few more. At most HTTP_FIELDS_MAX. Characters of names and values are http_check.h's to judge, after this.
 */
#ifndef HTTP_H1_LINES_H
#define HTTP_H1_LINES_H

#include "base/arena.h"
#include "http/http_message.h"

enum h1_lines_kind {
    H1_LINES_REQUEST,
    H1_LINES_RESPONSE, /* and trailers */
};

/* `lines`: the field lines and the empty one; `count`: how many fields there must be. STATUS_TOO_LARGE (slug head_too_large),
 * STATUS_INVALID (content_length, transfer_encoding, field_line). */
enum status h1_lines_split(struct arena *arena, enum h1_lines_kind kind, struct str lines,
                           size_t count, struct http_fields *fields, struct why *why) MUST_USE;

#endif
