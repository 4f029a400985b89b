/* id.h: typed identifiers, such as env_01jd3m8k6vq2x7r9t4w5y6z8ab.
 *
 * A prefix that names the kind, an underscore, and the 26 Crockford base32 characters (lower case) of a UUIDv7
 * (RFC 9562 §5.7): sortable by time, unguessable enough never to collide, not a secret.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "base/str.h"

enum id_kind {
    ID_ORGANIZATION,    /* org_ */
    ID_PROJECT,         /* prj_ */
    ID_ENVIRONMENT,     /* env_ */
    ID_ROUTE,           /* rt_ */
    ID_WARPGATE,        /* wg_ */
    ID_SERVICE_ACCOUNT, /* sa_ */
    ID_KEY,             /* key_ */
    ID_MEMBER,          /* mem_ a person with access to organizations */
    ID_SESSION,         /* ses_ */
    ID_EDGE,            /* edg_ */
    ID_REQUEST,         /* req_ */
    ID_EVENT,           /* evt_ */
    ID_CONTROL,         /* ctl_ */
    ID_INVITATION,      /* inv_ */
    ID_JOIN_TOKEN,      /* jt_ */
    ID_MAIL,            /* mail_ */
    ID_OPERATION,       /* op_ something that goes on after its answer */
};

#define ID_KIND_COUNT (ID_OPERATION + 1)
#define ID_SIZE 32 /* longest prefix, underscore, 26 characters, terminator */

struct id {
    char text[ID_SIZE]; /* terminated; empty means none */
};

struct id id_new(enum id_kind kind, const struct clock *clock, const struct random *random);
/* The last id of a sequence: begins zeroed, belongs to one thread at a time. */
struct id_sequence {
    uint64_t wall_ms;
    uint16_t count; /* of those of that millisecond */
};
/* As id_new, and sorts after all that the sequence has made, also within a millisecond and when the clock was set back. */
struct id id_next(enum id_kind kind, const struct clock *clock, const struct random *random,
                  struct id_sequence *sequence);
/* At or below every id of this kind that was made at this time or later, and above those made before: a bound for queries, nobody's id. */
struct id id_floor(enum id_kind kind, int64_t wall_ms);
/* STATUS_INVALID unless `text` is exactly an id of this kind in canonical form. */
enum status id_parse(enum id_kind kind, struct str text, struct id *id) MUST_USE;
const char *id_prefix(enum id_kind kind); /* "env" */
struct str id_str(const struct id *id);
bool id_eq(const struct id *a, const struct id *b);
bool id_is_none(const struct id *id);

#endif
