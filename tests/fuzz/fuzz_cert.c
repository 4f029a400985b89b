/* fuzz_cert.c: a chain of DER certificates, one after the other, judged for each role. */
#include <stdlib.h>

#include "pki/cert_identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    STACK_OF(X509) *chain = sk_X509_new_null();
    const uint8_t *at = bytes;
    int taken = 0;
    while (at < bytes + len && sk_X509_num(chain) < 4) {
        X509 *cert = d2i_X509(NULL, &at, (long)(bytes + len - at));
        if (cert == NULL) {
            break;
        }
        sk_X509_push(chain, cert);
    }
    for (int role = 0; role < CERT_ROLE_COUNT; role++) {
        struct cert_identity identity;
        struct why why;
        taken += cert_identity_check(chain, (enum cert_role)role, STR("mesh.example"), &identity,
                                     &why) == STATUS_OK;
    }
    if (taken > 1) {
        abort(); /* no certificate has two roles */
    }
    sk_X509_pop_free(chain, X509_free);
    return 0;
}
