#include "control/feed_hub.h"

#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "control/control_ca.h"
#include "control/control_names.h"
#include "control/control_trust.h"
#include "control/control_watch.h"
#include "control/edge_registry.h"
#include "control/event_watch.h"
#include "control/feed_edge.h"
#include "control/presence.h"
#include "pki/key.h"

#define REMOVED_MS (INT64_C(600) * 1000) /* longer than anything is read */
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define HOST_LIFETIME_SECONDS (INT64_C(90) * 24 * 3600)
#define HOST_RENEW_MS (30 * DAY_MS) /* before its end */

struct hub_environment {
    struct id id;
    uint64_t revision;
    char *bundle;
    size_t bundle_len;
    char hostname[CHANGE_HOSTNAME_SIZE];
};

struct hub_host {
    char hostname[CHANGE_HOSTNAME_SIZE];
    struct buf chain_pem;
    struct buf key_pem;
    int64_t not_after_ms;
};

struct hub_revocation {
    struct id warpgate;
    char reason[CHANGE_REASON_SIZE];
    int64_t expires_at_ms;
};

struct feed_hub {
    struct control *control;
    json_t *jwks;
    struct map environments; /* id -> struct hub_environment */
    struct map hosts;        /* host name -> struct hub_host */
    struct map revocations;  /* warpgate id -> struct hub_revocation */
    /* Environment id -> int64_t of the heap: when they were removed, by the wall. What was read of one before comes too late. A restore
     * may bring one back: its revision is of the clock, too, and later. */
    struct map removed;
    struct list edges; /* struct feed_edge.node */
    char wildcard[CONTROL_NAME_SIZE + 2];
};

/* Parts of the state */

static void free_environment(struct hub_environment *environment) {
    memory_free(environment->bundle);
    memory_free(environment);
}

static void free_host(struct hub_host *host) {
    buf_fini(&host->chain_pem);
    buf_fini_wiped(&host->key_pem);
    memory_free(host);
}

struct feed_hub *feed_hub_new(struct control *control) {
    struct feed_hub *hub = MEMORY_NEW(struct feed_hub);
    struct why why = {0};
    hub->control = control;
    map_init(&hub->environments);
    map_init(&hub->hosts);
    map_init(&hub->revocations);
    map_init(&hub->removed);
    list_init(&hub->edges);
    snprintf(hub->wildcard, sizeof(hub->wildcard), "*.%s", control->domain);
    if (json_parse(buf_str(&control->bundle_jwks), &hub->jwks, &why) != STATUS_OK) {
        log_error("control.keys_malformed", "detail=%s", why.text);
        hub->jwks = json_object();
    }
    return hub;
}

void feed_hub_free(struct feed_hub **at) {
    struct feed_hub *hub = *at;
    struct str key;
    void *value;
    *at = NULL;
    if (hub == NULL) {
        return;
    }
    feed_hub_end(hub);
    for (size_t walk = 0; map_next(&hub->environments, &walk, &key, &value);) {
        free_environment(value);
    }
    for (size_t walk = 0; map_next(&hub->hosts, &walk, &key, &value);) {
        free_host(value);
    }
    for (size_t walk = 0; map_next(&hub->revocations, &walk, &key, &value);) {
        memory_free(value);
    }
    for (size_t walk = 0; map_next(&hub->removed, &walk, &key, &value);) {
        memory_free(value);
    }
    map_fini(&hub->removed);
    map_fini(&hub->environments);
    map_fini(&hub->hosts);
    map_fini(&hub->revocations);
    json_decref(hub->jwks);
    memory_free(hub);
}

struct control *feed_hub_control(struct feed_hub *hub) {
    return hub->control;
}

bool feed_hub_knows(const struct feed_hub *hub, const struct id *environment) {
    return map_get(&hub->environments, id_str(environment)) != NULL;
}

/* Messages */

static void send_to_all(struct feed_hub *hub, const struct feed_message *message) {
    for (struct list *node = hub->edges.next, *next; node != &hub->edges; node = next) {
        next = node->next;
        feed_edge_send(CONTAINER_OF(node, struct feed_edge, node), message);
    }
}

void feed_hub_tell(struct feed_hub *hub, const struct id *edge,
                   const struct feed_message *message) {
    for (struct list *node = hub->edges.next, *next; node != &hub->edges; node = next) {
        struct feed_edge *at = CONTAINER_OF(node, struct feed_edge, node);
        next = node->next;
        if (edge == NULL || id_eq(&at->id, edge)) {
            feed_edge_send(at, message);
        }
    }
}

static struct feed_message describe_environment(const struct hub_environment *environment) {
    return (struct feed_message){
        .type = FEED_MESSAGE_ENVIRONMENT,
        .bundle = str_make(environment->bundle, environment->bundle_len),
    };
}

static struct feed_message describe_host(const struct hub_host *host) {
    return (struct feed_message){
        .type = FEED_MESSAGE_HOST,
        .hostname = str_from(host->hostname),
        .chain = buf_str(&host->chain_pem),
        .key = buf_str(&host->key_pem),
    };
}

static struct feed_message describe_revocation(const struct hub_revocation *revocation) {
    return (struct feed_message){
        .type = FEED_MESSAGE_REVOKED,
        .warpgate = revocation->warpgate,
        .reason = str_from(revocation->reason),
    };
}

/* Visitors' certificates. The keys live in memory and on the edges; after a restart there are new ones. */

static enum status issue_host(struct feed_hub *hub, struct hub_host *host, struct why *why) {
    bool is_wildcard = host->hostname[0] == '*';
    struct ca_leaf leaf = {
        .role = CERT_SERVICE,
        .dns_names = {str_from(host->hostname), str_from(hub->control->domain)},
        .dns_name_count = is_wildcard ? 2 : 1,
        .lifetime_seconds = HOST_LIFETIME_SECONDS,
    };
    struct cert_identity identity;
    EVP_PKEY *key = key_new();
    buf_clear(&host->chain_pem);
    buf_fini_wiped(&host->key_pem);
    buf_init(&host->key_pem, CONTROL_PEM_BYTES_MAX);
    enum status status = ca_issue(control_ca_issuer(hub->control), &leaf, key,
                                  loop_clock(hub->control->loop), &host->chain_pem, &identity, why);
    if (status == STATUS_OK) {
        status = key_private_pem(key, &host->key_pem);
        host->not_after_ms = identity.not_after_ms;
    }
    EVP_PKEY_free(key);
    return status;
}

static enum status add_host(struct feed_hub *hub, const char *hostname, struct why *why) {
    struct hub_host *host = MEMORY_NEW(struct hub_host);
    snprintf(host->hostname, sizeof(host->hostname), "%s", hostname);
    buf_init(&host->chain_pem, CONTROL_PEM_BYTES_MAX);
    buf_init(&host->key_pem, CONTROL_PEM_BYTES_MAX);
    enum status status = issue_host(hub, host, why);
    if (status != STATUS_OK) {
        free_host(host);
        return status;
    }
    (void)map_set(&hub->hosts, str_from(host->hostname), host);
    const struct feed_message message = describe_host(host);
    send_to_all(hub, &message);
    return STATUS_OK;
}

enum status feed_hub_start(struct feed_hub *hub, struct why *why) {
    return add_host(hub, hub->wildcard, why);
}

/* A host name of an earlier domain is not under the wildcard: it gets a certificate of its own. */
static void cover_host(struct feed_hub *hub, const char *hostname) {
    struct why why = {0};
    if (control_names_is_covered(str_from(hub->control->domain), str_from(hostname)) ||
        map_get(&hub->hosts, str_from(hostname)) != NULL) {
        return;
    }
    if (add_host(hub, hostname, &why) != STATUS_OK) {
        log_error("control.certificate_failed", "host=%s detail=%s", hostname, why.text);
    }
}

static void uncover_host(struct feed_hub *hub, const char *hostname) {
    struct hub_host *host = map_remove(&hub->hosts, str_from(hostname));
    if (host == NULL) {
        return;
    }
    const struct feed_message message = {.type = FEED_MESSAGE_HOST_REMOVED,
                                         .hostname = str_from(hostname)};
    send_to_all(hub, &message);
    free_host(host);
}

static void renew_host(struct feed_hub *hub, struct hub_host *host) {
    struct why why = {0};
    if (issue_host(hub, host, &why) != STATUS_OK) {
        log_error("control.certificate_failed", "host=%s detail=%s", host->hostname, why.text);
        return;
    }
    const struct feed_message message = describe_host(host);
    send_to_all(hub, &message);
}

/* Those that end before `before_ms`. */
static void renew_hosts(struct feed_hub *hub, int64_t before_ms) {
    struct str key;
    void *value;
    for (size_t walk = 0; map_next(&hub->hosts, &walk, &key, &value);) {
        struct hub_host *host = value;
        if (host->not_after_ms <= before_ms) {
            renew_host(hub, host);
        }
    }
}

/* Changes */

static void apply_environment(struct feed_hub *hub, struct change *change) {
    struct str id = id_str(&change->environment);
    struct hub_environment *environment = map_get(&hub->environments, id);
    if (environment != NULL && environment->revision >= change->revision) {
        return; /* a thread that was quicker brought something newer */
    }
    const int64_t *removed_at_ms = map_get(&hub->removed, id);
    if (removed_at_ms != NULL && change->revision < (uint64_t)*removed_at_ms) {
        return; /* or its end */
    }
    if (environment == NULL) {
        environment = MEMORY_NEW(struct hub_environment);
        environment->id = change->environment;
        (void)map_set(&hub->environments, id, environment);
    } else if (!str_eq(str_from(environment->hostname), str_from(change->hostname))) {
        uncover_host(hub, environment->hostname);
    }
    memory_free(environment->bundle);
    environment->bundle = change->bundle;
    environment->bundle_len = change->bundle_len;
    environment->revision = change->revision;
    change->bundle = NULL;
    snprintf(environment->hostname, sizeof(environment->hostname), "%s", change->hostname);
    cover_host(hub, environment->hostname);
    presence_newest(hub->control->presence, &environment->id, environment->revision);
    const struct feed_message message = describe_environment(environment);
    send_to_all(hub, &message);
    event_watch_bundle(hub->control->watch, &environment->id, "pushed", environment->revision, NULL,
                       STR_EMPTY, STR_EMPTY);
}

static void apply_removal(struct feed_hub *hub, struct change *change) {
    struct hub_environment *environment =
        map_remove(&hub->environments, id_str(&change->environment));
    int64_t *removed_at_ms = MEMORY_NEW(int64_t);
    *removed_at_ms = clock_wall_ms(loop_clock(hub->control->loop));
    memory_free(map_set(&hub->removed, id_str(&change->environment), removed_at_ms));
    const struct feed_message message = {.type = FEED_MESSAGE_ENVIRONMENT_REMOVED,
                                         .environment = change->environment};
    send_to_all(hub, &message);
    presence_forget(hub->control->presence, &change->environment);
    if (environment != NULL) {
        uncover_host(hub, environment->hostname);
        free_environment(environment);
    }
}

static void apply_revocation(struct feed_hub *hub, struct change *change) {
    struct str id = id_str(&change->warpgate);
    if (map_get(&hub->revocations, id) != NULL) {
        return;
    }
    struct hub_revocation *revocation = MEMORY_NEW(struct hub_revocation);
    revocation->warpgate = change->warpgate;
    revocation->expires_at_ms = change->expires_at_ms;
    snprintf(revocation->reason, sizeof(revocation->reason), "%s", change->reason);
    (void)map_set(&hub->revocations, id, revocation);
    const struct feed_message message = describe_revocation(revocation);
    send_to_all(hub, &message);
    log_info("control.warpgate_revoked", "warpgate=%s environment=%s reason=%s",
             change->warpgate.text, change->environment.text, change->reason);
}

static void end_feed_of(struct feed_hub *hub, const struct id *id) {
    for (struct list *node = hub->edges.next, *next; node != &hub->edges; node = next) {
        struct feed_edge *edge = CONTAINER_OF(node, struct feed_edge, node);
        next = node->next;
        if (id_eq(&edge->id, id)) {
            feed_edge_end(edge, "revoked");
        }
    }
}

static void apply_edge(struct feed_hub *hub, struct change *change) {
    if (!edge_registry_apply(hub->control->edges, change)) {
        return;
    }
    if (change->is_revoked) {
        end_feed_of(hub, &change->edge);
    }
    if (!list_is_empty(&hub->edges)) {
        const struct feed_message message = {.type = FEED_MESSAGE_EDGES,
                                             .edges = edge_registry_signed(hub->control->edges)};
        send_to_all(hub, &message);
    }
}

static void apply_ca(struct feed_hub *hub, struct change *change) {
    control_trust_apply(hub->control, change);
}

/* `issuer` lends the text. */
static struct feed_message describe_anchors(const struct feed_hub *hub,
                                            char issuer[CA_ANCHORS_SIZE]) {
    ca_rotation_anchors_name(ca_root_pem(control_ca_issuer(hub->control)), issuer);
    return (struct feed_message){
        .type = FEED_MESSAGE_ANCHORS,
        .anchors = control_ca_anchors(hub->control),
        .issuer = str_from(issuer),
        .renew_within_ms = control_trust_renew_within_ms(hub->control),
    };
}

/* Edges first: what warpgates show them next, they have to trust. */
void feed_hub_take_ca(struct feed_hub *hub, bool is_anew) {
    char issuer[CA_ANCHORS_SIZE];
    const struct feed_message anchors = describe_anchors(hub, issuer);
    send_to_all(hub, &anchors);
    if (is_anew) {
        renew_hosts(hub, INT64_MAX);
    }
    edge_registry_sign_anew(hub->control->edges);
    const struct feed_message edges = {.type = FEED_MESSAGE_EDGES,
                                       .edges = edge_registry_signed(hub->control->edges)};
    send_to_all(hub, &edges);
}

void feed_hub_apply(struct feed_hub *hub, struct change_list *changes) {
    static void (*const appliers[])(struct feed_hub * hub, struct change * change) = {
        [CHANGE_ENVIRONMENT] = apply_environment,
        [CHANGE_ENVIRONMENT_REMOVED] = apply_removal,
        [CHANGE_REVOKED] = apply_revocation,
        [CHANGE_EDGE] = apply_edge,
        [CHANGE_CA] = apply_ca,
    };
    struct change *change = change_list_take(changes);
    while (change != NULL) {
        appliers[change->kind](hub, change);
        change_free(&change);
        change = change_list_take(changes);
    }
}

static void forget_removed(struct feed_hub *hub, int64_t now_ms) {
    struct str key;
    void *value;
    for (size_t walk = 0; map_next(&hub->removed, &walk, &key, &value);) {
        if (now_ms - *(int64_t *)value > REMOVED_MS) {
            (void)map_remove(&hub->removed, key);
            memory_free(value);
        }
    }
}

void feed_hub_maintain(struct feed_hub *hub) {
    int64_t now_ms = clock_wall_ms(loop_clock(hub->control->loop));
    struct str key;
    void *value;
    renew_hosts(hub, now_ms + HOST_RENEW_MS);
    forget_removed(hub, now_ms);
    for (size_t walk = 0; map_next(&hub->revocations, &walk, &key, &value);) {
        struct hub_revocation *revocation = value;
        if (revocation->expires_at_ms < now_ms) {
            (void)map_remove(&hub->revocations, id_str(&revocation->warpgate));
            memory_free(revocation);
        }
    }
}

/* Edges */

bool feed_hub_may_join(const struct feed_hub *hub, const struct id *id, uint64_t instance) {
    for (const struct list *node = hub->edges.next; node != &hub->edges; node = node->next) {
        const struct feed_edge *other = CONTAINER_OF(node, struct feed_edge, node);
        if (id_eq(&other->id, id) && other->instance > instance) {
            return false;
        }
    }
    return true;
}

void feed_hub_join(struct feed_hub *hub, struct feed_edge *edge) {
    for (struct list *node = hub->edges.next, *next; node != &hub->edges; node = next) {
        struct feed_edge *other = CONTAINER_OF(node, struct feed_edge, node);
        next = node->next;
        if (id_eq(&other->id, &edge->id)) {
            feed_edge_end(other, "replaced");
        }
    }
    list_append(&hub->edges, &edge->node);
}

void feed_hub_leave(struct feed_hub *hub, struct feed_edge *edge) {
    (void)hub;
    list_remove(&edge->node);
}

void feed_hub_end(struct feed_hub *hub) {
    while (!list_is_empty(&hub->edges)) {
        feed_edge_end(CONTAINER_OF(hub->edges.next, struct feed_edge, node), "stopping");
    }
}

void feed_hub_tick(struct feed_hub *hub) {
    for (struct list *node = hub->edges.next, *next; node != &hub->edges; node = next) {
        next = node->next;
        feed_edge_tick(CONTAINER_OF(node, struct feed_edge, node));
    }
}

/* The state, told to one edge */

void feed_hub_send_basis(struct feed_hub *hub, struct feed_edge *edge) {
    char issuer[CA_ANCHORS_SIZE];
    struct str key;
    void *value;
    const struct feed_message first[] = {
        {.type = FEED_MESSAGE_STATE,
         .as_of_ms = (uint64_t)control_watch_as_of_ms(hub->control->others,
                                                      loop_clock(hub->control->loop))},
        {.type = FEED_MESSAGE_KEYS, .jwks = hub->jwks},
        {.type = FEED_MESSAGE_CONTROLS, .controls = hub->control->controls},
        {.type = FEED_MESSAGE_EDGES, .edges = edge_registry_signed(hub->control->edges)},
        describe_anchors(hub, issuer),
    };
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        feed_edge_send(edge, &first[i]);
    }
    for (size_t walk = 0; map_next(&hub->hosts, &walk, &key, &value);) {
        const struct feed_message message = describe_host(value);
        feed_edge_send(edge, &message);
    }
    for (size_t walk = 0; map_next(&hub->revocations, &walk, &key, &value);) {
        const struct feed_message message = describe_revocation(value);
        feed_edge_send(edge, &message);
    }
}

void feed_hub_walk_init(struct feed_hub_walk *walk, struct feed_hub *hub) {
    struct str key;
    void *value;
    *walk = (struct feed_hub_walk){0};
    if (hub->environments.count == 0) {
        return;
    }
    walk->environments = memory_new_array(hub->environments.count, sizeof(struct id));
    for (size_t at = 0; map_next(&hub->environments, &at, &key, &value);) {
        walk->environments[walk->count++] = ((struct hub_environment *)value)->id;
    }
}

void feed_hub_walk_fini(struct feed_hub_walk *walk) {
    memory_free(walk->environments);
    *walk = (struct feed_hub_walk){0};
}

bool feed_hub_walk_next(struct feed_hub_walk *walk, struct feed_hub *hub, struct feed_edge *edge) {
    if (walk->at == walk->count) {
        return false;
    }
    const struct hub_environment *environment =
        map_get(&hub->environments, id_str(&walk->environments[walk->at++]));
    if (environment != NULL) { /* else it was removed meanwhile, which the edge was told */
        const struct feed_message message = describe_environment(environment);
        feed_edge_send(edge, &message);
    }
    return true;
}
