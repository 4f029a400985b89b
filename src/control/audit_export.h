/* audit_export.h: audit events as lines: NDJSON (each as the API shows it) or CSV (RFC 4180, with a heading).
 *
 * Whatever is in an event, a line stays a line: JSON escapes control characters; a CSV field is quoted, and one that a spreadsheet would take
 * for a formula begins with an apostrophe. Pure.
 */
#ifndef CONTROL_AUDIT_EXPORT_H
#define CONTROL_AUDIT_EXPORT_H

#include "control/audit.h"

enum audit_export_format {
    AUDIT_EXPORT_NDJSON,
    AUDIT_EXPORT_CSV,
};

/* "ndjson", "csv"; empty: NDJSON. STATUS_INVALID. */
enum status audit_export_parse(struct str word, enum audit_export_format *format) MUST_USE;
/* The first line; nothing in NDJSON. STATUS_TOO_LARGE. */
enum status audit_export_heading(enum audit_export_format format, struct buf *out) MUST_USE;
enum status audit_export_line(enum audit_export_format format, const struct store_audit *event,
                              struct buf *out) MUST_USE;

#endif
