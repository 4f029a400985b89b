#include "pki/cert_chain.h"

#include <limits.h>

#include <openssl/pem.h>

#include "pki/ossl.h"

/* The certificates of the text, or NULL: none, too many, or something that is none. */
static STACK_OF(X509) * read_chain(struct str pem) {
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool is_good = bio != NULL && chain != NULL;
    while (is_good) {
        X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (cert == NULL) {
            is_good = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE &&
                      sk_X509_num(chain) > 0;
            break;
        }
        is_good = sk_X509_num(chain) < CERT_CHAIN_LENGTH_MAX && sk_X509_push(chain, cert) > 0;
        if (!is_good) {
            X509_free(cert);
        }
    }
    ERR_clear_error();
    BIO_free(bio);
    if (!is_good) {
        sk_X509_pop_free(chain, X509_free);
        return NULL;
    }
    return chain;
}

enum status cert_chain_identity(struct str pem, enum cert_role expected, struct str trust_domain,
                                struct cert_identity *identity, struct why *why) {
    STACK_OF(X509) *chain = read_chain(pem);
    if (chain == NULL) {
        return why_set(why, STATUS_INVALID, "chain_malformed", "this is no chain of certificates");
    }
    enum status status = cert_identity_check(chain, expected, trust_domain, identity, why);
    sk_X509_pop_free(chain, X509_free);
    return status;
}
