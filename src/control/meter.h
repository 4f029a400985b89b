/* meter.h: takes what edges have counted and logged (tunnel/usage_record.h) into the store: usage, metrics, recent requests.
 *
 * One transaction for one record: it is taken down as taken (store_usage_claim), added up, and only then answered, so a record that comes
 * twice counts once, and one that was not committed comes again. To whom something belongs the store says, by the environment; of an
 * environment that is gone, usage is still booked to the organization and project that the record names, if there is such an organization.
 * What cannot be read in a record is skipped and logged: it would not be better the next time.
 * Who watches an environment's traffic (GET /v1/environments/{env}/traffic) gets the requests that were committed, as events of the topic
 * "traffic"; while anybody does, edges report every METER_WATCHED_MS. Edges report to one control plane: the others' watchers see nothing
 * of them.
 * Threads: the loop's; the store is written on a pool thread.
 */
#ifndef CONTROL_METER_H
#define CONTROL_METER_H

#include "control/control_state.h"
#include "store/store_tx.h"
#include "tunnel/feed_message.h"

#define METER_WATCHED_MS 500
#define METER_BATCH_MAX 50 /* requests in one event */
#define METER_TRAFFIC "traffic"

/* A record of type FEED_MESSAGE_USAGE from an edge; the answer goes to the edge's feed, if it is still there then. */
void meter_take(struct control *control, const struct id *edge, const struct feed_message *message);
/* Several times a second: tells edges how often to report. */
void meter_tick(struct control *control);
/* How often that is. */
struct feed_message meter_pace(const struct control *control);

/* Hourly: lets go of logged requests that are older than their environment wants, or too many, or of one that wants none. */
enum status meter_prune(struct store_tx *tx) MUST_USE;

/* Of a logged request as the store has it, what the API shows. A new object; NULL: it is damaged. */
json_t *meter_show_request(struct str entry);

#endif
