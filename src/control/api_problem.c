#include "control/api_problem.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

#define TYPE_PREFIX "/v1/openapi.json#/x-problems/"

static const struct api_problem problems[] = {
    {"json_invalid", 400, "The body is not valid JSON", NULL, 0},
    {"body_missing", 400, "A body is missing", NULL, 0},
    {"query_invalid", 400, "The query is not valid", NULL, 0},
    {"idempotency_key_invalid", 400, "The Idempotency-Key is not valid", NULL, 0},
    {"cursor_invalid", 400, "The cursor is not valid here", NULL, 0},
    {"session_missing", 401, "Not signed in", NULL, 0},
    {"session_invalid", 401, "The session is not valid", NULL, 0},
    {"session_expired", 401, "The session has expired", NULL, 0},
    {"credentials_wrong", 401, "E-mail address or password is wrong", NULL, 0},
    {"key_malformed", 401, "The key is mistyped", NULL, 0},
    {"key_unknown", 401, "The key is not known", NULL, 0},
    {"key_revoked", 401, "The key has been revoked", NULL, 0},
    {"key_expired", 401, "The key has expired", NULL, 0},
    {"account_disabled", 401, "The service account is disabled", NULL, 0},
    {"account_expired", 401, "The service account has expired", NULL, 0},
    {"join_token_unknown", 401, "The join token is not known", NULL, 0},
    {"join_token_used", 401, "The join token has been used", NULL, 0},
    {"join_token_revoked", 401, "The join token has been revoked", NULL, 0},
    {"join_token_expired", 401, "The join token has expired", NULL, 0},
    {"warpgate_unknown", 401, "The warpgate is not known", NULL, 0},
    {"warpgate_revoked", 401, "The warpgate has been revoked", NULL, 0},
    {"certificate_required", 401, "A client certificate is needed", NULL, 0},
    {"forbidden", 403, "Not allowed", NULL, 0},
    {"not_found", 404, "Not found", NULL, 0},
    {"invitation_invalid", 404, "The invitation is not valid", NULL, 0},
    {"method_not_allowed", 405, "The method is not allowed here", NULL, 0},
    {"body_timeout", 408, "The body did not arrive in time", NULL, 0},
    {"name_taken", 409, "The name is taken", "name", 0},
    {"hostname_taken", 409, "The host name is taken", "name", 0},
    {"already_member", 409, "The person is a member already", "email", 0},
    {"invitation_exists", 409, "The address has been invited already", "email", 0},
    {"invitations_too_many", 409, "The organization has as many invitations as it may have", NULL,
     0},
    {"last_owner", 409, "The organization needs an owner", NULL, 0},
    {"operation_running", 409, "An operation is still going on", NULL, 5},
    {"organization_deleting", 409, "The organization is being deleted", NULL, 0},
    {"organizations_too_many", 409, "Nobody is in so many organizations", NULL, 0},
    {"hostname_held", 409, "The host name is not free yet", "name", 0},
    {"manifest_too_large", 409, "The project is too large for a manifest", NULL, 0},
    {"managed", 409, "A manifest manages this", NULL, 0},
    {"keys_too_many", 409, "The service account has as many live keys as it may have", NULL, 0},
    {"routes_too_many", 409, "The environment has as many routes as it may have", NULL, 0},
    {"ca_phase", 409, "The step does not follow", NULL, 0},
    {"ca_laggards", 409, "Somebody would be cut off", NULL, 0},
    {"idempotency_running", 409, "The request is being worked on", NULL, 1},
    {"revision_mismatch", 412, "The object has changed", NULL, 0},
    {"body_too_large", 413, "The body is too large", NULL, 0},
    {"media_type", 415, "The body has to be application/json", NULL, 0},
    {"wrong_host", 421, "This host is not served here", NULL, 0},
    {"validation_failed", 422, "The content is not acceptable", NULL, 0},
    {"idempotency_key_reused", 422, "The Idempotency-Key is another request's", NULL, 0},
    {"name_invalid", 422, "The name is not acceptable", "name", 0},
    {"address_invalid", 422, "The address is not acceptable", "address", 0},
    {"bundle_too_large", 422, "The environment's routes together are too large", "path", 0},
    {"csr_invalid", 422, "The certificate request is not acceptable", "csr", 0},
    {"environment_unknown", 422, "The environment is not known", "environment", 0},
    {"environment_ambiguous", 422, "The environment has to be named", "environment", 0},
    {"precondition_required", 428, "If-Match is needed", NULL, 0},
    {"rate_limited", 429, "Too many calls", NULL, 0},
    {"too_many_attempts", 429, "Too many attempts", NULL, 0},
    {"downloads_too_many", 429, "Too many downloads under way", NULL, 5},
    {"streams_too_many", 429, "Too many open streams", NULL, 5},
    {"internal_error", 500, "Something went wrong here", NULL, 0},
    {"overloaded", 503, "Too much to do at the moment", NULL, 1},
    {"outbox_full", 503, "Too many mails are waiting to be sent", NULL, 60},
    {"password_busy", 503, "Too many are signing in at the moment", NULL, 1},
    {"storage_busy", 503, "The storage is busy", NULL, 1},
    {"storage_unavailable", 503, "The storage cannot be reached", NULL, 2},
    {"stopping", 503, "The control plane is stopping", NULL, 5},
    {"unavailable", 503, "Not available at the moment", NULL, 5},
    {"storage_full", 507, "The storage is full", NULL, 60},
};
#define PROBLEM_COUNT (sizeof(problems) / sizeof(problems[0]))

/* What a status means when nobody gave it a slug of the table. */
static const char *const fallbacks[STATUS_COUNT] = {
    [STATUS_INVALID] = "validation_failed", [STATUS_NOT_FOUND] = "not_found",
    [STATUS_DENIED] = "session_invalid",    [STATUS_UNAVAILABLE] = "unavailable",
    [STATUS_TIMEOUT] = "unavailable",
};

const struct api_problem *api_problem_at(size_t index) {
    return index < PROBLEM_COUNT ? &problems[index] : NULL;
}

static const struct api_problem *find_code(const char *code) {
    for (size_t i = 0; i < PROBLEM_COUNT; i++) {
        if (strcmp(problems[i].code, code) == 0) {
            return &problems[i];
        }
    }
    return NULL;
}

const struct api_problem *api_problem_find(enum status status, const char *slug) {
    const struct api_problem *problem = find_code(slug);
    if (problem == NULL && (unsigned)status < STATUS_COUNT && fallbacks[status] != NULL) {
        problem = find_code(fallbacks[status]);
    }
    return problem != NULL ? problem : find_code("internal_error");
}

static json_t *write_fault(const struct api_fault *fault) {
    json_t *item = json_object();
    json_object_set_new(item, "pointer", json_from_str(str_from(fault->pointer)));
    json_object_set_new(item, "code", json_string(fault->code));
    json_object_set_new(item, "detail", json_from_str(str_from(fault->detail)));
    if (fault->position >= 0) {
        json_object_set_new(item, "position", json_integer(fault->position));
    }
    return item;
}

static json_t *write_problem(const struct api_call *call, const struct api_problem *problem) {
    char type[sizeof(TYPE_PREFIX) + 48];
    const char *detail = problem->status >= 500 ? problem->title : call->why.text;
    snprintf(type, sizeof(type), "%s%s", TYPE_PREFIX, problem->code);
    json_t *document = json_object();
    json_object_set_new(document, "type", json_string(type));
    json_object_set_new(document, "title", json_string(problem->title));
    json_object_set_new(document, "status", json_integer((json_int_t)problem->status));
    json_object_set_new(document, "detail", json_from_str(str_from(detail)));
    json_object_set_new(document, "code", json_string(problem->code));
    json_object_set_new(document, "request_id", json_string(call->request_id.text));
    if (call->faults.count > 0) {
        json_t *list = json_array();
        for (size_t i = 0; i < call->faults.count; i++) {
            json_array_append_new(list, write_fault(&call->faults.at[i]));
        }
        json_object_set_new(document, "errors", list);
    }
    return document;
}

void api_problem_answer(struct api_call *call, enum status status) {
    const struct api_problem *problem = api_problem_find(status, call->why.slug);
    if (problem->status >= 500) {
        /* Overload passes; the rest needs somebody. */
        log_write(problem->status == 503 ? LOG_WARN : LOG_ERROR, "api.failed",
                  "request=%s code=%s status=%s detail=%s", call->request_id.text, call->why.slug,
                  status_name(status), call->why.text);
    }
    if (problem->member != NULL && call->faults.count == 0) {
        api_schema_add_fault(&call->faults, problem->member, problem->code, -1, "%s",
                             call->why.text);
    }
    json_decref(call->answer.body);
    call->answer.raw_body = STR_EMPTY;
    call->answer.status = problem->status;
    call->answer.is_problem = true;
    call->answer.body = write_problem(call, problem);
    if (call->answer.retry_after_seconds == 0) {
        call->answer.retry_after_seconds = problem->retry_after_seconds;
    }
    /* The tag tells what to match next time only where matching was what failed. */
    if (problem->status != 412) {
        call->answer.etag[0] = '\0';
    }
}

struct str api_problem_of_engine(unsigned http_status, const struct why *why) {
    static _Thread_local char text[512];
    const char *code = why != NULL && why->slug[0] != '\0' ? why->slug : "request_malformed";
    /* The engine's own words, not the peer's: nothing to escape. */
    int len = snprintf(text, sizeof(text),
                       "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"code\":\"%s\"}",
                       http_status_reason(http_status), http_status, code);
    return str_make(text, len > 0 && (size_t)len < sizeof(text) ? (size_t)len : 0);
}
