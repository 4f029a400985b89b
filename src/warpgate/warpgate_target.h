/* warpgate_target.h: what `--upstream` may say, and what it means. Pure.
 *
 *   [name=]target     name: [a-z0-9-], at most 63 bytes; "default" without one
 *   target            host:port | http://host[:port][/] | unix:/path
 * https:// and h2c:// are known and not in this version. A workload is reached only where one of these points.
 */
#ifndef WARPGATE_WARPGATE_TARGET_H
#define WARPGATE_WARPGATE_TARGET_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "net/address.h"
#include "policy/bundle.h"

#define WARPGATE_TARGET_PATH_SIZE 104 /* fits sun_path on every system we run on */

enum warpgate_target_kind {
    WARPGATE_TARGET_TCP,
    WARPGATE_TARGET_UNIX,
};

struct warpgate_target {
    enum warpgate_target_kind kind;
    char name[BUNDLE_UPSTREAM_NAME_MAX + 1];
    char host[ADDRESS_HOST_SIZE];         /* TCP */
    uint16_t port;                        /* TCP */
    char path[WARPGATE_TARGET_PATH_SIZE]; /* UNIX */
    char text[ADDRESS_HOST_SIZE + 8];     /* for logs: "localhost:8080" or "unix:/path" */
};

/* STATUS_INVALID with why (slugs upstream_name, upstream_target, upstream_scheme) that names the fix. */
enum status warpgate_target_parse(struct str text, struct warpgate_target *target,
                                  struct why *why) MUST_USE;

#endif
