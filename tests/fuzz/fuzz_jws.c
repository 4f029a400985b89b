/* fuzz_jws.c: a JWS, and the key set that may have signed it: the input up to the first newline is a JWKS. */
#include <stdlib.h>

#include "pki/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct jws_keys keys;
    struct buf payload;
    struct why why;
    struct str jwks, jws;
    jws_keys_init(&keys);
    buf_init(&payload, 4096);
    (void)str_cut(str_make(bytes, len), '\n', &jwks, &jws);
    (void)!jws_keys_parse(jwks, &keys, &why);
    if (jws_verify(&keys, STR("mezusphere-test"), jws, &payload, &why) != STATUS_OK &&
        buf_len(&payload) > 0) {
        abort();
    }
    buf_fini(&payload);
    jws_keys_fini(&keys);
    return 0;
}
