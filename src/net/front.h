/* front.h: one listening port, several services, told apart inside the TLS handshake. One front for each loop.
 *
 * Each service names the server names and the ALPN protocol that it answers; the first that wants a ClientHello (parsed by
 * OpenSSL, never peeked at) gets the connection with its own TLS context, so versions, client certificates and resumption are
 * the service's. A ClientHello without a server name, or that no service wants, ends with unrecognized_name.
 * When the handshake stands, the service is given the connection and sets its events and engine.
 * Handshakes: at most FRONT_HANDSHAKES_MAX at a time; one more ends the oldest, so that a flood of half-open ones keeps
 * nobody out who answers. Why handshakes fail is logged, one line a second.
 * Descriptors: while less than the reserve is free (descriptor_budget.h), a service that is_sheddable gets nobody new: the
 * handshake ends at once with the alert internal_error, which costs no more than reading the name; fewer handshakes go on at a time;
 * and on_pressure is called, at most every FRONT_PRESSURE_MS. When the process runs out altogether (EMFILE) accepting pauses for
 * 100 ms. Each is logged once when it begins.
 */
#ifndef NET_FRONT_H
#define NET_FRONT_H

#include "net/conn.h"

#define FRONT_SERVICES_MAX 8
#define FRONT_HANDSHAKES_MAX 2048
#define FRONT_PRESSURE_MS 100

struct front;
struct front_hello;

struct front_service {
    const char *name; /* for logs */
    /* True if this service answers for that server name (lower case) and this offer. See front_hello_offers. */
    bool (*wants)(void *context, struct str server_name, const struct front_hello *hello);
    struct tls_context *(*tls)(void *context); /* borrowed */
    void (*accept)(void *context, struct conn *conn);
    void *context;
    struct conn_timeouts timeouts;
    bool is_sheddable; /* gives way to the others when descriptors are scarce */
};

/* Takes over a listening socket, with all that waits in it, and starts to accept. Several fronts, on loops of their own, may have the same
 * socket under different numbers (socket_dup): whichever loop is awake takes the next connection, and closing one of them loses nothing.
 * When it fails the descriptor stays the caller's. STATUS_INVALID (slug listener_invalid), STATUS_FAILED. */
enum status front_adopt(struct loop *loop, int fd, struct front **front, struct why *why) MUST_USE;
/* The service is copied, its context and tls are borrowed for as long as the front and its handshakes live. */
void front_add(struct front *front, const struct front_service *service);
/* Called on the front's loop, outside of any handshake, while descriptors are scarce: `missing_count` should be closed (idle
 * connections, say) to bring the reserve back. All fronts of a process are called, each with the whole count. */
void front_set_on_pressure(struct front *front,
                           void (*on_pressure)(void *context, size_t missing_count), void *context);
/* Stops accepting, closes the socket; connections live on. */
void front_close(struct front *front);
/* Closes, and aborts what is still in its handshake: no service is asked or given anything after this call. */
void front_free(struct front **front);
/* Before its first handshake: these keys instead of its own. Refs. */
void front_set_tickets(struct front *front, struct tls_ticket_ring *tickets);
/* Connections that are in their handshake. */
size_t front_handshake_count(const struct front *front);

bool front_hello_offers(const struct front_hello *hello, struct str protocol);

#endif
