/* control_door.h: where a control plane that is alone in its process accepts: a front for each listening socket, on its own loop.
 *
 * In a process with an edge there is none: the edge's fronts bring connections. Closing lets handshakes under way come to their end, and
 * cuts those that take longer than a second. Loop thread only.
 */
#ifndef CONTROL_CONTROL_DOOR_H
#define CONTROL_CONTROL_DOOR_H

#include "base/status.h"
#include "net/front.h"

#define CONTROL_DOOR_FRONTS_MAX 8

struct control_door;

struct control_door *control_door_new(struct loop *loop);
/* Of the socket it makes a duplicate. `add_services` gives the front what answers there. STATUS_FAILED, STATUS_TOO_LARGE. */
enum status control_door_open(struct control_door *door, int fd,
                              void (*add_services)(void *context, struct front *front),
                              void *context, struct why *why) MUST_USE;
/* Accepts no more, at once; `done` when no handshake is under way. Then it may be opened again. */
void control_door_close(struct control_door *door, void (*done)(void *context), void *context);
/* Cuts what is in its handshake. NULL is allowed. */
void control_door_free(struct control_door **door);

#endif
