#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pki/ca.h"
#include "warpgate/warpgate_trust.h"

#define TARGETS 3

static struct warpgate_target targets[TARGETS];
static struct warpgate_link_tls tls[TARGETS];
static char pem_path[64];
static char named[96];

static int start(void **state) {
    (void)state;
    static const char *const texts[TARGETS] = {"https://a", "b=https://b", "plain=localhost:80"};
    for (size_t i = 0; i < TARGETS; i++) {
        assert_int_equal(warpgate_target_parse(str_from(texts[i]), &targets[i], NULL), STATUS_OK);
        tls[i] = (struct warpgate_link_tls){.any = NULL};
    }
    struct ca *ca = NULL;
    assert_int_equal(ca_new(STR("test"), clock_system(), &ca, NULL), STATUS_OK);
    (void)snprintf(pem_path, sizeof(pem_path), "/tmp/warpgate_trust_test=%d.pem", (int)getpid());
    (void)snprintf(named, sizeof(named), "b=%s", pem_path);
    FILE *file = fopen(pem_path, "w");
    assert_non_null(file);
    assert_true(fwrite(ca_root_pem(ca).at, ca_root_pem(ca).len, 1, file) == 1);
    (void)fclose(file);
    ca_free(&ca);
    return 0;
}

static int stop(void **state) {
    (void)state;
    warpgate_trust_free(tls, TARGETS);
    (void)unlink(pem_path);
    return 0;
}

static enum status make(const char *first, const char *second, struct why *why) {
    const char *const files[] = {first, second};
    size_t count = first == NULL ? 0 : second == NULL ? 1 : 2;
    return warpgate_trust_make(files, count, targets, TARGETS, tls, why);
}

static void expect_refusal(const char *first, const char *second, const char *part) {
    struct why why = {.slug = ""};
    assert_int_equal(make(first, second, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "upstream_ca");
    assert_non_null(strstr(why.text, "--upstream-ca"));
    assert_non_null(strstr(why.text, part));
}

static void test_only_https_has_tls(void **state) {
    (void)state;
    assert_int_equal(make(NULL, NULL, NULL), STATUS_OK);
    assert_non_null(tls[0].any);
    assert_non_null(tls[0].http1);
    assert_ptr_equal(tls[0].any, tls[1].any); /* the system's authorities are large */
    assert_null(tls[2].any);
    assert_null(tls[2].http1);
}

static void test_a_file_without_a_name_is_for_all(void **state) {
    (void)state;
    assert_int_equal(make(pem_path, NULL, NULL), STATUS_OK);
    assert_ptr_equal(tls[0].any, tls[1].any);
}

static void test_a_named_file_is_for_one(void **state) {
    (void)state;
    assert_int_equal(make(named, pem_path, NULL), STATUS_OK);
    assert_ptr_not_equal(tls[0].any, tls[1].any);
}

static void test_what_is_wrong_is_told(void **state) {
    (void)state;
    expect_refusal("/nonexistent/ca.pem", NULL, "cannot be read");
    assert_int_equal(stop(state), 0);
    assert_int_equal(start(state), 0);
    expect_refusal("/proc/self/status", NULL, "no usable PEM");
}

static void test_files_for_nobody_are_told(void **state) {
    (void)state;
    expect_refusal("nobody=/x", NULL, "no https:// upstream named");
    expect_refusal("plain=/x", NULL, "no https:// upstream named");
    expect_refusal(pem_path, pem_path, "without a name");
    expect_refusal(named, named, "has two");
}

static void test_a_file_that_nobody_needs_is_told(void **state) {
    (void)state;
    targets[0].kind = WARPGATE_TARGET_HTTP;
    targets[1].kind = WARPGATE_TARGET_HTTP;
    expect_refusal(pem_path, NULL, "no https:// upstream that it is for");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_only_https_has_tls),        CASE(test_a_file_without_a_name_is_for_all),
        CASE(test_a_named_file_is_for_one),   CASE(test_what_is_wrong_is_told),
        CASE(test_files_for_nobody_are_told), CASE(test_a_file_that_nobody_needs_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
