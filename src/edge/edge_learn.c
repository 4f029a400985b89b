#include "edge/edge_learn.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_environment.h"
#include "edge/edge_tunnel.h"
#include "tunnel/signed_bundle.h"

struct edge_lesson {
    atomic_uint refs;
    enum feed_message_type type;
    uint64_t generation;
    bool is_sync_flawed;
    bool is_behind;
    struct id id;    /* of the environment or warpgate */
    struct str text; /* signing keys, bundle, or reason; lies behind the lesson */
};

static enum status learn_keys(struct edge_worker *worker, const struct edge_lesson *lesson,
                              struct why *why) {
    struct jws_keys keys;
    jws_keys_init(&keys);
    enum status status = jws_keys_parse(lesson->text, &keys, why);
    if (status != STATUS_OK) {
        jws_keys_fini(&keys);
        return status;
    }
    jws_keys_fini(&worker->bundle_keys);
    worker->bundle_keys = keys;
    return STATUS_OK;
}

/* Deleted since, perhaps: one that was left behind does not bring it back. */
static bool is_unknown(struct edge_worker *worker, const struct edge_lesson *lesson) {
    struct bundle *bundle = NULL;
    if (signed_bundle_open(&worker->bundle_keys, lesson->text, NULL, 0, &bundle, NULL) !=
        STATUS_OK) {
        return false; /* it is refused as always */
    }
    bool is_unknown = edge_environment_find(worker, &bundle->environment) == NULL;
    bundle_unref(&bundle);
    return is_unknown;
}

static enum status learn_environment(struct edge_worker *worker, const struct edge_lesson *lesson,
                                     struct why *why) {
    if (lesson->is_behind && is_unknown(worker, lesson)) {
        return STATUS_OK;
    }
    enum status status = edge_environment_offer(worker, lesson->text, lesson->generation, why);
    if (status != STATUS_OK && str_eq(str_from(why->slug), STR("bundle_not_newer"))) {
        return STATUS_OK;
    }
    if (status != STATUS_OK && lesson->generation > worker->flawed_generation) {
        worker->flawed_generation = lesson->generation;
    }
    return status;
}

static enum status learn_removed(struct edge_worker *worker, const struct edge_lesson *lesson,
                                 struct why *why) {
    struct edge_environment *environment = edge_environment_find(worker, &lesson->id);
    (void)why;
    if (environment != NULL) {
        edge_environment_remove(environment);
    }
    return STATUS_OK;
}

static enum status learn_revoked(struct edge_worker *worker, const struct edge_lesson *lesson,
                                 struct why *why) {
    (void)why;
    (void)map_set(&worker->revoked, id_str(&lesson->id), worker);
    for (struct list *node = worker->tunnels.next, *next; node != &worker->tunnels; node = next) {
        struct edge_tunnel *tunnel = CONTAINER_OF(node, struct edge_tunnel, node);
        next = node->next;
        if (id_eq(&tunnel->identity.subject, &lesson->id)) {
            edge_tunnel_revoke(tunnel, lesson->text);
        }
    }
    return STATUS_OK;
}

/* The state is complete: what it did not mention is gone. Not when a part of it was refused: then the last good stays. */
static enum status learn_synced(struct edge_worker *worker, const struct edge_lesson *lesson,
                                struct why *why) {
    size_t at = 0;
    struct str key;
    void *value;
    (void)why;
    if (worker->flawed_generation >= lesson->generation || lesson->is_sync_flawed) {
        return STATUS_OK;
    }
    while (map_next(&worker->environments, &at, &key, &value)) {
        struct edge_environment *environment = value;
        if (environment->sync_generation < lesson->generation) {
            edge_environment_remove(environment);
        }
    }
    return STATUS_OK;
}

/* Signature and revision were judged before (edge_hear.c). */
static enum status learn_edges(struct edge_worker *worker, const struct edge_lesson *lesson,
                               struct why *why) {
    (void)why;
    buf_clear(&worker->edges_jws);
    enum status status = buf_append_str(&worker->edges_jws, lesson->text);
    for (struct list *node = worker->tunnels.next; node != &worker->tunnels; node = node->next) {
        edge_tunnel_send_edges(CONTAINER_OF(node, struct edge_tunnel, node));
    }
    return status;
}

static enum status (*const learners[])(struct edge_worker *worker, const struct edge_lesson *lesson,
                                       struct why *why) = {
    [FEED_MESSAGE_KEYS] = learn_keys,
    [FEED_MESSAGE_ENVIRONMENT] = learn_environment,
    [FEED_MESSAGE_ENVIRONMENT_REMOVED] = learn_removed,
    [FEED_MESSAGE_REVOKED] = learn_revoked,
    [FEED_MESSAGE_SYNCED] = learn_synced,
    [FEED_MESSAGE_EDGES] = learn_edges,
};

#define LEARNER_COUNT (sizeof learners / sizeof learners[0])

enum status edge_learn(struct edge_worker *worker, const struct edge_lesson *lesson,
                       struct why *why) {
    return learners[lesson->type](worker, lesson, why);
}

/* Lessons */

struct edge_lesson *edge_learn_prepare(const struct feed_message *message, uint64_t generation,
                                       bool is_sync_flawed) {
    if ((size_t)message->type >= LEARNER_COUNT || learners[message->type] == NULL) {
        return NULL;
    }
    struct str text = STR_EMPTY;
    struct id id = {""};
    char *jwks = NULL;
    switch (message->type) { /* only the members of its type are set */
    case FEED_MESSAGE_KEYS:
        jwks = json_dumps(message->jwks, JSON_COMPACT);
        text = jwks != NULL ? str_from(jwks) : STR_EMPTY;
        break;
    case FEED_MESSAGE_ENVIRONMENT:
        text = message->bundle;
        break;
    case FEED_MESSAGE_EDGES:
        text = message->edges;
        break;
    case FEED_MESSAGE_ENVIRONMENT_REMOVED:
        id = message->environment;
        break;
    case FEED_MESSAGE_REVOKED:
        id = message->warpgate;
        text = message->reason;
        break;
    default:
        break;
    }
    struct edge_lesson *lesson = memory_new(sizeof *lesson + text.len);
    char *copy = (char *)(lesson + 1);
    if (text.len > 0) {
        memcpy(copy, text.at, text.len);
    }
    *lesson = (struct edge_lesson){
        .refs = 1,
        .type = message->type,
        .generation = generation,
        .is_sync_flawed = is_sync_flawed,
        .id = id,
        .text = str_make(copy, text.len),
    };
    free(jwks);
    return lesson;
}

void edge_learn_mark(struct edge_lesson *lesson, bool is_behind) {
    lesson->is_behind = is_behind;
}

void edge_learn_drop(struct edge_lesson **at) {
    struct edge_lesson *lesson = *at;
    *at = NULL;
    if (lesson != NULL && atomic_fetch_sub(&lesson->refs, 1) == 1) {
        memory_free(lesson);
    }
}

struct edge_lesson_post {
    struct edge_worker *worker;
    struct edge_lesson *lesson;
};

static void drop_posted(void *context) {
    struct edge_lesson_post *post = context;
    edge_learn_drop(&post->lesson);
    memory_free(post);
}

static void learn_posted(void *context) {
    struct edge_lesson_post *post = context;
    struct why why = {0};
    if (edge_learn(post->worker, post->lesson, &why) != STATUS_OK) {
        log_debug("edge.lesson_refused", "worker=%u code=%s", post->worker->index, why.slug);
    }
    drop_posted(post);
}

void edge_learn_later(struct edge_worker *worker, struct edge_lesson *lesson) {
    struct edge_lesson_post *post = MEMORY_NEW(struct edge_lesson_post);
    post->worker = worker;
    post->lesson = lesson;
    (void)atomic_fetch_add(&lesson->refs, 1);
    loop_mailbox_post(worker->mailbox, learn_posted, drop_posted, post);
}
