/* event_watch.h: finds out what happened, for the topics that somebody listens to: the source of "environment" and "organization" streams.
 *
 * Nothing is published by the handlers: with several control planes a change may have been made through any of them. So the watch reads what
 * all of them know: warpgates from the presence (four times a second, and only if something was reported), changes from the audit events
 * (twice a second). What the hub is told by edges it publishes itself (event_watch_bundle). An event may be told twice, never not at
 * all; its data has the id of the audit event. Loop thread; the store is read on a pool thread.
 *
 *   topic         event         data
 *   environment   warpgate      {"id", "status", "tunnels", "applied_revision", "refused_code"}
 *   environment   bundle        {"state": "pushed" | "applied" | "refused", "revision", "edge", "code", "detail"}
 *   environment   change        {"id", "action", "target", "created_at"}
 *   organization  audit_event   as GET /v1/audit-events/{evt}
 */
#ifndef CONTROL_EVENT_WATCH_H
#define CONTROL_EVENT_WATCH_H

#include "control/control_state.h"
#include "control/event_hub.h"
#include "tunnel/feed_message.h"

#define EVENT_WATCH_ENVIRONMENT "environment"
#define EVENT_WATCH_ORGANIZATION "organization"
#define EVENT_WATCH_READ_MS 500
/* How much later than its time an event may become visible: a transaction's length, and clocks that differ. */
#define EVENT_WATCH_OVERLAP_MS 2000

struct event_watch;

struct event_watch *event_watch_new(struct control *control);
/* No read is under way. */
void event_watch_free(struct event_watch **watch);
/* Somebody has joined: from now on nothing is missed. Of other scopes than the two: nothing. */
void event_watch_begin(struct event_watch *watch, struct event_topic *topic,
                       const struct id *organization);
void event_watch_tick(struct event_watch *watch);

/* From the feeds. `edge` NULL: pushed to all. */
void event_watch_bundle(struct event_watch *watch, const struct id *environment, const char *state,
                        uint64_t revision, const struct id *edge, struct str code,
                        struct str detail);

#endif
