/* environment_settings.h: what an environment says for all of its routes; a route's own word wins (route_settings.h).
 *
 * Read by setting.h, from the API's and from bundles by the same tables. Immutable; lies in the bundle's arena. docs/configuration.md.
 */
#ifndef POLICY_ENVIRONMENT_SETTINGS_H
#define POLICY_ENVIRONMENT_SETTINGS_H

#include "policy/route_settings.h"

#define ENVIRONMENT_SETTINGS_BYTES_MAX 32768 /* as JSON without spaces */

struct environment_logs {
    bool enabled; /* false: nothing about single requests is kept or sent anywhere */
    bool include_query;
    uint64_t retention_days;
};

struct environment_settings {
    const struct environment_logs *logs; /* never NULL */
    bool under_attack;                   /* browsers prove work before they get in */
    const struct route_ip *ip;           /* besides the route's: both have to let pass */
    const struct route_limits *limits;   /* of the environment as a whole, besides the route's */
    const struct route_error_pages *error_pages;
};

/* Of an environment's body in the API: what is more than a word or a number. */
struct environment_members {
    struct setting_list hostnames; /* struct str; control/environment_form.h judges them */
    const struct environment_settings *settings;
};

#define ENVIRONMENT_HOSTNAMES_MAX 63 /* besides the first */

extern const struct setting_shape environment_settings_shape;
extern const struct setting_shape environment_settings_members;

#endif
