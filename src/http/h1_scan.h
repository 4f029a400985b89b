/* h1_scan.h: finds the end of a head or of a trailer section in the raw bytes (RFC 9112 §2.1), before anything is parsed.
 *
 * A section is lines up to and including the first empty one. Lines end in CRLF and nothing else: a bare LF or CR, and a
 * line that begins with white space (obs-fold), is refused here, on the bytes as they came, because parsers differ about
 * them. What is complete in one read is not copied; an unfinished section is kept, up to `max` bytes.
 */
#ifndef HTTP_H1_SCAN_H
#define HTTP_H1_SCAN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

struct h1_scan {
    struct buf pending; /* an unfinished section from earlier reads */
    size_t line;        /* where its unfinished line begins */
    size_t searched;    /* there is no LF in that line before here */
    size_t line_count;  /* finished ones, the empty one included */
    size_t max;
};

void h1_scan_init(struct h1_scan *scan, size_t max);
/* Forgets the section and gives its memory back. */
void h1_scan_reset(struct h1_scan *scan);
bool h1_scan_has_begun(const struct h1_scan *scan);

/* Takes `*used` of the bytes. STATUS_OK: `section` is complete, borrowed from the bytes or from `scan`, until the reset that
 * must follow. STATUS_AGAIN: all were taken. STATUS_INVALID, STATUS_TOO_LARGE with why. */
enum status h1_scan_feed(struct h1_scan *scan, const uint8_t *bytes, size_t len, size_t *used,
                         struct str *section, struct why *why) MUST_USE;

#endif
