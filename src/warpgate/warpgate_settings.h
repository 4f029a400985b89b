/* warpgate_settings.h: the command line, judged: everything that can be wrong without any network.
 *
 * The first station of an agent (warpgate_new): from texts to targets, TLS contexts and addresses, or one line that names the flag and the fix. It
 * reads the files that flags name (--ca-file, …) and so blocks: before the loop runs, on the main thread. The settings own what they
 * point to, but for the token, which stays the config's; nothing changes them afterwards.
 */
#ifndef WARPGATE_WARPGATE_SETTINGS_H
#define WARPGATE_WARPGATE_SETTINGS_H

#include "base/buf.h"
#include "net/address.h"
#include "tunnel/enrolment.h"
#include "warpgate/warpgate.h"
#include "warpgate/warpgate_link.h"
#include "warpgate/warpgate_proxy.h"
#include "warpgate/warpgate_target.h"

#define WARPGATE_ENVIRONMENT_SIZE 129

struct warpgate_settings {
    struct secret *token; /* borrowed from the config */
    struct warpgate_target *targets;
    size_t target_count;
    struct warpgate_link_tls *tls; /* of each target; references are held */
    char control_host[ADDRESS_HOST_SIZE];
    uint16_t control_port;
    char control_text[ADDRESS_HOST_SIZE + 8]; /* for logs: host:port */
    bool has_ca;
    struct buf ca_pem;
    char environment[WARPGATE_ENVIRONMENT_SIZE]; /* may be empty */
    char name[ENROLMENT_NAME_MAX + 1];
    struct warpgate_proxy proxy; /* none, if its host is empty */
    int64_t grace_ms;
    char platform[64]; /* "linux/x86_64" */
};

/* STATUS_INVALID (usage): why names the flag and the fix. STATUS_DENIED: a token that cannot be one; nothing was sent anywhere.
 * Call warpgate_settings_fini in either case. */
enum status warpgate_settings_read(const struct warpgate_config *config,
                                   struct warpgate_settings *settings, struct why *why) MUST_USE;
void warpgate_settings_fini(struct warpgate_settings *settings);

#endif
