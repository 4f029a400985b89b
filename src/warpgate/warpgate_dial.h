/* warpgate_dial.h: from a host name to a connection that stands: resolve, connect to one of its addresses, perhaps through a proxy, TLS.
 *
 * The name is resolved anew for each dial, and its addresses are raced (warpgate_race.h). With `known`, a resolver that is slow or
 * dead does not stand in the way: the addresses of last time are tried after 2 s, or when it has failed.
 * `done` is called once, later, unless cancelled: with a connection (TLS handshake included), whose events and engine the
 * callee sets before it returns, or with NULL and why: slugs of conn.h, warpgate_race.h and warpgate_proxy_call.h, and
 * name_unresolved. warpgate_dial_step says in which step that was.
 */
#ifndef WARPGATE_WARPGATE_DIAL_H
#define WARPGATE_WARPGATE_DIAL_H

#include "net/conn.h"
#include "warpgate/warpgate_parts.h"
#include "warpgate/warpgate_proxy.h"

struct warpgate_dial;
typedef void (*warpgate_dialled_fn)(void *context, struct conn *conn, const struct why *why);

/* What a name last resolved to: kept by whoever dials it again and again. */
struct warpgate_known {
    struct address addresses[ADDRESS_RESULTS_MAX];
    size_t count;
};

struct warpgate_dial_config {
    const char *host; /* borrowed until done */
    uint16_t port;
    const char *unix_path;         /* instead of host and port; borrowed until done */
    struct tls_context *tls;       /* NULL: plain; a reference is held until done */
    const char *server_name;       /* borrowed until done */
    struct conn_timeouts timeouts; /* handshake_ms: TCP, proxy and TLS together */
    int64_t connect_ms;            /* of these, TCP alone; 0: all */
    bool is_keepalive;
    const struct warpgate_proxy
        *proxy; /* asked whether it serves `host`; NULL: none; borrowed until done */
    struct warpgate_known *known; /* NULL: none; lives until done */
};

struct warpgate_dial *warpgate_dial_start(struct warpgate_parts *parts,
                                          const struct warpgate_dial_config *config,
                                          warpgate_dialled_fn done, void *context);
/* `done` is not called after this. NULLs the pointer; NULL is allowed. */
void warpgate_dial_cancel(struct warpgate_dial **dial);
/* "resolve", "tcp", "proxy", "tls" or "role" for the slug of a failed dial; "answer" for all that comes after that. */
const char *warpgate_dial_step(const char *slug);
/* What an operator can do about it; "trying again" where there is nothing to say. */
const char *warpgate_dial_advice(const char *slug);

#endif
