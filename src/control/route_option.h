/* route_option.h: a route's options (policy/bundle.h): from requests, to answers and bundles, and as the store keeps them.
 *
 * The store keeps a small JSON document of what differs from the standard, so that what nobody has set follows the standard
 * of the version that runs. Any thread.
 */
#ifndef CONTROL_ROUTE_OPTION_H
#define CONTROL_ROUTE_OPTION_H

#include <jansson.h>

#include "base/arena.h"
#include "policy/bundle.h"

struct route_option {
    struct bundle_timeouts timeouts;
    bool is_sticky;
};

/* From what the store keeps; what is not there, or cannot be read, is as the standard has it. */
struct route_option route_option_parse(struct str stored);
/* For the store: in the arena, "" where nothing differs from the standard. Equal options give equal text. */
struct str route_option_format(const struct route_option *option, struct arena *arena);
/* RFC 7396: takes "timeouts" and "sticky" of a body that its schema has judged; null goes back to the standard. */
void route_option_patch(struct route_option *option, const json_t *body);
/* Sets "timeouts" and "sticky" of an answer: complete. */
void route_option_write(const struct route_option *option, json_t *item);
/* The same of a bundle: what differs from the standard, which the bundle's readers know. */
void route_option_write_bundle(const struct route_option *option, json_t *item);

#endif
