/* fuzz_csr.c: a certificate request, as PEM and as the DER inside it. What is taken has to be a P-256 key. */
#include <stdlib.h>

#include "pki/csr.h"
#include "pki/key.h"
#include "pki/pem.h"

static void read_request(struct str pem) {
    EVP_PKEY *key = NULL;
    struct why why;
    if (csr_public_key(pem, &key, &why) != STATUS_OK) {
        return;
    }
    if (key_spki(key, (uint8_t[KEY_SPKI_BYTES]){0}) != STATUS_OK) {
        abort();
    }
    EVP_PKEY_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct buf pem;
    read_request(str_make(bytes, len));
    buf_init(&pem, CSR_PEM_BYTES_MAX);
    if (pem_append(&pem, PEM_CERTIFICATE_REQUEST, bytes, len) == STATUS_OK) {
        read_request(buf_str(&pem));
    }
    buf_fini(&pem);
    return 0;
}
