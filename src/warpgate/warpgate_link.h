/* warpgate_link.h: one connection to a workload, whichever version of HTTP it speaks.
 *
 * Dials a target (the name is resolved anew, each address tried), puts the engine on the connection that was agreed with the
 * workload, and opens exchanges on it: one at a time (HTTP/1.1), or as many as the workload takes (HTTP/2). Who has a
 * link does not see the difference.
 * Life: its owner (a pool, a health check) dials it and hears of it by its events; on_failed or on_closed is the last of them, never
 * from inside a call of the owner's. Requests borrow it: the memory goes when the connection is gone and the last one has
 * returned it. A link that carries an exchange is lost when its connection is; the exchange learns that by itself.
 * With https the certificate is verified for the target's host; HTTP/2 and HTTP/1.1 are offered, or HTTP/1.1 alone. An HTTP/2 link is open
 * once the workload's SETTINGS have come: how many exchanges it takes, and whether WebSockets (RFC 8441), is known by then.
 * What a hostile workload can cost is the engines' to bound (h1_client.h, h2_session.h).
 */
#ifndef WARPGATE_WARPGATE_LINK_H
#define WARPGATE_WARPGATE_LINK_H

#include "http/h1_client.h"
#include "http/h2_session.h"
#include "warpgate/warpgate_dial.h"
#include "warpgate/warpgate_parts.h"
#include "warpgate/warpgate_target.h"

#define WARPGATE_LINK_IDLE_MS 60000 /* how long an unused one stays open */

struct warpgate_link;

enum warpgate_link_state {
    WARPGATE_LINK_DIALLING, /* resolving, connecting, TLS */
    WARPGATE_LINK_GREETING, /* HTTP/2: the workload's SETTINGS are to come */
    WARPGATE_LINK_OPEN,     /* may carry exchanges */
    WARPGATE_LINK_CLOSING,  /* waiting for the connection to be gone */
    WARPGATE_LINK_GONE,     /* only kept for those who borrowed it */
};

struct warpgate_link_events {
    void (*on_open)(void *owner, struct warpgate_link *link);
    /* Never opened. Slugs as in conn.h and address.h, and not_http2: the workload does not speak what was asked for. */
    void (*on_failed)(void *owner, struct warpgate_link *link, const struct why *why);
    /* HTTP/2: there may be room for another exchange, or (GOAWAY) none any more. May be NULL. */
    void (*on_room)(void *owner, struct warpgate_link *link);
    void (*on_closed)(void *owner, struct warpgate_link *link, const struct why *why);
};

/* Both NULL where the target is not https. */
struct warpgate_link_tls {
    struct tls_context *any;   /* offers HTTP/2 and HTTP/1.1 */
    struct tls_context *http1; /* HTTP/1.1 alone */
};

struct warpgate_link_config {
    struct warpgate_parts *parts;
    const struct warpgate_target *target; /* borrowed until it is open */
    const struct warpgate_link_tls *tls;
    int64_t connect_ms; /* TCP and TLS, for each address; and then for the workload's SETTINGS */
    bool is_http1_only;
    const struct warpgate_link_events *events;
    void *owner;
};

struct warpgate_link {
    struct list node; /* these two are the owner's */
    unsigned place;
    struct warpgate_parts *parts;
    const struct warpgate_link_events *events;
    void *owner;
    enum warpgate_link_state state;
    struct warpgate_dial *dial; /* while dialling */
    struct conn *conn;          /* NULL before and after */
    struct h1_client *http1;    /* the connection's engine is one of these two */
    struct h2_session *http2;
    bool is_h2c;
    size_t borrowed_count;
    uint64_t exchange_count;
};

struct warpgate_link *warpgate_link_dial(const struct warpgate_link_config *config);
/* While it dials or greets: no event comes any more. NULLs the pointer. */
void warpgate_link_cancel(struct warpgate_link **link);
/* An orderly end where nothing is under way, otherwise at once: a workload that does not read could keep an orderly end
 * waiting. on_closed follows. */
void warpgate_link_close(struct warpgate_link *link);

/* For whoever opens an exchange; each borrowed link is returned once, whatever has become of it. */
void warpgate_link_borrow(struct warpgate_link *link);
void warpgate_link_return(struct warpgate_link *link);
/* NULL when it cannot take it (any more). */
struct http_stream *warpgate_link_open(struct warpgate_link *link, const struct http_head *head,
                                       bool is_end, const struct http_stream_events *events,
                                       void *owner);

/* Would warpgate_link_open succeed now? */
bool warpgate_link_has_room(const struct warpgate_link *link);
/* No further exchange will ever fit: to be closed once it carries none. */
bool warpgate_link_is_leaving(const struct warpgate_link *link);
/* Open, and carries exchanges side by side. */
bool warpgate_link_is_shared(const struct warpgate_link *link);
bool warpgate_link_takes_websocket(const struct warpgate_link *link);
/* It had carried an exchange before the present one and no byte of an answer to this has come: the workload may have closed it
 * without having seen the request. For use in the exchange's on_closed. */
bool warpgate_link_may_be_stale(const struct warpgate_link *link);

#endif
