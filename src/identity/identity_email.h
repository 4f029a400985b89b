/* identity_email.h: e-mail addresses: one strict reading for signing in, for invitations and for domain rules.
 *
 * RFC 5321 §4.1.2 without quoted local parts, comments, address literals and non-ASCII: dot-atom@domain, where the domain has at
 * least two labels (letters, digits, inner "-"; the last not all digits; internationalised names in their xn-- form), or is
 * "localhost". At most 64 bytes before the one "@", 254 in all. The domain is written in lower case; the local part is kept as typed, and compared
 * without regard to case.
 */
#ifndef IDENTITY_IDENTITY_EMAIL_H
#define IDENTITY_IDENTITY_EMAIL_H

#include "base/status.h"
#include "base/str.h"

#define IDENTITY_EMAIL_SIZE 255 /* 254 bytes (RFC 5321 erratum 1690), terminated */

struct identity_email {
    char text[IDENTITY_EMAIL_SIZE]; /* normalised, terminated */
    size_t len;
    size_t domain_at; /* offset of the first byte after the "@" */
};

/* STATUS_INVALID (email_invalid), STATUS_TOO_LARGE (email_too_long). Nothing is trimmed. */
enum status identity_email_parse(struct str text, struct identity_email *email,
                                 struct why *why) MUST_USE;
struct str identity_email_str(const struct identity_email *email);
struct str identity_email_domain(const struct identity_email *email);

#endif
