#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/key.h"
#include "tunnel/signed_bundle.h"

#define PAYLOAD(revision)                                                                          \
    "{\"format\":1,\"environment\":\"env_01jd3m8k6vq2x7r9t4w5y6z8ab\",\"project\":\"prj_"          \
    "01jd3m8k6vq2x7r9t4w5y6z8ab\","                                                                \
    "\"organization\":\"org_01jd3m8k6vq2x7r9t4w5y6z8ab\",\"revision\":" revision                   \
    ",\"issued_at\":\"2026-11-20T12:00:00.000Z\",\"enabled\":true,\"hostnames\":[],\"routes\":[]}"

static EVP_PKEY *key;
static struct jws_keys keys;

static int start(void **state) {
    (void)state;
    key = key_new();
    jws_keys_init(&keys);
    return jws_keys_add(&keys, key) == STATUS_OK ? 0 : 1;
}

static int stop(void **state) {
    (void)state;
    jws_keys_fini(&keys);
    EVP_PKEY_free(key);
    return 0;
}

static void expect(struct str type, struct str payload, const struct id *environment,
                   uint64_t newer_than, enum status expected, const char *slug) {
    struct bundle *bundle = NULL;
    struct why why = {.slug = ""};
    struct buf jws;
    buf_init(&jws, 65536);
    assert_int_equal(jws_sign(key, type, payload, &jws), STATUS_OK);
    assert_int_equal(
        signed_bundle_open(&keys, buf_str(&jws), environment, newer_than, &bundle, &why), expected);
    assert_string_equal(why.slug, slug);
    assert_true((bundle != NULL) == (expected == STATUS_OK));
    bundle_unref(&bundle);
    buf_fini(&jws);
}

static void test_environment_and_revision_are_judged(void **state) {
    (void)state;
    struct id ours = {"env_01jd3m8k6vq2x7r9t4w5y6z8ab"};
    struct id theirs = {"env_01jd3m8k6vq2x7r9t4w5y6z8ac"};
    struct str type = STR(SIGNED_BUNDLE_TYPE);
    expect(type, STR(PAYLOAD("7")), NULL, 0, STATUS_OK, "");
    expect(type, STR(PAYLOAD("7")), &ours, 6, STATUS_OK, "");
    expect(type, STR(PAYLOAD("7")), &ours, 7, STATUS_CONFLICT, "bundle_not_newer");
    expect(type, STR(PAYLOAD("7")), &ours, 8, STATUS_CONFLICT, "bundle_rollback");
    expect(type, STR(PAYLOAD("7")), &theirs, 0, STATUS_DENIED, "bundle_foreign");
    expect(STR("other"), STR(PAYLOAD("7")), NULL, 0, STATUS_INVALID, "jws_type");
}

static void test_signature_and_payload_are_judged(void **state) {
    (void)state;
    struct bundle *bundle = NULL;
    struct why why;
    struct buf jws;
    buf_init(&jws, 65536);
    assert_int_equal(jws_sign(key, STR(SIGNED_BUNDLE_TYPE), STR("[]"), &jws), STATUS_OK);
    assert_int_equal(signed_bundle_open(&keys, buf_str(&jws), NULL, 0, &bundle, &why),
                     STATUS_INVALID);
    buf_clear(&jws);
    EVP_PKEY *other = key_new();
    assert_int_equal(jws_sign(other, STR(SIGNED_BUNDLE_TYPE), STR(PAYLOAD("7")), &jws), STATUS_OK);
    assert_int_equal(signed_bundle_open(&keys, buf_str(&jws), NULL, 0, &bundle, &why),
                     STATUS_DENIED);
    assert_string_equal(why.slug, "jws_unknown_key");
    EVP_PKEY_free(other);
    buf_fini(&jws);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment_and_revision_are_judged),
        cmocka_unit_test(test_signature_and_payload_are_judged),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
