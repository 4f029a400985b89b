#include "pki/csr.h"

#include "pki/key.h"
#include "pki/ossl.h"
#include "pki/pem.h"

#define REQUEST_DER_MAX 1024 /* one with an empty subject takes about 200 */

_Static_assert(CSR_PEM_BYTES_MAX <= PEM_BYTES_MAX, "pem_read takes the largest request");

enum status csr_write(EVP_PKEY *key, struct buf *pem) {
    uint8_t der[REQUEST_DER_MAX];
    uint8_t *at = der;
    OSSL_AUTO(X509_REQ_free) X509_REQ *request = X509_REQ_new();
    bool is_signed = request != NULL && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
                     X509_REQ_set_pubkey(request, key) == 1 &&
                     X509_REQ_sign(request, key, EVP_sha256()) > 0;
    int len = is_signed ? i2d_X509_REQ(request, NULL) : 0;
    ERR_clear_error();
    if (len <= 0 || len > REQUEST_DER_MAX) {
        return STATUS_FAILED;
    }
    len = i2d_X509_REQ(request, &at);
    return pem_append(pem, PEM_CERTIFICATE_REQUEST, der, (size_t)len);
}

/* The request's public key exactly as it is written in it, or NULL if that is not a P-256 key's one encoding. */
static EVP_PKEY *read_key(X509_REQ *request) {
    uint8_t spki[KEY_SPKI_BYTES];
    uint8_t *at = spki;
    EVP_PKEY *key = NULL;
    X509_PUBKEY *part = X509_REQ_get_X509_PUBKEY(request);
    if (part == NULL || i2d_X509_PUBKEY(part, NULL) != KEY_SPKI_BYTES ||
        i2d_X509_PUBKEY(part, &at) != KEY_SPKI_BYTES ||
        key_from_spki(str_make(spki, sizeof(spki)), &key) != STATUS_OK) {
        return NULL;
    }
    return key;
}

static enum status refuse(struct why *why, const char *slug, const char *text) {
    ERR_clear_error();
    return why_set(why, STATUS_INVALID, slug, "%s", text);
}

enum status csr_public_key(struct str pem, EVP_PKEY **key, struct why *why) {
    uint8_t der[PEM_BYTES_MAX];
    size_t len;
    if (pem.len > CSR_PEM_BYTES_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "csr_too_large", "the request has more than %d bytes",
                       CSR_PEM_BYTES_MAX);
    }
    if (pem_read(pem, PEM_CERTIFICATE_REQUEST, der, &len) != STATUS_OK) {
        return refuse(why, "csr_malformed", "not one PEM block with a certificate request");
    }
    const uint8_t *at = der;
    OSSL_AUTO(X509_REQ_free) X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)len);
    if (request == NULL || at != der + len || X509_REQ_get_version(request) != X509_REQ_VERSION_1) {
        return refuse(why, "csr_malformed", "not a PKCS#10 certificate request");
    }
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *found = read_key(request);
    if (found == NULL) {
        return refuse(why, "csr_key", "the request's key is not on the curve P-256");
    }
    /* The algorithm is fixed, so that a weak digest cannot stand in for the proof of possession. */
    if (X509_REQ_get_signature_nid(request) != NID_ecdsa_with_SHA256 ||
        X509_REQ_verify(request, found) != 1) {
        return refuse(why, "csr_signature", "the request is not signed with its own key");
    }
    *key = found;
    found = NULL;
    return STATUS_OK;
}
