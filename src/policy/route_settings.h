/* route_settings.h: everything that a route may say besides its pattern and upstream: access, CORS, limits, cache and so on.
 *
 * Read by setting.h from a route of the API or of a bundle, by the same tables; docs/configuration.md shows each with an example. Immutable;
 * everything lies in the bundle's arena. A pointer is NULL where the route does not say. Documents are bounded by ROUTE_SETTINGS_BYTES_MAX.
 * What no step enforces yet is carried and kept; where letting a request through would be unsafe, bundle_judge refuses it (bundle.h).
 */
#ifndef POLICY_ROUTE_SETTINGS_H
#define POLICY_ROUTE_SETTINGS_H

#include "policy/setting.h"

#define ROUTE_SETTINGS_BYTES_MAX 16384 /* of one route, as JSON without spaces */

/* ---- access ---- */

enum route_auth {
    ROUTE_AUTH_NONE,     /* anybody; nobody is asked */
    ROUTE_AUTH_OPTIONAL, /* anybody; who is signed in is told to the workload */
    ROUTE_AUTH_REQUIRED, /* only who is signed in and meets `require` */
};
enum route_accept {
    ROUTE_ACCEPT_SESSION = 1 << 0,
    ROUTE_ACCEPT_ACCESS_TOKEN = 1 << 1,
    ROUTE_ACCEPT_API_KEY = 1 << 2,
};
enum route_identity_profile {
    ROUTE_IDENTITY_WARPGATE,     /* Warpgate-User … */
    ROUTE_IDENTITY_REMOTE,       /* Remote-User … */
    ROUTE_IDENTITY_OAUTH2_PROXY, /* X-Auth-Request-User … */
};
struct route_require {
    struct setting_list any_role;        /* struct str */
    struct setting_list all_permissions; /* struct str */
    struct setting_list any_group;       /* struct str */
    struct setting_list email_domain;    /* struct str */
    uint64_t max_auth_age_seconds;       /* 0: however long ago */
    bool mfa;
};
struct route_identity_headers {
    unsigned profile; /* enum route_identity_profile */
    bool permissions;
    bool groups;
};
struct route_access {
    unsigned auth;   /* enum route_auth */
    unsigned accept; /* enum route_accept, bits */
    const struct route_require *require;
    const struct route_identity_headers *headers;
};

/* ---- traffic ---- */

struct route_timeouts {
    uint64_t connect_ms;
    uint64_t first_byte_ms;
    uint64_t idle_ms; /* 0: never */
};
enum route_limit_key {
    ROUTE_LIMIT_ADDRESS, /* IPv6 by /64 */
    ROUTE_LIMIT_USER,
    ROUTE_LIMIT_SERVICE_ACCOUNT,
    ROUTE_LIMIT_HEADER,
    ROUTE_LIMIT_ALL, /* one count for everybody */
};
enum route_limit_per {
    ROUTE_LIMIT_SECOND,
    ROUTE_LIMIT_MINUTE,
    ROUTE_LIMIT_HOUR,
};
struct route_rate {
    uint64_t requests;
    uint64_t burst; /* 0: as many as `requests` */
    unsigned per;   /* enum route_limit_per */
    unsigned key;   /* enum route_limit_key */
    struct str header;
};
struct route_limits {
    struct setting_list rates;           /* struct route_rate */
    uint64_t concurrent_requests;        /* 0: no limit; at one edge */
    uint64_t concurrent_per_address;     /* 0: no limit */
    uint64_t bandwidth_bytes_per_second; /* of one answer; 0: no limit */
    uint64_t body_bytes_max;             /* of a request; 0: no limit */
};
struct route_ip {
    struct setting_list allow; /* struct setting_cidr; empty: everybody */
    struct setting_list deny;  /* wins over allow */
};
extern const struct setting_shape route_settings_limits;
extern const struct setting_shape route_settings_ip;

/* ---- content ---- */

struct route_cors {
    struct setting_list origins;         /* struct str; "*" stands alone */
    struct setting_list methods;         /* struct str; empty: GET, HEAD, POST */
    struct setting_list headers;         /* struct str */
    struct setting_list exposed_headers; /* struct str */
    uint64_t max_age_seconds;
    bool credentials;
};
struct route_cache {
    bool enabled;
    uint64_t default_ttl_seconds; /* where the answer says nothing; 0: such answers are not kept */
    uint64_t max_ttl_seconds;
    uint64_t negative_ttl_seconds; /* of 404 and 410; 0: not kept */
    uint64_t stale_while_revalidate_seconds;
    uint64_t stale_if_error_seconds;
    uint64_t body_bytes_max;
    struct setting_list
        ignored_query; /* struct str: parameters that make no other answer; "*": all */
    struct setting_list vary_headers; /* struct str: besides the answer's Vary */
};
enum route_waf_mode {
    ROUTE_WAF_OFF,
    ROUTE_WAF_DETECT,
    ROUTE_WAF_BLOCK,
};
struct route_waf {
    unsigned mode; /* enum route_waf_mode */
    uint64_t paranoia_level;
    uint64_t anomaly_threshold;
    uint64_t body_bytes_max;
    struct setting_list excluded_rules; /* uint64_t */
};
enum route_coding {
    ROUTE_CODING_GZIP = 1 << 0,
    ROUTE_CODING_BROTLI = 1 << 1,
    ROUTE_CODING_ZSTD = 1 << 2,
};
struct route_compression {
    bool enabled;
    unsigned codings; /* enum route_coding, bits */
    uint64_t min_bytes;
    struct setting_list types; /* struct str; empty: text and its like */
};
enum route_header_action {
    ROUTE_HEADER_SET,
    ROUTE_HEADER_ADD,
    ROUTE_HEADER_REMOVE,
};
struct route_header_rule {
    unsigned action; /* enum route_header_action */
    struct str name;
    struct str value;
};
struct route_header_rules {
    struct setting_list request;  /* struct route_header_rule */
    struct setting_list response; /* struct route_header_rule */
};
struct route_redirect {
    struct str to;
    uint64_t status; /* 301, 302, 303, 307, 308 */
    bool keep_path;
    bool keep_query;
};
struct route_maintenance {
    bool enabled;
    struct str title;
    struct str message;
    uint64_t retry_after_seconds;
    struct setting_list allow; /* struct setting_cidr: who gets through */
};
struct route_error_page {
    uint64_t status; /* 0: every other */
    struct str title;
    struct str message;
};
struct route_error_pages {
    struct str background; /* "#1a2b3c" or "" */
    struct str text;
    struct str accent;
    struct setting_list pages; /* struct route_error_page */
};
enum route_security_headers {
    ROUTE_SECURITY_OFF,
    ROUTE_SECURITY_BASIC,  /* HSTS, nosniff, Referrer-Policy */
    ROUTE_SECURITY_STRICT, /* and frame-ancestors, Permissions-Policy, COOP */
};
extern const struct setting_shape route_settings_cors;
extern const struct setting_shape route_settings_cache;
extern const struct setting_shape route_settings_waf;
extern const struct setting_shape route_settings_compression;
extern const struct setting_shape route_settings_header_rules;
extern const struct setting_shape route_settings_redirect;
extern const struct setting_shape route_settings_maintenance;
extern const struct setting_shape route_settings_error_pages;
extern const struct setting_shape route_settings_access;

/* ---- the whole ---- */

struct route_settings {
    struct str name;                       /* for people */
    struct str description;                /* for people */
    const struct route_timeouts *timeouts; /* never NULL */
    bool sticky;
    unsigned security_headers; /* enum route_security_headers */
    const struct route_access *access;
    const struct route_ip *ip;
    const struct route_limits *limits;
    const struct route_cors *cors;
    const struct route_redirect *redirect;
    const struct route_maintenance *maintenance;
    const struct route_cache *cache;
    const struct route_waf *waf;
    const struct route_compression *compression;
    const struct route_header_rules *header_rules;
    const struct route_error_pages *error_pages;
};

extern const struct setting_shape route_settings_shape;

#endif
