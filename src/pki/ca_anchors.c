#include "pki/ca_anchors.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/pem.h"

#define ANCHORS_MAX 4

struct str ca_anchors_next(struct str *rest) {
    static const struct str end = STR_INIT("-----END CERTIFICATE-----");
    for (size_t at = 0; at + end.len <= rest->len; at++) {
        if (str_eq(str_sub(*rest, at, end.len), end)) {
            size_t len = at + end.len;
            while (len < rest->len && (rest->at[len] == '\n' || rest->at[len] == '\r')) {
                len++;
            }
            struct str found = str_sub(*rest, 0, len);
            *rest = str_sub(*rest, len, rest->len - len);
            return found;
        }
    }
    *rest = STR_EMPTY;
    return STR_EMPTY;
}

static X509 *read_certificate(struct str pem) {
    uint8_t der[PEM_BYTES_MAX];
    size_t len = 0;
    const unsigned char *at = der;
    return !str_is_empty(pem) && pem_read(pem, PEM_CERTIFICATE, der, &len) == STATUS_OK
               ? d2i_X509(NULL, &at, (long)len)
               : NULL;
}

static bool has_signed(struct str root_pem, X509 *intermediate) {
    X509 *root = read_certificate(root_pem);
    bool is_signed = root != NULL && X509_check_issued(root, intermediate) == X509_V_OK &&
                     X509_verify(intermediate, X509_get0_pubkey(root)) == 1;
    X509_free(root);
    ERR_clear_error();
    return is_signed;
}

enum status ca_anchors_root_of(struct str chain_pem, struct str anchors_pem,
                               char name[CA_ANCHORS_SIZE]) {
    name[0] = '\0';
    (void)ca_anchors_next(&chain_pem); /* the leaf */
    X509 *intermediate = read_certificate(ca_anchors_next(&chain_pem));
    if (intermediate == NULL) {
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < ANCHORS_MAX && name[0] == '\0'; i++) {
        struct str root = ca_anchors_next(&anchors_pem);
        if (!str_is_empty(root) && has_signed(root, intermediate)) {
            ca_rotation_anchors_name(root, name);
        }
    }
    X509_free(intermediate);
    return name[0] != '\0' ? STATUS_OK : STATUS_NOT_FOUND;
}
