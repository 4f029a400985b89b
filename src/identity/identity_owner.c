#include "identity/identity_owner.h"

#include "identity/identity_email.h"

/* STATUS_END: there is an organization. */
static enum status check_none(struct store_tx *tx) {
    struct arena arena;
    struct store_page page = {.limit = 1};
    struct store_organization *rows = NULL;
    size_t count = 0;
    arena_init(&arena);
    enum status status = store_organization_list_any(tx, &page, &arena, &rows, &count);
    arena_fini(&arena);
    return status == STATUS_OK && count > 0 ? STATUS_END : status;
}

static enum status look(struct store *store, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(store, STORE_READ, why, &tx);
    return status == STATUS_OK ? check_none(tx) : status;
}

static enum status insert(struct store *store, const struct identity_owner_config *config,
                          struct str email, struct str hash, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct store_organization organization = {.name = config->organization_name};
    struct store_member member = {
        .email = email, .name = config->name, .password_hash = hash, .is_operator = true};
    enum status status = store_tx_begin(store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = check_none(tx);
    }
    if (status == STATUS_OK) {
        status = store_organization_insert(tx, &organization);
    }
    if (status == STATUS_OK) {
        status = store_member_insert(tx, &member);
    }
    if (status == STATUS_OK) {
        status =
            store_member_set_role(tx, &organization.object.id, &member.object.id, STORE_ROLE_OWNER);
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

enum status identity_owner_make(struct store *store, struct identity_password *passwords,
                                const struct identity_owner_config *config,
                                struct secret *generated, struct why *why) {
    struct identity_email email;
    char hash[IDENTITY_PASSWORD_HASH_SIZE];
    struct str password = config->password;
    secret_init(generated);
    enum status status = look(store, why);
    if (status == STATUS_OK) {
        status = identity_email_parse(config->email, &email, why);
    }
    if (status == STATUS_OK && password.len == 0) {
        identity_password_generate(store_random(store), generated);
        password = secret_str(generated);
    }
    if (status == STATUS_OK) {
        status = identity_password_check(password, why);
    }
    if (status == STATUS_OK) {
        status = identity_password_hash(passwords, password, hash, why);
    }
    if (status == STATUS_OK) {
        status = insert(store, config, identity_email_str(&email), str_from(hash), why);
    }
    if (status != STATUS_OK) {
        secret_fini(generated);
        secret_init(generated);
    }
    return status;
}
