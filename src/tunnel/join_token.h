/* join_token.h: what an edge is given to join by: where the control plane is, how to know it, and a secret that is good for once.
 *
 *   token   = "mzj1_" base64url(payload checksum)
 *   payload = secret (24 bytes) root (32 bytes: SHA-256 of the root certificate's DER) text
 *   text    = server name LF control address *(LF control address)      UTF-8, addresses are host:port
 *   checksum = the first 4 bytes of SHA-256 of the payload, so that a token that was not copied whole is told before any network
 *
 * Whoever has the token can join once, and cannot be led to another control plane. Pure; any thread. The secret is wiped with
 * join_token_fini.
 */
#ifndef TUNNEL_JOIN_TOKEN_H
#define TUNNEL_JOIN_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/secret.h"
#include "base/status.h"
#include "base/str.h"
#include "pki/digest.h"

#define JOIN_TOKEN_SECRET_BYTES 24
#define JOIN_TOKEN_SECRET_SIZE 33 /* as it travels: base64url, terminated */
#define JOIN_TOKEN_CONTROLS_MAX 4
#define JOIN_TOKEN_NAME_SIZE 254
#define JOIN_TOKEN_ADDRESS_SIZE 128

struct join_token {
    uint8_t secret[JOIN_TOKEN_SECRET_BYTES];
    uint8_t root_sha256[DIGEST_BYTES];
    char server_name[JOIN_TOKEN_NAME_SIZE];
    char controls[JOIN_TOKEN_CONTROLS_MAX][JOIN_TOKEN_ADDRESS_SIZE];
    size_t control_count; /* 1 to JOIN_TOKEN_CONTROLS_MAX */
};

/* Only the secret is made. */
void join_token_make_secret(const struct random *random, struct join_token *token);
void join_token_fini(struct join_token *token);
/* STATUS_TOO_LARGE: it would not fit a secret; STATUS_INVALID: names or addresses that no token can hold. */
enum status join_token_write(const struct join_token *token, struct secret *text) MUST_USE;
/* STATUS_INVALID with why (join_token_malformed, join_token_checksum) that never quotes the token. */
enum status join_token_read(struct str text, struct join_token *token, struct why *why) MUST_USE;
/* The secret as it goes to the control plane; wiped by the caller. */
void join_token_secret_text(const struct join_token *token, char out[JOIN_TOKEN_SECRET_SIZE]);
/* What the control plane keeps a keyed hash of. */
void join_token_digest(struct str secret_text, uint8_t out[DIGEST_BYTES]);

#endif
