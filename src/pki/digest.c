#include "pki/digest.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/log.h"
#include "base/memory.h"

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

struct digest_stream {
    EVP_MD_CTX *context;
};

struct digest_stream *digest_stream_new(void) {
    struct digest_stream *stream = MEMORY_NEW(struct digest_stream);
    stream->context = EVP_MD_CTX_new();
    if (stream->context == NULL || EVP_DigestInit_ex2(stream->context, EVP_sha256(), NULL) != 1) {
        give_up("begin");
    }
    return stream;
}

void digest_stream_add(struct digest_stream *stream, struct str text) {
    if (EVP_DigestUpdate(stream->context, text.at, text.len) != 1) {
        give_up("update");
    }
}

void digest_stream_result(const struct digest_stream *stream, uint8_t out[DIGEST_BYTES]) {
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    unsigned len = 0;
    if (copy == NULL || EVP_MD_CTX_copy_ex(copy, stream->context) != 1 ||
        EVP_DigestFinal_ex(copy, out, &len) != 1 || len != DIGEST_BYTES) {
        give_up("result");
    }
    EVP_MD_CTX_free(copy);
}

void digest_stream_free(struct digest_stream **stream) {
    if (*stream != NULL) {
        EVP_MD_CTX_free((*stream)->context);
        memory_free(*stream);
        *stream = NULL;
    }
}
