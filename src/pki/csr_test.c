#include "pki/csr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "pki/key.h"
#include "pki/ossl.h"
#include "pki/pem.h"

static void round_trips(void **state) {
    struct buf pem;
    (void)state;
    buf_init(&pem, CSR_PEM_BYTES_MAX);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *found = NULL;
    assert_int_equal(csr_write(key, &pem), STATUS_OK);
    assert_int_equal(csr_public_key(buf_str(&pem), &found, NULL), STATUS_OK);
    assert_int_equal(EVP_PKEY_eq(key, found), 1);
    /* The private half stays where it is. */
    assert_int_equal(key_private_pem(found, &pem), STATUS_INVALID);
    buf_fini(&pem);
    buf_init(&pem, 10);
    assert_int_equal(csr_write(key, &pem), STATUS_TOO_LARGE);
    assert_int_equal(buf_len(&pem), 0);
    buf_fini(&pem);
}

static void expect(struct str pem, enum status status, const char *slug) {
    struct why why;
    EVP_PKEY *key = NULL;
    assert_int_equal(csr_public_key(pem, &key, &why), status);
    assert_string_equal(why.slug, slug);
    assert_null(key);
    assert_int_equal(ERR_peek_error(), 0);
}

static X509_REQ *make_request(EVP_PKEY *key, EVP_PKEY *signer, const EVP_MD *md) {
    X509_REQ *request = X509_REQ_new();
    assert_int_equal(X509_REQ_set_version(request, 0), 1);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    assert_true(X509_REQ_sign(request, signer, md) > 0);
    return request;
}

/* Frees the request. */
static void expect_request(X509_REQ *request, const char *slug) {
    struct buf pem;
    uint8_t *der = NULL;
    buf_init(&pem, CSR_PEM_BYTES_MAX);
    int len = i2d_X509_REQ(request, &der);
    assert_true(len > 0);
    assert_int_equal(pem_append(&pem, PEM_CERTIFICATE_REQUEST, der, (size_t)len), STATUS_OK);
    expect(buf_str(&pem), STATUS_INVALID, slug);
    OPENSSL_free(der);
    buf_fini(&pem);
    X509_REQ_free(request);
}

static void expect_key(EVP_PKEY *key, const EVP_MD *md) {
    expect_request(make_request(key, key, md), "csr_key");
    EVP_PKEY_free(key);
}

static EVP_PKEY *make_explicit(void) {
    EVP_PKEY *key = NULL;
    OSSL_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    return key;
}

static void refuses_other_keys(void **state) {
    (void)state;
    expect_key(EVP_EC_gen("P-384"), EVP_sha256());
    expect_key(EVP_EC_gen("secp256k1"), EVP_sha256());
    expect_key(EVP_RSA_gen(1024), EVP_sha256());
    expect_key(EVP_RSA_gen(2048), EVP_sha256());
    expect_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
    expect_key(make_explicit(), EVP_sha256());
}

static void refuses_broken_signatures(void **state) {
    (void)state;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *other = key_new();
    /* Somebody else's key, without proof of possession. */
    expect_request(make_request(key, other, EVP_sha256()), "csr_signature");
    expect_request(make_request(key, key, EVP_sha1()), "csr_signature");
    expect_request(make_request(key, key, EVP_sha384()), "csr_signature");
    X509_REQ *request = make_request(key, key, EVP_sha256());
    assert_int_equal(X509_REQ_set_version(request, 1), 1);
    expect_request(request, "csr_malformed");
    /* Changed after it was signed. */
    request = make_request(key, key, EVP_sha256());
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN",
                                                MBSTRING_ASC, (const uint8_t *)"x", -1, -1, 0),
                     1);
    expect_request(request, "csr_signature");
}

static void refuses_every_flipped_bit(void **state) {
    struct buf pem;
    uint8_t der[PEM_BYTES_MAX];
    size_t len;
    (void)state;
    buf_init(&pem, CSR_PEM_BYTES_MAX);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    assert_int_equal(csr_write(key, &pem), STATUS_OK);
    assert_int_equal(pem_read(buf_str(&pem), PEM_CERTIFICATE_REQUEST, der, &len), STATUS_OK);
    for (size_t bit = 0; bit < len * 8; bit++) {
        EVP_PKEY *found = NULL;
        der[bit / 8] ^= (uint8_t)(1 << bit % 8);
        buf_clear(&pem);
        assert_int_equal(pem_append(&pem, PEM_CERTIFICATE_REQUEST, der, len), STATUS_OK);
        if (csr_public_key(buf_str(&pem), &found, NULL) == STATUS_OK) {
            fail_msg("bit %zu", bit);
        }
        der[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buf_fini(&pem);
}

static void refuses_what_is_not_one_request(void **state) {
    static char huge[CSR_PEM_BYTES_MAX + 1];
    uint8_t der[PEM_BYTES_MAX];
    struct buf pem, other;
    size_t len;
    (void)state;
    buf_init(&pem, CSR_PEM_BYTES_MAX);
    buf_init(&other, CSR_PEM_BYTES_MAX * 2);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    assert_int_equal(csr_write(key, &pem), STATUS_OK);
    memset(huge, 'A', sizeof(huge));
    expect(str_make(huge, sizeof(huge)), STATUS_TOO_LARGE, "csr_too_large");
    expect(str_make(huge, sizeof(huge) - 1), STATUS_INVALID, "csr_malformed");
    expect(STR_EMPTY, STATUS_INVALID, "csr_malformed");
    /* A whole request with something after it, or twice. */
    assert_int_equal(buf_printf(&other, "%.*sx", STR_ARG(buf_str(&pem))), STATUS_OK);
    expect(buf_str(&other), STATUS_INVALID, "csr_malformed");
    buf_clear(&other);
    assert_int_equal(buf_printf(&other, "%.*s%.*s", STR_ARG(buf_str(&pem)), STR_ARG(buf_str(&pem))),
                     STATUS_OK);
    expect(buf_str(&other), STATUS_INVALID, "csr_malformed");
    /* Bytes after the DER, inside the block. */
    assert_int_equal(pem_read(buf_str(&pem), PEM_CERTIFICATE_REQUEST, der, &len), STATUS_OK);
    der[len] = 0;
    buf_clear(&other);
    assert_int_equal(pem_append(&other, PEM_CERTIFICATE_REQUEST, der, len + 1), STATUS_OK);
    expect(buf_str(&other), STATUS_INVALID, "csr_malformed");
    buf_clear(&other);
    assert_int_equal(pem_append(&other, PEM_CERTIFICATE_REQUEST, der, len - 1), STATUS_OK);
    expect(buf_str(&other), STATUS_INVALID, "csr_malformed");
    /* Another label. */
    buf_clear(&other);
    assert_int_equal(pem_append(&other, PEM_CERTIFICATE, der, len), STATUS_OK);
    expect(buf_str(&other), STATUS_INVALID, "csr_malformed");
    buf_clear(&other);
    assert_int_equal(pem_append(&other, STR("NEW CERTIFICATE REQUEST"), der, len), STATUS_OK);
    expect(buf_str(&other), STATUS_INVALID, "csr_malformed");
    buf_fini(&pem);
    buf_fini(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(refuses_other_keys),
        cmocka_unit_test(refuses_broken_signatures),
        cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_what_is_not_one_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
