/* identity_mail.h: one mail as bytes: RFC 5322, text and HTML, whatever people are called.
 *
 * What is put into a header is checked and encoded here, so nothing that somebody typed can begin a line of its own: addresses are
 * identity_email.h's, names and subjects without control characters, written as RFC 2047 words where they are not plain ASCII. Both
 * bodies are base64 of UTF-8, so a body cannot end early either. No line is longer than 78 bytes, all lines end in CRLF.
 */
#ifndef IDENTITY_IDENTITY_MAIL_H
#define IDENTITY_IDENTITY_MAIL_H

#include "base/buf.h"
#include "base/id.h"
#include "identity/identity_email.h"

#define IDENTITY_MAIL_BYTES_MAX ((size_t)64 << 10)
#define IDENTITY_MAIL_NAME_MAX 200 /* bytes of a name or subject */

struct identity_mail_address {
    struct identity_email email;
    struct str name; /* UTF-8, may be empty */
};

struct identity_mail {
    struct id
        id; /* of the Message-ID: the same at each try, so that a mail that came twice is known */
    struct identity_mail_address from;
    struct identity_mail_address to;
    struct str subject;
    struct str text;
    struct str html;
    int64_t date_ms; /* wall */
};

/* "Name <name@example.com>" or the address alone. `name` borrows from `text`. STATUS_INVALID (mail_address_invalid). */
enum status identity_mail_parse_address(struct str text, struct identity_mail_address *address,
                                        struct why *why) MUST_USE;
/* Appends the whole message. STATUS_INVALID (mail_header_invalid: control characters, or not UTF-8, in a name or the subject),
 * STATUS_TOO_LARGE (mail_too_large). */
enum status identity_mail_write(const struct identity_mail *mail, struct buf *out,
                                struct why *why) MUST_USE;
/* Appends text as HTML: its five special characters escaped. STATUS_TOO_LARGE. */
enum status identity_mail_escape(struct str text, struct buf *html) MUST_USE;

#endif
