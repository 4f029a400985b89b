#include "policy/bundle_option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY "01jd3m8k6vq2x7r9t4w5y6z8ab"
#define BEFORE_ROUTES                                                                              \
    "{\"format\": 1, \"environment\": \"env_" BODY "\", \"project\": \"prj_" BODY                  \
    "\", \"organization\": \"org_" BODY                                                            \
    "\", \"revision\": 7, \"issued_at\": \"2026-11-20T12:00:00.000Z\", \"enabled\": true, "        \
    "\"hostnames\": [\"a.example\"], \"routes\": ["
#define WITH_ROUTE(members)                                                                        \
    BEFORE_ROUTES "{\"id\": \"rt_" BODY                                                            \
                  "\", \"match\": \"prefix\", \"path\": \"/\", \"upstream\": \"default\"" members  \
                  "}]}"
#define WITH_TIMEOUTS(members) WITH_ROUTE(", \"timeouts\": " members)
#define WITH_CHECKS(list) BEFORE_ROUTES "], \"health_checks\": " list "}"
#define CHECK_OF(upstream, path, interval, timeout)                                                \
    "{\"upstream\": \"" upstream "\", \"path\": \"" path "\", \"interval_ms\": " interval          \
    ", \"timeout_ms\": " timeout "}"
#define CHECK(upstream) CHECK_OF(upstream, "/healthz?full=1", "10000", "3000")

static struct bundle *parse(struct str payload) {
    struct bundle *bundle = NULL;
    struct why why = {0};
    enum status status = bundle_parse(payload, &bundle, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(status, STATUS_OK);
    return bundle;
}

static void assert_timeouts(struct str payload, uint32_t connect_ms, uint32_t first_byte_ms,
                            uint32_t idle_ms) {
    struct bundle *bundle = parse(payload);
    assert_int_equal(bundle->routes[0].timeouts.connect_ms, connect_ms);
    assert_int_equal(bundle->routes[0].timeouts.first_byte_ms, first_byte_ms);
    assert_int_equal(bundle->routes[0].timeouts.idle_ms, idle_ms);
    bundle_unref(&bundle);
}

static void what_is_missing_has_a_standard(void **state) {
    (void)state;
    struct bundle *bundle = parse(STR(WITH_ROUTE("")));
    assert_false(bundle->routes[0].is_sticky);
    assert_int_equal(bundle->health_check_count, 0);
    bundle_unref(&bundle);
    assert_timeouts(STR(WITH_ROUTE("")), 5000, 60000, 0);
    assert_timeouts(STR(WITH_TIMEOUTS("{}")), 5000, 60000, 0);
    assert_timeouts(STR(WITH_TIMEOUTS("{\"first_byte_ms\": 100}")), 5000, 100, 0);
}

static void reads_timeouts(void **state) {
    (void)state;
    assert_timeouts(
        STR(WITH_TIMEOUTS("{\"connect_ms\": 100, \"first_byte_ms\": 3600000, \"idle_ms\": 1000}")),
        100, 3600000, 1000);
    assert_timeouts(
        STR(WITH_TIMEOUTS("{\"connect_ms\": 60000, \"first_byte_ms\": 100, \"idle_ms\": 0}")),
        60000, 100, 0);
    assert_timeouts(STR(WITH_TIMEOUTS("{\"idle_ms\": 86400000}")), 5000, 60000, 86400000);
}

static void reads_stickiness(void **state) {
    (void)state;
    struct bundle *bundle = parse(STR(WITH_ROUTE(", \"sticky\": true")));
    assert_true(bundle->routes[0].is_sticky);
    bundle_unref(&bundle);
    bundle = parse(STR(WITH_ROUTE(", \"sticky\": false")));
    assert_false(bundle->routes[0].is_sticky);
    bundle_unref(&bundle);
}

static void reads_health_checks(void **state) {
    (void)state;
    struct bundle *bundle =
        parse(STR(WITH_CHECKS("[" CHECK("default") ", " CHECK_OF("b-2", "/", "1000", "1000") "]")));
    assert_int_equal(bundle->health_check_count, 2);
    assert_true(str_eq(bundle->health_checks[0].upstream, STR("default")));
    assert_true(str_eq(bundle->health_checks[0].path, STR("/healthz?full=1")));
    assert_int_equal(bundle->health_checks[0].interval_ms, 10000);
    assert_int_equal(bundle->health_checks[0].timeout_ms, 3000);
    assert_true(str_eq(bundle->health_checks[1].upstream, STR("b-2")));
    assert_int_equal(bundle->health_checks[1].interval_ms, 1000);
    bundle_unref(&bundle);
    bundle = parse(STR(WITH_CHECKS("[]")));
    assert_int_equal(bundle->health_check_count, 0);
    bundle_unref(&bundle);
}

static const struct {
    struct str payload;
    const char *slug;
    const char *names;
} refusals[] = {
    {STR_INIT(WITH_TIMEOUTS("null")), "member_type", "/routes/0/timeouts"},
    {STR_INIT(WITH_TIMEOUTS("[]")), "member_type", "/timeouts"},
    {STR_INIT(WITH_TIMEOUTS("{\"total_ms\": 1}")), "unknown_member", "/total_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"connect_ms\": null}")), "member_value", "/connect_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"connect_ms\": 100.0}")), "member_value", "/connect_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"connect_ms\": -1}")), "member_value", "/connect_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"connect_ms\": 99}")), "member_value", "/connect_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"connect_ms\": 0}")), "member_value", "/connect_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"connect_ms\": 60001}")), "member_value", "100 to 60000"},
    {STR_INIT(WITH_TIMEOUTS("{\"first_byte_ms\": 99}")), "member_value", "/first_byte_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"first_byte_ms\": 3600001}")), "member_value", "/first_byte_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"idle_ms\": 1}")), "member_value", "0 or an integer from 1000"},
    {STR_INIT(WITH_TIMEOUTS("{\"idle_ms\": 999}")), "member_value", "/idle_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"idle_ms\": 86400001}")), "member_value", "/idle_ms"},
    {STR_INIT(WITH_TIMEOUTS("{\"idle_ms\": 4294967297}")), "member_value", "/idle_ms"},
    {STR_INIT(WITH_ROUTE(", \"sticky\": 1")), "member_type", "/sticky"},
    {STR_INIT(WITH_ROUTE(", \"sticky\": null")), "member_type", "/sticky"},
    {STR_INIT(WITH_CHECKS("{}")), "member_type", "/health_checks"},
    {STR_INIT(WITH_CHECKS("[1]")), "unknown_member", "/health_checks/0"},
    {STR_INIT(WITH_CHECKS("[{\"name\": 1}]")), "unknown_member", "/name"},
    {STR_INIT(WITH_CHECKS("[{}]")), "member_missing", "/upstream"},
    {STR_INIT(WITH_CHECKS("[{\"upstream\": \"a\", \"path\": \"/\"}]")), "member_missing",
     "/interval_ms"},
    {STR_INIT(WITH_CHECKS("[" CHECK("Default") "]")), "bundle_health_checks", "/upstream"},
    {STR_INIT(WITH_CHECKS("[" CHECK("a") ", " CHECK("a") "]")), "bundle_health_checks",
     "/health_checks/1: /upstream"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "", "1000", "100") "]")), "bundle_health_checks",
     "/path"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "*", "1000", "100") "]")), "bundle_health_checks",
     "/path"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/ HTTP/1.1", "1000", "100") "]")),
     "bundle_health_checks", "/path"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/\\r\\nx: y", "1000", "100") "]")),
     "bundle_health_checks", "/path"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/#x", "1000", "100") "]")), "bundle_health_checks",
     "/path"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/\xc3\xa9", "1000", "100") "]")),
     "bundle_health_checks", "/path"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/", "999", "100") "]")), "bundle_health_checks",
     "/interval_ms"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/", "3600001", "100") "]")), "bundle_health_checks",
     "/interval_ms"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/", "1000", "99") "]")), "bundle_health_checks",
     "/timeout_ms"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/", "100000", "60001") "]")), "bundle_health_checks",
     "/timeout_ms"},
    {STR_INIT(WITH_CHECKS("[" CHECK_OF("a", "/", "1000", "1001") "]")), "bundle_health_checks",
     "/timeout_ms"},
};

static void refuses_and_names_the_member(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct bundle *bundle = NULL;
        struct why why = {0};
        enum status status = bundle_parse(refusals[i].payload, &bundle, &why);
        print_message("%s: %s\n", why.slug, why.text);
        assert_int_equal(status, STATUS_INVALID);
        assert_null(bundle);
        assert_string_equal(why.slug, refusals[i].slug);
        assert_non_null(strstr(why.text, refusals[i].names));
    }
}

static enum status parse_checks(size_t count, struct why *why) {
    size_t size = (count + 8) * 128;
    char *text = malloc(size);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, size, "%s], \"health_checks\": [", BEFORE_ROUTES);
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, size - len, "%s" CHECK_OF("u%zu", "/", "1000", "1000"),
                                i > 0 ? "," : "", i);
    }
    len += (size_t)snprintf(text + len, size - len, "]}");
    struct bundle *bundle = NULL;
    enum status status = bundle_parse(str_make(text, len), &bundle, why);
    bundle_unref(&bundle);
    free(text);
    return status;
}

static void is_limited(void **state) {
    (void)state;
    struct why why = {0};
    assert_int_equal(parse_checks(32, &why), STATUS_OK);
    assert_int_equal(parse_checks(33, &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "bundle_health_checks");
}

static void limits_the_path_of_a_check(void **state) {
    (void)state;
    char longest[1025];
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    assert_true(bundle_is_check_path(str_make(longest, 1024)));
    assert_false(bundle_is_check_path(str_make(longest, 1025)));
    assert_false(bundle_is_check_path(STR_EMPTY));
    assert_false(bundle_is_check_path(STR("/\x7f")));
    assert_false(bundle_is_check_path(STR("/a\0b")));
    assert_false(bundle_is_check_path(STR("http://a/")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_has_a_standard),
        cmocka_unit_test(reads_timeouts),
        cmocka_unit_test(reads_stickiness),
        cmocka_unit_test(reads_health_checks),
        cmocka_unit_test(refuses_and_names_the_member),
        cmocka_unit_test(is_limited),
        cmocka_unit_test(limits_the_path_of_a_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
