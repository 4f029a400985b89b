#include "policy/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY "01jd3m8k6vq2x7r9t4w5y6z8ab"
#define BODY_2 "01jd3m8k6vq2x7r9t4w5y6z8ac"
#define HEAD_FORMAT(format) "{\"format\": " format
#define IDS                                                                                        \
    ", \"environment\": \"env_" BODY "\", \"project\": \"prj_" BODY                                \
    "\", \"organization\": \"org_" BODY "\""
#define REVISION ", \"revision\": 7"
#define ISSUED ", \"issued_at\": \"2026-11-20T12:00:00.000Z\""
#define ENABLED ", \"enabled\": true"
#define HOSTS ", \"hostnames\": [\"demo.example.net\", \"www.example.net\"]"
#define ROUTE(id, match, path, upstream)                                                           \
    "{\"id\": \"" id "\", \"match\": \"" match "\", \"path\": \"" path                             \
    "\", \"upstream\": \"" upstream "\"}"
#define ROUTES(list) ", \"routes\": [" list "]"
#define FIRST ROUTE("rt_" BODY, "prefix", "/", "default")
#define GOOD                                                                                       \
    HEAD_FORMAT("1")                                                                               \
    IDS REVISION ISSUED ENABLED HOSTS ROUTES(FIRST                                                 \
                                             ", " ROUTE("rt_" BODY_2, "regexp", "/a+", "b-2")) "}"
#define WITH_ROUTES(list) HEAD_FORMAT("1") IDS REVISION ISSUED ENABLED HOSTS ROUTES(list) "}"
#define WITH_HOSTS(list)                                                                           \
    HEAD_FORMAT("1") IDS REVISION ISSUED ENABLED ", \"hostnames\": " list ROUTES("") "}"

static void reads_a_whole_bundle(void **state) {
    (void)state;
    struct bundle *bundle = NULL;
    struct why why = {0};
    enum status status = bundle_parse(STR(GOOD), &bundle, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(status, STATUS_OK);
    assert_string_equal(bundle->environment.text, "env_" BODY);
    assert_string_equal(bundle->project.text, "prj_" BODY);
    assert_string_equal(bundle->organization.text, "org_" BODY);
    assert_int_equal(bundle->revision, 7);
    assert_int_equal(bundle->issued_at_ms, 1795176000000);
    assert_true(bundle->is_enabled);
    assert_int_equal(bundle->hostname_count, 2);
    assert_true(str_eq(bundle->hostnames[1], STR("www.example.net")));
    assert_int_equal(bundle->route_count, 2);
    assert_string_equal(bundle->routes[1].id.text, "rt_" BODY_2);
    assert_int_equal(bundle->routes[1].match, ROUTE_MATCH_REGEXP);
    assert_true(str_eq(bundle->routes[1].path, STR("/a+")));
    assert_true(str_eq(bundle->routes[1].upstream, STR("b-2")));
    struct bundle *second = bundle_ref(bundle);
    bundle_unref(&bundle);
    assert_null(bundle);
    struct route_matcher *matcher = route_matcher_new(second->program);
    assert_int_equal(route_matcher_match(matcher, STR("/aa")), 0);
    route_matcher_free(&matcher);
    bundle_unref(&second);
    bundle_unref(&second);
}

static void may_be_empty(void **state) {
    (void)state;
    struct bundle *bundle = NULL;
    assert_int_equal(bundle_parse(STR(WITH_HOSTS("[]")), &bundle, NULL), STATUS_OK);
    assert_int_equal(bundle->hostname_count, 0);
    assert_int_equal(bundle->route_count, 0);
    bundle_unref(&bundle);
}

struct refusal {
    struct str payload;
    enum status status;
    const char *slug;
    const char *names; /* must occur in the text */
};

static const struct refusal refusals[] = {
    {STR_INIT(""), STATUS_INVALID, "json_invalid", ""},
    {STR_INIT("[]"), STATUS_INVALID, NULL, ""},
    {STR_INIT("{}"), STATUS_INVALID, "member_missing", "format"},
    {STR_INIT("{\"format\": \"1\"}"), STATUS_INVALID, "member_type", "format"},
    {STR_INIT("{\"format\": 2, \"new\": 1}"), STATUS_UNSUPPORTED, "bundle_format", "1"},
    {STR_INIT("{\"format\": 1, \"format\": 1}"), STATUS_INVALID, "json_invalid", ""},
    {STR_INIT(HEAD_FORMAT("1") ", \"new\": 1}"), STATUS_INVALID, "unknown_member", "new"},
    {STR_INIT(HEAD_FORMAT("1") "}"), STATUS_INVALID, "member_missing", "environment"},
    {STR_INIT(HEAD_FORMAT("1") ", \"environment\": \"prj_" BODY "\"}"), STATUS_INVALID, "bundle_id",
     "/environment"},
    {STR_INIT(HEAD_FORMAT("1") IDS "}"), STATUS_INVALID, "member_missing", "revision"},
    {STR_INIT(HEAD_FORMAT("1") IDS ", \"revision\": 0}"), STATUS_INVALID, "bundle_revision",
     "/revision"},
    {STR_INIT(HEAD_FORMAT("1") IDS ", \"revision\": -1}"), STATUS_INVALID, "member_type",
     "revision"},
    {STR_INIT(HEAD_FORMAT("1") IDS ", \"revision\": 9007199254740993}"), STATUS_INVALID,
     "member_type", "revision"},
    {STR_INIT(HEAD_FORMAT("1") IDS REVISION ", \"issued_at\": \"today\"}"), STATUS_INVALID,
     "bundle_issued_at", "/issued_at"},
    {STR_INIT(HEAD_FORMAT("1") IDS REVISION ISSUED "}"), STATUS_INVALID, "member_missing",
     "enabled"},
    {STR_INIT(HEAD_FORMAT("1") IDS REVISION ISSUED ", \"enabled\": 1}"), STATUS_INVALID,
     "member_type", "enabled"},
    {STR_INIT(HEAD_FORMAT("1") IDS REVISION ISSUED ENABLED "}"), STATUS_INVALID, "member_missing",
     "hostnames"},
    {STR_INIT(WITH_HOSTS("{}")), STATUS_INVALID, "member_type", "hostnames"},
    {STR_INIT(WITH_HOSTS("[1]")), STATUS_INVALID, "bundle_hostnames", "/hostnames/0"},
    {STR_INIT(WITH_HOSTS("[\"a\", \"a\"]")), STATUS_INVALID, "bundle_hostnames", "/hostnames/1"},
    {STR_INIT(WITH_HOSTS("[\"a\", \"B\"]")), STATUS_INVALID, "host_not_canonical", "/hostnames/1"},
    {STR_INIT(WITH_HOSTS("[\"127.0.0.1\"]")), STATUS_INVALID, "host_is_address", "/hostnames/0"},
    {STR_INIT(HEAD_FORMAT("1") IDS REVISION ISSUED ENABLED HOSTS "}"), STATUS_INVALID,
     "member_missing", "routes"},
    {STR_INIT(WITH_ROUTES("1")), STATUS_INVALID, NULL, "/routes/0"},
    {STR_INIT(WITH_ROUTES("{}")), STATUS_INVALID, "member_missing", "/routes/0"},
    {STR_INIT(WITH_ROUTES("{\"new\": 1}")), STATUS_INVALID, "member_missing", "/routes/0"},
    {STR_INIT(WITH_ROUTES(FIRST ", " FIRST)), STATUS_INVALID, "bundle_route_id", "/routes/1"},
    {STR_INIT(WITH_ROUTES(ROUTE("env_" BODY, "exact", "/", "default"))), STATUS_INVALID,
     "bundle_route_id", "/routes/0"},
    {STR_INIT(WITH_ROUTES(ROUTE("rt_" BODY, "glob", "/", "default"))), STATUS_INVALID,
     "bundle_match", "/routes/0"},
    {STR_INIT(WITH_ROUTES(ROUTE("rt_" BODY, "exact", "/", ""))), STATUS_INVALID, "bundle_upstream",
     "/routes/0"},
    {STR_INIT(WITH_ROUTES(ROUTE("rt_" BODY, "exact", "/", "localhost:80"))), STATUS_INVALID,
     "bundle_upstream", "/routes/0"},
    {STR_INIT(WITH_ROUTES(ROUTE("rt_" BODY, "exact", "a", "default"))), STATUS_INVALID,
     "path_malformed", "/routes/0/path"},
    {STR_INIT(WITH_ROUTES(FIRST ", " ROUTE("rt_" BODY_2, "regexp", "(?i)/", "default"))),
     STATUS_UNSUPPORTED, "regexp_flags", "/routes/1/path"},
    {STR_INIT(WITH_ROUTES(ROUTE("rt_" BODY, "regexp", "/((a{99}){99}){99}", "default"))),
     STATUS_TOO_LARGE, "regexp_states", "/routes/0/path"},
};

static void refuses_and_names_the_member(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct bundle *bundle = NULL;
        struct why why = {0};
        enum status status = bundle_parse(refusals[i].payload, &bundle, &why);
        print_message("%s: %s\n", why.slug, why.text);
        assert_int_equal(status, refusals[i].status);
        assert_null(bundle);
        if (refusals[i].slug != NULL) {
            assert_string_equal(why.slug, refusals[i].slug);
        }
        assert_non_null(strstr(why.text, refusals[i].names));
    }
}

static int write_host(char *out, size_t size, size_t number) {
    return snprintf(out, size, "\"h%zu\"", number);
}

static int write_route(char *out, size_t size, size_t number) {
    return snprintf(out, size, ROUTE("rt_01jd3m8k6vq2x7r9t4w5y%05zu", "exact", "/", "default"),
                    number);
}

/* `count` members between `head` and `tail`. */
static enum status parse_many(const char *head, int (*write)(char *out, size_t size, size_t number),
                              size_t count, const char *tail, struct why *why) {
    size_t size = strlen(head) + strlen(tail) + count * 128 + 1;
    char *text = malloc(size);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, size, "%s", head);
    for (size_t i = 0; i < count; i++) {
        text[len] = ',';
        len += i > 0;
        len += (size_t)write(text + len, size - len, i);
    }
    len += (size_t)snprintf(text + len, size - len, "%s", tail);
    struct bundle *bundle = NULL;
    enum status status = bundle_parse(str_make(text, len), &bundle, why);
    bundle_unref(&bundle);
    free(text);
    return status;
}

static void is_limited(void **state) {
    (void)state;
    const char *hosts = HEAD_FORMAT("1") IDS REVISION ISSUED ENABLED ", \"hostnames\": [";
    const char *routes = HEAD_FORMAT("1") IDS REVISION ISSUED ENABLED HOSTS ", \"routes\": [";
    const char *end = "], \"routes\": []}";
    struct why why = {0};
    assert_int_equal(parse_many(hosts, write_host, 64, end, &why), STATUS_OK);
    assert_int_equal(parse_many(hosts, write_host, 65, end, &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "bundle_hostnames");
    assert_int_equal(parse_many(routes, write_route, 10000, "]}", &why), STATUS_OK);
    assert_int_equal(parse_many(routes, write_route, 10001, "]}", &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "bundle_routes");
    assert_int_equal(parse_many("[", write_host, 500000, "]", &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "bundle_too_large");
}

static void judges_upstream_names(void **state) {
    (void)state;
    static const char longest[] =
        "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxyz";
    assert_true(bundle_is_upstream_name(STR("default")));
    assert_true(bundle_is_upstream_name(STR("api-2")));
    assert_true(bundle_is_upstream_name(str_make(longest, 63)));
    assert_false(bundle_is_upstream_name(str_make(longest, 64)));
    assert_false(bundle_is_upstream_name(STR_EMPTY));
    assert_false(bundle_is_upstream_name(STR("API")));
    assert_false(bundle_is_upstream_name(STR("a.b")));
    assert_false(bundle_is_upstream_name(STR("a_b")));
    assert_false(bundle_is_upstream_name(STR("a\0")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_whole_bundle),         cmocka_unit_test(may_be_empty),
        cmocka_unit_test(refuses_and_names_the_member), cmocka_unit_test(is_limited),
        cmocka_unit_test(judges_upstream_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
