#include "identity/identity_login.h"

#include "identity/identity_email.h"

#define BUSY_RETRY_SECONDS 1

/* What is needed of the member while no transaction is open: hashing takes long. */
struct candidate {
    struct id member;
    char hash[STORE_MEMBER_PASSWORD_HASH_MAX + 1]; /* empty: nobody, or no password */
};

/* An address that nobody has is no error yet: the work that follows must be the same. */
static enum status find_candidate(struct store *store, struct str email, struct arena *arena,
                                  struct candidate *candidate, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct identity_email parsed;
    struct store_member member;
    *candidate = (struct candidate){0};
    enum status status = store_tx_begin(store, STORE_READ, why, &tx);
    if (status != STATUS_OK || identity_email_parse(email, &parsed, NULL) != STATUS_OK) {
        return status;
    }
    status = store_member_find_any(tx, identity_email_str(&parsed), arena, &member);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        candidate->member = member.object.id;
        status = str_to_cstr(member.password_hash, candidate->hash, sizeof(candidate->hash));
    }
    return status;
}

/* The password was right. Unless it was changed meanwhile, the session begins; a hash that is weaker than today's is replaced. */
static enum status begin_session(struct store *store, const struct candidate *candidate,
                                 const struct identity_origin *origin, struct str new_hash,
                                 struct identity_login_result *result, struct why *why) {
    struct arena arena __attribute__((cleanup(arena_fini)));
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct store_member member;
    arena_init(&arena);
    enum status status = store_tx_begin(store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = store_member_get_any(tx, &candidate->member, &arena, &member);
    }
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK && !str_eq(member.password_hash, str_from(candidate->hash)))) {
        return why_set(why, STATUS_DENIED, "credentials_wrong",
                       "e-mail address or password is wrong");
    }
    if (status == STATUS_OK && new_hash.len > 0) {
        member.password_hash = new_hash;
        status = store_member_update(tx, &member);
    }
    if (status == STATUS_OK) {
        status = identity_session_begin(tx, &candidate->member, origin, &result->token,
                                        &result->session);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&tx);
    }
    if (status != STATUS_OK) {
        secret_fini(&result->token);
    }
    return status;
}

/* Whether the password is the candidate's. `new_hash` is filled when theirs is weaker than today's. */
static enum status judge(const struct identity_login *login, struct str email, struct str password,
                         struct candidate *candidate, char new_hash[IDENTITY_PASSWORD_HASH_SIZE],
                         struct why *why) {
    struct arena arena;
    bool needs_rehash = false;
    new_hash[0] = '\0';
    arena_init(&arena);
    enum status status = find_candidate(login->store, email, &arena, candidate, why);
    if (status == STATUS_OK) {
        status = identity_password_verify(login->passwords, password, str_from(candidate->hash),
                                          &needs_rehash, why);
    }
    arena_fini(&arena);
    if (status == STATUS_OK && needs_rehash &&
        identity_password_hash(login->passwords, password, new_hash, NULL) != STATUS_OK) {
        new_hash[0] = '\0'; /* next time */
    }
    return status;
}

/* One attempt, counted. */
static enum status attempt(const struct identity_login *login, struct str email,
                           struct str password, struct str ip, struct candidate *candidate,
                           char new_hash[IDENTITY_PASSWORD_HASH_SIZE], int64_t *retry_after_seconds,
                           struct why *why) {
    *retry_after_seconds = 0;
    enum status status =
        identity_throttle_begin(login->throttle, email, ip, retry_after_seconds, why);
    if (status != STATUS_OK) {
        return status;
    }
    status = judge(login, email, password, candidate, new_hash, why);
    if (status == STATUS_OK) {
        identity_throttle_succeeded(login->throttle, email, ip);
    } else if (status != STATUS_DENIED) {
        identity_throttle_cancel(login->throttle, email, ip);
    }
    if (status == STATUS_UNAVAILABLE) {
        *retry_after_seconds = BUSY_RETRY_SECONDS;
    }
    return status;
}

enum status identity_login_try(const struct identity_login *login, struct str email,
                               struct str password, const struct identity_origin *origin,
                               struct identity_login_result *result, struct why *why) {
    struct candidate candidate = {0};
    char new_hash[IDENTITY_PASSWORD_HASH_SIZE];
    *result = (struct identity_login_result){0};
    enum status status = attempt(login, email, password, origin->ip_address, &candidate, new_hash,
                                 &result->retry_after_seconds, why);
    if (status == STATUS_OK) {
        status = begin_session(login->store, &candidate, origin, str_from(new_hash), result, why);
    }
    secret_wipe(&candidate, sizeof(candidate));
    return status;
}

enum status identity_login_verify(const struct identity_login *login, struct str email,
                                  struct str password, struct str ip_address, struct id *member,
                                  int64_t *retry_after_seconds, struct why *why) {
    struct candidate candidate = {0};
    char new_hash[IDENTITY_PASSWORD_HASH_SIZE];
    enum status status =
        attempt(login, email, password, ip_address, &candidate, new_hash, retry_after_seconds, why);
    *member = candidate.member;
    secret_wipe(&candidate, sizeof(candidate));
    return status;
}
