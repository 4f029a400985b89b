/* identity_invitation.h: what an invitation consists of: a token of 256 random bits, the link that carries it, and the mail that says so. */
#ifndef IDENTITY_IDENTITY_INVITATION_H
#define IDENTITY_IDENTITY_INVITATION_H

#include "base/secret.h"
#include "identity/identity_outbox.h"
#include "pki/digest.h"

#define IDENTITY_INVITATION_TOKEN_LENGTH 43 /* base64url of 32 bytes */
#define IDENTITY_INVITATION_LIFE_SECONDS (INT64_C(7) * 24 * 3600)
#define IDENTITY_INVITATION_LIFE_SECONDS_MAX (INT64_C(30) * 24 * 3600)
#define IDENTITY_INVITATION_URL_SIZE 512

/* `digest` is what is kept of it. */
void identity_invitation_token(const struct random *random, struct secret *token,
                               uint8_t digest[DIGEST_BYTES]);
/* STATUS_INVALID when it cannot be one. */
enum status identity_invitation_digest(struct str token, uint8_t digest[DIGEST_BYTES]) MUST_USE;
/* The token stands behind the "#", which no browser sends and no log shows. `base` is the installation's own, without a "/" at its end. */
void identity_invitation_url(struct str base, struct str token,
                             char out[IDENTITY_INVITATION_URL_SIZE]);

struct identity_invitation_words {
    struct str organization; /* its name */
    struct str inviter;      /* a name or an address */
    struct str role;
    struct str url;
    int64_t expires_at_ms;
};

/* Fills subject, text and html of the letter, in the arena. STATUS_TOO_LARGE. */
enum status identity_invitation_write(const struct identity_invitation_words *words,
                                      struct arena *arena, struct identity_letter *letter) MUST_USE;

#endif
