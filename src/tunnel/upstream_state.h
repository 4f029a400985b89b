/* upstream_state.h: what a warpgate says of the upstreams that it declares, as it travels: on the control stream and in feeds.
 *
 * A list of {"name":"default","state":"up"}; up, down or unknown; at most UPSTREAM_STATE_MAX. Pure; names are borrowed from
 * the tree read.
 */
#ifndef TUNNEL_UPSTREAM_STATE_H
#define TUNNEL_UPSTREAM_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/status.h"
#include "base/str.h"

#define UPSTREAM_STATE_MAX 32

struct upstream_state {
    struct str name;
    bool is_up; /* false where it is not known */
    bool is_known;
};

/* "up", "down", "unknown". */
const char *upstream_state_name(const struct upstream_state *state);

/* At most UPSTREAM_STATE_MAX. STATUS_INVALID with why (/upstreams). */
enum status upstream_state_read(const json_t *list,
                                struct upstream_state states[UPSTREAM_STATE_MAX], size_t *count,
                                struct why *why) MUST_USE;
/* A list of names alone, whose states are not known. STATUS_INVALID with why. */
enum status upstream_state_read_names(const json_t *list,
                                      struct upstream_state states[UPSTREAM_STATE_MAX],
                                      size_t *count, struct why *why) MUST_USE;
/* New lists; json_decref them. */
json_t *upstream_state_write(const struct upstream_state *states, size_t count);
json_t *upstream_state_write_names(const struct upstream_state *states, size_t count);

#endif
