#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/api_key.h"
#include "warpgate/warpgate_settings.h"

static struct secret token;
static const char *upstreams[WARPGATE_UPSTREAMS_MAX + 1] = {"localhost:8080"};
static struct warpgate_config config;

static int start(void **state) {
    (void)state;
    api_key_new(random_system(), &token);
    config = (struct warpgate_config){
        .token = &token,
        .upstreams = upstreams,
        .upstream_count = 1,
        .control_url = "https://api.example.net",
    };
    return 0;
}

static void expect(enum status expected, const char *slug) {
    struct warpgate_settings settings;
    struct why why = {.slug = ""};
    assert_int_equal(warpgate_settings_read(&config, &settings, &why), expected);
    assert_string_equal(why.slug, slug);
    assert_null(strstr(why.text, token.text[0] != '\0' ? token.text : "\n"));
    warpgate_settings_fini(&settings);
}

static void test_a_good_configuration_is_read(void **state) {
    (void)state;
    struct warpgate_settings settings;
    config.control_url = "https://api.example.net:8443/";
    config.environment = "staging";
    assert_int_equal(warpgate_settings_read(&config, &settings, NULL), STATUS_OK);
    assert_string_equal(settings.control_host, "api.example.net");
    assert_int_equal(settings.control_port, 8443);
    assert_string_equal(settings.environment, "staging");
    assert_int_equal(settings.target_count, 1);
    assert_true(strlen(settings.name) > 0);
    assert_true(strncmp(settings.platform, "linux/", 6) == 0);
    warpgate_settings_fini(&settings);
}

static void test_the_default_port_is_443(void **state) {
    (void)state;
    struct warpgate_settings settings;
    assert_int_equal(warpgate_settings_read(&config, &settings, NULL), STATUS_OK);
    assert_int_equal(settings.control_port, 443);
    warpgate_settings_fini(&settings);
}

static void test_tokens_are_judged_before_any_network(void **state) {
    (void)state;
    token.text[10] = token.text[10] == 'a' ? 'b' : 'a';
    expect(STATUS_DENIED, "key_checksum");
    assert_int_equal(secret_set(&token, STR("short")), STATUS_OK);
    expect(STATUS_DENIED, "key_length");
    secret_fini(&token);
    expect(STATUS_INVALID, "token_missing");
}

static void test_wrong_urls_are_refused(void **state) {
    (void)state;
    static const char *const urls[] = {"http://api.example.net",
                                       "api.example.net",
                                       "https://",
                                       "https:///",
                                       "https://a/b",
                                       "https://u@a",
                                       "https://a:0",
                                       ""};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        config.control_url = urls[i];
        expect(STATUS_INVALID, "control_url");
    }
}

static void test_wrong_names_are_refused(void **state) {
    (void)state;
    config.name = "a b";
    expect(STATUS_INVALID, "name");
    config.name = "";
    expect(STATUS_INVALID, "name");
    config.name = "0123456789012345678901234567890123456789012345678901234567890123456789";
    expect(STATUS_INVALID, "name");
    config.name = NULL;
    config.environment = "\xff";
    expect(STATUS_INVALID, "environment");
}

static void test_upstreams_have_different_names(void **state) {
    (void)state;
    upstreams[1] = "localhost:8081";
    config.upstream_count = 2;
    expect(STATUS_INVALID, "upstream_name");
    upstreams[1] = "b=localhost:8081";
    expect(STATUS_OK, "");
    upstreams[1] = "ftp://b";
    expect(STATUS_INVALID, "upstream_target");
}

static void test_https_upstreams_bring_their_tls(void **state) {
    (void)state;
    static const char *const cas[] = {"b=/nonexistent/ca.pem"};
    struct warpgate_settings settings;
    upstreams[1] = "b=https://localhost:8081";
    config.upstream_count = 2;
    assert_int_equal(warpgate_settings_read(&config, &settings, NULL), STATUS_OK);
    assert_null(settings.tls[0].any);
    assert_non_null(settings.tls[1].any);
    warpgate_settings_fini(&settings);
    config.upstream_cas = cas;
    config.upstream_ca_count = 1;
    expect(STATUS_INVALID, "upstream_ca");
}

static void test_a_wrong_ca_file_is_told(void **state) {
    (void)state;
    config.ca_file = "/nonexistent/ca.pem";
    expect(STATUS_INVALID, "ca_file");
    config.ca_file = "/proc/self/status";
    expect(STATUS_INVALID, "ca_file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_good_configuration_is_read, start),
        cmocka_unit_test_setup(test_the_default_port_is_443, start),
        cmocka_unit_test_setup(test_tokens_are_judged_before_any_network, start),
        cmocka_unit_test_setup(test_wrong_urls_are_refused, start),
        cmocka_unit_test_setup(test_wrong_names_are_refused, start),
        cmocka_unit_test_setup(test_upstreams_have_different_names, start),
        cmocka_unit_test_setup(test_https_upstreams_bring_their_tls, start),
        cmocka_unit_test_setup(test_a_wrong_ca_file_is_told, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
