#include "control/event_hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"

#define KEY_SIZE (EVENT_HUB_SCOPE_SIZE + ID_SIZE + 1)
#define EPOCH_DIGITS 12
#define EPOCH_MASK ((UINT64_C(1) << (4 * EPOCH_DIGITS)) - 1)

struct event_hub {
    const struct clock *clock;
    uint64_t epoch;
    struct map topics; /* "scope/id" -> struct event_topic */
};

struct event_hub *event_hub_new(const struct clock *clock, const struct random *random) {
    struct event_hub *hub = MEMORY_NEW(struct event_hub);
    hub->clock = clock;
    random_fill(random, &hub->epoch, sizeof(hub->epoch));
    hub->epoch &= EPOCH_MASK;
    map_init(&hub->topics);
    return hub;
}

static void free_topic(struct event_topic *topic) {
    event_ring_fini(&topic->ring);
    if (topic->watch != NULL) {
        topic->free_watch(topic->watch);
    }
    memory_free(topic);
}

void event_hub_free(struct event_hub **at) {
    struct event_hub *hub = *at;
    struct str key;
    void *value;
    *at = NULL;
    if (hub == NULL) {
        return;
    }
    for (size_t walk = 0; map_next(&hub->topics, &walk, &key, &value);) {
        free_topic(value);
    }
    map_fini(&hub->topics);
    memory_free(hub);
}

static struct str write_key(const char *scope, const struct id *object, char out[KEY_SIZE]) {
    snprintf(out, KEY_SIZE, "%s/%s", scope, object->text);
    return str_from(out);
}

struct event_topic *event_hub_find(const struct event_hub *hub, const char *scope,
                                   const struct id *object) {
    char key[KEY_SIZE];
    return map_get(&hub->topics, write_key(scope, object, key));
}

bool event_hub_has(const struct event_hub *hub, const char *scope, const struct id *object) {
    return event_hub_find(hub, scope, object) != NULL;
}

/* Publishing */

static void tell(struct event_topic *topic, const struct event_ring_item *item) {
    for (struct list *node = topic->listeners.next, *next; node != &topic->listeners; node = next) {
        struct event_listener *listener = CONTAINER_OF(node, struct event_listener, node);
        next = node->next;
        if (item != NULL) {
            listener->on_event(listener, item);
        } else {
            listener->on_gap(listener);
        }
    }
}

static void add(struct event_topic *topic, const char *name, const json_t *data) {
    struct buf text;
    buf_init(&text, EVENT_HUB_BYTES_MAX);
    bool fits = json_write(data, &text) == STATUS_OK;
    tell(topic,
         fits ? event_ring_add(&topic->ring, name, buf_str(&text)) : event_ring_skip(&topic->ring));
    buf_fini(&text);
}

void event_hub_publish(struct event_hub *hub, const char *scope, const struct id *object,
                       const char *name, json_t *data) {
    struct event_topic *topic = event_hub_find(hub, scope, object);
    if (topic != NULL) {
        add(topic, name, data);
    }
    json_decref(data);
}

void event_hub_publish_gap(struct event_hub *hub, const char *scope, const struct id *object) {
    struct event_topic *topic = event_hub_find(hub, scope, object);
    if (topic != NULL) {
        tell(topic, event_ring_skip(&topic->ring));
    }
}

/* Listening */

/* Of the topics that nobody listens to the one that was left first makes room. */
static bool make_room(struct event_hub *hub) {
    struct event_topic *oldest = NULL;
    char key_text[KEY_SIZE];
    struct str key;
    void *value;
    if (hub->topics.count < EVENT_HUB_TOPICS_MAX) {
        return true;
    }
    for (size_t walk = 0; map_next(&hub->topics, &walk, &key, &value);) {
        struct event_topic *topic = value;
        if (list_is_empty(&topic->listeners) &&
            (oldest == NULL || topic->left_at_ms < oldest->left_at_ms)) {
            oldest = topic;
        }
    }
    if (oldest == NULL) {
        return false;
    }
    (void)map_remove(&hub->topics, write_key(oldest->scope, &oldest->object, key_text));
    free_topic(oldest);
    return true;
}

static struct event_topic *make(struct event_hub *hub, const char *scope, const struct id *object) {
    char key[KEY_SIZE];
    if (!make_room(hub)) {
        return NULL;
    }
    struct event_topic *topic = MEMORY_NEW(struct event_topic);
    snprintf(topic->scope, sizeof(topic->scope), "%s", scope);
    topic->object = *object;
    event_ring_init(&topic->ring, EVENT_HUB_EVENTS_MAX, EVENT_HUB_BYTES_MAX);
    list_init(&topic->listeners);
    (void)map_set(&hub->topics, write_key(scope, object, key), topic);
    return topic;
}

struct event_topic *event_hub_join(struct event_hub *hub, const char *scope,
                                   const struct id *object, struct event_listener *listener) {
    struct event_topic *topic = event_hub_find(hub, scope, object);
    if (topic == NULL) {
        topic = make(hub, scope, object);
    }
    if (topic != NULL) {
        list_append(&topic->listeners, &listener->node);
    }
    return topic;
}

void event_hub_leave(struct event_hub *hub, struct event_topic *topic,
                     struct event_listener *listener) {
    list_remove(&listener->node);
    topic->left_at_ms = clock_mono_ms(hub->clock);
}

void event_hub_sweep(struct event_hub *hub) {
    int64_t now_ms = clock_mono_ms(hub->clock);
    char key_text[KEY_SIZE];
    struct str key;
    void *value;
    for (size_t walk = 0; map_next(&hub->topics, &walk, &key, &value);) {
        struct event_topic *topic = value;
        if (list_is_empty(&topic->listeners) && now_ms - topic->left_at_ms >= EVENT_HUB_KEEP_MS) {
            (void)map_remove(&hub->topics, write_key(topic->scope, &topic->object, key_text));
            free_topic(topic);
        }
    }
}

struct event_topic *event_hub_next(const struct event_hub *hub, size_t *walk) {
    struct str key;
    void *value;
    return map_next(&hub->topics, walk, &key, &value) ? value : NULL;
}

/* Ids */

void event_hub_format_id(const struct event_hub *hub, uint64_t number,
                         char out[EVENT_HUB_ID_SIZE]) {
    snprintf(out, EVENT_HUB_ID_SIZE, "%0*" PRIx64 "-%" PRIu64, EPOCH_DIGITS, hub->epoch, number);
}

enum status event_hub_parse_id(const struct event_hub *hub, struct str text, uint64_t *number) {
    char own[EVENT_HUB_ID_SIZE];
    struct str epoch;
    struct str rest;
    snprintf(own, sizeof(own), "%0*" PRIx64, EPOCH_DIGITS, hub->epoch);
    if (!str_cut(text, '-', &epoch, &rest) || !str_eq(epoch, str_from(own)) ||
        str_to_u64(rest, UINT64_MAX, number) != STATUS_OK) {
        return STATUS_INVALID;
    }
    return STATUS_OK;
}
