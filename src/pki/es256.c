#include "pki/es256.h"

#include "pki/ossl.h"

#define HALF 32
#define DER_MAX 72 /* SEQUENCE { INTEGER, INTEGER } of 33 bytes each */

static bool make_raw(const uint8_t *der, size_t len, uint8_t out[ES256_BYTES]) {
    const uint8_t *at = der;
    OSSL_AUTO(ECDSA_SIG_free) ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    return pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, HALF) == HALF &&
           BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + HALF, HALF) == HALF;
}

enum status es256_sign(EVP_PKEY *key, struct str text, uint8_t out[ES256_BYTES]) {
    uint8_t der[DER_MAX];
    size_t len = sizeof(der);
    OSSL_AUTO(EVP_MD_CTX_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed = context != NULL &&
                     EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                     EVP_DigestSign(context, der, &len, (const uint8_t *)text.at, text.len) == 1 &&
                     make_raw(der, len, out);
    ERR_clear_error();
    return is_signed ? STATUS_OK : STATUS_FAILED;
}

/* The DER form; 0 on failure, and for a zero, which is never part of a signature (CVE-2022-21449). */
static size_t make_der(const uint8_t raw[ES256_BYTES], uint8_t der[DER_MAX]) {
    OSSL_AUTO(ECDSA_SIG_free) ECDSA_SIG *pair = ECDSA_SIG_new();
    OSSL_AUTO(BN_free) BIGNUM *r = BN_bin2bn(raw, HALF, NULL);
    OSSL_AUTO(BN_free) BIGNUM *s = BN_bin2bn(raw + HALF, HALF, NULL);
    uint8_t *at = der;
    if (pair == NULL || r == NULL || s == NULL || BN_is_zero(r) || BN_is_zero(s) ||
        ECDSA_SIG_set0(pair, r, s) != 1) {
        return 0;
    }
    r = NULL; /* the pair owns them now */
    s = NULL;
    int len = i2d_ECDSA_SIG(pair, &at);
    return len > 0 ? (size_t)len : 0;
}

enum status es256_verify(EVP_PKEY *key, struct str text, const uint8_t signature[ES256_BYTES]) {
    uint8_t der[DER_MAX];
    size_t len = make_der(signature, der);
    OSSL_AUTO(EVP_MD_CTX_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good = len > 0 && context != NULL &&
                   EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                   EVP_DigestVerify(context, der, len, (const uint8_t *)text.at, text.len) == 1;
    ERR_clear_error();
    return is_good ? STATUS_OK : STATUS_DENIED;
}
