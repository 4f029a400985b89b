/* control_test_kit.h: a control plane in a folder of its own (and a schema, with PostgreSQL) and without a network, and calls to its API, for tests. */
#ifndef CONTROL_CONTROL_TEST_KIT_H
#define CONTROL_CONTROL_TEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"
#include "control/api_dispatch.h"
#include "control/api_router.h"
#include "control/control_state.h"
#include "control/feed_hub.h"
#include "control/presence.h"
#include "store/store_organization.h"
#include "store/store_test_database.h"
#include "store/store_warpgate.h"

#define KIT_DOMAIN "kit.localhost"
#define KIT_PASSWORD "a long enough password"

/* The system's time, and what tests add to it. */
static int64_t kit_skew_ms;
static int64_t kit_wall_skew_ms;

static inline int64_t kit_mono_ms(void *context) {
    (void)context;
    return clock_mono_ms(clock_system()) + kit_skew_ms;
}

static inline int64_t kit_wall_ms(void *context) {
    (void)context;
    return clock_wall_ms(clock_system()) + kit_wall_skew_ms;
}

static const struct clock kit_clock = {.mono_ms = kit_mono_ms, .wall_ms = kit_wall_ms};

struct kit {
    char folder[64];
    struct store_test_database database;
    const char *url; /* of it; NULL with SQLite */
    struct loop *loop;
    struct control *control;
    char token[64]; /* of the owner */
    struct id organization;
};

/* One call: what it asks, and what came of it. */
struct kit_call {
    const char *token;
    const char *body;
    const char *type; /* NULL: application/json */
    const char *if_match;
    const char *if_none_match;
    const char *idempotency_key;
    const struct api_table *table; /* NULL: the public one */
    const struct cert_identity *peer;

    unsigned status;
    bool is_replayed;
    json_t *answer; /* owned by the kit_call: kit_done */
    char etag[64];
    char code[48];
    char pointer[96]; /* of the first fault */
    int64_t position;
    size_t change_count;
    enum change_kind change_kind; /* of the first */
};

static inline void kit_take_problem(struct kit_call *out) {
    const json_t *fault = json_array_get(json_object_get(out->answer, "errors"), 0);
    const char *code = json_string_value(json_object_get(out->answer, "code"));
    const char *pointer = json_string_value(json_object_get(fault, "pointer"));
    snprintf(out->code, sizeof(out->code), "%s", code != NULL ? code : "");
    snprintf(out->pointer, sizeof(out->pointer), "%s", pointer != NULL ? pointer : "");
    out->position = json_integer_value(json_object_get(fault, "position"));
}

static inline void kit_take_answer(struct kit *kit, struct api_call *call, struct kit_call *out) {
    struct why why;
    out->status = call->answer.status;
    out->is_replayed = call->is_replayed;
    snprintf(out->etag, sizeof(out->etag), "%s", call->answer.etag);
    if (buf_len(&call->answer.bytes) > 0) {
        assert_int_equal(json_parse(buf_str(&call->answer.bytes), &out->answer, &why), STATUS_OK);
    }
    if (call->answer.is_problem) {
        assert_int_equal(json_integer_value(json_object_get(out->answer, "status")), out->status);
        kit_take_problem(out);
    }
    for (const struct change *change = call->changes.first; change != NULL; change = change->next) {
        out->change_kind = out->change_count++ == 0 ? change->kind : out->change_kind;
    }
    feed_hub_apply(kit->control->hub, &call->changes);
}

static inline void kit_add_field(struct api_call *call, const char *name, const char *value) {
    if (value != NULL) {
        http_fields_add(&call->head.fields, &call->arena, str_from(name),
                        arena_str(&call->arena, str_from(value)));
    }
}

/* Runs the call where a pool thread would. */
static inline void kit_run(struct kit *kit, const char *method, const char *path,
                           struct kit_call *out) {
    struct api_call call;
    struct api_match match;
    struct str bare;
    const struct api_table *table = out->table != NULL ? out->table : &api_router_public;
    json_decref(out->answer);
    out->answer = NULL;
    out->code[0] = out->pointer[0] = out->etag[0] = '\0';
    out->change_count = 0;
    api_call_init(&call, kit->control);
    call.head.method = str_from(method);
    call.head.path = arena_str(&call.arena, str_from(path));
    snprintf(call.ip_address, sizeof(call.ip_address), "192.0.2.7");
    if (out->token != NULL) {
        kit_add_field(&call, "authorization",
                      arena_printf(&call.arena, "Bearer %s", out->token).at);
    }
    kit_add_field(&call, "if-match", out->if_match);
    kit_add_field(&call, "if-none-match", out->if_none_match);
    kit_add_field(&call, "idempotency-key", out->idempotency_key);
    if (out->body != NULL) {
        kit_add_field(&call, "content-type", out->type != NULL ? out->type : "application/json");
        assert_int_equal(buf_append_str(&call.body, str_from(out->body)), STATUS_OK);
    }
    if (out->peer != NULL) {
        call.has_peer = true;
        call.peer = *out->peer;
    }
    (void)str_cut(call.head.path, '?', &bare, &call.query);
    enum status status = api_router_find(table, call.head.method, bare, &call.arena, &match);
    if (status == STATUS_OK) {
        call.operation = match.operation;
        call.object = match.object;
        call.part = match.part;
        api_dispatch_run(&call);
    } else {
        (void)why_set(&call.why, status,
                      status == STATUS_NOT_FOUND ? "not_found" : "method_not_allowed",
                      "refused by the router");
        api_dispatch_refuse(&call, status);
    }
    kit_take_answer(kit, &call, out);
    api_call_fini(&call);
}

static inline void kit_done(struct kit_call *call) {
    json_decref(call->answer);
    call->answer = NULL;
}

/* A member of the last answer as text: valid until the next call. */
static inline const char *kit_text(const struct kit_call *call, const char *name) {
    const char *text = json_string_value(json_object_get(call->answer, name));
    return text != NULL ? text : "";
}

/* As the owner, and it has to succeed: the id of what was made. */
static inline struct id kit_make(struct kit *kit, const char *path, const char *body) {
    struct id id = {.text = ""};
    struct kit_call call = {.token = kit->token, .body = body};
    kit_run(kit, "POST", path, &call);
    assert_int_equal(call.status, 201);
    snprintf(id.text, sizeof(id.text), "%s", kit_text(&call, "id"));
    kit_done(&call);
    return id;
}

/* The id of the first item of a list, as the owner sees it. */
static inline struct id kit_first(struct kit *kit, const char *path) {
    struct id id = {.text = ""};
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", path, &call);
    assert_int_equal(call.status, 200);
    const json_t *item = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_non_null(item);
    snprintf(id.text, sizeof(id.text), "%s", json_string_value(json_object_get(item, "id")));
    kit_done(&call);
    return id;
}

/* "/v1/KIND/ID/TAIL": valid until the next call. */
static inline const char *kit_path(const char *kind, const struct id *id, const char *tail) {
    static char text[160];
    snprintf(text, sizeof(text), "/v1/%s/%s%s", kind, id->text, tail);
    return text;
}

/* A new project; its first environment in `*environment`. */
static inline struct id kit_add_project(struct kit *kit, const char *name, struct id *environment) {
    char body[96];
    snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
    struct id id = kit_make(kit, kit_path("organizations", &kit->organization, "/projects"), body);
    *environment = kit_first(kit, kit_path("projects", &id, "/environments"));
    return id;
}

/* A warpgate as enrolment would leave it in the store, with a service account and a key of its own. */
static inline struct id kit_add_warpgate(struct kit *kit, const struct id *project,
                                         const struct id *environment, const char *name) {
    char body[96];
    struct store_tx *tx = NULL;
    struct why why;
    snprintf(body, sizeof(body), "{\"name\":\"of %s\"}", name);
    struct id account = kit_make(kit, kit_path("projects", project, "/service-accounts"), body);
    struct store_warpgate row = {
        .object = {.organization = kit->organization},
        .environment = *environment,
        .name = str_from(name),
        .platform = STR_INIT("linux/x86_64"),
    };
    row.key = kit_make(kit, kit_path("service-accounts", &account, "/keys"), "{}");
    assert_int_equal(store_tx_begin(kit->control->store, STORE_WRITE, &why, &tx), STATUS_OK);
    assert_int_equal(store_warpgate_insert(tx, &row), STATUS_OK);
    assert_int_equal(store_tx_commit(&tx), STATUS_OK);
    return row.object.id;
}

static const struct id kit_edge = {.text = "edg_00000000000000000000000001"};

/* What an edge would say of a warpgate whose upstream `default` is in this state. */
static inline void kit_report(struct kit *kit, const struct id *warpgate,
                              const struct id *environment, unsigned tunnels, uint64_t revision,
                              const char *state) {
    struct feed_message message = {
        .type = FEED_MESSAGE_WARPGATE,
        .warpgate = *warpgate,
        .environment = *environment,
        .tunnels = tunnels,
        .revision = revision,
        .ip_address = STR_INIT("192.0.2.77"),
        .name = STR_INIT("box"),
        .version = STR_INIT("9.9"),
        .upstream_count = 1,
    };
    message.upstreams[0] = (struct upstream_state){
        .name = STR_INIT("default"),
        .is_known = state[0] != '?',
        .is_up = state[0] == 'u',
    };
    presence_report(kit->control->presence, &kit_edge, &message);
}

/* A member with this role in `organization`, and a session's token. */
static inline void kit_add_member(struct kit *kit, const char *email, const struct id *organization,
                                  enum store_role role, char token[64]) {
    struct store_tx *tx = NULL;
    struct why why;
    struct secret secret;
    struct store_session session = {0};
    struct store_member member = {.email = str_from(email), .name = STR_INIT("Somebody")};
    member.password_hash = STR_EMPTY;
    secret_init(&secret);
    assert_int_equal(store_tx_begin(kit->control->store, STORE_WRITE, &why, &tx), STATUS_OK);
    assert_int_equal(store_member_insert(tx, &member), STATUS_OK);
    assert_int_equal(store_member_set_role(tx, organization, &member.object.id, role), STATUS_OK);
    assert_int_equal(identity_session_begin(tx, &member.object.id, NULL, &secret, &session),
                     STATUS_OK);
    assert_int_equal(store_tx_commit(&tx), STATUS_OK);
    snprintf(token, 64, "%.*s", STR_ARG(secret_str(&secret)));
    secret_fini(&secret);
}

static inline struct id kit_add_organization(struct kit *kit) {
    struct store_tx *tx = NULL;
    struct why why;
    struct store_organization organization = {.name = STR_INIT("Another")};
    assert_int_equal(store_tx_begin(kit->control->store, STORE_WRITE, &why, &tx), STATUS_OK);
    assert_int_equal(store_organization_insert(tx, &organization), STATUS_OK);
    assert_int_equal(store_tx_commit(&tx), STATUS_OK);
    return organization.object.id;
}

static inline void kit_sign_in(struct kit *kit) {
    struct kit_call call = {.body = "{\"email\":\"admin@" KIT_DOMAIN
                                    "\",\"password\":\"" KIT_PASSWORD "\"}"};
    kit_run(kit, "POST", "/v1/sessions", &call);
    assert_int_equal(call.status, 201);
    snprintf(kit->token, sizeof(kit->token), "%s", kit_text(&call, "token"));
    call.token = kit->token;
    call.body = NULL;
    kit_run(kit, "GET", "/v1/organizations", &call);
    assert_int_equal(call.status, 200);
    const json_t *item = json_array_get(json_object_get(call.answer, "items"), 0);
    snprintf(kit->organization.text, sizeof(kit->organization.text), "%s",
             json_string_value(json_object_get(item, "id")));
    kit_done(&call);
}

static inline void kit_open(struct kit *kit) {
    struct secret password;
    struct why why = {0};
    secret_init(&password);
    assert_int_equal(secret_set(&password, STR(KIT_PASSWORD)), STATUS_OK);
    const struct control_config config = {
        .loop = kit->loop,
        .data_folder = kit->folder,
        .database = kit->url,
        .domain = KIT_DOMAIN,
        .public_address = "edge." KIT_DOMAIN ":8443",
        .admin_password = &password,
    };
    enum status status = control_new(&config, &kit->control, &why);
    if (status != STATUS_OK) {
        fail_msg("%s: %s", why.slug, why.text);
    }
    secret_fini(&password);
}

static inline int kit_setup(void **state) {
    struct kit *kit = calloc(1, sizeof(*kit));
    log_set_level(LOG_ERROR);
    snprintf(kit->folder, sizeof(kit->folder), "/tmp/control-test-XXXXXX");
    assert_non_null(mkdtemp(kit->folder));
    kit->url = store_test_database_make(&kit->database);
    kit->loop = loop_new(&kit_clock, random_system());
    kit_open(kit);
    kit_sign_in(kit);
    *state = kit;
    return 0;
}

static inline void kit_close(struct kit *kit) {
    static const char *const files[] = {"store.db",   "store.db-wal", "store.db-shm",
                                        "master.key", "ca.pem",       "mezusphere.lock",
                                        "edge.id",    NULL};
    control_free(&kit->control);
    loop_free(&kit->loop);
    for (size_t i = 0; files[i] != NULL; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", kit->folder, files[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(kit->folder), 0);
    store_test_database_drop(&kit->database);
}

static inline int kit_teardown(void **state) {
    struct kit *kit = *state;
    kit_close(kit);
    free(kit);
    return 0;
}

#endif
