/* control.c: the control plane as a whole: what it is made of, its beginning and its end. */
#include "control/control.h"

#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/api_download.h"
#include "control/api_idempotency.h"
#include "control/api_limit.h"
#include "control/api_stream.h"
#include "control/audit_access.h"
#include "control/bundle_builder.h"
#include "control/ca_report.h"
#include "control/change_reader.h"
#include "control/control_ca.h"
#include "control/control_conn.h"
#include "control/control_demo.h"
#include "control/control_door.h"
#include "control/control_expiry.h"
#include "control/control_keys.h"
#include "control/control_names.h"
#include "control/control_reload.h"
#include "control/control_upkeep.h"
#include "control/control_watch.h"
#include "control/edge_presence.h"
#include "control/edge_registry.h"
#include "control/event_hub.h"
#include "control/event_watch.h"
#include "control/feed_hub.h"
#include "control/presence.h"
#include "identity/identity_owner.h"

#define STOP_GRACE_MS 5000
#define JWKS_BYTES_MAX 8192

/* The beginning: steps in the order in which they need each other. */

static int64_t keep_ms(unsigned days, unsigned fallback) {
    return (int64_t)(days > 0 ? days : fallback) * 24 * 3600 * 1000;
}

static enum status take_config(struct control *control, const struct control_config *config,
                               struct why *why) {
    char host[ADDRESS_HOST_SIZE];
    struct str domain = str_from(config->domain);
    enum status status = control_names_check_domain(domain, why);
    if (status == STATUS_OK) {
        status =
            address_split(str_from(config->public_address), 443, host, &control->public_port, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (str_to_cstr(str_from(config->data_folder), control->data_folder,
                    sizeof(control->data_folder)) != STATUS_OK ||
        str_to_cstr(str_from(config->public_address), control->public_address,
                    sizeof(control->public_address)) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "config_invalid",
                       "the data folder's path or the public address is too long");
    }
    control->only_operators_make_organizations = config->only_operators_make_organizations;
    control->audit_keep_ms = keep_ms(config->audit_keep_days, CONTROL_AUDIT_KEEP_DAYS);
    control->warpgate_keep_ms = keep_ms(config->warpgate_keep_days, CONTROL_WARPGATE_KEEP_DAYS);
    control->deletion_grace_ms =
        config->deletion_grace_ms != 0 ? config->deletion_grace_ms : CONTROL_DELETION_GRACE_MS;
    snprintf(control->domain, sizeof(control->domain), "%s", config->domain);
    snprintf(control->console_url, sizeof(control->console_url),
             control->public_port == 443 ? "https://console.%s" : "https://console.%s:%u",
             config->domain, control->public_port);
    snprintf(control->api_name, sizeof(control->api_name), "api.%.*s", STR_ARG(domain));
    snprintf(control->console_name, sizeof(control->console_name), "console.%.*s", STR_ARG(domain));
    snprintf(control->edge_name, sizeof(control->edge_name), "edge.%.*s", STR_ARG(domain));
    return STATUS_OK;
}

static enum status open_store(struct control *control, const struct control_config *config,
                              struct why *why) {
    const struct store_config store = {
        .data_folder = config->data_folder,
        .clock = loop_clock(control->loop),
        .random = loop_random(control->loop),
        .database = config->database,
        .master_key = config->master_key,
    };
    return store_open(&store, &control->store, why);
}

static enum status open_identity(struct control *control, const struct control_config *config,
                                 struct why *why) {
    (void)config;
    enum status status = identity_password_new(NULL, &control->passwords, why);
    control->throttle = identity_throttle_new(loop_clock(control->loop));
    control->access = audit_access_new();
    control->login = (struct identity_login){
        .store = control->store,
        .passwords = control->passwords,
        .throttle = control->throttle,
    };
    return status;
}

/* Whatever is wrong with these options is told before anything is made. */
static enum status open_mail(struct control *control, const struct control_config *config,
                             struct why *why) {
    char noreply[CONTROL_NAME_SIZE + 16];
    struct control_mail none = {.url = NULL};
    struct control_mail *mail = config->mail != NULL ? config->mail : &none;
    struct identity_outbox_config outbox = {.store = control->store};
    (void)snprintf(noreply, sizeof(noreply), "noreply@%s", control->domain);
    mail_budget_init(&control->mail_budget, loop_clock(control->loop));
    enum status status = identity_mail_parse_address(
        str_from(mail->from != NULL ? mail->from : noreply), &outbox.from, why);
    if (status == STATUS_OK && mail->url != NULL) {
        const struct identity_transport_config transport = {
            .url = mail->url,
            .ca_file = mail->ca_file,
            .user = &mail->user,
            .password = &mail->password,
        };
        status = identity_transport_new(&transport, &outbox.transport, why);
        secret_wipe(&mail->user, sizeof(mail->user));
        secret_wipe(&mail->password, sizeof(mail->password));
    }
    identity_outbox_new(&outbox, &control->outbox);
    return status == STATUS_OK ? identity_outbox_start(control->outbox, why) : status;
}

static enum status open_keys(struct control *control, const struct control_config *config,
                             struct why *why) {
    (void)config;
    return control_keys_open(control, why);
}

static enum status find_first(struct store_tx *tx, struct arena *arena,
                              struct store_organization *organization,
                              struct store_member *member) {
    struct store_page page = {.limit = 1, .order = STORE_ASCENDING};
    struct store_organization *organizations = NULL;
    struct store_member *members = NULL;
    size_t count = 0;
    enum status status = store_organization_list_any(tx, &page, arena, &organizations, &count);
    if (status == STATUS_OK && count == 1) {
        *organization = organizations[0];
        status = store_member_list(tx, &organization->object.id, &page, arena, &members, &count);
    }
    if (status == STATUS_OK && count == 1) {
        *member = members[0];
    }
    return status;
}

/* The first events there are: the installation's own, and those of its first organization. */
static enum status record_first_start(struct control *control, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct store_organization organization = {.name = STR_EMPTY};
    struct store_member member = {.email = STR_EMPTY};
    struct arena arena;
    arena_init(&arena);
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &tx);
    if (status == STATUS_OK) {
        status = find_first(tx, &arena, &organization, &member);
    }
    struct audit_fact facts[] = {
        {.action = "installation.started_first",
         .after = json_pack("{s:s}", "domain", control->domain)},
        {.action = "organization.created",
         .organization = organization.object.id,
         .target = organization.object.id,
         .after = json_pack("{s:o}", "name", json_from_str(organization.name))},
        {.action = "member.added",
         .organization = organization.object.id,
         .target = member.object.id,
         .after = json_pack("{s:o,s:s}", "email", json_from_str(member.email), "role", "owner")},
    };
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if (status == STATUS_OK) {
            status = audit_record_system(tx, &facts[i]);
        }
        json_decref(facts[i].after);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&tx);
    }
    arena_fini(&arena);
    return status;
}

/* At the first start, and never again. */
static enum status make_owner(struct control *control, const struct control_config *config,
                              struct why *why) {
    char email[CONTROL_NAME_SIZE + 8];
    snprintf(email, sizeof(email), "admin@%s", control->domain);
    const struct identity_owner_config owner = {
        .organization_name = STR_INIT("Default"),
        .email = str_from(config->admin_email != NULL ? config->admin_email : email),
        .name = STR_EMPTY,
        .password = config->admin_password != NULL ? secret_str(config->admin_password) : STR_EMPTY,
    };
    enum status status = identity_owner_make(control->store, control->passwords, &owner,
                                             &control->first_password, why);
    if (status == STATUS_OK) {
        log_info("control.owner_made", "generated_password=%s",
                 secret_is_empty(&control->first_password) ? "no" : "yes");
        status = record_first_start(control, why);
    }
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status make_tls(struct control *control, const struct control_config *config,
                            struct why *why) {
    (void)config;
    return control_conn_make_tls(control, why);
}

/* Where edges find us, and whoever else there is. */
static enum status take_controls(struct control *control, const struct control_config *config,
                                 struct why *why) {
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    if (config->control_address_count > EDGE_ENROLMENT_CONTROLS_MAX) {
        return why_set(why, STATUS_INVALID, "control_addresses",
                       "--control-address: there may be at most %d", EDGE_ENROLMENT_CONTROLS_MAX);
    }
    for (size_t i = 0; i < config->control_address_count; i++) {
        struct str text = str_from(config->control_addresses[i]);
        if (address_split(text, 443, host, &port, why) != STATUS_OK ||
            snprintf(control->control_addresses[i], sizeof(control->control_addresses[i]), "%s:%u",
                     host, port) >= (int)sizeof(control->control_addresses[i])) {
            return why_set(why, STATUS_INVALID, "control_addresses",
                           "--control-address: \"%.*s\" is not HOST:PORT", STR_ARG(text));
        }
        control->controls.count++;
    }
    if (control->controls.count == 0) {
        snprintf(control->control_addresses[0], sizeof(control->control_addresses[0]), "%.*s:%u",
                 (int)ADDRESS_HOST_SIZE - 1, control->api_name, control->public_port);
        control->controls.count = 1;
    }
    for (size_t i = 0; i < control->controls.count; i++) {
        control->controls.at[i] = (struct enrolment_edge){str_from(control->control_addresses[i]),
                                                          str_from(control->api_name)};
    }
    return STATUS_OK;
}

static enum status read_rest(struct control *control, struct change_list *changes,
                             struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_READ, why, &tx);
    if (status == STATUS_OK) {
        status = change_reader_edges(tx, changes);
    }
    return status == STATUS_OK ? change_reader_revocations(tx, "revoked", changes) : status;
}

/* Before anything is read that edges are told. */
static enum status note_restored(struct control *control, const struct control_config *config,
                                 struct why *why) {
    (void)config;
    return control_reload_start(control, why);
}

/* The loop does not run yet: nobody waits while this thread reads. */
static enum status fill_hub(struct control *control, const struct control_config *config,
                            struct why *why) {
    struct change_list changes;
    (void)config;
    change_list_init(&changes);
    control->events = event_hub_new(loop_clock(control->loop), loop_random(control->loop));
    control->watch = event_watch_new(control);
    control->streams = api_stream_new(control);
    control->downloads = api_download_new(control);
    control->presence = presence_new(loop_clock(control->loop));
    control->ca_reports = ca_report_new(loop_clock(control->loop));
    control->edge_presence = edge_presence_new(loop_clock(control->loop));
    control->edges = edge_registry_new(control);
    control->hub = feed_hub_new(control);
    enum status status = control_watch_start(control, &control->others, why);
    if (status == STATUS_OK) {
        status = feed_hub_start(control->hub, why);
    }
    if (status == STATUS_OK) {
        status = bundle_builder_make_all(control->bundle_key, control->store, &changes, why);
    }
    if (status == STATUS_OK) {
        status = read_rest(control, &changes, why);
    }
    feed_hub_apply(control->hub, &changes);
    change_list_fini(&changes);
    return status;
}

static enum status (*const steps[])(struct control *control, const struct control_config *config,
                                    struct why *why) = {
    take_config, take_controls, open_store, open_identity, open_mail,
    open_keys,   make_owner,    make_tls,   note_restored, fill_hub,
};

enum status control_new(const struct control_config *config, struct control **out,
                        struct why *why) {
    struct control *control = MEMORY_NEW(struct control);
    enum status status = STATUS_OK;
    control->loop = config->loop;
    control->phase = CONTROL_RUNNING;
    control->on_replaced = config->on_replaced;
    control->replaced_context = config->replaced_context;
    control->idempotency = api_idempotency_new();
    control->limit =
        api_limit_new(loop_clock(config->loop), loop_random(config->loop), config->api_rate);
    list_init(&control->conns);
    list_init(&control->exchanges);
    list_init(&control->waiting_logins);
    buf_init(&control->bundle_jwks, JWKS_BYTES_MAX);
    secret_init(&control->first_password);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == STATUS_OK; i++) {
        status = steps[i](control, config, why);
    }
    if (status != STATUS_OK) {
        control_free(&control);
        return status;
    }
    control->expiry = control_expiry_new(control);
    control_upkeep_start(control);
    *out = control;
    return STATUS_OK;
}

void control_add_services(struct control *control, struct front *front) {
    control_conn_add_services(control, front);
}

static void add_services(void *context, struct front *front) {
    control_conn_add_services(context, front);
}

enum status control_open(struct control *control, int fd, struct why *why) {
    if (control->door == NULL) {
        control->door = control_door_new(control->loop);
    }
    return control_door_open(control->door, fd, add_services, control, why);
}

void control_close(struct control *control, void (*done)(void *context), void *context) {
    control_door_close(control->door, done, context);
}

struct str control_first_password(const struct control *control) {
    return secret_str(&control->first_password);
}

struct str control_trust_anchors(const struct control *control) {
    return control_ca_anchors(control);
}

struct str control_trust_domain(const struct control *control) {
    return control_ca_trust_domain(control);
}

enum status control_make_demo(struct control *control, struct control_demo *demo, struct why *why) {
    return control_demo_make(control, demo, why);
}

/* The end */

void control_state_check_ended(struct control *control) {
    if (control->phase != CONTROL_STOPPING || control->work_count > 0 ||
        atomic_load(&control->arriving_count) > 0 || !list_is_empty(&control->conns) ||
        !list_is_empty(&control->exchanges)) {
        return;
    }
    control->phase = CONTROL_ENDED;
    control_upkeep_end(control);
    log_debug("control.ended", "conns=0");
    control->on_ended(control->ended_context);
}

static void run_stop(struct loop_task *task) {
    control_state_check_ended(CONTAINER_OF(task, struct control, stop_task));
}

void control_drain(struct control *control) {
    control_conn_drain_all(control);
}

void control_stop(struct control *control, void (*on_ended)(void *context), void *context) {
    control->on_ended = on_ended;
    control->ended_context = context;
    control->phase = CONTROL_STOPPING;
    control->stop_deadline_ms = loop_now_ms(control->loop) + STOP_GRACE_MS;
    feed_hub_end(control->hub);
    control_watch_stop(control->others);
    api_stream_end_all(control->streams, "stopping");
    control_conn_drain_all(control);
    loop_task_init(&control->stop_task, run_stop);
    loop_task_schedule(control->loop, &control->stop_task);
}

void control_free(struct control **at) {
    struct control *control = *at;
    *at = NULL;
    if (control == NULL) {
        return;
    }
    control_door_free(&control->door);
    control_upkeep_end(control);
    control_expiry_free(&control->expiry);
    api_limit_free(&control->limit);
    control_watch_free(&control->others);
    api_idempotency_free(&control->idempotency);
    feed_hub_free(&control->hub);
    api_stream_free(&control->streams);
    api_download_free(&control->downloads);
    event_watch_free(&control->watch);
    event_hub_free(&control->events);
    audit_access_free(&control->access);
    edge_registry_free(&control->edges);
    edge_presence_free(&control->edge_presence);
    presence_free(&control->presence);
    ca_report_free(&control->ca_reports);
    tls_context_unref(&control->api_tls);
    tls_context_unref(&control->machine_tls);
    control_reload_free(control);
    control_keys_close(control);
    if (control->outbox != NULL) {
        mail_budget_fini(&control->mail_budget);
    }
    identity_outbox_free(&control->outbox);
    identity_throttle_free(&control->throttle);
    identity_password_free(&control->passwords);
    store_close(&control->store);
    secret_fini(&control->first_password);
    memory_free(control);
}
