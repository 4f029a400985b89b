/* identity_login.h: signing in with e-mail address and password.
 *
 * Unknown address, member without password and wrong password are one answer after the same work. Guessing is
 * slowed by identity_throttle.h, overload bounded by identity_password.h. Safe from any thread; blocks.
 */
#ifndef IDENTITY_IDENTITY_LOGIN_H
#define IDENTITY_IDENTITY_LOGIN_H

#include "identity/identity_password.h"
#include "identity/identity_session.h"
#include "identity/identity_throttle.h"

struct identity_login {
    struct store *store;
    struct identity_password *passwords;
    struct identity_throttle *throttle;
}; /* all borrowed */

struct identity_login_result {
    struct secret token; /* the caller's to fini */
    struct store_session session;
    int64_t retry_after_seconds; /* with STATUS_UNAVAILABLE */
};

/* STATUS_DENIED (credentials_wrong); STATUS_UNAVAILABLE (too_many_attempts: 429,
 * password_busy: 503, storage_full) with retry_after_seconds; or what the store says. */
enum status identity_login_try(const struct identity_login *login, struct str email,
                               struct str password, const struct identity_origin *origin,
                               struct identity_login_result *result, struct why *why) MUST_USE;
/* The same without a session, for what asks for the password once more: whose it is. */
enum status identity_login_verify(const struct identity_login *login, struct str email,
                                  struct str password, struct str ip_address, struct id *member,
                                  int64_t *retry_after_seconds, struct why *why) MUST_USE;

#endif
