#include "net/tls_certificate.h"

#include <limits.h>
#include <stdatomic.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/memory.h"

struct tls_certificate {
    atomic_int refs;
    X509 *leaf;
    STACK_OF(X509) * issuers;
    EVP_PKEY *key;
};

/* Never asks a terminal: an encrypted key is refused. */
static int refuse_password(char *buf, int size, int rwflag, void *context) {
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)context;
    return -1;
}

static BIO *open_pem(struct str pem) {
    return pem.len == 0 || pem.len > INT_MAX ? NULL : BIO_new_mem_buf(pem.at, (int)pem.len);
}

/* All certificates of the text, at least one, at most `max`; NULL if it holds anything malformed. */
static STACK_OF(X509) * parse_certificates(struct str pem, int max) {
    BIO *bio = open_pem(pem);
    if (bio == NULL) {
        return NULL;
    }
    STACK_OF(X509) *list = sk_X509_new_null();
    ERR_clear_error();
    X509 *next;
    while (sk_X509_num(list) <= max &&
           (next = PEM_read_bio_X509(bio, NULL, refuse_password, NULL)) != NULL) {
        sk_X509_push(list, next);
    }
    unsigned long error = ERR_peek_last_error();
    bool is_at_end =
        ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    if (!is_at_end || sk_X509_num(list) < 1 || sk_X509_num(list) > max) {
        sk_X509_pop_free(list, X509_free);
        return NULL;
    }
    return list;
}

static EVP_PKEY *parse_key(struct str pem) {
    BIO *bio = open_pem(pem);
    if (bio == NULL) {
        return NULL;
    }
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL);
    ERR_clear_error();
    BIO_free(bio);
    return key;
}

enum status tls_certificate_parse(struct str chain_pem, struct str key_pem,
                                  struct tls_certificate **out, struct why *why) {
    STACK_OF(X509) *chain = parse_certificates(chain_pem, TLS_CHAIN_MAX);
    if (chain == NULL) {
        return why_set(why, STATUS_INVALID, "certificate_invalid",
                       "not a PEM certificate chain of 1 to %d certificates", TLS_CHAIN_MAX);
    }
    struct tls_certificate *certificate = MEMORY_NEW(struct tls_certificate);
    atomic_init(&certificate->refs, 1);
    certificate->leaf = sk_X509_shift(chain);
    certificate->issuers = chain;
    certificate->key = parse_key(key_pem);
    if (certificate->key == NULL) {
        tls_certificate_unref(&certificate);
        return why_set(why, STATUS_INVALID, "key_invalid", "not an unencrypted PEM private key");
    }
    if (X509_check_private_key(certificate->leaf, certificate->key) != 1) {
        ERR_clear_error();
        tls_certificate_unref(&certificate);
        return why_set(why, STATUS_INVALID, "key_mismatch",
                       "the private key does not belong to the first certificate of the chain");
    }
    *out = certificate;
    return STATUS_OK;
}

struct tls_certificate *tls_certificate_ref(struct tls_certificate *certificate) {
    atomic_fetch_add(&certificate->refs, 1);
    return certificate;
}

void tls_certificate_unref(struct tls_certificate **at) {
    struct tls_certificate *certificate = *at;
    *at = NULL;
    if (certificate == NULL || atomic_fetch_sub(&certificate->refs, 1) != 1) {
        return;
    }
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->issuers, X509_free);
    EVP_PKEY_free(certificate->key);
    memory_free(certificate);
}

enum status tls_certificate_use(const struct tls_certificate *certificate, SSL *ssl) {
    if (SSL_use_cert_and_key(ssl, certificate->leaf, certificate->key, certificate->issuers, 1) !=
        1) {
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

enum status tls_certificate_parse_anchors(struct str pem, X509_STORE **out, struct why *why) {
    STACK_OF(X509) *anchors = parse_certificates(pem, TLS_ANCHORS_MAX);
    if (anchors == NULL) {
        return why_set(why, STATUS_INVALID, "anchors_invalid",
                       "not a PEM file of 1 to %d trusted certificates", TLS_ANCHORS_MAX);
    }
    X509_STORE *store = X509_STORE_new();
    for (int i = 0; i < sk_X509_num(anchors); i++) {
        X509_STORE_add_cert(store,
                            sk_X509_value(anchors, i)); /* the same one twice is the same one */
    }
    sk_X509_pop_free(anchors, X509_free);
    ERR_clear_error();
    *out = store;
    return STATUS_OK;
}
