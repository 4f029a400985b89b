/* edge_roster.h: the one thing that an edge's workers share besides TLS contexts: which worker has which tunnels.
 *
 * A tunnel takes a seat when its connection has shown its certificate, says how it stands, and leaves. Visitors are counted. From
 * that the roster answers two questions, once per connection, and never for a request that finds a tunnel: on which worker a tunnel
 * is wanted most, and on which worker a visitor finds one. What the feed reports is made from it (edge_roster_report.h).
 *
 * Threads: any; one mutex, held for short work on small tables. A seat belongs to the tunnel's worker. Every function takes a
 * NULL roster, or a NULL seat, for one that nobody keeps: tests of a single worker need none.
 * Limits: a warpgate has at most EDGE_ROSTER_SEATS_MAX tunnels at a time.
 */
#ifndef EDGE_EDGE_ROSTER_H
#define EDGE_EDGE_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "edge/edge.h"
#include "pki/cert_identity.h"
#include "tunnel/feed_message.h"
#include "tunnel/tunnel_message.h"

#define EDGE_ROSTER_SEATS_MAX 64
/* Tunnels that losses have left on too few workers are made anew: after so long, and one of a warpgate in so long. */
#define EDGE_ROSTER_UNEVEN_MS 1000
#define EDGE_ROSTER_MOVE_MS 5000

struct edge_roster;
struct edge_roster_seat;

enum edge_roster_standing {
    EDGE_ROSTER_ARRIVING, /* on its way, or greeting */
    EDGE_ROSTER_READY,    /* carries requests */
    EDGE_ROSTER_LEAVING,  /* takes no more requests */
};

/* `on_due` is called, from any thread and without the lock, when there is something to report now; then edge_roster_report (edge_roster_report.h) is
 * to be called soon, by the feed's worker. */
struct edge_roster *edge_roster_new(unsigned worker_count, const struct clock *clock,
                                    void (*on_due)(void *context), void *context);
/* After all threads but the caller's have ended. */
void edge_roster_free(struct edge_roster **roster);

/* A seat for a tunnel on the worker that has the fewest of this warpgate, then of its environment, then at all; `own` where they are
 * even. NULL: the warpgate has too many. */
struct edge_roster_seat *edge_roster_add(struct edge_roster *roster, unsigned own,
                                         const struct cert_identity *identity,
                                         const char *ip_address);
unsigned edge_roster_seat_worker(const struct edge_roster_seat *seat);
void edge_roster_describe(struct edge_roster_seat *seat, const char *version, const char *name);
/* How it stands, the revision it has applied, and why it refused a newer one ("": it did not). */
void edge_roster_update(struct edge_roster_seat *seat, enum edge_roster_standing standing,
                        uint64_t applied_revision, const char *refused_code);
/* Whether something is answered through its tunnel (edge_probe.h); one that is silent is not reported among the tunnels. */
void edge_roster_prove(struct edge_roster_seat *seat, bool is_proved);
/* What the warpgate says of whom it trusts (tunnel_message.h). */
void edge_roster_trust(struct edge_roster_seat *seat, struct str anchors, struct str root);
/* What the warpgate says of its upstreams; copied. */
void edge_roster_health(struct edge_roster_seat *seat, const struct upstream_state *states,
                        size_t count);
/* Its tunnel is to be made anew: a worker has none of its warpgate, this one has several, and has had for EDGE_ROSTER_UNEVEN_MS by
 * now. Whoever is told so must ask the warpgate. To be asked about once a second. */
bool edge_roster_should_move(struct edge_roster_seat *seat);
/* Frees; NULLs the pointer. */
void edge_roster_remove(struct edge_roster_seat **seat);

/* `worker` has this revision of an environment in force; or does not know the environment any more. */
void edge_roster_applied(struct edge_roster *roster, unsigned worker, const struct id *environment,
                         uint64_t revision);
void edge_roster_forget(struct edge_roster *roster, unsigned worker, const struct id *environment);
/* Whether any worker has a tunnel that is ready. */
bool edge_roster_serves(struct edge_roster *roster, const struct id *environment);

/* Tunnels that are ready, of all environments on all workers. */
size_t edge_roster_ready_count(struct edge_roster *roster);

/* Counts a visitor's connection and tells its worker: `own`, unless another one has tunnels of the environment and `own` has
 * not, or `own` has many more visitors. `environment` may be NULL. */
unsigned edge_roster_visitor_came(struct edge_roster *roster, unsigned own,
                                  const struct id *environment);
void edge_roster_visitor_left(struct edge_roster *roster, unsigned worker);
/* Those that are counted for a worker, whether they have arrived there or not; and on all workers. */
size_t edge_roster_visitors_on(struct edge_roster *roster, unsigned worker);
size_t edge_roster_visitor_count(struct edge_roster *roster);

#endif
