#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/ca.h"
#include "pki/cert_chain.h"
#include "pki/key.h"

static struct buf chain_pem;

static int start(void **state) {
    (void)state;
    struct ca *ca = NULL;
    struct ca_leaf leaf = {.role = CERT_WARPGATE, .lifetime_seconds = 3600};
    leaf.subject = id_new(ID_WARPGATE, clock_system(), random_system());
    leaf.environment = id_new(ID_ENVIRONMENT, clock_system(), random_system());
    EVP_PKEY *key = key_new();
    buf_init(&chain_pem, 65536);
    enum status status = ca_new(STR("example.net"), clock_system(), &ca, NULL);
    if (status == STATUS_OK) {
        status = ca_issue(ca, &leaf, key, clock_system(), &chain_pem, NULL, NULL);
    }
    EVP_PKEY_free(key);
    ca_free(&ca);
    return status == STATUS_OK ? 0 : 1;
}

static int stop(void **state) {
    (void)state;
    buf_fini(&chain_pem);
    return 0;
}

static void test_a_holder_reads_its_own(void **state) {
    (void)state;
    struct cert_identity identity;
    int64_t now_ms = clock_wall_ms(clock_system());
    assert_int_equal(cert_chain_identity(buf_str(&chain_pem), CERT_WARPGATE, STR("example.net"),
                                         &identity, NULL),
                     STATUS_OK);
    assert_in_range(identity.not_after_ms, now_ms + 3590000, now_ms + 3610000);
}

static void expect(struct str pem, enum cert_role role, enum status expected, const char *slug) {
    struct cert_identity identity;
    struct why why = {.slug = ""};
    assert_int_equal(cert_chain_identity(pem, role, STR("example.net"), &identity, &why), expected);
    assert_string_equal(why.slug, slug);
}

static void test_what_is_no_chain_is_refused(void **state) {
    (void)state;
    expect(STR_EMPTY, CERT_WARPGATE, STATUS_INVALID, "chain_malformed");
    expect(STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), CERT_WARPGATE,
           STATUS_INVALID, "chain_malformed");
    expect(str_sub(buf_str(&chain_pem), 0, buf_len(&chain_pem) - 40), CERT_WARPGATE, STATUS_INVALID,
           "chain_malformed");
    expect(buf_str(&chain_pem), CERT_EDGE, STATUS_DENIED, "role_missing");
}

static void test_a_chain_is_bounded(void **state) {
    (void)state;
    struct buf many;
    buf_init(&many, 65536);
    for (int i = 0; i < CERT_CHAIN_LENGTH_MAX; i++) {
        assert_int_equal(buf_append_str(&many, buf_str(&chain_pem)), STATUS_OK);
    }
    expect(buf_str(&many), CERT_WARPGATE, STATUS_INVALID, "chain_malformed");
    buf_fini(&many);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_holder_reads_its_own),
        cmocka_unit_test(test_what_is_no_chain_is_refused),
        cmocka_unit_test(test_a_chain_is_bounded),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
