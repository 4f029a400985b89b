/* route_settings_content.c: what is answered, from where, and in which form. */
#include "policy/route_settings.h"

#include "policy/setting_check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define AT(owner, member) #member, .offset = offsetof(struct owner, member)

#define TTL_MAX 31536000
#define NAME_MAX 64
#define NAMES_MAX 64
#define BODY_MAX (UINT64_C(1) << 30)

static bool has_text(struct setting_list list, struct str text) {
    const struct str *texts = list.at;
    for (size_t i = 0; i < list.count; i++) {
        if (str_eq(texts[i], text)) {
            return true;
        }
    }
    return false;
}

/* ---- CORS ---- */

static void judge_any(struct setting_reader *reader, const char *member, struct setting_list list,
                      bool has_credentials) {
    if (!has_text(list, STR("*"))) {
        return;
    }
    if (list.count > 1) {
        setting_fault(reader, member, "any_and_more", "has \"*\" beside others: it stands alone");
    }
    if (has_credentials) {
        setting_fault(reader, member, "any_with_credentials",
                      "cannot be \"*\" where credentials are allowed: browsers refuse that");
    }
}

static void judge_cors(struct setting_reader *reader, const void *value) {
    const struct route_cors *cors = value;
    if (cors->origins.count == 0) {
        setting_fault(reader, "origins", "too_short", "has to name at least one origin");
    }
    judge_any(reader, "origins", cors->origins, cors->credentials);
    judge_any(reader, "headers", cors->headers, cors->credentials);
    judge_any(reader, "exposed_headers", cors->exposed_headers, cors->credentials);
}

static const struct setting cors_members[] = {
    {AT(route_cors, origins), .kind = SETTING_TEXTS, .min = 1, .max = 255, .count_max = NAMES_MAX,
     .check = setting_check_origin, .is_required = true,
     .about =
         "Who may read the answers: origins, https://*.example.com for all below, or * alone."},
    {AT(route_cors, methods), .kind = SETTING_TEXTS, .min = 1, .max = 32, .count_max = 16,
     .check = setting_check_method, .about = "Methods; empty: GET, HEAD and POST."},
    {AT(route_cors, headers), .kind = SETTING_TEXTS, .min = 1, .max = NAME_MAX,
     .count_max = NAMES_MAX, .check = setting_check_field_name_or_any,
     .about = "Request fields that scripts may set, in lower case, or * alone."},
    {AT(route_cors, exposed_headers), .kind = SETTING_TEXTS, .min = 1, .max = NAME_MAX,
     .count_max = NAMES_MAX, .check = setting_check_field_name_or_any,
     .about = "Response fields that scripts may read, in lower case, or * alone."},
    {AT(route_cors, credentials), .kind = SETTING_BOOLEAN,
     .about = "Whether cookies go along; not together with *."},
    {AT(route_cors, max_age_seconds), .kind = SETTING_INTEGER, .max = 86400, .standard = 600,
     .about = "How long browsers keep the answer to a preflight."},
};
const struct setting_shape route_settings_cors = {"RouteCors", sizeof(struct route_cors),
                                                  cors_members, COUNT_OF(cors_members), judge_cors};

/* ---- cache ---- */

static void judge_cache(struct setting_reader *reader, const void *value) {
    const struct route_cache *cache = value;
    if (cache->default_ttl_seconds > cache->max_ttl_seconds) {
        setting_fault(reader, "default_ttl_seconds", "member_value",
                      "has to be at most max_ttl_seconds");
    }
    if (cache->negative_ttl_seconds > cache->max_ttl_seconds) {
        setting_fault(reader, "negative_ttl_seconds", "member_value",
                      "has to be at most max_ttl_seconds");
    }
    if (has_text(cache->ignored_query, STR("*")) && cache->ignored_query.count > 1) {
        setting_fault(reader, "ignored_query", "any_and_more",
                      "has \"*\" beside others: it stands alone");
    }
}

static const struct setting cache_members[] = {
    {AT(route_cache, enabled), .kind = SETTING_BOOLEAN, .standard = true,
     .about = "Keep answers in the edge's memory as their Cache-Control allows."},
    {AT(route_cache, default_ttl_seconds), .kind = SETTING_INTEGER, .max = TTL_MAX,
     .about = "How long an answer is fresh that does not say so itself; 0: it is not kept."},
    {AT(route_cache, max_ttl_seconds), .kind = SETTING_INTEGER, .min = 1, .max = TTL_MAX,
     .standard = 86400, .about = "How long any answer is fresh at most."},
    {AT(route_cache, negative_ttl_seconds), .kind = SETTING_INTEGER, .max = 3600,
     .about = "How long 404 and 410 are kept; 0: not at all."},
    {AT(route_cache, stale_while_revalidate_seconds), .kind = SETTING_INTEGER, .max = TTL_MAX,
     .about = "How long a stale answer is given while a new one is fetched (RFC 5861)."},
    {AT(route_cache, stale_if_error_seconds), .kind = SETTING_INTEGER, .max = TTL_MAX,
     .about = "How long a stale answer is given where the workload fails (RFC 5861)."},
    {AT(route_cache, body_bytes_max), .kind = SETTING_INTEGER, .min = 1024, .max = BODY_MAX,
     .standard = 8388608, .about = "How large an answer is kept at most."},
    {AT(route_cache, ignored_query), .kind = SETTING_TEXTS, .min = 1, .max = NAME_MAX,
     .count_max = NAMES_MAX, .check = setting_check_query_name,
     .about = "Query parameters that make no other answer, such as utm_source; * alone: all."},
    {AT(route_cache, vary_headers), .kind = SETTING_TEXTS, .min = 1, .max = NAME_MAX,
     .count_max = 16, .check = setting_check_field_name,
     .about = "Request fields by which answers differ, besides what Vary says."},
};
const struct setting_shape route_settings_cache = {
    "RouteCache", sizeof(struct route_cache), cache_members, COUNT_OF(cache_members), judge_cache};

/* ---- WAF ---- */

static const char *const waf_words[] = {"off", "detect", "block", NULL};

static const struct setting waf_members[] = {
    {AT(route_waf, mode), .kind = SETTING_WORD, .words = waf_words,
     .about = "off, detect (tell in the log) or block."},
    {AT(route_waf, paranoia_level), .kind = SETTING_INTEGER, .min = 1, .max = 4, .standard = 1,
     .about = "Of the OWASP core rules: higher finds more, and more that is harmless."},
    {AT(route_waf, anomaly_threshold), .kind = SETTING_INTEGER, .min = 1, .max = 10000,
     .standard = 5, .about = "From which score on a request is an attack."},
    {AT(route_waf, body_bytes_max), .kind = SETTING_INTEGER, .min = 1024, .max = 134217728,
     .standard = 131072,
     .about = "How much of a body is inspected; in mode block, larger ones are refused."},
    {AT(route_waf, excluded_rules), .kind = SETTING_NUMBERS, .min = 1, .max = 99999999,
     .count_max = 256, .about = "Rule ids that do not apply here."},
};
const struct setting_shape route_settings_waf = {"RouteWaf", sizeof(struct route_waf), waf_members,
                                                 COUNT_OF(waf_members), NULL};

/* ---- compression ---- */

static const char *const coding_words[] = {"gzip", "br", "zstd", NULL};

static const struct setting compression_members[] = {
    {AT(route_compression, enabled), .kind = SETTING_BOOLEAN, .standard = true,
     .about = "Compress what is compressible and not compressed yet."},
    {AT(route_compression, codings), .kind = SETTING_WORDS, .words = coding_words,
     .standard = ROUTE_CODING_GZIP | ROUTE_CODING_BROTLI | ROUTE_CODING_ZSTD, .min = 1,
     .about = "Which codings; the visitor's Accept-Encoding chooses among them."},
    {AT(route_compression, min_bytes), .kind = SETTING_INTEGER, .max = 1048576, .standard = 1024,
     .about = "Smaller answers stay as they are."},
    {AT(route_compression, types), .kind = SETTING_TEXTS, .min = 3, .max = 127,
     .count_max = NAMES_MAX, .check = setting_check_media_type,
     .about = "Media types; empty: text, JSON, XML, JavaScript, SVG and their like."},
};
const struct setting_shape route_settings_compression = {
    "RouteCompression", sizeof(struct route_compression), compression_members,
    COUNT_OF(compression_members), NULL};
