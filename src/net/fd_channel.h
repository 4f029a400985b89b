/* fd_channel.h: small records and descriptors between two processes of one user on one machine, over a Unix socket in a folder.
 *
 * For replacing a running process: the successor connects and asks, the running process answers and hands its descriptors.
 *
 * On the wire (a stream socket), each message:
 *   type       1 byte      what it means is between the owners of the two ends
 *   fd_count   1 byte      at most FD_CHANNEL_FDS_MAX
 *   length     2 bytes     of the payload, big-endian, at most FD_CHANNEL_PAYLOAD_MAX
 *   payload
 * The descriptors come with the first byte of their message (SCM_RIGHTS) and are exactly as many as it says. Whatever differs
 * from this ends the channel, and every descriptor that had come is closed.
 *
 * Who may take part: both ends check that the other runs as the same user, or root. The folder belongs to that user or root and nobody
 * else may write in it; the socket file has mode 0600 before anybody can connect. A file left by a dead process is replaced, also
 * by a successor while its predecessor still listens (`is_replacing`): the name goes over in one step.
 *
 * All on one loop thread, nothing blocks. Bounds: FD_CHANNEL_QUEUE_MAX messages wait to be sent; FD_CHANNEL_PEERS_MAX ends at
 * a listener are connected at a time, one more is refused.
 */
#ifndef NET_FD_CHANNEL_H
#define NET_FD_CHANNEL_H

#include "base/status.h"
#include "base/str.h"
#include "net/loop.h"

#define FD_CHANNEL_PAYLOAD_MAX 4096
#define FD_CHANNEL_FDS_MAX 16
#define FD_CHANNEL_QUEUE_MAX 64
#define FD_CHANNEL_PEERS_MAX 8

struct fd_channel; /* one end of a connection */

struct fd_channel_message {
    uint8_t type;
    struct str payload; /* borrowed for the call */
    /* Not blocking or not as their maker left them; closed on exec. An owner keeps one by putting -1 in its place; the
     * others are closed after the call. */
    int *fds;
    size_t fd_count;
};

struct fd_channel_events {
    void (*on_message)(void *owner, struct fd_channel *channel, struct fd_channel_message *message);
    /* Once, never from inside a call of the owner; the channel is gone after it. `why`: slug closed (between two messages),
     * channel_invalid (the other end broke the rules), channel_failed. Not called after fd_channel_free. */
    void (*on_closed)(void *owner, struct fd_channel *channel, const struct why *why);
};

/* ---- one end ---- */

/* Connects to the socket at `path`. STATUS_NOT_FOUND (slug channel_absent): nobody listens there. STATUS_DENIED
 * (channel_denied): somebody else's. STATUS_UNAVAILABLE (channel_busy). STATUS_INVALID (channel_path): the path is too long. STATUS_FAILED. */
enum status fd_channel_connect(struct loop *loop, const char *path,
                               const struct fd_channel_events *events, void *owner,
                               struct fd_channel **channel, struct why *why) MUST_USE;
/* Takes over a connected Unix stream socket, such as one end of a socketpair. STATUS_DENIED, STATUS_FAILED: closed. */
enum status fd_channel_adopt(struct loop *loop, int fd, const struct fd_channel_events *events,
                             void *owner, struct fd_channel **channel, struct why *why) MUST_USE;
void fd_channel_set_events(struct fd_channel *channel, const struct fd_channel_events *events,
                           void *owner);
/* Queues, and sends what the socket takes at once. The descriptors stay the caller's: duplicates go. STATUS_TOO_LARGE: payload
 * or number of descriptors. STATUS_AGAIN: too many messages wait. STATUS_CLOSED. STATUS_FAILED: a descriptor is not open. */
enum status fd_channel_send(struct fd_channel *channel, uint8_t type, struct str payload,
                            const int *fds, size_t fd_count) MUST_USE;
/* Closes at once; what the system has not taken is lost. May be called from inside on_message. */
void fd_channel_free(struct fd_channel **channel);

/* ---- who waits for others ---- */

struct fd_channel_listener;
typedef void (*fd_channel_accept_fn)(void *context, struct fd_channel *channel);

/* Listens at `path`. `accept` is given each channel and sets its events at once, or frees it. STATUS_CONFLICT (slug channel_in_use): a living process
 * listens there, and not `is_replacing`. STATUS_DENIED (channel_denied): the folder is open to others. STATUS_INVALID
 * (channel_path). STATUS_FAILED. */
enum status fd_channel_listen(struct loop *loop, const char *path, bool is_replacing,
                              fd_channel_accept_fn accept, void *context,
                              struct fd_channel_listener **listener, struct why *why) MUST_USE;
/* Channels live on. Removes the file, unless it is a successor's by now. */
void fd_channel_listener_free(struct fd_channel_listener **listener);

#endif
