/* edge_roster_report.h: what the edge tells the control plane, from the roster: of each warpgate its tunnels on all workers and what it
 * says, of each environment the revision that all workers have in force.
 *
 * The roster's on_due says when there is something; the feed's worker then has it told. Each is told whole, as it stands by then. One
 * thread, besides those that use the roster.
 * Limits: a warpgate is reported at most once in EDGE_ROSTER_REPORT_MS, however much it says.
 */
#ifndef EDGE_EDGE_ROSTER_REPORT_H
#define EDGE_EDGE_ROSTER_REPORT_H

#include "edge/edge_roster.h"

#define EDGE_ROSTER_REPORT_MS 250

/* Everything is to be reported anew: the control plane has begun to listen. */
void edge_roster_report_all(struct edge_roster *roster);
/* Tells what is due, as messages for the feed; `tell` is called without the lock. Call it several times a second, too: for what was put
 * off. */
void edge_roster_report(struct edge_roster *roster,
                        void (*tell)(void *context, const struct feed_message *message),
                        void *context);

#endif
