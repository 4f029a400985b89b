/* api_dispatch.c: the steps of a call, in order. Each may end it with a status and a why. */
#include "control/api_dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "control/api_idempotency.h"
#include "control/api_problem.h"
#include "control/api_query.h"
#include "control/audit.h"
#include "control/bundle_builder.h"
#include "control/control_watch.h"
#include "pki/api_key.h"
#include "store/store_organization.h"
#include "store/store_tenant.h"

#ifdef __SANITIZE_ADDRESS__
#define UNAUDITED_ABORTS true
#else
#define UNAUDITED_ABORTS false
#endif
static enum status authenticate_account(struct api_call *call, struct str key) {
    enum status status = api_account_check(call->control->store, key, str_from(call->ip_address),
                                           &call->arena, &call->account, &call->why);
    if (status == STATUS_OK) {
        call->actor = call->account.account.object.id;
    }
    return status;
}

static enum status identify(struct api_call *call) {
    struct str token;
    if (call->operation->permission == PERMISSION_OPEN) {
        return STATUS_OK;
    }
    enum status status = api_call_bearer(call, &token);
    if (status != STATUS_OK) {
        return status;
    }
    if (token.len == API_KEY_LENGTH) {
        return authenticate_account(call, token);
    }
    status = identity_session_check(call->control->store, token, &call->arena, &call->principal,
                                    &call->why);
    if (status == STATUS_OK) {
        call->actor = call->principal.member.object.id;
    }
    return status;
}

/* How fast */

static enum status refuse_fast(struct api_call *call) {
    call->answer.retry_after_seconds = call->answer.limit.retry_after_seconds;
    return why_set(&call->why, STATUS_UNAVAILABLE, "rate_limited",
                   "more calls than may be made: Retry-After says when to go on");
}

static bool is_read(const struct api_call *call) {
    return strcmp(call->operation->method, "GET") == 0;
}

static enum status charge(struct api_call *call, enum api_limit_kind kind, struct str who) {
    return api_limit_take(call->control->limit, kind, who, &call->answer.limit) ? STATUS_OK
                                                                                : refuse_fast(call);
}

static enum status charge_address(struct api_call *call) {
    return charge(call, API_LIMIT_STRANGER, str_from(call->ip_address));
}

/* Whoever shows a token that does not do is counted by address; whoever shows one that does is not held up by them. */
enum status api_dispatch_authenticate(struct api_call *call) {
    enum status status = identify(call);
    bool is_stranger = status == STATUS_OK && id_is_none(&call->actor);
    if (status != STATUS_DENIED && (!is_stranger || call->operation->is_machine)) {
        return status;
    }
    struct why why = call->why;
    enum status charged = charge_address(call);
    if (charged == STATUS_OK) {
        call->why = why;
    }
    return charged == STATUS_OK ? status : charged;
}

/* Who it is, and whether it is their turn. */
static enum status admit(struct api_call *call) {
    enum status status = api_dispatch_authenticate(call);
    if (status != STATUS_OK || id_is_none(&call->actor)) {
        return status;
    }
    return charge(call, is_read(call) ? API_LIMIT_READ : API_LIMIT_WRITE, id_str(&call->actor));
}

static enum status begin_transaction(struct api_call *call) {
    static const enum store_tx_mode modes[] = {
        [API_TX_READ] = STORE_READ,
        [API_TX_WRITE] = STORE_WRITE,
    };
    return call->operation->tx == API_TX_NONE
               ? STATUS_OK
               : store_tx_begin(call->control->store, modes[call->operation->tx], &call->why,
                                &call->tx);
}

/* What a service account may in the place where the object is. STATUS_NOT_FOUND: it is not within its scope. */
static enum status find_account_permissions(struct api_call *call) {
    if (!api_account_may_see(&call->account, &call->tenant)) {
        return STATUS_NOT_FOUND;
    }
    call->permissions = call->account.permissions;
    return STATUS_OK;
}

static enum status find_member_permissions(struct api_call *call) {
    enum store_role role = STORE_ROLE_VIEWER;
    enum status status = identity_session_role(&call->principal, &call->organization, &role);
    call->permissions = status == STATUS_OK ? permission_of_role(role) : 0;
    return status;
}

/* What belongs to an organization that the caller has no role in does not exist for them; nor does what is not within a
 * service account's project and environment. */
static enum status find_permissions(struct api_call *call) {
    enum status status = store_tenant_find_any(call->tx, &call->object, &call->tenant);
    if (status == STATUS_OK) {
        call->organization = call->tenant.organization;
        status = api_account_is_known(&call->account) ? find_account_permissions(call)
                                                      : find_member_permissions(call);
    }
    return status == STATUS_NOT_FOUND
               ? why_set(&call->why, STATUS_NOT_FOUND, "not_found", "there is no such object")
               : status;
}

/* Where no organization is asked for. */
static bool may_anywhere(const struct api_call *call, enum permission needed) {
    bool is_member = !id_is_none(&call->principal.member.object.id);
    return needed == PERMISSION_OPEN || needed == PERMISSION_KNOWN ||
           (needed == PERMISSION_SIGNED_IN && is_member) ||
           (needed == PERMISSION_OPERATOR && call->principal.member.is_operator);
}

/* What is being deleted may be looked at, and that is all, but for what its owners do about it. */
static enum status judge_end(struct api_call *call) {
    int64_t delete_at_ms = 0;
    enum permission needed = call->operation->permission;
    if (call->operation->tx != API_TX_WRITE || needed == PERMISSION_ORGANIZATION_OWN ||
        needed == PERMISSION_ORGANIZATION_READ) {
        return STATUS_OK;
    }
    enum status status = store_organization_delete_at(call->tx, &call->organization, &delete_at_ms);
    return status == STATUS_OK && delete_at_ms != 0
               ? why_set(&call->why, STATUS_CONFLICT, "organization_deleting",
                         "the organization is being deleted; an owner can restore it")
               : status;
}

static enum status authorize(struct api_call *call) {
    enum permission needed = call->operation->permission;
    bool may = may_anywhere(call, needed);
    if (permission_has_tenant(needed)) {
        enum status status = find_permissions(call);
        if (status != STATUS_OK) {
            return status;
        }
        may = (call->permissions & PERMISSION_BIT(needed)) != 0;
        if (may) {
            return judge_end(call);
        }
    }
    return may ? STATUS_OK
               : why_set(&call->why, STATUS_DENIED, "forbidden", "this needs the permission %s",
                         permission_name(needed));
}

static bool is_json_type(struct str value) {
    struct str type;
    struct str parameters;
    (void)str_cut(value, ';', &type, &parameters);
    type = str_trim(type);
    return str_eq_nocase(type, STR("application/json")) ||
           str_eq_nocase(type, STR("application/merge-patch+json"));
}

static enum status parse_body(struct api_call *call) {
    if (buf_len(&call->body) == 0) {
        return why_set(&call->why, STATUS_INVALID, "body_missing", "this needs a JSON body");
    }
    if (!is_json_type(api_call_field(call, STR("content-type")))) {
        return why_set(&call->why, STATUS_INVALID, "media_type",
                       "Content-Type has to be application/json");
    }
    return json_parse(buf_str(&call->body), &call->input, &call->why);
}

static enum status read_input(struct api_call *call) {
    const struct api_schema *schema = call->operation->schema;
    if (schema == NULL) {
        return STATUS_OK;
    }
    bool may_be_absent =
        api_schema_may_be_absent(schema) && strcmp(call->operation->method, "PATCH") != 0;
    if (buf_len(&call->body) == 0 && may_be_absent) {
        return STATUS_OK;
    }
    enum status status = parse_body(call);
    if (status != STATUS_OK) {
        return status;
    }
    api_schema_check(schema, call->input, &call->faults);
    return call->faults.count == 0
               ? STATUS_OK
               : why_set(&call->why, STATUS_INVALID, "validation_failed", "%s: %s",
                         call->faults.at[0].pointer, call->faults.at[0].detail);
}

/* What was changed and not recorded never happened, as far as anybody can tell later. */
static void complain_unaudited(const struct api_call *call) {
    log_error("api.unaudited", "method=%s path=%s request=%s", call->operation->method,
              call->operation->path, call->request_id.text);
    if (UNAUDITED_ABORTS) {
        abort();
    }
}

static enum status handle(struct api_call *call) {
    if (call->is_replayed) {
        return STATUS_OK;
    }
    enum status status = call->operation->handler(call);
    if (status == STATUS_OK && audit_is_missing(call)) {
        complain_unaudited(call);
    }
    return status;
}

static enum status build_bundles(struct api_call *call) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < call->touched_count && status == STATUS_OK; i++) {
        status = bundle_builder_make(call->control->bundle_key, call->tx, &call->organization,
                                     &call->touched[i], &call->changes, &call->why);
    }
    return status;
}

static enum status commit(struct api_call *call) {
    if (call->is_dry_run) {
        store_tx_rollback(&call->tx);
        change_list_fini(&call->changes);
        return STATUS_OK;
    }
    if (call->tx == NULL) {
        return STATUS_OK;
    }
    enum status status = control_watch_announce(call->tx, &call->changes);
    return status == STATUS_OK ? store_tx_commit(&call->tx) : status;
}

static enum status (*const steps[])(struct api_call *call) = {
    admit,
    api_idempotency_begin,
    begin_transaction,
    authorize,
    api_query_read,
    read_input,
    api_idempotency_replay,
    handle,
    build_bundles,
    api_idempotency_keep,
    commit,
};

static void write_answer(struct api_call *call) {
    struct api_answer *answer = &call->answer;
    if (answer->body != NULL && json_write(answer->body, &answer->bytes) != STATUS_OK) {
        log_error("api.answer_too_large", "request=%s", call->request_id.text);
        answer->status = 500;
    }
}

static void succeed(struct api_call *call) {
    struct api_answer *answer = &call->answer;
    if (answer->status == 0) {
        answer->status = call->operation->status;
    }
    if (call->operation->status == 200 && call->operation->tx != API_TX_WRITE &&
        api_call_is_unmodified(call)) {
        answer->status = 304;
        json_decref(answer->body);
        answer->body = NULL;
    }
    write_answer(call);
}

void api_dispatch_refuse(struct api_call *call, enum status status) {
    api_problem_answer(call, status);
    write_answer(call);
}

void api_dispatch_run(struct api_call *call) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == STATUS_OK; i++) {
        status = steps[i](call);
    }
    api_idempotency_end(call);
    if (status == STATUS_OK) {
        succeed(call);
        return;
    }
    if (status == STATUS_DENIED && call->operation->is_machine) {
        struct why why = call->why;
        status = charge_address(call);
        if (status == STATUS_OK) {
            status = STATUS_DENIED;
            call->why = why;
        }
    }
    store_tx_rollback(&call->tx);
    change_list_fini(&call->changes);
    api_dispatch_refuse(call, status);
}

enum status api_dispatch_recheck(const struct api_call *original, struct why *why) {
    static enum status (*const checks[])(struct api_call * call) = {
        identify,
        begin_transaction,
        authorize,
    };
    struct api_call call;
    enum status status = STATUS_OK;
    api_call_init(&call, original->control);
    call.operation = original->operation;
    call.head = original->head;
    memcpy(call.ip_address, original->ip_address, sizeof(call.ip_address));
    call.object = original->object;
    call.part = original->part;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && status == STATUS_OK; i++) {
        status = checks[i](&call);
    }
    store_tx_rollback(&call.tx);
    *why = call.why;
    api_call_fini(&call);
    return status;
}
