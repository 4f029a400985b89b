#include "pki/aead.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/log.h"
#include "base/secret.h"

static void abort_with(const char *what) {
    log_error("aead.failed", "step=%s", what);
    abort();
}

/* Looked up once: that costs more than sealing a name. */
static pthread_once_t cipher_once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *aes_256_gcm;

static void fetch_cipher(void) {
    aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (aes_256_gcm == NULL) {
        abort_with("fetch");
    }
}

static EVP_CIPHER_CTX *begin(const uint8_t *key, const uint8_t *nonce, struct str context,
                             bool is_sealing) {
    int written = 0;
    pthread_once(&cipher_once, fetch_cipher);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL ||
        EVP_CipherInit_ex(cipher, aes_256_gcm, NULL, key, nonce, is_sealing) != 1) {
        abort_with("init");
    }
    if (context.len > INT_MAX ||
        EVP_CipherUpdate(cipher, NULL, &written, (const uint8_t *)context.at, (int)context.len) !=
            1) {
        abort_with("context");
    }
    return cipher;
}

/* GCM is a stream cipher: as many bytes come out as go in. */
static void run(EVP_CIPHER_CTX *cipher, struct str in, uint8_t *out) {
    int written = 0;
    if (in.len > INT_MAX) {
        abort_with("length");
    }
    if (in.len > 0 &&
        EVP_CipherUpdate(cipher, out, &written, (const uint8_t *)in.at, (int)in.len) != 1) {
        abort_with("update");
    }
}

void aead_seal(const uint8_t key[AEAD_KEY_BYTES], const uint8_t nonce[AEAD_NONCE_BYTES],
               struct str context, struct str text, uint8_t *out) {
    EVP_CIPHER_CTX *cipher = begin(key, nonce, context, true);
    int written = 0;
    run(cipher, text, out);
    if (EVP_CipherFinal_ex(cipher, out + text.len, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, out + text.len) != 1) {
        abort_with("seal");
    }
    EVP_CIPHER_CTX_free(cipher);
}

enum status aead_open(const uint8_t key[AEAD_KEY_BYTES], const uint8_t nonce[AEAD_NONCE_BYTES],
                      struct str context, struct str sealed, uint8_t *out) {
    uint8_t tag[AEAD_TAG_BYTES];
    uint8_t nothing[AEAD_TAG_BYTES];
    int written = 0;
    if (sealed.len < AEAD_TAG_BYTES) {
        return STATUS_INVALID;
    }
    struct str text = str_sub(sealed, 0, sealed.len - AEAD_TAG_BYTES);
    memcpy(tag, sealed.at + text.len, sizeof(tag));
    EVP_CIPHER_CTX *cipher = begin(key, nonce, context, false);
    run(cipher, text, out);
    if (EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_BYTES, tag) != 1) {
        abort_with("tag");
    }
    bool is_right = EVP_CipherFinal_ex(cipher, nothing, &written) == 1;
    EVP_CIPHER_CTX_free(cipher);
    if (!is_right) {
        secret_wipe(out, text.len);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}
