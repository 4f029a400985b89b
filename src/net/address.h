/* address.h: host and port texts, socket addresses, and names.
 *
 * Where anything is dialled or listened on, the text that a person wrote becomes addresses here; texts are parsed strictly and say in `why`
 * what is wrong with them. Names are resolved off the loop (uv_getaddrinfo on libuv's pool); those under .localhost are loopback (RFC 6761 §6.3) and
 * never asked of any server. An address is plain memory of its owner, and any thread may look at one; a lookup belongs to the
 * loop that started it, calls back on it once, and is gone after that or after its cancelling.
 * Limits: ADDRESS_HOST_SIZE for a host text, ADDRESS_RESULTS_MAX addresses of a name.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/status.h"
#include "base/str.h"
#include "net/loop.h"

#define ADDRESS_HOST_SIZE 256
#define ADDRESS_TEXT_SIZE 64
#define ADDRESS_RESULTS_MAX 8

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* "host:port", "[v6]:port", and, with default_port > 0, "host". STATUS_INVALID with why. */
enum status address_split(struct str text, uint16_t default_port, char host[ADDRESS_HOST_SIZE],
                          uint16_t *port, struct why *why) MUST_USE;
/* What to listen on: "IP:PORT" (port 0: any); "localhost" is 127.0.0.1. STATUS_INVALID with why. */
enum status address_parse_listen(struct str text, struct address *address,
                                 struct why *why) MUST_USE;
/* A numeric address. STATUS_INVALID. */
enum status address_from_ip(struct str ip, uint16_t port, struct address *address) MUST_USE;
/* "192.0.2.1" without the port; IPv4-mapped IPv6 is written as IPv4. */
void address_ip(const struct address *address, char out[ADDRESS_TEXT_SIZE]);
uint16_t address_port(const struct address *address);
/* "192.0.2.1:443", "[2001:db8::1]:443". */
void address_text(const struct address *address, char out[ADDRESS_TEXT_SIZE]);

struct address_lookup; /* one running resolution */
typedef void (*address_found_fn)(void *context, enum status status, const struct address *results,
                                 size_t count, const struct why *why);
/* Resolves off the loop; `found` is called exactly once, later, unless cancelled. Numeric hosts resolve, too. */
struct address_lookup *address_lookup_start(struct loop *loop, const char *host, uint16_t port,
                                            address_found_fn found, void *context);
void address_lookup_cancel(struct address_lookup *lookup); /* found is not called after this */

#endif
