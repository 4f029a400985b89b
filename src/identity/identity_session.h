/* identity_session.h: sessions of members at the API: a bearer token of 256 random bits, of which only a hash is kept.
 *
 * A session ends 24 hours after it began, or 4 hours after its last use, or when it is deleted. Its last use is written at most once
 * a minute. Safe from any thread; blocks on the store.
 */
#ifndef IDENTITY_IDENTITY_SESSION_H
#define IDENTITY_IDENTITY_SESSION_H

#include "base/arena.h"
#include "base/secret.h"
#include "store/store_member.h"
#include "store/store_session.h"

#define IDENTITY_SESSION_TOKEN_LENGTH 43 /* base64url of 32 bytes */
#define IDENTITY_SESSION_IDLE_MS (INT64_C(4) * 3600 * 1000)
#define IDENTITY_SESSION_LIFE_MS (INT64_C(24) * 3600 * 1000)
#define IDENTITY_SESSION_TOUCH_MS (INT64_C(60) * 1000)

/* Where somebody signs in from, for the list of sessions. */
struct identity_origin {
    struct str ip_address; /* without port */
    struct str user_agent; /* whatever the client says */
};

/* Who is asking. Text and memberships live in the arena that was passed. */
struct identity_principal {
    struct store_session session;
    struct store_member member; /* password_hash is empty: nobody who asks needs it */
    struct store_membership *memberships;
    size_t membership_count;
};

/* Begins a session for a member within the caller's transaction. `origin` may be NULL; its texts are borrowed for as long as
 * *session is used. */
enum status identity_session_begin(struct store_tx *tx, const struct id *member,
                                   const struct identity_origin *origin, struct secret *token,
                                   struct store_session *session) MUST_USE;
/* Who holds this token. STATUS_DENIED (session_invalid, session_expired), or what the store says. */
enum status identity_session_check(struct store *store, struct str token, struct arena *arena,
                                   struct identity_principal *principal, struct why *why) MUST_USE;
/* Whether it is over, by age or for want of use. */
bool identity_session_has_ended(const struct store_session *session, int64_t now_ms);
/* Signs out. Ending what has ended is no error. */
enum status identity_session_end(struct store *store, const struct id *session,
                                 struct why *why) MUST_USE;

/* The caller's role in an organization. STATUS_NOT_FOUND: none. */
enum status identity_session_role(const struct identity_principal *principal,
                                  const struct id *organization, enum store_role *role) MUST_USE;

#endif
