#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pki/key.h"
#include "tunnel/signed_bundle.h"
#include "warpgate/warpgate_policy.h"

#define ENV "env_01jd3m8k6vq2x7r9t4w5y6z8ab"
#define OTHER_ENV "env_01jd3m8k6vq2x7r9t4w5y6z8ac"

static EVP_PKEY *key;
static struct warpgate_policy policy;
static struct id environment = {ENV};
static struct buf jws;

static void sign_bundle(const char *env, unsigned revision, const char *enabled, const char *path) {
    char payload[1024];
    (void)snprintf(
        payload, sizeof(payload),
        "{\"format\":1,\"environment\":\"%s\",\"project\":\"prj_01jd3m8k6vq2x7r9t4w5y6z8ab\","
        "\"organization\":\"org_01jd3m8k6vq2x7r9t4w5y6z8ab\",\"revision\":%u,"
        "\"issued_at\":\"2026-11-20T12:00:00.000Z\",\"enabled\":%s,\"hostnames\":[\"demo.example."
        "net\"],"
        "\"routes\":[{\"id\":\"rt_01jd3m8k6vq2x7r9t4w5y6z8ab\",\"match\":\"prefix\",\"path\":\"%"
        "s\","
        "\"upstream\":\"default\"}]}",
        env, revision, enabled, path);
    buf_clear(&jws);
    assert_int_equal(jws_sign(key, STR(SIGNED_BUNDLE_TYPE), str_from(payload), &jws), STATUS_OK);
}

static int start(void **state) {
    (void)state;
    struct jws_keys keys;
    struct buf jwks;
    key = key_new();
    buf_init(&jws, 65536);
    buf_init(&jwks, 65536);
    jws_keys_init(&keys);
    warpgate_policy_init(&policy);
    bool is_good = jws_keys_add(&keys, key) == STATUS_OK &&
                   jws_keys_write(&keys, &jwks) == STATUS_OK &&
                   warpgate_policy_trust(&policy, buf_str(&jwks), &environment, NULL) == STATUS_OK;
    jws_keys_fini(&keys);
    buf_fini(&jwks);
    return is_good ? 0 : 1;
}

static int stop(void **state) {
    (void)state;
    warpgate_policy_fini(&policy);
    EVP_PKEY_free(key);
    buf_fini(&jws);
    return 0;
}

static void expect_apply(enum status expected, bool expected_new, const char *slug) {
    struct why why = {.slug = ""};
    bool is_new;
    assert_int_equal(warpgate_policy_apply(&policy, buf_str(&jws), &is_new, &why), expected);
    assert_int_equal(is_new, expected_new);
    if (expected != STATUS_OK) {
        assert_string_equal(why.slug, slug);
    }
}

static struct warpgate_verdict judge(const char *env, const char *authority, const char *path) {
    struct arena arena;
    struct http_head head = {
        .method = STR("GET"), .authority = str_from(authority), .path = str_from(path)};
    arena_init(&arena);
    struct warpgate_verdict verdict = warpgate_policy_judge(&policy, str_from(env), &head, &arena);
    arena_fini(&arena);
    return verdict;
}

static void expect_refusal(const char *env, const char *authority, const char *path,
                           unsigned status, const char *slug) {
    struct warpgate_verdict verdict = judge(env, authority, path);
    assert_false(verdict.is_allowed);
    assert_int_equal(verdict.status, status);
    assert_string_equal(verdict.slug, slug);
}

static void test_only_newer_bundles_of_our_own_are_applied(void **state) {
    (void)state;
    sign_bundle(ENV, 7, "true", "/");
    expect_apply(STATUS_OK, true, "");
    expect_apply(STATUS_OK, false, "");
    sign_bundle(ENV, 6, "true", "/");
    expect_apply(STATUS_CONFLICT, false, "bundle_rollback");
    sign_bundle(OTHER_ENV, 9, "true", "/");
    expect_apply(STATUS_DENIED, false, "bundle_foreign");
    assert_int_equal(warpgate_policy_revision(&policy), 7);
    sign_bundle(ENV, 8, "true", "/");
    expect_apply(STATUS_OK, true, "");
    assert_int_equal(warpgate_policy_revision(&policy), 8);
}

static void test_forged_bundles_change_nothing(void **state) {
    (void)state;
    sign_bundle(ENV, 7, "true", "/");
    expect_apply(STATUS_OK, true, "");
    EVP_PKEY *ours = key;
    key = key_new();
    sign_bundle(ENV, 8, "true", "/");
    EVP_PKEY_free(key);
    key = ours;
    expect_apply(STATUS_DENIED, false, "jws_unknown_key");
    buf_clear(&jws);
    assert_int_equal(buf_append_str(&jws, STR("a.b.c")), STATUS_OK);
    struct why why;
    bool is_new;
    assert_int_not_equal(warpgate_policy_apply(&policy, buf_str(&jws), &is_new, &why), STATUS_OK);
    assert_int_equal(warpgate_policy_revision(&policy), 7);
    assert_true(judge(ENV, "demo.example.net", "/").is_allowed);
}

static void test_the_second_line_judges_again(void **state) {
    (void)state;
    expect_refusal(ENV, "demo.example.net", "/", 503, "not_ready");
    sign_bundle(ENV, 1, "true", "/api/");
    expect_apply(STATUS_OK, true, "");
    struct warpgate_verdict verdict = judge(ENV, "Demo.Example.NET:8443", "/api/x?y=1");
    assert_true(verdict.is_allowed);
    assert_true(str_eq(verdict.upstream, STR("default")));
    expect_refusal(OTHER_ENV, "demo.example.net", "/api/x", 421, "environment_mismatch");
    expect_refusal("", "demo.example.net", "/api/x", 421, "environment_mismatch");
    expect_refusal(ENV, "other.example.net", "/api/x", 421, "wrong_host");
    expect_refusal(ENV, "demo.example.net", "/other", 404, "no_route");
    expect_refusal(ENV, "demo.example.net", "/api/../other", 400, "bad_path");
    expect_refusal(ENV, "demo.example.net", "/api/%2e%2e/other", 400, "bad_path");
    sign_bundle(ENV, 2, "false", "/api/");
    expect_apply(STATUS_OK, true, "");
    expect_refusal(ENV, "demo.example.net", "/api/x", 503, "environment_disabled");
}

static void test_another_environment_forgets_the_bundle(void **state) {
    (void)state;
    sign_bundle(ENV, 7, "true", "/");
    expect_apply(STATUS_OK, true, "");
    struct id other = {OTHER_ENV};
    struct buf jwks;
    buf_init(&jwks, 65536);
    assert_int_equal(jws_keys_write(&policy.keys, &jwks), STATUS_OK);
    assert_int_equal(warpgate_policy_trust(&policy, buf_str(&jwks), &other, NULL), STATUS_OK);
    assert_int_equal(warpgate_policy_revision(&policy), 0);
    assert_int_not_equal(warpgate_policy_trust(&policy, STR("{}"), &environment, NULL), STATUS_OK);
    assert_string_equal(policy.environment.text, OTHER_ENV);
    buf_fini(&jwks);
}

/* Behind the path of the only route; `members` ends in a text without its closing quote. */
#define AND(members) "/\",\"" members

static void test_a_route_for_users_lets_nobody_in_yet(void **state) {
    (void)state;
    sign_bundle(ENV, 7, "true", AND("access\":{\"auth\":\"required\"},\"security_headers\":\"off"));
    expect_apply(STATUS_OK, true, "");
    expect_refusal(ENV, "demo.example.net", "/", 503, "policy_not_enforced");
}

static void test_addresses_are_judged_again(void **state) {
    (void)state;
    static const struct {
        const char *address;
        bool may_come;
    } rows[] = {{"192.0.2.7", true}, {"192.0.3.7", false}, {"", false}, {NULL, false}};
    sign_bundle(ENV, 7, "true",
                AND("ip\":{\"allow\":[\"192.0.2.0/24\"]},\"security_headers\":\"off"));
    expect_apply(STATUS_OK, true, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        struct http_head head = {
            .method = STR("GET"), .authority = STR("demo.example.net"), .path = STR("/")};
        arena_init(&arena);
        if (rows[i].address != NULL) {
            http_fields_add(&head.fields, &arena, STR("x-forwarded-for"),
                            str_from(rows[i].address));
        }
        struct warpgate_verdict verdict =
            warpgate_policy_judge(&policy, str_from(ENV), &head, &arena);
        assert_int_equal(verdict.is_allowed, rows[i].may_come);
        if (!verdict.is_allowed) {
            assert_int_equal(verdict.status, 403);
            assert_string_equal(verdict.slug, "address_refused");
        }
        arena_fini(&arena);
    }
}

/* Signed by whom it should be, and wrong all the same: the last good one stays. */
static void test_poison_changes_nothing(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *slug;
    } poisons[] = {
        {AND("color\":\"red"), "unknown_member"},
        {AND("cors\":{\"origins\":[]},\"security_headers\":\"off"), "too_short"},
        {AND("ip\":{\"deny\":[\"nonsense\"]},\"security_headers\":\"off"), "cidr_invalid"},
        {AND("security_headers\":\"wrong"), "member_value"},
        {"x", "path_malformed"},
        {"/\xff", "json_invalid"},
    };
    sign_bundle(ENV, 7, "true", "/");
    expect_apply(STATUS_OK, true, "");
    for (size_t i = 0; i < sizeof(poisons) / sizeof(poisons[0]); i++) {
        sign_bundle(ENV, 8, "true", poisons[i].path);
        expect_apply(STATUS_INVALID, false, poisons[i].slug);
        assert_int_equal(warpgate_policy_revision(&policy), 7);
        assert_true(judge(ENV, "demo.example.net", "/").is_allowed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_newer_bundles_of_our_own_are_applied, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_forged_bundles_change_nothing, start, stop),
        cmocka_unit_test_setup_teardown(test_a_route_for_users_lets_nobody_in_yet, start, stop),
        cmocka_unit_test_setup_teardown(test_addresses_are_judged_again, start, stop),
        cmocka_unit_test_setup_teardown(test_poison_changes_nothing, start, stop),
        cmocka_unit_test_setup_teardown(test_the_second_line_judges_again, start, stop),
        cmocka_unit_test_setup_teardown(test_another_environment_forgets_the_bundle, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
