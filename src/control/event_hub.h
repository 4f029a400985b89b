/* event_hub.h: what happens, by topic, to whoever listens: the publishing side of streams (api_stream.h). Loop thread only.
 *
 * A topic is a scope and an object: {"environment", env_…}, {"organization", org_…}, {"traffic", env_…}. It comes to be when somebody
 * listens, and is kept for EVENT_HUB_KEEP_MS after the last has left, so that who comes back is told what happened meanwhile. Publishing to a
 * topic that nobody listens to costs a look-up: ask event_hub_has before making anything expensive.
 *
 *     if (event_hub_has(control->events, "traffic", &environment)) {
 *         event_hub_publish(control->events, "traffic", &environment, "request", object);
 *     }
 *
 * Bounds: EVENT_HUB_TOPICS_MAX topics; of each the last EVENT_HUB_EVENTS_MAX events and EVENT_HUB_BYTES_MAX bytes. An event's id is the
 * hub's epoch (another one in each process) and the number in its topic: an id of another process is known as such.
 */
#ifndef CONTROL_EVENT_HUB_H
#define CONTROL_EVENT_HUB_H

#include <jansson.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/list.h"
#include "base/random.h"
#include "control/event_ring.h"

#define EVENT_HUB_KEEP_MS 60000
#define EVENT_HUB_TOPICS_MAX 1024
#define EVENT_HUB_EVENTS_MAX 256
#define EVENT_HUB_BYTES_MAX ((size_t)64 << 10)
#define EVENT_HUB_SCOPE_SIZE 16
#define EVENT_HUB_ID_SIZE 48 /* of an event's id as text */

struct event_hub;

/* One who listens; in the listener's own storage. */
struct event_listener {
    struct list node;
    void (*on_event)(struct event_listener *listener, const struct event_ring_item *item);
    /* The item was too large to be kept: the listener has to be told that it missed something. */
    void (*on_gap)(struct event_listener *listener);
};

struct event_topic {
    char scope[EVENT_HUB_SCOPE_SIZE];
    struct id object;
    struct event_ring ring;
    struct list listeners; /* struct event_listener.node */
    int64_t left_at_ms;    /* mono: when the last one left */
    void *watch;           /* what event_watch.h knows of it */
    void (*free_watch)(void *watch);
};

struct event_hub *event_hub_new(const struct clock *clock, const struct random *random);
void event_hub_free(struct event_hub **hub);

bool event_hub_has(const struct event_hub *hub, const char *scope, const struct id *object);
/* `name` is a literal such as "warpgate"; `data` is an object, and taken over. Listeners are called before it returns. */
void event_hub_publish(struct event_hub *hub, const char *scope, const struct id *object,
                       const char *name, json_t *data);

/* Something was missed that nobody can tell. */
void event_hub_publish_gap(struct event_hub *hub, const char *scope, const struct id *object);
/* NULL: nobody listens. */
struct event_topic *event_hub_find(const struct event_hub *hub, const char *scope,
                                   const struct id *object);

/* NULL: there are EVENT_HUB_TOPICS_MAX topics that somebody listens to. */
struct event_topic *event_hub_join(struct event_hub *hub, const char *scope,
                                   const struct id *object, struct event_listener *listener);
void event_hub_leave(struct event_hub *hub, struct event_topic *topic,
                     struct event_listener *listener);
void event_hub_format_id(const struct event_hub *hub, uint64_t number, char out[EVENT_HUB_ID_SIZE]);
/* STATUS_INVALID: not ours, or of another process. */
enum status event_hub_parse_id(const struct event_hub *hub, struct str text,
                               uint64_t *number) MUST_USE;

/* Drops topics that nobody has come back to. */
void event_hub_sweep(struct event_hub *hub);
/* The topics, one after the other; `walk` begins as 0. NULL: that was all. */
struct event_topic *event_hub_next(const struct event_hub *hub, size_t *walk);

#endif
