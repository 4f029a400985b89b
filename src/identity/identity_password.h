/* identity_password.h: passwords: what is accepted as one, and argon2id (libsodium) hashes as PHC strings.
 *
 * A hash costs 64 MiB and some 60 ms, so only `concurrent_max` run at once and `waiting_max` callers wait; beyond that the answer
 * is STATUS_UNAVAILABLE at once, and memory stays bounded. Passwords are taken as typed, without trimming or change of case; only, the
 * same letters typed on another system are the same password: Unicode normalisation form C.
 * Safe from any thread; blocks.
 */
#ifndef IDENTITY_IDENTITY_PASSWORD_H
#define IDENTITY_IDENTITY_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/secret.h"
#include "base/status.h"
#include "base/str.h"

#define IDENTITY_PASSWORD_BYTES_MAX 1000
#define IDENTITY_PASSWORD_CHARACTERS_MIN 15 /* code points: the only factor (NIST SP 800-63B-4) */
#define IDENTITY_PASSWORD_HASH_SIZE 128

struct identity_password;

struct identity_password_config {
    uint64_t memory_bytes;   /* 0: 64 MiB */
    uint64_t passes;         /* 0: 3 */
    unsigned concurrent_max; /* 0: 2 */
    unsigned waiting_max;    /* 0: 64 */
};

/* NULL config: the defaults. STATUS_FAILED when libsodium cannot start. */
enum status identity_password_new(const struct identity_password_config *config,
                                  struct identity_password **passwords, struct why *why) MUST_USE;
void identity_password_free(struct identity_password **passwords);

/* May this be set as a password? STATUS_INVALID (password_short, password_not_utf8), STATUS_TOO_LARGE (password_long). */
enum status identity_password_check(struct str password, struct why *why) MUST_USE;
/* 24 random letters and digits (138 bits) that are not easily mistaken for one another. */
void identity_password_generate(const struct random *random, struct secret *password);

/* STATUS_UNAVAILABLE (password_busy), STATUS_TOO_LARGE, STATUS_FAILED. */
enum status identity_password_hash(struct identity_password *passwords, struct str password,
                                   char hash[IDENTITY_PASSWORD_HASH_SIZE],
                                   struct why *why) MUST_USE;
/* `hash` empty: no such account; the same work is done on a hash of nothing, and the answer is STATUS_DENIED.
 * *needs_rehash (may be NULL): right, but hashed with weaker parameters than these. STATUS_DENIED (credentials_wrong),
 * STATUS_UNAVAILABLE (password_busy). */
enum status identity_password_verify(struct identity_password *passwords, struct str password,
                                     struct str hash, bool *needs_rehash, struct why *why) MUST_USE;

#endif
