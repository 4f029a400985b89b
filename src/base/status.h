/* status.h: the one error type of the whole tree.
 *
 * Every function that can fail returns `enum status`; a count or a pointer never travels in it. Where an
 * operator needs to know more, the function also fills a `struct why`: a stable slug (for tests, scripts and
 * API `code` members) and one sentence. Protocol vocabularies (HTTP status, HTTP/2 error, TLS alert, SQL code)
 * are enums of their own and are mapped in one table each, at the border where they arise.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_at, args_at) __attribute__((format(printf, text_at, args_at)))

enum status {
    STATUS_OK = 0,      /* done */
    STATUS_AGAIN,       /* not now: more input, more room or more time is needed */
    STATUS_END,         /* the orderly end of a sequence or of a stream */
    STATUS_INVALID,     /* malformed or not allowed: the input is at fault */
    STATUS_TOO_LARGE,   /* over a documented limit */
    STATUS_NOT_FOUND,   /* no such thing */
    STATUS_CONFLICT,    /* exists already, or the state does not permit it */
    STATUS_DENIED,      /* authentication or authorisation refused it */
    STATUS_UNAVAILABLE, /* the other side cannot be reached or is overloaded */
    STATUS_TIMEOUT,     /* the other side did not answer in time */
    STATUS_CLOSED,      /* the connection or stream is gone */
    STATUS_UNSUPPORTED, /* well formed, but this build or peer does not do it */
    STATUS_FAILED,      /* the system or a library failed: see why */
};

#define STATUS_COUNT (STATUS_FAILED + 1)

/* Why something failed, for people and for tests. `slug` is lower snake case and stable. */
struct why {
    char slug[48];
    char text[256];
};

/* The name of a status, such as "too_large". Never NULL. */
const char *status_name(enum status status);

/* Fills `why` (which may be NULL) and returns `status`, so that a failing function can end in one line. */
enum status why_set(struct why *why, enum status status, const char *slug, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
