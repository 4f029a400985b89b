/* warpgate_dial.h: from a host name to a connection that stands: resolve, then try one address after the other.
 *
 * The name is resolved anew for each dial. `done` is called once, later, unless cancelled: with a connection (TLS handshake
 * included), whose events and engine the callee sets before it returns, or with NULL and why the last address failed.
 */
#ifndef WARPGATE_WARPGATE_DIAL_H
#define WARPGATE_WARPGATE_DIAL_H

#include "net/conn.h"
#include "warpgate/warpgate_parts.h"

struct warpgate_dial;
typedef void (*warpgate_dialled_fn)(void *context, struct conn *conn, const struct why *why);

struct warpgate_dial_config {
    const char *host; /* borrowed until done */
    uint16_t port;
    const char *unix_path;   /* instead of host and port; borrowed until done */
    struct tls_context *tls; /* NULL: plain; a reference is held until done */
    const char *server_name; /* borrowed until done */
    struct conn_timeouts timeouts;
    bool is_keepalive;
};

struct warpgate_dial *warpgate_dial_start(struct warpgate_parts *parts,
                                          const struct warpgate_dial_config *config,
                                          warpgate_dialled_fn done, void *context);
/* `done` is not called after this. NULLs the pointer; NULL is allowed. */
void warpgate_dial_cancel(struct warpgate_dial **dial);

#endif
