#include "edge/edge_hear.h"

#include "base/log.h"
#include "edge/edge_feeds.h"
#include "edge/edge_keep.h"
#include "edge/edge_learn.h"
#include "edge/edge_trust.h"
#include "tunnel/signed_edges.h"

/* Clocks of control planes differ by less than this; an election takes longer. */
#define BEHIND_LEEWAY_MS 10000

void edge_hear_begin(struct edge *edge, struct edge_hearing *hearing) {
    *hearing = (struct edge_hearing){.generation = ++edge->sync_count};
}

/* Every worker learns it; the first, on this thread, says what is wrong with it. */
static enum status teach(struct edge *edge, const struct edge_hearing *hearing,
                         const struct feed_message *message, struct why *why) {
    uint64_t generation = hearing->is_live ? edge->sync_count : hearing->generation;
    struct edge_lesson *lesson = edge_learn_prepare(message, generation, hearing->is_flawed);
    if (lesson == NULL) {
        return STATUS_OK;
    }
    edge_learn_mark(lesson, hearing->is_behind && !hearing->is_live);
    for (unsigned i = 1; i < edge->worker_count; i++) {
        edge_learn_later(edge->workers[i], lesson);
    }
    enum status status = edge_learn(edge->workers[0], lesson, why);
    edge_learn_drop(&lesson);
    return status;
}

static enum status hear_state(struct edge *edge, struct edge_hearing *hearing,
                              const struct feed_message *message, struct why *why) {
    (void)why;
    hearing->as_of_ms = message->as_of_ms;
    hearing->is_behind = message->as_of_ms + BEHIND_LEEWAY_MS < edge->newest_as_of_ms;
    if (hearing->is_behind) {
        log_warn("edge.control_behind",
                 "its state is %llu s older than one that was heard before: nothing is taken away "
                 "by it, and nothing unknown is added",
                 (unsigned long long)(edge->newest_as_of_ms - message->as_of_ms) / 1000);
    } else if (message->as_of_ms > edge->newest_as_of_ms) {
        edge->newest_as_of_ms = message->as_of_ms;
    }
    return STATUS_OK;
}

/* The keys of one that was left behind may lack the newest. */
static enum status hear_keys(struct edge *edge, struct edge_hearing *hearing,
                             const struct feed_message *message, struct why *why) {
    return hearing->is_behind && edge->workers[0]->bundle_keys.count > 0
               ? STATUS_OK
               : teach(edge, hearing, message, why);
}

static enum status hear_environment(struct edge *edge, struct edge_hearing *hearing,
                                    const struct feed_message *message, struct why *why) {
    edge->workers[0]->offered = (struct id){.text = ""};
    enum status status = teach(edge, hearing, message, why);
    if (status != STATUS_OK) {
        hearing->is_flawed = true;
    }
    return status;
}

static enum status hear_environment_removed(struct edge *edge, struct edge_hearing *hearing,
                                            const struct feed_message *message, struct why *why) {
    return teach(edge, hearing, message, why);
}

static enum status hear_revoked(struct edge *edge, struct edge_hearing *hearing,
                                const struct feed_message *message, struct why *why) {
    uint64_t generation = hearing->is_live ? edge->sync_count : hearing->generation;
    (void)map_set(&edge->revocations, id_str(&message->warpgate),
                  (void *)(uintptr_t)(generation + 1));
    return teach(edge, hearing, message, why);
}

static enum status hear_host(struct edge *edge, struct edge_hearing *hearing,
                             const struct feed_message *message, struct why *why) {
    uint64_t generation = hearing->is_live ? edge->sync_count : hearing->generation;
    enum status status = tls_context_add_host(edge->visitor_tls, message->hostname, message->chain,
                                              message->key, why);
    if (status != STATUS_OK) {
        log_error("edge.certificate_refused", "host=%.*s code=%s detail=%s",
                  STR_ARG(message->hostname), why->slug, why->text);
        hearing->is_flawed = true;
        return status;
    }
    /* never NULL, and never lower than another feed's */
    uintptr_t known = (uintptr_t)map_get(&edge->host_names, message->hostname);
    uintptr_t told = (uintptr_t)generation + 1;
    (void)map_set(&edge->host_names, message->hostname, (void *)(told > known ? told : known));
    return STATUS_OK;
}

static enum status hear_host_removed(struct edge *edge, struct edge_hearing *hearing,
                                     const struct feed_message *message, struct why *why) {
    (void)hearing;
    (void)why;
    tls_context_remove_host(edge->visitor_tls, message->hostname);
    (void)map_remove(&edge->host_names, message->hostname);
    return STATUS_OK;
}

/* Only what is newer, and signed, goes on to warpgates. */
static enum status hear_edges(struct edge *edge, struct edge_hearing *hearing,
                              const struct feed_message *message, struct why *why) {
    struct signed_edges list;
    enum status status = signed_edges_open(&edge->workers[0]->bundle_keys, message->edges,
                                           edge->edges_revision, &list, why);
    if (status == STATUS_CONFLICT) {
        return STATUS_END; /* not news: nothing to keep either */
    }
    if (status != STATUS_OK) {
        return status;
    }
    edge->edges_revision = list.revision;
    signed_edges_fini(&list);
    return teach(edge, hearing, message, why);
}

static enum status hear_controls(struct edge *edge, struct edge_hearing *hearing,
                                 const struct feed_message *message, struct why *why) {
    (void)why;
    if (hearing->is_behind) {
        return STATUS_END;
    }
    edge_feeds_follow(edge->feeds, &message->controls);
    return STATUS_OK;
}

/* One that was left behind may not know the newest root, or name one that has gone. */
static enum status hear_anchors(struct edge *edge, struct edge_hearing *hearing,
                                const struct feed_message *message, struct why *why) {
    return hearing->is_behind ? STATUS_END : edge_trust_hear(edge, message, why);
}

static void forget_hosts(struct edge *edge, uint64_t generation) {
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&edge->host_names, &at, &key, &value)) {
        if ((uintptr_t)value <= generation) {
            const struct feed_message removed = {.type = FEED_MESSAGE_HOST_REMOVED,
                                                 .hostname = key};
            tls_context_remove_host(edge->visitor_tls, key);
            edge_keep_record(edge, &removed, NULL);
            (void)map_remove(&edge->host_names, key);
        }
    }
}

static void forget_revocations(struct edge *edge, uint64_t generation) {
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&edge->revocations, &at, &key, &value)) {
        if ((uintptr_t)value <= generation) {
            (void)map_remove(&edge->revocations, key);
        }
    }
}

/* What the sync did not mention is gone. Not when a part of it was refused, or is old: then the last good stays. */
static enum status hear_synced(struct edge *edge, struct edge_hearing *hearing,
                               const struct feed_message *message, struct why *why) {
    enum status status = STATUS_OK;
    if (!hearing->is_behind) {
        status = teach(edge, hearing, message, why);
    }
    if (!hearing->is_behind && !hearing->is_flawed) {
        forget_hosts(edge, hearing->generation);
        forget_revocations(edge, hearing->generation);
    }
    hearing->is_live = true;
    edge_keep_synced(edge);
    return status;
}

static const struct {
    enum feed_message_type type;
    enum status (*hear)(struct edge *edge, struct edge_hearing *hearing,
                        const struct feed_message *message, struct why *why);
} hearers[] = {
    {FEED_MESSAGE_STATE, hear_state},
    {FEED_MESSAGE_KEYS, hear_keys},
    {FEED_MESSAGE_ENVIRONMENT, hear_environment},
    {FEED_MESSAGE_ENVIRONMENT_REMOVED, hear_environment_removed},
    {FEED_MESSAGE_REVOKED, hear_revoked},
    {FEED_MESSAGE_HOST, hear_host},
    {FEED_MESSAGE_HOST_REMOVED, hear_host_removed},
    {FEED_MESSAGE_EDGES, hear_edges},
    {FEED_MESSAGE_CONTROLS, hear_controls},
    {FEED_MESSAGE_ANCHORS, hear_anchors},
    {FEED_MESSAGE_SYNCED, hear_synced},
};

enum status edge_hear(struct edge *edge, struct edge_hearing *hearing,
                      const struct feed_message *message, const json_t *object, struct why *why) {
    for (size_t i = 0; i < sizeof(hearers) / sizeof(hearers[0]); i++) {
        if (hearers[i].type != message->type) {
            continue;
        }
        enum status status = hearers[i].hear(edge, hearing, message, why);
        if (status == STATUS_OK && object != NULL && !hearing->is_behind) {
            edge_keep_record(edge, message, object);
        }
        return status == STATUS_END ? STATUS_OK : status;
    }
    return STATUS_OK;
}
