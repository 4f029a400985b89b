#include "control/audit.h"

#include "base/json.h"
#include "base/log.h"
#include "control/audit_diff.h"
#include "store/store_service_account.h"

static const char *const too_large = "{\"truncated\":true}";

/* Where it belongs */

static struct id read_id(const json_t *tree, const char *name, enum id_kind kind) {
    struct id id = {.text = ""};
    const json_t *value = json_object_get(tree, name);
    struct str text = str_make(json_string_value(value), json_string_length(value));
    if (text.len == 0 || id_parse(kind, text, &id) != STATUS_OK) {
        id = (struct id){.text = ""};
    }
    return id;
}

static void find_id(struct id *id, const char *name, enum id_kind kind,
                    const struct audit_fact *fact) {
    struct id parsed;
    if (id_is_none(id) && id_parse(kind, id_str(&fact->target), &parsed) == STATUS_OK) {
        *id = parsed;
    }
    if (id_is_none(id)) {
        *id = read_id(fact->after, name, kind);
    }
    if (id_is_none(id)) {
        *id = read_id(fact->before, name, kind);
    }
}

/* An event of a route is found by its environment and by its project, although a route names its environment alone. */
static enum status find_place(struct store_tx *tx, struct audit_fact *fact) {
    struct id parent;
    find_id(&fact->project, "project", ID_PROJECT, fact);
    find_id(&fact->environment, "environment", ID_ENVIRONMENT, fact);
    if (!id_is_none(&fact->project) || id_is_none(&fact->organization)) {
        return STATUS_OK;
    }
    parent = fact->environment;
    if (id_is_none(&parent)) {
        find_id(&parent, "service_account", ID_SERVICE_ACCOUNT, fact);
    }
    return id_is_none(&parent)
               ? STATUS_OK
               : store_audit_project_of(tx, &fact->organization, &parent, &fact->project);
}

/* Writing */

static struct str write_value(const json_t *value, struct buf *out) {
    if (value == NULL) {
        return STR_EMPTY;
    }
    return json_write(value, out) == STATUS_OK ? buf_str(out) : str_from(too_large);
}

static enum status insert(struct store_tx *tx, const struct audit_fact *fact, const json_t *was,
                          const json_t *is) {
    struct buf before;
    struct buf after;
    buf_init(&before, STORE_AUDIT_VALUE_MAX);
    buf_init(&after, STORE_AUDIT_VALUE_MAX);
    struct store_audit event = {
        .object = {.organization = fact->organization},
        .project = fact->project,
        .environment = fact->environment,
        .actor = fact->actor,
        .target = fact->target,
        .request = fact->request,
        .action = str_from(fact->action),
        .actor_name = fact->actor_name,
        .ip_address = fact->ip_address,
        .before = write_value(was, &before),
        .after = write_value(is, &after),
    };
    enum status status = store_audit_insert(tx, &event);
    buf_fini(&before);
    buf_fini(&after);
    return status;
}

enum status audit_record_system(struct store_tx *tx, struct audit_fact *fact) {
    json_t *was = NULL;
    json_t *is = NULL;
    enum status status = STATUS_OK;
    if (audit_diff_make(fact->before, fact->after, &was, &is)) {
        status = find_place(tx, fact);
        if (status == STATUS_OK) {
            status = insert(tx, fact, was, is);
        }
        log_info("audit", "action=%s target=%s actor=%s request=%s", fact->action,
                 fact->target.text, fact->actor.text, fact->request.text);
    }
    json_decref(was);
    json_decref(is);
    json_decref(fact->before);
    json_decref(fact->after);
    fact->before = NULL;
    fact->after = NULL;
    return status;
}

/* Calls */

/* The name as it is now: members change theirs, service accounts go. */
static struct str name_actor(struct api_call *call, const struct id *organization) {
    struct id id;
    struct store_service_account account;
    if (id_eq(&call->actor, &call->principal.member.object.id)) {
        return call->principal.member.email;
    }
    if (id_parse(ID_SERVICE_ACCOUNT, id_str(&call->actor), &id) == STATUS_OK &&
        store_service_account_get(call->tx, organization, &id, &call->arena, &account) ==
            STATUS_OK) {
        return account.name;
    }
    return STR_EMPTY;
}

enum status audit_record(struct api_call *call, const char *action, const struct id *target,
                         json_t *before, json_t *after) {
    struct audit_fact fact = {
        .action = action,
        .organization = call->organization,
        .actor = call->actor,
        .target = *target,
        .request = call->request_id,
        .ip_address = str_from(call->ip_address),
        .before = before,
        .after = after,
    };
    find_id(&fact.organization, "organization", ID_ORGANIZATION, &fact);
    fact.actor_name = name_actor(call, &fact.organization);
    call->is_audited = true;
    return audit_record_system(call->tx, &fact);
}

void audit_unchanged(struct api_call *call) {
    call->is_audited = true;
}

bool audit_is_missing(const struct api_call *call) {
    struct str method = str_from(call->operation->method);
    return !call->is_audited && !str_eq(method, STR("GET"));
}

/* As the API shows it */

static const struct {
    enum id_kind kind;
    const char *word;
} actor_kinds[] = {
    {ID_MEMBER, "member"}, {ID_SERVICE_ACCOUNT, "service_account"},
    {ID_KEY, "key"},       {ID_WARPGATE, "warpgate"},
    {ID_EDGE, "edge"},
};

static json_t *write_actor(const struct store_audit *event) {
    struct id id;
    const char *word = "system";
    for (size_t i = 0; i < sizeof(actor_kinds) / sizeof(actor_kinds[0]); i++) {
        if (id_parse(actor_kinds[i].kind, id_str(&event->actor), &id) == STATUS_OK) {
            word = actor_kinds[i].word;
        }
    }
    json_t *actor = json_object();
    json_object_set_new(actor, "kind", json_string(word));
    json_object_set_new(actor, "id",
                        id_is_none(&event->actor) ? json_null() : api_call_id(&event->actor));
    json_object_set_new(
        actor, "name", event->actor_name.len == 0 ? json_null() : json_from_str(event->actor_name));
    return actor;
}

static json_t *write_id(const struct id *id) {
    return id_is_none(id) ? json_null() : api_call_id(id);
}

static json_t *read_value(struct str text) {
    json_t *tree = NULL;
    struct why why;
    return text.len > 0 && json_parse(text, &tree, &why) == STATUS_OK ? tree : json_null();
}

json_t *audit_write(const struct store_audit *event) {
    json_t *item = json_object();
    json_object_set_new(item, "id", api_call_id(&event->object.id));
    json_object_set_new(item, "created_at", api_call_time(event->object.created_at_ms));
    json_object_set_new(item, "organization", write_id(&event->object.organization));
    json_object_set_new(item, "project", write_id(&event->project));
    json_object_set_new(item, "environment", write_id(&event->environment));
    json_object_set_new(item, "actor", write_actor(event));
    json_object_set_new(item, "action", json_from_str(event->action));
    json_object_set_new(item, "target", write_id(&event->target));
    json_object_set_new(item, "request_id", write_id(&event->request));
    json_object_set_new(item, "ip_address",
                        event->ip_address.len == 0 ? json_null()
                                                   : json_from_str(event->ip_address));
    json_object_set_new(item, "before", read_value(event->before));
    json_object_set_new(item, "after", read_value(event->after));
    return item;
}
