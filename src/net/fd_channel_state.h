/* fd_channel_state.h: what fd_channel.c and fd_channel_listen.c share. */
#ifndef NET_FD_CHANNEL_STATE_H
#define NET_FD_CHANNEL_STATE_H

#include "net/fd_channel.h"

/* For its listener's list; unlinked when the channel goes. */
struct list *fd_channel_peer_node(struct fd_channel *channel);

#endif
