/* edge_join.h: how an edge becomes one, at its first start: a certificate from the control plane for a join token.
 *
 * The key is made here and never leaves the machine. The control plane is known by the fingerprint in the token before anything is said
 * to it. While it cannot be reached, it is tried again for ever; a token that is no good ends it.
 */
#ifndef EDGE_EDGE_JOIN_H
#define EDGE_EDGE_JOIN_H

#include "base/secret.h"
#include "base/status.h"
#include "edge/edge_identity.h"
#include "net/loop.h"

struct edge_join;

struct edge_join_config {
    struct loop *loop;
    const struct secret *token;  /* borrowed until it is over */
    const char *const *controls; /* host:port instead of those in the token */
    size_t control_count;
    const char *name; /* may be NULL */
    const char
        *address; /* host:port where warpgates are to dial it; NULL: edge.<domain> and `port` */
    uint16_t port;
    /* Once. STATUS_OK: `identity` is filled, and nothing is written yet; STATUS_DENIED: the control plane refuses the token. */
    void (*done)(void *context, enum status status, const struct why *why);
    void *context;
};

/* STATUS_INVALID with why: this is no token, or no address. */
enum status edge_join_start(const struct edge_join_config *config, struct edge_identity *identity,
                            struct edge_join **join, struct why *why) MUST_USE;
/* At any time; NULL is allowed. */
void edge_join_free(struct edge_join **join);

#endif
