/* route_settings_test.c: what bundles may say of routes and environments, through their reader: all of it, what is refused, and what is broken
 * by chance. */
#include "policy/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define BODY "01jd3m8k6vq2x7r9t4w5y6z8ab"
#define HEAD                                                                                       \
    "{\"format\":1,\"environment\":\"env_" BODY "\",\"project\":\"prj_" BODY                       \
    "\",\"organization\":\"org_" BODY                                                              \
    "\",\"revision\":7,\"issued_at\":\"2026-11-20T12:00:00.000Z\",\"enabled\":true,"               \
    "\"hostnames\":[\"a.example\",\"b.example\"],"
#define ROUTE "{\"id\":\"rt_" BODY "\",\"match\":\"prefix\",\"path\":\"/\",\"upstream\":\"default\""
#define WITH_ROUTE(members) HEAD "\"routes\":[" ROUTE "," members "}]}"
#define WITH_SETTINGS(members) HEAD "\"routes\":[" ROUTE "}],\"settings\":{" members "}}"

/* Every setting there is. */
#define EVERYTHING                                                                                 \
    "\"timeouts\":{\"connect_ms\":100,\"first_byte_ms\":200,\"idle_ms\":0},\"sticky\":true,"       \
    "\"security_headers\":\"strict\","                                                             \
    "\"access\":{\"auth\":\"required\",\"accept\":[\"session\",\"api_key\"],\"require\":{"         \
    "\"any_role\":[\"admin\"],\"all_permissions\":[\"orders:read\"],\"any_group\":[\"staff\"],"    \
    "\"email_domain\":[\"example.com\"],\"max_auth_age_seconds\":3600,\"mfa\":true},"              \
    "\"headers\":{\"profile\":\"remote\",\"permissions\":true,\"groups\":true}},"                  \
    "\"ip\":{\"allow\":[\"192.0.2.0/24\",\"2001:db8::/32\"],\"deny\":[\"192.0.2.7\"]},"            \
    "\"limits\":{\"rates\":[{\"requests\":10,\"per\":\"minute\",\"burst\":20,\"key\":\"header\","  \
    "\"header\":\"x-tenant\"}],\"concurrent_requests\":5,\"concurrent_per_address\":2,"            \
    "\"bandwidth_bytes_per_second\":65536,\"body_bytes_max\":1048576},"                            \
    "\"cors\":{\"origins\":[\"https://app.example.com\",\"https://*.example.org:8443\"],"          \
    "\"methods\":[\"GET\",\"PUT\"],\"headers\":[\"x-a\"],\"exposed_headers\":[\"etag\"],"          \
    "\"credentials\":true,\"max_age_seconds\":60},"                                                \
    "\"maintenance\":{\"enabled\":false,\"title\":\"Soon\",\"message\":\"a\\nb\","                 \
    "\"retry_after_seconds\":60,\"allow\":[\"127.0.0.1\"]},"                                       \
    "\"cache\":{\"enabled\":true,\"default_ttl_seconds\":60,\"max_ttl_seconds\":120,"              \
    "\"negative_ttl_seconds\":5,\"stale_while_revalidate_seconds\":10,"                            \
    "\"stale_if_error_seconds\":10,\"body_bytes_max\":4096,\"ignored_query\":[\"utm_source\"],"    \
    "\"vary_headers\":[\"accept-language\"]},"                                                     \
    "\"waf\":{\"mode\":\"block\",\"paranoia_level\":2,\"anomaly_threshold\":7,"                    \
    "\"body_bytes_max\":65536,\"excluded_rules\":[942100]},"                                       \
    "\"compression\":{\"enabled\":true,\"codings\":[\"br\"],\"min_bytes\":10,"                     \
    "\"types\":[\"text/*\"]},"                                                                     \
    "\"header_rules\":{\"request\":[{\"action\":\"remove\",\"name\":\"x-a\"}],"                    \
    "\"response\":[{\"action\":\"set\",\"name\":\"x-b\",\"value\":\"c d\"}]},"                     \
    "\"error_pages\":{\"background\":\"#ffffff\",\"text\":\"#000000\",\"accent\":\"#1A2b3c\","     \
    "\"pages\":[{\"status\":404,\"title\":\"Gone\",\"message\":\"x\"},{\"status\":0}]}"
#define EVERYTHING_ELSE                                                                            \
    "\"logs\":{\"enabled\":false,\"retention_days\":30,\"include_query\":true},"                   \
    "\"under_attack\":true,\"ip\":{\"deny\":[\"203.0.113.0/24\"]},"                                \
    "\"limits\":{\"rates\":[{\"requests\":1}]},\"error_pages\":{\"accent\":\"#00ff00\"}"

static struct bundle *parse(const char *payload) {
    struct bundle *bundle = NULL;
    struct why why = {0};
    if (bundle_parse(str_from(payload), &bundle, &why) != STATUS_OK) {
        fail_msg("%s: %s", why.slug, why.text);
    }
    return bundle;
}

static void reads_everything(void **state) {
    (void)state;
    struct bundle *bundle = parse(WITH_ROUTE(EVERYTHING));
    const struct route_settings *settings = bundle->routes[0].settings;
    assert_int_equal(settings->access->auth, ROUTE_AUTH_REQUIRED);
    assert_int_equal(settings->access->accept, ROUTE_ACCEPT_SESSION | ROUTE_ACCEPT_API_KEY);
    assert_true(settings->access->require->mfa);
    assert_int_equal(settings->access->require->any_role.count, 1);
    assert_int_equal(settings->limits->rates.count, 1);
    const struct route_rate *rate = settings->limits->rates.at;
    assert_int_equal(rate->per, ROUTE_LIMIT_MINUTE);
    assert_true(str_eq(rate->header, STR("x-tenant")));
    assert_int_equal(settings->ip->allow.count, 2);
    assert_int_equal(settings->cors->origins.count, 2);
    assert_int_equal(settings->waf->mode, ROUTE_WAF_BLOCK);
    assert_int_equal(*(const uint64_t *)settings->waf->excluded_rules.at, 942100);
    assert_int_equal(settings->compression->codings, ROUTE_CODING_BROTLI);
    assert_int_equal(settings->security_headers, ROUTE_SECURITY_STRICT);
    assert_int_equal(bundle->routes[0].timeouts.connect_ms, 100);
    assert_null(settings->redirect);
    bundle_unref(&bundle);
    bundle = parse(WITH_SETTINGS(EVERYTHING_ELSE));
    assert_false(bundle->settings->logs->enabled);
    assert_int_equal(bundle->settings->logs->retention_days, 30);
    assert_true(bundle->settings->under_attack);
    bundle_unref(&bundle);
}

static void what_is_missing_is_the_standard(void **state) {
    (void)state;
    struct bundle *bundle = parse(HEAD "\"routes\":[" ROUTE ",\"cache\":{}}]}");
    assert_true(bundle->settings->logs->enabled);
    assert_int_equal(bundle->settings->logs->retention_days, 7);
    assert_false(bundle->settings->logs->include_query);
    assert_null(bundle->routes[0].settings->access);
    assert_true(bundle->routes[0].settings->cache->enabled);
    assert_int_equal(bundle->routes[0].settings->cache->max_ttl_seconds, 86400);
    assert_int_equal(bundle->routes[0].settings->timeouts->first_byte_ms, 60000);
    bundle_unref(&bundle);
}

static const struct {
    const char *payload;
    const char *slug;
    const char *names;
} refusals[] = {
    {WITH_ROUTE("\"name\":\"x\""), "unknown_member", "/routes/0/name"},
    {WITH_ROUTE("\"acces\":{}"), "unknown_member", "/routes/0/acces"},
    {WITH_ROUTE("\"access\":null"), "member_type", "/routes/0/access"},
    {WITH_ROUTE("\"access\":{\"auth\":\"maybe\"}"), "member_value", "/access/auth"},
    {WITH_ROUTE("\"access\":{\"accept\":[]}"), "too_short", "/access/accept"},
    {WITH_ROUTE("\"access\":{\"accept\":[\"session\",\"session\"]}"), "repeated", "/accept"},
    {WITH_ROUTE("\"access\":{\"require\":{\"mfa\":true}}"), "require_without_auth",
     "/access/require"},
    {WITH_ROUTE("\"access\":{\"auth\":\"required\",\"require\":{\"all_permissions\":[\"x y\"]}}"),
     "member_value", "/access/require/all_permissions/0"},
    {WITH_ROUTE("\"access\":{\"auth\":\"required\"},\"redirect\":{\"to\":\"/x\"}"),
     "redirect_with_auth", "/routes/0/redirect"},
    {WITH_ROUTE("\"cors\":{}"), "member_missing", "/cors/origins"},
    {WITH_ROUTE("\"cors\":{\"origins\":[]}"), "too_short", "/cors/origins"},
    {WITH_ROUTE("\"cors\":{\"origins\":[\"*\"],\"credentials\":true}"), "any_with_credentials",
     "/cors/origins"},
    {WITH_ROUTE("\"cors\":{\"origins\":[\"*\",\"https://a.b\"]}"), "any_and_more", "/cors/origins"},
    {WITH_ROUTE("\"cors\":{\"origins\":[\"https://a.b/\"]}"), "member_value", "/cors/origins/0"},
    {WITH_ROUTE("\"cors\":{\"origins\":[\"https://*.com\"]}"), "member_value", "/cors/origins/0"},
    {WITH_ROUTE("\"cors\":{\"origins\":[\"null\"]}"), "member_value", "/cors/origins/0"},
    {WITH_ROUTE("\"cors\":{\"origins\":[\"https://A.b\"]}"), "member_value", "/cors/origins/0"},
    {WITH_ROUTE("\"cors\":{\"origins\":[\"*\"],\"methods\":[\"get\"]}"), "member_value",
     "/cors/methods/0"},
    {WITH_ROUTE("\"cors\":{\"origins\":[\"*\"],\"max_age_seconds\":86401}"), "member_value",
     "/cors/max_age_seconds"},
    {WITH_ROUTE("\"ip\":{\"allow\":[\"192.0.2.1/24\"]}"), "cidr_invalid", "/ip/allow/0"},
    {WITH_ROUTE("\"ip\":{\"allow\":[\"192.0.2.0/33\"]}"), "cidr_invalid", "/ip/allow/0"},
    {WITH_ROUTE("\"ip\":{\"deny\":[\"example.com\"]}"), "cidr_invalid", "/ip/deny/0"},
    {WITH_ROUTE("\"ip\":{\"deny\":[7]}"), "cidr_invalid", "/ip/deny/0"},
    {WITH_ROUTE("\"limits\":{\"rates\":[{\"requests\":0}]}"), "member_value",
     "/limits/rates/0/requests"},
    {WITH_ROUTE("\"limits\":{\"rates\":[{\"requests\":1,\"key\":\"header\"}]}"), "member_missing",
     "/limits/rates/0/header"},
    {WITH_ROUTE("\"limits\":{\"rates\":[{\"requests\":1,\"header\":\"x-a\"}]}"),
     "header_without_key", "/limits/rates/0/header"},
    {WITH_ROUTE("\"limits\":{\"body_bytes_max\":1.5}"), "member_value", "/limits/body_bytes_max"},
    {WITH_ROUTE("\"cache\":{\"default_ttl_seconds\":10,\"max_ttl_seconds\":9}"), "member_value",
     "/cache/default_ttl_seconds"},
    {WITH_ROUTE("\"waf\":{\"paranoia_level\":5}"), "member_value", "/waf/paranoia_level"},
    {WITH_ROUTE("\"waf\":{\"excluded_rules\":[1,1]}"), "repeated", "/waf/excluded_rules/1"},
    {WITH_ROUTE("\"header_rules\":{\"request\":[{\"name\":\"host\",\"value\":\"x\"}]}"),
     "member_value", "/header_rules/request/0/name"},
    {WITH_ROUTE("\"header_rules\":{\"request\":[{\"name\":\"warpgate-user\",\"value\":\"x\"}]}"),
     "member_value", "/header_rules/request/0/name"},
    {WITH_ROUTE("\"header_rules\":{\"request\":[{\"name\":\"x_real_ip\",\"value\":\"x\"}]}"),
     "member_value", "/header_rules/request/0/name"},
    {WITH_ROUTE("\"header_rules\":{\"request\":[{\"name\":\"x-a\"}]}"), "member_missing",
     "/header_rules/request/0/value"},
    {WITH_ROUTE("\"header_rules\":{\"response\":[{\"name\":\"x-a\",\"value\":\"a\\r\\nb: c\"}]}"),
     "control_character", "/header_rules/response/0/value"},
    {WITH_ROUTE("\"redirect\":{\"to\":\"//evil.example\"}"), "member_value", "/redirect/to"},
    {WITH_ROUTE("\"redirect\":{\"to\":\"javascript:alert(1)\"}"), "member_value", "/redirect/to"},
    {WITH_ROUTE("\"redirect\":{\"to\":\"https://a.b@c.d/\"}"), "member_value", "/redirect/to"},
    {WITH_ROUTE("\"redirect\":{\"to\":\"/\",\"status\":304}"), "member_value", "/redirect/status"},
    {WITH_ROUTE("\"redirect\":{\"to\":\"/?a\",\"keep_path\":true}"), "redirect_ends",
     "/redirect/to"},
    {WITH_ROUTE("\"error_pages\":{\"text\":\"#12345\"}"), "too_short", "/error_pages/text"},
    {WITH_ROUTE("\"error_pages\":{\"text\":\"red;}a{\"}"), "member_value", "/error_pages/text"},
    {WITH_ROUTE("\"error_pages\":{\"pages\":[{\"status\":404},{\"status\":404}]}"), "repeated",
     "/error_pages/pages"},
    {WITH_ROUTE("\"maintenance\":{\"retry_after_seconds\":0}"), "member_value",
     "/maintenance/retry_after_seconds"},
    {WITH_SETTINGS("\"logs\":{\"retention_days\":91}"), "member_value",
     "/settings/logs/retention_days"},
    {WITH_SETTINGS("\"colour\":1"), "unknown_member", "/settings/colour"},
    {HEAD "\"routes\":[],\"settings\":[]}", "member_type", "/settings"},
};

static void refuses_and_names_the_member(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct bundle *bundle = NULL;
        struct why why = {0};
        assert_int_equal(bundle_parse(str_from(refusals[i].payload), &bundle, &why),
                         STATUS_INVALID);
        print_message("%s: %s\n", why.slug, why.text);
        assert_string_equal(why.slug, refusals[i].slug);
        assert_non_null(strstr(why.text, refusals[i].names));
    }
}

static enum bundle_verdict judge(const char *payload, const char *address) {
    struct bundle *bundle = parse(payload);
    struct route_matcher *matcher = route_matcher_new(bundle->program);
    const struct bundle_route *route = NULL;
    struct arena arena;
    struct why why = {0};
    arena_init(&arena);
    enum bundle_verdict verdict =
        bundle_judge(bundle, matcher, STR("b.example"), STR("/x"), &arena, &route, &why);
    if (verdict == BUNDLE_ALLOW) {
        verdict = bundle_judge_address(bundle, route, str_from(address), &why);
    }
    arena_fini(&arena);
    route_matcher_free(&matcher);
    bundle_unref(&bundle);
    return verdict;
}

static void what_cannot_be_kept_lets_nobody_in(void **state) {
    (void)state;
    assert_int_equal(judge(WITH_ROUTE("\"access\":{\"auth\":\"required\"}"), "192.0.2.1"),
                     BUNDLE_NOT_ENFORCED);
    assert_int_equal(judge(WITH_ROUTE("\"access\":{\"auth\":\"optional\"}"), "192.0.2.1"),
                     BUNDLE_ALLOW);
    assert_int_equal(judge(WITH_ROUTE("\"access\":{}"), "192.0.2.1"), BUNDLE_ALLOW);
}

static void addresses_are_judged(void **state) {
    (void)state;
    static const char route[] = WITH_ROUTE(
        "\"ip\":{\"allow\":[\"192.0.2.0/25\",\"2001:db8::/33\"],\"deny\":[\"192.0.2.7\"]}");
    static const char denied[] = WITH_SETTINGS("\"ip\":{\"deny\":[\"203.0.113.0/24\"]}");
    static const struct {
        const char *payload;
        const char *address;
        bool may_come;
    } rows[] = {
        {route, "192.0.2.1", true},        {route, "192.0.2.127", true},
        {route, "192.0.2.128", false},     {route, "192.0.2.7", false},
        {route, "::ffff:192.0.2.1", true}, {route, "::ffff:192.0.2.7", false},
        {route, "2001:db8:7fff::1", true}, {route, "2001:db8:8000::1", false},
        {route, "2001:db8::1%eth0", true}, {route, "", false},
        {route, "nonsense", false},        {denied, "203.0.113.200", false},
        {denied, "203.0.112.200", true},   {denied, "::1", true},
        {denied, "nonsense", false},       {WITH_ROUTE("\"ip\":{}"), "nonsense", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum bundle_verdict verdict = judge(rows[i].payload, rows[i].address);
        if (verdict != (rows[i].may_come ? BUNDLE_ALLOW : BUNDLE_BAD_ADDRESS)) {
            fail_msg("%s: %d", rows[i].address, verdict);
        }
    }
}

/* ---- poison ---- */

static uint64_t seed = 20261120;

static uint32_t draw(uint32_t below) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

/* A few bytes changed, cut, doubled, or moved: never what a signer would write. */
static size_t mutate(char *text, size_t len, size_t size) {
    for (uint32_t i = draw(4) + 1; i > 0 && len > 8; i--) {
        size_t at = draw((uint32_t)len);
        size_t run = draw(40) + 1;
        switch (draw(6)) {
        case 0:
            text[at] = (char)draw(256);
            break;
        case 1:
            text[at] = "{}[],:\"0-9ntf\\"[draw(14)];
            break;
        case 2:
            run = run > len - at ? len - at : run;
            memmove(text + at, text + at + run, len - at - run);
            len -= run;
            break;
        case 3:
            run = run > len - at ? len - at : run;
            if (len + run < size) {
                memmove(text + at + run, text + at, len - at);
                len += run;
            }
            break;
        case 4:
            text[at] = (char)(text[at] ^ (1 << draw(8)));
            break;
        default:
            len = draw(20) == 0 ? at : len;
            break;
        }
    }
    return len;
}

static void nothing_broken_crashes_the_reader(void **state) {
    (void)state;
    static const char *const originals[] = {WITH_ROUTE(EVERYTHING), WITH_SETTINGS(EVERYTHING_ELSE)};
    char text[8192];
    size_t accepted = 0;
    for (size_t i = 0; i < 10000; i++) {
        const char *original = originals[i % 2];
        size_t len = strlen(original);
        struct bundle *bundle = NULL;
        struct why why = {0};
        memcpy(text, original, len);
        len = mutate(text, len, sizeof(text));
        if (bundle_parse(str_make(text, len), &bundle, &why) == STATUS_OK) {
            accepted++;
        } else {
            assert_string_not_equal(why.slug, "");
            assert_null(bundle);
        }
        bundle_unref(&bundle);
    }
    /* Some say just something else; most say nothing. */
    assert_in_range(accepted, 1, 5000);
}

static char *make_routes(size_t count, const char *head) {
    size_t size = strlen(head) + count * 160 + 16;
    char *text = malloc(size);
    size_t len = (size_t)snprintf(text, size, "%s\"routes\":[", head);
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, size - len,
                                "%s{\"id\":\"rt_01jd3m8k6vq2x7r9t4w5%06zu\",\"match\":\"exact\","
                                "\"path\":\"/%zu\",\"upstream\":\"default\"}",
                                i > 0 ? "," : "", i, i);
    }
    (void)snprintf(text + len, size - len, "]}");
    return text;
}

static void too_many_are_refused(void **state) {
    (void)state;
    struct bundle *bundle = NULL;
    struct why why = {0};
    char *text = make_routes(10001, HEAD);
    assert_int_equal(bundle_parse(str_from(text), &bundle, &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "bundle_routes");
    free(text);
    text = make_routes(100000, HEAD);
    assert_int_equal(bundle_parse(str_from(text), &bundle, &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "bundle_too_large");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(what_is_missing_is_the_standard),
        cmocka_unit_test(refuses_and_names_the_member),
        cmocka_unit_test(what_cannot_be_kept_lets_nobody_in),
        cmocka_unit_test(addresses_are_judged),
        cmocka_unit_test(nothing_broken_crashes_the_reader),
        cmocka_unit_test(too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
