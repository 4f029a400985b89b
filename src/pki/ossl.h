/* ossl.h: OpenSSL's objects released at the end of their scope: OSSL_AUTO(X509_free) X509 *cert = X509_new();
 *
 * A pointer that is handed on is set to NULL. Functions of this layer leave OpenSSL's error queue (one per thread) empty:
 * what stays in it would be taken for the failure of the next connection on the same thread.
 */
#ifndef PKI_OSSL_H
#define PKI_OSSL_H

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define OSSL_AUTO(free_name) __attribute__((cleanup(ossl_##free_name)))

#define OSSL_AUTO_DEFINE(type, free_name)                                                          \
    static inline void ossl_##free_name(type **at) {                                               \
        free_name(*at);                                                                            \
    }

OSSL_AUTO_DEFINE(ASN1_BIT_STRING, ASN1_BIT_STRING_free)
OSSL_AUTO_DEFINE(ASN1_INTEGER, ASN1_INTEGER_free)
OSSL_AUTO_DEFINE(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
OSSL_AUTO_DEFINE(ASN1_TIME, ASN1_TIME_free)
OSSL_AUTO_DEFINE(AUTHORITY_KEYID, AUTHORITY_KEYID_free)
OSSL_AUTO_DEFINE(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
OSSL_AUTO_DEFINE(BIGNUM, BN_free)
OSSL_AUTO_DEFINE(ECDSA_SIG, ECDSA_SIG_free)
OSSL_AUTO_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)
OSSL_AUTO_DEFINE(EVP_PKEY, EVP_PKEY_free)
OSSL_AUTO_DEFINE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OSSL_AUTO_DEFINE(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
OSSL_AUTO_DEFINE(GENERAL_NAMES, GENERAL_NAMES_free)
OSSL_AUTO_DEFINE(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)
OSSL_AUTO_DEFINE(X509, X509_free)
OSSL_AUTO_DEFINE(X509_REQ, X509_REQ_free)

#endif
