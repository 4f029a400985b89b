#include "pki/digest.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/log.h"

/* SHA-256 of bounded memory does not fail; if it does, no result of this process can be trusted. */
static _Noreturn void give_up(const char *what) {
    log_error("digest.failed", "step=%s error=%lx", what, ERR_peek_last_error());
    abort();
}

void digest_sha256(struct str text, uint8_t out[DIGEST_BYTES]) {
    if (EVP_Digest(text.at, text.len, out, NULL, EVP_sha256(), NULL) != 1) {
        give_up("sha256");
    }
}

void digest_hmac_sha256(struct str key, struct str text, uint8_t out[DIGEST_BYTES]) {
    size_t len = 0;
    /* A null pointer would mean "no key given", not the empty key. */
    const char *key_at = key.len == 0 ? "" : key.at;
    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key_at, key.len, (const uint8_t *)text.at,
                  text.len, out, DIGEST_BYTES, &len) == NULL ||
        len != DIGEST_BYTES) {
        give_up("hmac");
    }
}
