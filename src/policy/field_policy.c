#include "policy/field_policy.h"

/* What the edge writes and the warpgate therefore lets in, once each, in exactly this spelling. */
static const struct str tunnel_names[] = {
    STR_INIT(FIELD_REQUEST_ID),
    STR_INIT(FIELD_FORWARDED_FOR),
    STR_INIT(FIELD_TUNNEL_ENVIRONMENT),
};
#define TUNNEL_NAME_COUNT (sizeof tunnel_names / sizeof tunnel_names[0])

/* Letters and digits are themselves in lower case; everything else that a token may hold is "-", since CGI-like
 * gateways make one and the same variable of it. */
static char fold_char(char c) {
    if (c >= 'A' && c <= 'Z') {
        return (char)(c + 32);
    }
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

/* `folded` is in folded form. */
static bool folds_to_prefix(struct str name, struct str folded) {
    if (name.len < folded.len) {
        return false;
    }
    for (size_t i = 0; i < folded.len; i++) {
        if (fold_char(name.at[i]) != folded.at[i]) {
            return false;
        }
    }
    return true;
}

static bool folds_to(struct str name, struct str folded) {
    return name.len == folded.len && folds_to_prefix(name, folded);
}

static bool is_response_platform_name(struct str name) {
    switch (name.len > 0 ? str_lower_char(name.at[0]) : '\0') {
    case 'w':
        return folds_to_prefix(name, STR("warpgate-"));
    case 'm':
        return folds_to_prefix(name, STR("mezusphere-"));
    default:
        return false;
    }
}

static bool is_request_platform_name(struct str name) {
    switch (name.len > 0 ? str_lower_char(name.at[0]) : '\0') {
    case 'w':
    case 'm':
        return is_response_platform_name(name);
    case 'f':
        return folds_to(name, STR("forwarded"));
    case 'x':
        return folds_to_prefix(name, STR("x-forwarded-")) || folds_to(name, STR("x-real-ip")) ||
               folds_to(name, STR("x-original-url")) || folds_to(name, STR("x-rewrite-url")) ||
               folds_to(name, STR("x-original-host"));
    default:
        return false;
    }
}

/* Names that the workload could take for another name. */
static bool is_ambiguous(struct str name) {
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '_' || name.at[i] == '.') {
            return true;
        }
    }
    return false;
}

static bool must_drop_from_request(struct str name) {
    return is_request_platform_name(name) || is_ambiguous(name);
}

/* Its index in tunnel_names, or TUNNEL_NAME_COUNT. */
static size_t find_tunnel_name(struct str name) {
    size_t i = 0;
    while (i < TUNNEL_NAME_COUNT && !str_eq(name, tunnel_names[i])) {
        i++;
    }
    return i;
}

/* Removes in one pass what `must_drop` names; order is kept. */
static inline __attribute__((always_inline)) void drop_fields(struct http_fields *fields,
                                                              bool (*must_drop)(struct str name)) {
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (must_drop(fields->at[i].name)) {
            continue;
        }
        if (kept != i) {
            fields->at[kept] = fields->at[i];
        }
        kept++;
    }
    fields->count = kept;
}

void field_policy_clean_request(struct http_fields *fields) {
    drop_fields(fields, must_drop_from_request);
}

void field_policy_clean_tunnel_request(struct http_fields *fields) {
    unsigned seen = 0;
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        struct str name = fields->at[i].name;
        if (must_drop_from_request(name)) {
            size_t known = find_tunnel_name(name);
            if (known == TUNNEL_NAME_COUNT || (seen & (1u << known)) != 0) {
                continue;
            }
            seen |= 1u << known;
        }
        if (kept != i) {
            fields->at[kept] = fields->at[i];
        }
        kept++;
    }
    fields->count = kept;
}

void field_policy_clean_response(struct http_fields *fields) {
    drop_fields(fields, is_response_platform_name);
}

void field_policy_clean_trailers(struct http_fields *fields) {
    drop_fields(fields, must_drop_from_request);
}

void field_policy_add_visitor(struct http_fields *fields, struct arena *arena, struct str address,
                              struct str request_id) {
    http_fields_add(fields, arena, STR(FIELD_FORWARDED_FOR), address);
    http_fields_add(fields, arena, STR(FIELD_REQUEST_ID), request_id);
    fields->at[fields->count - 1].is_unique = true;
}

static struct str port_of(struct str authority) {
    for (size_t i = authority.len; i > 0; i--) {
        char c = authority.at[i - 1];
        if (c == ':') {
            return i < authority.len ? str_sub(authority, i, authority.len) : STR("443");
        }
        if (c < '0' || c > '9') {
            break;
        }
    }
    return STR("443");
}

void field_policy_add_forwarded(struct http_fields *fields, struct arena *arena,
                                struct str authority) {
    http_fields_add(fields, arena, STR(FIELD_FORWARDED_PROTO), STR("https"));
    http_fields_add(fields, arena, STR(FIELD_FORWARDED_HOST), authority);
    http_fields_add(fields, arena, STR(FIELD_FORWARDED_PORT), port_of(authority));
}
