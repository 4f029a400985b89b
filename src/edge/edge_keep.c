#include "edge/edge_keep.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "edge/edge_disk.h"
#include "edge/edge_environment.h"
#include "edge/edge_hear.h"
#include "pki/digest.h"

#define HOST_DIGEST_BYTES 16

#define KEYS "keys"
#define STATE "state"
#define EDGES "edges"
#define CONTROLS "controls"
#define ANCHORS "anchors"
#define HOST_PREFIX "host-"
#define ENVIRONMENT_PREFIX "env_"
#define REVOKED_PREFIX "wg_"

/* In this order they are learned: what follows may need what stands before. */
static const char *const prefixes[] = {STATE, KEYS,        ANCHORS,        CONTROLS,
                                       EDGES, HOST_PREFIX, REVOKED_PREFIX, ENVIRONMENT_PREFIX};

/* Names */

/* A folder's listing tells nobody which hosts are served. */
static void name_host(struct str hostname, char out[EDGE_DISK_NAME_MAX + 1]) {
    uint8_t digest[DIGEST_BYTES];
    char hex[2 * HOST_DIGEST_BYTES + 1];
    digest_sha256(hostname, digest);
    text_hex(digest, HOST_DIGEST_BYTES, hex);
    (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, HOST_PREFIX "%s", hex);
}

/* The environment of the bundle that was offered last, if that is the newest of it now. */
static const struct id *find_offered(const struct edge *edge, struct str jws) {
    struct edge_worker *worker = edge->workers[0];
    const struct edge_environment *environment = edge_environment_find(worker, &worker->offered);
    return environment != NULL && str_eq(buf_str(&environment->jws), jws) ? &environment->id : NULL;
}

static bool name_record(const struct edge *edge, const struct feed_message *message,
                        char out[EDGE_DISK_NAME_MAX + 1]) {
    const struct id *environment;
    switch (message->type) {
    case FEED_MESSAGE_KEYS:
        (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, KEYS);
        return true;
    case FEED_MESSAGE_STATE:
        (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, STATE);
        return true;
    case FEED_MESSAGE_EDGES:
        (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, EDGES);
        return true;
    case FEED_MESSAGE_CONTROLS:
        (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, CONTROLS);
        return true;
    case FEED_MESSAGE_ANCHORS:
        (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, ANCHORS);
        return true;
    case FEED_MESSAGE_HOST:
    case FEED_MESSAGE_HOST_REMOVED:
        name_host(message->hostname, out);
        return true;
    case FEED_MESSAGE_REVOKED:
        (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, "%s", message->warpgate.text);
        return true;
    case FEED_MESSAGE_ENVIRONMENT_REMOVED:
        (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, "%s", message->environment.text);
        return true;
    case FEED_MESSAGE_ENVIRONMENT:
        environment = find_offered(edge, message->bundle);
        (void)snprintf(out, EDGE_DISK_NAME_MAX + 1, "%s",
                       environment != NULL ? environment->text : "");
        return environment != NULL; /* else older than what is in force */
    default:
        return false;
    }
}

/* Keeping */

void edge_keep_record(struct edge *edge, const struct feed_message *message, const json_t *object) {
    char name[EDGE_DISK_NAME_MAX + 1];
    if (edge->disk == NULL || !name_record(edge, message, name)) {
        return;
    }
    if (message->type == FEED_MESSAGE_HOST_REMOVED ||
        message->type == FEED_MESSAGE_ENVIRONMENT_REMOVED) {
        edge_disk_remove(edge->disk, name);
        return;
    }
    char *text = json_dumps(object, JSON_COMPACT);
    if (text != NULL) {
        edge_disk_put(edge->disk, name, str_from(text));
        secret_wipe(text, str_from(text).len);
        free(text);
    }
}

static void drop_unknown_environment(void *context, const char *name) {
    struct edge *edge = context;
    if (map_get(&edge->workers[0]->environments, str_from(name)) == NULL) {
        edge_disk_remove(edge->disk, name);
    }
}

static void drop_unknown_revocation(void *context, const char *name) {
    struct edge *edge = context;
    if (map_get(&edge->revocations, str_from(name)) == NULL) {
        edge_disk_remove(edge->disk, name);
    }
}

void edge_keep_synced(struct edge *edge) {
    if (edge->disk != NULL) {
        edge_disk_each(edge->disk, ENVIRONMENT_PREFIX, drop_unknown_environment, edge);
        edge_disk_each(edge->disk, REVOKED_PREFIX, drop_unknown_revocation, edge);
    }
}

/* Loading */

struct loading {
    struct edge *edge;
    struct edge_hearing hearing;
    unsigned taken;
    unsigned refused;
    bool has_keys;
};

static enum status take_text(struct loading *loading, const char *name, struct str text,
                             struct why *why) {
    struct feed_message message;
    char expected[EDGE_DISK_NAME_MAX + 1];
    json_t *object = NULL;
    enum status status = json_parse(text, &object, why);
    if (status == STATUS_OK) {
        status = feed_message_read(object, &message, why);
    }
    if (status == STATUS_OK) {
        status = edge_hear(loading->edge, &loading->hearing, &message, NULL, why);
    }
    if (status == STATUS_OK && (!name_record(loading->edge, &message, expected) ||
                                !str_eq(str_from(expected), str_from(name)))) {
        status = why_set(why, STATUS_INVALID, "state_malformed", "it holds something else");
    }
    loading->has_keys |= status == STATUS_OK && message.type == FEED_MESSAGE_KEYS;
    json_decref(object);
    return status;
}

static void load_file(void *context, const char *name) {
    struct loading *loading = context;
    struct why why = {0};
    struct buf text;
    buf_init(&text, EDGE_DISK_TEXT_MAX);
    enum status status = edge_disk_read(loading->edge->disk, name, &text, &why);
    if (status == STATUS_OK) {
        status = take_text(loading, name, buf_str(&text), &why);
    }
    if (status == STATUS_OK) {
        loading->taken++;
    } else {
        loading->refused++;
        log_error("edge.state_refused",
                  "file=%s.sealed code=%s detail=\"%s\": it is left out; a feed brings it anew",
                  name, why.slug, why.text);
    }
    buf_fini_wiped(&text);
}

bool edge_keep_load(struct edge *edge) {
    struct loading loading = {.edge = edge};
    if (edge->disk == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        edge_disk_each(edge->disk, prefixes[i], load_file, &loading);
    }
    if (loading.taken + loading.refused > 0) {
        log_info("edge.state_loaded", "files=%u refused=%u environments=%zu", loading.taken,
                 loading.refused, edge->workers[0]->environments.count);
    }
    return loading.has_keys;
}
