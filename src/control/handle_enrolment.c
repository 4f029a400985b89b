/* handle_enrolment.c: warpgates: from an API key to a certificate, and from that to the next one (tunnel/enrolment.h).
 *
 * A warpgate registers itself. One that comes with the same key, environment and name as one that is not connected is that one
 * come back: it keeps its id, so that a restart does not leave a new entry behind each time.
 */
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "control/audit_access.h"
#include "control/bundle_builder.h"
#include "control/control_ca.h"
#include "control/handle.h"
#include "control/presence.h"
#include "pki/csr.h"
#include "store/store_edge.h"
#include "store/store_key.h"
#include "store/store_tenant.h"
#include "store/store_warpgate.h"
#include "tunnel/enrolment.h"

#define DEFAULT_ENVIRONMENT STR("production")
#define DEFAULT_NAME STR("warpgate")

static enum status read_request(struct api_call *call, struct enrolment_request *request) {
    if (buf_len(&call->body) == 0) {
        return why_set(&call->why, STATUS_INVALID, "body_missing", "this needs a JSON body");
    }
    enum status status = json_parse(buf_str(&call->body), &call->input, &call->why);
    if (status != STATUS_OK) {
        return status;
    }
    struct why reason = {0};
    status = enrolment_request_read(call->input, request, &reason);
    return status == STATUS_OK
               ? status
               : why_set(&call->why, STATUS_INVALID, "validation_failed", "%s", reason.text);
}

static enum status read_csr(struct api_call *call, struct str csr, EVP_PKEY **key) {
    struct why reason = {0};
    return csr_public_key(csr, key, &reason) == STATUS_OK
               ? STATUS_OK
               : why_set(&call->why, STATUS_INVALID, "csr_invalid", "%s", reason.text);
}

/* The key */

static enum status require_connect(struct api_call *call, const struct api_account *caller) {
    if ((caller->permissions & PERMISSION_BIT(PERMISSION_WARPGATE_CONNECT)) == 0) {
        return why_set(&call->why, STATUS_DENIED, "forbidden",
                       "the service account of this key has not the permission warpgate:connect");
    }
    return STATUS_OK;
}

static enum status find_key(struct api_call *call, struct api_account *caller) {
    struct str token;
    if (api_call_bearer(call, &token) != STATUS_OK) {
        return why_set(&call->why, STATUS_DENIED, "key_unknown", "an API key is needed");
    }
    enum status status = api_account_find(call->tx, token, &call->arena, caller, &call->why);
    return status == STATUS_OK ? require_connect(call, caller) : status;
}

/* The environment: the one that is named, else the only one, else `production`. */

static enum status refuse_environment(struct api_call *call, const char *slug, const char *text) {
    return why_set(&call->why, STATUS_INVALID, slug, "%s", text);
}

static enum status get_environment(struct api_call *call, const struct api_account *caller,
                                   const struct id *id, struct store_environment *environment) {
    return store_environment_get(call->tx, &caller->account.object.organization, id, &call->arena,
                                 environment);
}

static bool may_serve(const struct api_account *caller,
                      const struct store_environment *environment) {
    const struct store_tenant tenant = {environment->object.organization, environment->project,
                                        environment->object.id};
    return api_account_may_see(caller, &tenant);
}

static enum status find_named(struct api_call *call, const struct api_account *caller,
                              struct str name, struct store_environment *environment) {
    struct id id;
    enum status status =
        id_parse(ID_ENVIRONMENT, name, &id) == STATUS_OK
            ? get_environment(call, caller, &id, environment)
            : store_environment_find(call->tx, &caller->account.object.organization,
                                     &caller->account.project, name, &call->arena, environment);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && !may_serve(caller, environment))) {
        return refuse_environment(call, "environment_unknown",
                                  "the key may serve no environment of this name or id");
    }
    return status;
}

static enum status find_only(struct api_call *call, const struct api_account *caller,
                             struct store_environment *environment) {
    const struct store_service_account *account = &caller->account;
    struct store_environment *rows = NULL;
    size_t count = 0;
    struct store_page page = {.limit = 2, .order = STORE_ASCENDING};
    if (!id_is_none(&account->environment)) {
        return get_environment(call, caller, &account->environment, environment);
    }
    enum status status =
        store_environment_list(call->tx, &account->object.organization, &account->project, &page,
                               &call->arena, &rows, &count);
    if (status != STATUS_OK) {
        return status;
    }
    if (count == 0) {
        return refuse_environment(call, "environment_unknown",
                                  "the key's project has no environment");
    }
    if (count == 1) {
        *environment = rows[0];
        return STATUS_OK;
    }
    status = store_environment_find(call->tx, &account->object.organization, &account->project,
                                    DEFAULT_ENVIRONMENT, &call->arena, environment);
    return status != STATUS_NOT_FOUND
               ? status
               : refuse_environment(call, "environment_ambiguous",
                                    "the key's project has several environments: name one");
}

static enum status find_environment(struct api_call *call, const struct api_account *caller,
                                    struct str name, struct store_environment *environment) {
    return str_is_empty(name) ? find_only(call, caller, environment)
                              : find_named(call, caller, name, environment);
}

/* The warpgate */

static bool has_come_back(struct api_call *call, const struct store_warpgate *row,
                          const struct store_warpgate *wanted) {
    struct presence_view view;
    if (row->revoked_at_ms != 0 || !id_eq(&row->key, &wanted->key) ||
        !str_eq(row->name, wanted->name)) {
        return false;
    }
    presence_get(call->control->presence, &row->object.id, &view);
    return view.status == PRESENCE_DISCONNECTED;
}

/* The newest page will do: what is older has long been gone. */
static enum status find_former(struct api_call *call, struct store_warpgate *warpgate) {
    struct store_page page = {.limit = 200, .order = STORE_DESCENDING};
    struct store_warpgate *rows = NULL;
    size_t count = 0;
    enum status status =
        store_warpgate_list(call->tx, &warpgate->object.organization, &warpgate->environment, &page,
                            &call->arena, &rows, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (has_come_back(call, &rows[i], warpgate)) {
            rows[i].version = warpgate->version;
            rows[i].platform = warpgate->platform;
            rows[i].ip_address = warpgate->ip_address;
            *warpgate = rows[i];
            return STATUS_OK;
        }
    }
    return status == STATUS_OK ? STATUS_NOT_FOUND : status;
}

static enum status register_warpgate(struct api_call *call, const struct api_account *caller,
                                     const struct enrolment_request *request,
                                     const struct store_environment *environment,
                                     struct store_warpgate *warpgate) {
    *warpgate = (struct store_warpgate){
        .object = {.organization = caller->key.object.organization},
        .environment = environment->object.id,
        .key = caller->key.object.id,
        .name = str_is_empty(request->name) ? DEFAULT_NAME : request->name,
        .version = request->version,
        .platform = request->platform,
        .ip_address = str_from(call->ip_address),
    };
    enum status status = find_former(call, warpgate);
    if (status == STATUS_OK) {
        status = store_warpgate_report(call->tx, warpgate);
    } else if (status == STATUS_NOT_FOUND) {
        status = store_warpgate_insert(call->tx, warpgate);
    }
    return status == STATUS_OK ? api_account_used(call->tx, caller, str_from(call->ip_address))
                               : status;
}

/* The answer */

struct documents {
    struct buf certificate;
    struct change_list bundle;
    json_t *bundle_keys;
};

static enum status make_documents(struct api_call *call, const struct store_warpgate *warpgate,
                                  EVP_PKEY *key, struct documents *documents) {
    struct control *control = call->control;
    const struct ca_leaf leaf = {
        .role = CERT_WARPGATE,
        .subject = warpgate->object.id,
        .environment = warpgate->environment,
        .lifetime_seconds = CONTROL_WARPGATE_LIFETIME_SECONDS,
    };
    enum status status = ca_issue(control_ca_issuer(control), &leaf, key, loop_clock(control->loop),
                                  &documents->certificate, NULL, &call->why);
    if (status == STATUS_OK) {
        status = bundle_builder_make(control->bundle_key, call->tx, &warpgate->object.organization,
                                     &warpgate->environment, &documents->bundle, &call->why);
    }
    return status == STATUS_OK
               ? json_parse(buf_str(&control->bundle_jwks), &documents->bundle_keys, &call->why)
               : status;
}

/* Those that are enabled, in the order in which they joined; while there is none, where the first will be by default. */
static enum status list_edges(struct api_call *call, struct enrolment_answer *answer) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_ASCENDING};
    struct store_edge *rows = NULL;
    size_t count = 0;
    struct str server_name = str_from(call->control->edge_name);
    enum status status = store_edge_list(call->tx, &page, &call->arena, &rows, &count);
    for (size_t i = 0; i < count && answer->edge_count < ENROLMENT_EDGES_MAX; i++) {
        if (rows[i].is_enabled) {
            answer->edges[answer->edge_count++] =
                (struct enrolment_edge){rows[i].address, server_name};
        }
    }
    if (answer->edge_count == 0) {
        answer->edges[answer->edge_count++] =
            (struct enrolment_edge){str_from(call->control->public_address), server_name};
    }
    return status;
}

static enum status write_answer(struct api_call *call, const struct store_warpgate *warpgate,
                                EVP_PKEY *key) {
    const struct control *control = call->control;
    struct documents documents = {0};
    buf_init(&documents.certificate, CONTROL_PEM_BYTES_MAX);
    change_list_init(&documents.bundle);
    enum status status = make_documents(call, warpgate, key, &documents);
    if (status == STATUS_OK) {
        struct enrolment_answer answer = {
            .warpgate = warpgate->object.id,
            .environment = warpgate->environment,
            .trust_domain = control_ca_trust_domain(control),
            .certificate = buf_str(&documents.certificate),
            .trust_anchors = control_ca_anchors(control),
            .bundle_keys = documents.bundle_keys,
            .bundle = str_make(documents.bundle.first->bundle, documents.bundle.first->bundle_len),
        };
        status = list_edges(call, &answer);
        call->answer.body = enrolment_answer_write(&answer);
    }
    json_decref(documents.bundle_keys);
    change_list_fini(&documents.bundle);
    buf_fini(&documents.certificate);
    return status;
}

/* When the certificate ends that was just made. */
static enum status note_certificate(struct api_call *call, const struct store_warpgate *warpgate) {
    return store_warpgate_certified(call->tx, &warpgate->object.organization, &warpgate->object.id,
                                    clock_wall_ms(loop_clock(call->control->loop)) +
                                        (int64_t)CONTROL_WARPGATE_LIFETIME_SECONDS * 1000);
}

/* Audit events */

static json_t *write_enrolled(const struct store_warpgate *warpgate,
                              const struct api_account *caller) {
    json_t *item = json_object();
    json_object_set_new(item, "environment", api_call_id(&warpgate->environment));
    json_object_set_new(item, "service_account", api_call_id(&caller->account.object.id));
    json_object_set_new(item, "key", api_call_id(&warpgate->key));
    json_object_set_new(item, "name", json_from_str(warpgate->name));
    json_object_set_new(item, "version", json_from_str(warpgate->version));
    json_object_set_new(item, "platform", json_from_str(warpgate->platform));
    json_object_set_new(item, "ip_address", json_from_str(warpgate->ip_address));
    return item;
}

static enum status record_enrolled(struct api_call *call, const struct api_account *caller,
                                   const struct store_warpgate *warpgate) {
    call->organization = caller->account.object.organization;
    call->actor = caller->account.object.id;
    return audit_record(call, "warpgate.enrolled", &warpgate->object.id, NULL,
                        write_enrolled(warpgate, caller));
}

/* A key that somebody holds although it is no longer good. */
static void note_refusal(struct api_call *call, const struct store_key *key) {
    struct audit_access_note note = {
        .action = "key.refused",
        .key = key->object.id,
        .organization = key->object.organization,
        .request = call->request_id,
    };
    snprintf(note.code, sizeof(note.code), "%s", call->why.slug);
    snprintf(note.ip_address, sizeof(note.ip_address), "%s", call->ip_address);
    audit_access_add(call->control->access, &note);
}

/* Enrolment */

/* Strangers never get to the one writing transaction. */
static enum status check_key(struct api_call *call, struct api_account *caller) {
    enum status status = store_tx_begin(call->control->store, STORE_READ, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = find_key(call, caller);
        store_tx_rollback(&call->tx);
    }
    if (status == STATUS_DENIED && !id_is_none(&caller->key.object.id)) {
        note_refusal(call, &caller->key);
    }
    return status;
}

static enum status enrol(struct api_call *call, const struct enrolment_request *request,
                         EVP_PKEY *public_key) {
    struct api_account caller;
    struct store_environment environment;
    struct store_warpgate warpgate;
    enum status status = store_tx_begin(call->control->store, STORE_WRITE, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = find_key(call, &caller);
    }
    if (status == STATUS_OK) {
        status = find_environment(call, &caller, request->environment, &environment);
    }
    if (status == STATUS_OK) {
        status = register_warpgate(call, &caller, request, &environment, &warpgate);
    }
    if (status == STATUS_OK) {
        status = record_enrolled(call, &caller, &warpgate);
    }
    if (status == STATUS_OK) {
        status = write_answer(call, &warpgate, public_key);
    }
    if (status == STATUS_OK) {
        status = note_certificate(call, &warpgate);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&call->tx);
    }
    if (status == STATUS_OK) {
        log_info("control.warpgate_enrolled",
                 "warpgate=%s environment=%s key=%s name=%.*s address=%s", warpgate.object.id.text,
                 environment.object.id.text, caller.key.object.id.text, STR_ARG(warpgate.name),
                 call->ip_address);
    }
    return status;
}

enum status handle_enrolment_create(struct api_call *call) {
    struct api_account caller;
    struct enrolment_request request;
    EVP_PKEY *public_key = NULL;
    enum status status = check_key(call, &caller);
    if (status == STATUS_OK) {
        status = read_request(call, &request);
    }
    if (status == STATUS_OK) {
        status = read_csr(call, request.csr, &public_key);
    }
    if (status == STATUS_OK) {
        status = enrol(call, &request, public_key);
    }
    EVP_PKEY_free(public_key);
    if (status == STATUS_DENIED) {
        log_info("control.enrolment_refused", "address=%s code=%s", call->ip_address,
                 call->why.slug);
    }
    return status;
}

/* Renewal */

static enum status find_warpgate(struct api_call *call, struct store_warpgate *warpgate) {
    struct store_environment environment;
    struct api_account caller;
    struct store_tenant tenant = {0};
    const struct id *organization = &tenant.organization;
    enum status status = store_tenant_find_any(call->tx, &call->peer.subject, &tenant);
    if (status == STATUS_OK) {
        status =
            store_warpgate_get(call->tx, organization, &call->peer.subject, &call->arena, warpgate);
    }
    if (status == STATUS_OK) {
        status = store_environment_get(call->tx, organization, &call->peer.environment,
                                       &call->arena, &environment);
    }
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK && !id_eq(&warpgate->environment, &call->peer.environment))) {
        return why_set(&call->why, STATUS_DENIED, "warpgate_unknown",
                       "there is no such warpgate any more");
    }
    if (status == STATUS_OK && warpgate->revoked_at_ms != 0) {
        return why_set(&call->why, STATUS_DENIED, "warpgate_revoked",
                       "the warpgate has been revoked");
    }
    if (status == STATUS_OK) {
        status = api_account_get(call->tx, organization, &warpgate->key, &call->arena, &caller,
                                 &call->why);
    }
    return status == STATUS_OK ? require_connect(call, &caller) : status;
}

/* A renewal needs no write to succeed: a warpgate lives on while the database takes none. */
static void keep_certificate(struct api_call *call, const struct store_warpgate *warpgate) {
    struct why why = {0};
    enum status status = store_tx_begin(call->control->store, STORE_WRITE, &why, &call->tx);
    if (status == STATUS_OK) {
        status = note_certificate(call, warpgate);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&call->tx);
    }
    store_tx_rollback(&call->tx);
    if (status != STATUS_OK) {
        log_warn("control.certificate_not_kept", "warpgate=%s status=%s", warpgate->object.id.text,
                 status_name(status));
    }
}

static enum status renew(struct api_call *call, EVP_PKEY *public_key) {
    struct store_warpgate warpgate;
    enum status status = store_tx_begin(call->control->store, STORE_READ, &call->why, &call->tx);
    if (status == STATUS_OK) {
        status = find_warpgate(call, &warpgate);
    }
    if (status == STATUS_OK) {
        status = write_answer(call, &warpgate, public_key);
    }
    store_tx_rollback(&call->tx);
    if (status == STATUS_OK) {
        keep_certificate(call, &warpgate);
    }
    return status;
}

enum status handle_enrolment_renew(struct api_call *call) {
    audit_unchanged(call); /* the same warpgate goes on: nothing to tell, every 12 hours */
    struct enrolment_request request;
    EVP_PKEY *public_key = NULL;
    if (!call->has_peer) {
        return why_set(&call->why, STATUS_DENIED, "certificate_required",
                       "this needs a warpgate's client certificate");
    }
    enum status status = read_request(call, &request);
    if (status == STATUS_OK) {
        status = read_csr(call, request.csr, &public_key);
    }
    if (status == STATUS_OK) {
        status = renew(call, public_key);
    }
    EVP_PKEY_free(public_key);
    log_info("control.warpgate_renewal", "warpgate=%s status=%s code=%s", call->peer.subject.text,
             status_name(status), status == STATUS_OK ? "" : call->why.slug);
    return status;
}
