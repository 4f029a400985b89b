/* warpgate_target.h: what `--upstream` may say, and what it means. Pure.
 *
 *   [name=]target     name: [a-z0-9-], at most 63 bytes; "default" without one
 *   host:port, http://host[:port][/]   HTTP/1.1
 *   https://host[:port][/]             TLS, verified for this host; HTTP/2 or HTTP/1.1, as the workload chooses
 *   h2c://host[:port][/]               HTTP/2 without TLS, with prior knowledge (RFC 9113 §3.3)
 *   unix:/path                         HTTP/1.1 on a Unix socket
 * A workload is reached only where one of these points.
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
    WARPGATE_TARGET_HTTP,
    WARPGATE_TARGET_HTTPS,
    WARPGATE_TARGET_H2C,
    WARPGATE_TARGET_UNIX,
};

struct warpgate_target {
    enum warpgate_target_kind kind;
    char name[BUNDLE_UPSTREAM_NAME_MAX + 1];
    char host[ADDRESS_HOST_SIZE];         /* all but UNIX */
    uint16_t port;                        /* all but UNIX */
    char path[WARPGATE_TARGET_PATH_SIZE]; /* UNIX */
    char authority[ADDRESS_HOST_SIZE +
                   8]; /* for requests of our own: "localhost:8080"; "localhost" for UNIX */
    char text[ADDRESS_HOST_SIZE +
              16]; /* for logs: "localhost:8080", "https://app:8443", "unix:/path" */
};

/* STATUS_INVALID with why (slugs upstream_name, upstream_target) that names the fix. */
enum status warpgate_target_parse(struct str text, struct warpgate_target *target,
                                  struct why *why) MUST_USE;

#endif
