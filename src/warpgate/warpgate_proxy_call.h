/* warpgate_proxy_call.h: CONNECT on a connection to an HTTP proxy: from its descriptor to one that leads to the target. */
#ifndef WARPGATE_WARPGATE_PROXY_CALL_H
#define WARPGATE_WARPGATE_PROXY_CALL_H

#include "warpgate/warpgate_parts.h"
#include "warpgate/warpgate_proxy.h"

struct warpgate_proxy_call;
/* With the descriptor, the callee's from then on; or with -1 and why: slugs of warpgate_proxy_judge, proxy_closed, timeout_proxy.
 * Called once, later, unless cancelled. */
typedef void (*warpgate_proxied_fn)(void *context, int fd, const struct why *why);

/* Takes `fd`, which is connected to the proxy, and asks for a way to host:port. Everything is copied. */
struct warpgate_proxy_call *warpgate_proxy_call_start(struct warpgate_parts *parts,
                                                      const struct warpgate_proxy *proxy, int fd,
                                                      const char *host, uint16_t port,
                                                      warpgate_proxied_fn done, void *context);
/* Closes the descriptor; `done` is not called after this. NULLs the pointer; NULL is allowed. */
void warpgate_proxy_call_cancel(struct warpgate_proxy_call **call);

#endif
