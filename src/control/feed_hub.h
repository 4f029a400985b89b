/* feed_hub.h: the whole state that edges are told, held ready, and pushed to all of them when it changes. Loop thread only.
 *
 * Everything comes in as changes (change.h) that were committed before; an older bundle than the one at hand is dropped, so the order
 * in which pool threads finish plays no part. A new edge is sent what is here, from memory: no query, no gap between the
 * state and the changes after it.
 */
#ifndef CONTROL_FEED_HUB_H
#define CONTROL_FEED_HUB_H

#include "control/change.h"
#include "control/control_state.h"
#include "tunnel/feed_message.h"

struct feed_hub;
struct feed_edge;

struct feed_hub *feed_hub_new(struct control *control);
void feed_hub_free(struct feed_hub **hub);

/* Makes the visitors' wildcard certificate. STATUS_FAILED. */
enum status feed_hub_start(struct feed_hub *hub, struct why *why) MUST_USE;
/* Takes everything in `changes` and tells it to the edges. */
void feed_hub_apply(struct feed_hub *hub, struct change_list *changes);
/* After a step of the CA's rotation; `is_anew`: visitors' certificates are issued anew. */
void feed_hub_take_ca(struct feed_hub *hub, bool is_anew);
/* Hourly: renews visitors' certificates in time, forgets revocations that have expired. */
void feed_hub_maintain(struct feed_hub *hub);
/* Each second: pings, ends feeds that are silent. */
void feed_hub_tick(struct feed_hub *hub);

/* To this edge, if its feed is there; NULL: to all. */
void feed_hub_tell(struct feed_hub *hub, const struct id *edge, const struct feed_message *message);

/* For feed_edge.c. */
struct control *feed_hub_control(struct feed_hub *hub);
/* Whether edges are told of this environment. */
bool feed_hub_knows(const struct feed_hub *hub, const struct id *environment);
/* False while a process that began later has a feed as this edge: of two with one certificate the younger is believed, so that they do not
 * take it from each other for ever. */
bool feed_hub_may_join(const struct feed_hub *hub, const struct id *edge, uint64_t instance);
/* Joins; ends the feed that the same edge had before. */
void feed_hub_join(struct feed_hub *hub, struct feed_edge *edge);
void feed_hub_leave(struct feed_hub *hub, struct feed_edge *edge);
/* Ends all feeds. */
void feed_hub_end(struct feed_hub *hub);

/* The state as messages, in the order in which an edge is to be told. A walk holds ids, so the state may change meanwhile. */
struct feed_hub_walk {
    struct id *environments; /* owned */
    size_t count;
    size_t at;
};
/* The first part: keys, hosts, revocations. */
void feed_hub_send_basis(struct feed_hub *hub, struct feed_edge *edge);
void feed_hub_walk_init(struct feed_hub_walk *walk, struct feed_hub *hub);
void feed_hub_walk_fini(struct feed_hub_walk *walk);
/* Sends the next environment; false when all were sent. */
bool feed_hub_walk_next(struct feed_hub_walk *walk, struct feed_hub *hub, struct feed_edge *edge);

#endif
