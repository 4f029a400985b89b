#include "identity/identity_session.h"

#include "base/text.h"
#include "pki/digest.h"

#define TOKEN_BYTES 32

/* The client's own words: as much of them as is UTF-8 and has room. */
static struct str cut(struct str agent) {
    return str_sub(agent, 0, text_utf8_prefix(str_sub(agent, 0, STORE_SESSION_AGENT_MAX)));
}

enum status identity_session_begin(struct store_tx *tx, const struct id *member,
                                   const struct identity_origin *origin, struct secret *token,
                                   struct store_session *session) {
    uint8_t bytes[TOKEN_BYTES];
    uint8_t digest[DIGEST_BYTES];
    random_fill(store_random(store_tx_store(tx)), bytes, sizeof(bytes));
    secret_init(token);
    token->len = text_base64url(bytes, sizeof(bytes), token->text);
    secret_wipe(bytes, sizeof(bytes));
    digest_sha256(secret_str(token), digest);
    *session = (struct store_session){
        .member = *member,
        .expires_at_ms = store_tx_now_ms(tx) + IDENTITY_SESSION_LIFE_MS,
        .last_used_at_ms = store_tx_now_ms(tx),
    };
    if (origin != NULL) {
        session->ip_address = origin->ip_address;
        session->user_agent = cut(origin->user_agent);
    }
    enum status status = store_session_insert(tx, session, digest);
    if (status != STATUS_OK) {
        secret_fini(token);
    }
    return status;
}

static enum status deny(struct why *why, const char *slug) {
    return why_set(why, STATUS_DENIED, slug, "the session is unknown or has ended: sign in again");
}

bool identity_session_has_ended(const struct store_session *session, int64_t now_ms) {
    return now_ms >= session->expires_at_ms ||
           now_ms - session->last_used_at_ms >= IDENTITY_SESSION_IDLE_MS;
}

/* Session, member and memberships as they are in one state of the store. */
static enum status load(struct store_tx *tx, const uint8_t digest[DIGEST_BYTES],
                        struct arena *arena, struct identity_principal *principal) {
    struct store_session *session = &principal->session;
    enum status status = store_session_find_any(tx, digest, arena, session);
    if (status == STATUS_NOT_FOUND) {
        return deny(store_tx_why(tx), "session_invalid");
    }
    if (status == STATUS_OK && identity_session_has_ended(session, store_tx_now_ms(tx))) {
        return deny(store_tx_why(tx), "session_expired");
    }
    if (status == STATUS_OK) {
        status = store_member_get_any(tx, &session->member, arena, &principal->member);
        principal->member.password_hash = STR_EMPTY;
    }
    if (status == STATUS_OK) {
        status = store_member_roles(tx, &session->member, arena, &principal->memberships,
                                    &principal->membership_count);
    }
    return status;
}

/* Notes the use. A store that cannot be written at the moment does not keep anybody out. */
static enum status note_use(struct store *store, struct store_session *session, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = store_session_used(tx, &session->object.id);
    }
    if (status == STATUS_NOT_FOUND) {
        return deny(why, "session_invalid");
    }
    if (status == STATUS_OK) {
        session->last_used_at_ms = store_tx_now_ms(tx);
        status = store_tx_commit(&tx);
    }
    return status == STATUS_UNAVAILABLE ? STATUS_OK : status;
}

enum status identity_session_check(struct store *store, struct str token, struct arena *arena,
                                   struct identity_principal *principal, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    uint8_t digest[DIGEST_BYTES];
    *principal = (struct identity_principal){0};
    if (token.len != IDENTITY_SESSION_TOKEN_LENGTH) {
        return deny(why, "session_invalid");
    }
    digest_sha256(token, digest);
    enum status status = store_tx_begin(store, STORE_READ, why, &tx);
    if (status == STATUS_OK) {
        status = load(tx, digest, arena, principal);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int64_t idle_ms = store_tx_now_ms(tx) - principal->session.last_used_at_ms;
    store_tx_rollback(&tx);
    return idle_ms >= IDENTITY_SESSION_TOUCH_MS ? note_use(store, &principal->session, why)
                                                : STATUS_OK;
}

enum status identity_session_end(struct store *store, const struct id *session, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = store_session_delete(tx, session);
    }
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

enum status identity_session_role(const struct identity_principal *principal,
                                  const struct id *organization, enum store_role *role) {
    for (size_t i = 0; i < principal->membership_count; i++) {
        if (id_eq(&principal->memberships[i].organization, organization)) {
            *role = principal->memberships[i].role;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}
