/* store_member.h: members: people with access to organizations, and the role each has in each organization.
 *
 * A member belongs to no single organization, so a member's row is sealed with the system's data key. What a request may see of
 * members goes through an organization (store_member_get, _list); only signing in looks one up without.
 */
#ifndef STORE_STORE_MEMBER_H
#define STORE_STORE_MEMBER_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_MEMBER_EMAIL_MAX 254
#define STORE_MEMBER_NAME_MAX 100
#define STORE_MEMBER_PASSWORD_HASH_MAX 255
#define STORE_MEMBER_ORGANIZATIONS_MAX 1000

/* Kept in the database as these numbers: never reorder. */
enum store_role {
    STORE_ROLE_OWNER = 1,
    STORE_ROLE_ADMIN = 2,
    STORE_ROLE_DEVELOPER = 3,
    STORE_ROLE_VIEWER = 4,
    STORE_ROLE_BILLING = 5,
};

const char *store_role_name(enum store_role role);                             /* "owner" */
enum status store_role_parse(struct str text, enum store_role *role) MUST_USE; /* STATUS_INVALID */

struct store_member {
    struct store_object object;
    struct str email; /* as normalised by identity_email.h; found in any case of its letters */
    struct str name;  /* UTF-8, may be empty */
    struct str password_hash; /* PHC string; empty: none set, nobody can sign in with a password */
    bool
        is_operator; /* runs the installation: edges, join tokens, what concerns all organizations */
};

struct store_membership {
    struct id organization;
    enum store_role role;
    int64_t created_at_ms;
};

/* STATUS_CONFLICT (email_taken). */
enum status store_member_insert(struct store_tx *tx, struct store_member *member) MUST_USE;
/* STATUS_NOT_FOUND, STATUS_CONFLICT (revision_mismatch, email_taken). */
enum status store_member_update(struct store_tx *tx, struct store_member *member) MUST_USE;
/* A member of this organization. STATUS_NOT_FOUND. */
enum status store_member_get(struct store_tx *tx, const struct id *organization,
                             const struct id *id, struct arena *arena, struct store_member *member,
                             enum store_role *role) MUST_USE;
enum status store_member_list(struct store_tx *tx, const struct id *organization,
                              struct store_page *page, struct arena *arena,
                              struct store_member **rows, size_t *count) MUST_USE;
/* Without an organization: for signing in, and for a member's own page. STATUS_NOT_FOUND. */
enum status store_member_find_any(struct store_tx *tx, struct str email, struct arena *arena,
                                  struct store_member *member) MUST_USE;
enum status store_member_get_any(struct store_tx *tx, const struct id *id, struct arena *arena,
                                 struct store_member *member) MUST_USE;

/* Gives a member a role in an organization, or another one. STATUS_NOT_FOUND. */
enum status store_member_set_role(struct store_tx *tx, const struct id *organization,
                                  const struct id *member, enum store_role role) MUST_USE;
/* All organizations of a member with the role in each, at most STORE_MEMBER_ORGANIZATIONS_MAX, oldest first. */
enum status store_member_roles(struct store_tx *tx, const struct id *member, struct arena *arena,
                               struct store_membership **rows, size_t *count) MUST_USE;

#endif
