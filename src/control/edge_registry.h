/* edge_registry.h: which edges there are and which are revoked, as the loop knows it: whom to give a feed, and the list for warpgates.
 *
 * Filled from the store at the start, then by changes (CHANGE_EDGE), each with the row's revision, so that the order in which pool threads
 * finish plays no part. Loop thread only.
 */
#ifndef CONTROL_EDGE_REGISTRY_H
#define CONTROL_EDGE_REGISTRY_H

#include "base/buf.h"
#include "control/change.h"
#include "control/control_state.h"

struct edge_registry;

struct edge_registry *edge_registry_new(struct control *control);
void edge_registry_free(struct edge_registry **registry);

/* True when it was news. */
bool edge_registry_apply(struct edge_registry *registry, const struct change *change);
/* STATUS_OK: it may have a feed. STATUS_DENIED with why: edge_unknown, edge_revoked. */
enum status edge_registry_judge(const struct edge_registry *registry, const struct id *edge,
                                struct why *why) MUST_USE;
/* The list as warpgates are told it (signed_edges.h), newer than any before. Borrowed until the next change; empty if it cannot be signed. */
struct str edge_registry_signed(struct edge_registry *registry);
/* What the list says beside the edges has changed. */
void edge_registry_sign_anew(struct edge_registry *registry);

#endif
