/* control_demo.c: the project "demo": made at the first start with --demo, found again at the others. */
#include "control/control_demo.h"

#include <stdio.h>

#include "control/audit.h"
#include "control/bundle_builder.h"
#include "control/change_reader.h"
#include "control/control_names.h"
#include "control/control_watch.h"
#include "control/feed_hub.h"
#include "pki/api_key.h"
#include "store/store_environment.h"
#include "store/store_key.h"
#include "store/store_organization.h"
#include "store/store_project.h"
#include "store/store_route.h"
#include "store/store_service_account.h"

#define DEMO_NAME STR("demo")
#define DEMO_ENVIRONMENT STR("production")

struct demo_state {
    struct control *control;
    struct arena arena;
    struct store_tx *tx;
    struct id organization;
    struct store_project project;
    struct store_environment environment;
    struct store_service_account account;
    struct change_list changes;
    struct control_demo *demo;
    struct why *why;
};

static enum status find_organization(struct demo_state *state) {
    struct store_page page = {.limit = 1, .order = STORE_ASCENDING};
    struct store_organization *rows = NULL;
    size_t count = 0;
    enum status status =
        store_organization_list_any(state->tx, &page, &state->arena, &rows, &count);
    if (status == STATUS_OK && count == 0) {
        return why_set(state->why, STATUS_NOT_FOUND, "demo_organization",
                       "there is no organization for the demo");
    }
    if (status == STATUS_OK) {
        state->organization = rows[0].object.id;
    }
    return status;
}

static enum status find_project(struct demo_state *state) {
    enum status status = store_project_find(state->tx, &state->organization, DEMO_NAME,
                                            &state->arena, &state->project);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    state->project = (struct store_project){
        .object = {.organization = state->organization},
        .name = DEMO_NAME,
    };
    return store_project_insert(state->tx, &state->project);
}

static enum status find_environment(struct demo_state *state) {
    char hostname[CONTROL_NAMES_HOST_SIZE];
    enum status status =
        store_environment_find(state->tx, &state->organization, &state->project.object.id,
                               DEMO_ENVIRONMENT, &state->arena, &state->environment);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    status = control_names_hostname(str_from(state->control->domain), DEMO_NAME, DEMO_ENVIRONMENT,
                                    true, hostname, state->why);
    if (status != STATUS_OK) {
        return status;
    }
    state->environment = (struct store_environment){
        .object = {.organization = state->organization},
        .project = state->project.object.id,
        .is_enabled = true,
        .name = DEMO_ENVIRONMENT,
        .hostname = arena_str(&state->arena, str_from(hostname)),
    };
    return store_environment_insert(state->tx, &state->environment);
}

/* Only an environment without routes gets one: what its owner made of the demo stays. */
static enum status find_route(struct demo_state *state) {
    struct store_page page = {.limit = 1, .order = STORE_ASCENDING};
    struct store_route *rows = NULL;
    size_t count = 0;
    enum status status =
        store_route_list(state->tx, &state->organization, &state->environment.object.id, &page,
                         &state->arena, &rows, &count);
    if (status != STATUS_OK || count > 0) {
        return status;
    }
    struct store_route route = {
        .object = {.organization = state->organization},
        .environment = state->environment.object.id,
        .match = STR_INIT("prefix"),
        .path = STR_INIT("/"),
        .upstream = STR_INIT("default"),
    };
    return store_route_insert(state->tx, &route);
}

static enum status find_account(struct demo_state *state) {
    enum status status =
        store_service_account_find(state->tx, &state->organization, &state->project.object.id,
                                   DEMO_NAME, &state->arena, &state->account);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    state->account = (struct store_service_account){
        .object = {.organization = state->organization},
        .project = state->project.object.id,
        .permissions = STR_INIT("warpgate:connect"),
        .name = DEMO_NAME,
    };
    return store_service_account_insert(state->tx, &state->account);
}

/* Their warpgates ended with the process that made them, and nobody else was ever told these keys. */
static enum status end_former_keys(struct demo_state *state) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_DESCENDING};
    struct store_key *rows = NULL;
    size_t count = 0;
    enum status status = store_key_list(state->tx, &state->organization, &state->account.object.id,
                                        &page, &state->arena, &rows, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (rows[i].revoked_at_ms == 0) {
            status = store_key_revoke(state->tx, &state->organization, &rows[i].object.id,
                                      store_tx_now_ms(state->tx) + CONTROL_REVOCATION_MS);
        }
    }
    return status == STATUS_OK
               ? change_reader_revocations(state->tx, "key_revoked", &state->changes)
               : status;
}

static enum status make_key(struct demo_state *state) {
    uint8_t hash[DIGEST_BYTES];
    struct secret *token = &state->demo->token;
    api_key_new(store_random(state->control->store), token);
    api_key_hash(secret_str(token), hash);
    struct store_key key = {
        .object = {.organization = state->organization},
        .service_account = state->account.object.id,
        .prefix = str_sub(secret_str(token), 0, API_KEY_PREFIX_LENGTH),
    };
    enum status status = store_key_insert(state->tx, &key, hash);
    if (status != STATUS_OK) {
        return status;
    }
    struct audit_fact fact = {
        .action = "key.created",
        .organization = state->organization,
        .project = state->project.object.id,
        .target = key.object.id,
        .after =
            json_pack("{s:s,s:b}", "service_account", state->account.object.id.text, "demo", true),
    };
    return audit_record_system(state->tx, &fact);
}

static enum status build_bundle(struct demo_state *state) {
    return bundle_builder_make(state->control->bundle_key, state->tx, &state->organization,
                               &state->environment.object.id, &state->changes, state->why);
}

static enum status (*const steps[])(struct demo_state *state) = {
    find_organization, find_project,    find_environment, find_route,
    find_account,      end_former_keys, make_key,         build_bundle,
};

enum status control_demo_make(struct control *control, struct control_demo *demo, struct why *why) {
    struct demo_state state = {.control = control, .demo = demo, .why = why};
    secret_init(&demo->token);
    arena_init(&state.arena);
    change_list_init(&state.changes);
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &state.tx);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == STATUS_OK; i++) {
        status = steps[i](&state);
    }
    if (status == STATUS_OK) {
        status = control_watch_announce(state.tx, &state.changes);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&state.tx);
    }
    store_tx_rollback(&state.tx);
    if (status == STATUS_OK) {
        char url[CONTROL_NAMES_URL_SIZE];
        control_names_url(state.environment.hostname, control->public_port, url);
        snprintf(demo->url, sizeof(demo->url), "%s/", url);
        feed_hub_apply(control->hub, &state.changes);
    } else {
        secret_fini(&demo->token);
    }
    change_list_fini(&state.changes);
    arena_fini(&state.arena);
    return status;
}
