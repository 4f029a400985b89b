/* socket.h: the system's socket calls, with the options that every socket here gets: non-blocking, closed on exec, no delay of small writes.
 *
 * Beneath conn.h, front.h and fd_channel.h, which drive what is made here. A descriptor that is returned belongs to the
 * caller, one that is passed in stays the caller's. No state: any thread may call with a descriptor of its own. Nothing blocks.
 * What is particular to one system is in this file's .c alone.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "net/address.h"

/* A listening socket; a port on which anybody listens is refused. What it accepts is asked for a sign of life after a minute of
 * silence, and given up after another, so that peers who vanished do not stay for ever. STATUS_CONFLICT (slug address_in_use), STATUS_DENIED
 * (address_denied), STATUS_FAILED (listen_failed). */
enum status socket_listen(const struct address *address, int *fd, struct why *why) MUST_USE;
/* A listening socket that somebody else made: checks that it is one, of TCP over IPv4 or IPv6, and gives it our options.
 * STATUS_INVALID (slug listener_invalid). */
enum status socket_adopt_listener(int fd, struct why *why) MUST_USE;
/* The same socket under another number: the connections that wait in it are shared. -1 with errno. */
int socket_dup(int fd);
/* `fd` listens, is watched by `loop`, and may be watched by others under other numbers: from now on a connection wakes one of them
 * and not all. To be repeated each time that watching has begun anew, at its first event. Elsewhere than on Linux it does nothing. */
void socket_wake_one(struct loop *loop, int fd);
/* The next connection, or -1 with errno. */
int socket_accept(int listen_fd);
/* Begins to connect: 0 done, 1 in progress (then writable, and socket_error tells), -1 with errno. `*fd` is -1 if there is none. */
int socket_connect(const struct address *address, int *fd);
/* A Unix address. STATUS_TOO_LARGE. */
enum status socket_unix_address(const char *path, struct address *address) MUST_USE;
/* The user who is at the other end of a connected Unix socket. STATUS_FAILED. */
enum status socket_peer_uid(int fd, uid_t *uid) MUST_USE;
/* The pending error of a socket, cleared; 0 if none. */
int socket_error(int fd);
/* Empty when there is none (any more). */
void socket_local_address(int fd, struct address *address);
void socket_peer_address(int fd, struct address *address);
/* For long-lived connections that many share: a peer that is gone is noticed within 30 s at the latest (heartbeats are quicker), also
 * while output waits; and at most SOCKET_NOTSENT_BYTES wait in the system, so that what is urgent (a PING, a reset) does not stand
 * behind megabytes. */
void socket_keepalive(int fd);
/* Closing it will reset the connection: what the peer has not taken is dropped, not kept by the system for minutes. */
void socket_discard(int fd);
#define SOCKET_NOTSENT_BYTES (128 * 1024)

#endif
