#include "pki/cert_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/key.h"
#include "pki/ossl.h"

#define START_MS ((int64_t)1800000000000)

static void writes_an_authority(void **state) {
    struct cert_write record = {.common_name = "Some CA",
                                .is_ca = true,
                                .path_length = 3,
                                .not_before_ms = START_MS + 999,
                                .not_after_ms = START_MS + 60000};
    char name[64];
    struct tm tm;
    (void)state;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    OSSL_AUTO(X509_free) X509 *cert = cert_write(&record, key, NULL, key);
    assert_non_null(cert);
    assert_int_equal(X509_get_version(cert), X509_VERSION_3);
    assert_int_equal(X509_verify(cert, key), 1);
    assert_int_equal(X509_self_signed(cert, 1), 1);
    assert_int_equal(
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name)),
        7);
    assert_string_equal(name, "Some CA");
    assert_true((X509_get_extension_flags(cert) & EXFLAG_CA) != 0);
    assert_int_equal(X509_get_pathlen(cert), 3);
    assert_int_equal(X509_get_key_usage(cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_int_equal(X509_get_extended_key_usage(cert), UINT32_MAX); /* none */
    assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(cert), &tm), 1);
    assert_int_equal(timegm(&tm), START_MS / 1000);
    assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm), 1);
    assert_int_equal(timegm(&tm), START_MS / 1000 + 60);
    assert_int_equal(X509_get_signature_nid(cert), NID_ecdsa_with_SHA256);
    assert_non_null(X509_get0_subject_key_id(cert));
    assert_int_equal(
        ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(cert), X509_get0_authority_key_id(cert)), 0);
}

static void writes_a_leaf(void **state) {
    struct cert_write authority = {.common_name = "Some CA",
                                   .is_ca = true,
                                   .not_before_ms = START_MS,
                                   .not_after_ms = START_MS + 60000};
    struct cert_write record = {
        .is_server = true,
        .names = {{GEN_URI, STR("spiffe://a/b")}, {GEN_DNS, STR("a.example,DNS:b.example")}},
        .name_count = 2,
        .not_before_ms = START_MS,
        .not_after_ms = START_MS + 60000};
    int kind, critical;
    (void)state;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *issuer_key = key_new();
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    OSSL_AUTO(X509_free) X509 *issuer = cert_write(&authority, issuer_key, NULL, issuer_key);
    OSSL_AUTO(X509_free) X509 *cert = cert_write(&record, key, issuer, issuer_key);
    assert_non_null(cert);
    assert_int_equal(X509_verify(cert, issuer_key), 1);
    assert_int_equal(X509_check_issued(issuer, cert), X509_V_OK);
    assert_int_equal(X509_check_private_key(cert, key), 1);
    assert_int_equal(X509_get_extension_flags(cert) & (EXFLAG_CA | EXFLAG_INVALID), 0);
    assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_SERVER);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(cert)), 0);
    OSSL_AUTO(GENERAL_NAMES_free)
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    assert_int_equal(critical, 1);
    assert_int_equal(sk_GENERAL_NAME_num(names), 2);
    /* A value is a value: what looks like syntax stays inside it. */
    const ASN1_STRING *dns = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 1), &kind);
    assert_int_equal(kind, GEN_DNS);
    assert_int_equal(ASN1_STRING_length(dns), 23);
}

static void draws_serials(void **state) {
    struct cert_write record = {.common_name = "x", .not_after_ms = START_MS};
    (void)state;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    OSSL_AUTO(X509_free) X509 *last = NULL;
    for (int i = 0; i < 100; i++) {
        X509 *cert = cert_write(&record, key, NULL, key);
        const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
        assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
        assert_true(ASN1_STRING_length(serial) <= 16);
        assert_true(ASN1_STRING_length(serial) < 16 || ASN1_STRING_get0_data(serial)[0] < 0x80);
        assert_true(last == NULL || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(last)) != 0);
        X509_free(last);
        last = cert;
    }
}

static void fails_for_other_keys(void **state) {
    struct cert_write record = {.common_name = "x", .not_after_ms = START_MS};
    (void)state;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-384");
    assert_null(cert_write(&record, key, NULL, key));
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_an_authority),
        cmocka_unit_test(writes_a_leaf),
        cmocka_unit_test(draws_serials),
        cmocka_unit_test(fails_for_other_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
