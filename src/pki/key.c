#include "pki/key.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "pki/digest.h"
#include "pki/ossl.h"
#include "pki/pem.h"

#define PRIVATE_DER_MAX 512 /* a P-256 PKCS#8 key takes 138 */

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of 66 bytes { no unused bits, uncompressed … */
static const uint8_t spki_prefix[KEY_SPKI_X] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};

static _Noreturn void give_up(const char *what) {
    log_error("key.failed", "step=%s error=%lx", what, ERR_peek_last_error());
    abort();
}

EVP_PKEY *key_new(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL) {
        give_up("generate");
    }
    return key;
}

static bool is_named_p256(const EVP_PKEY *key) {
    char group[32];
    size_t len;
    int is_explicit = 1;
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
           str_eq(str_from(group), STR("prime256v1")) &&
           EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                  &is_explicit) == 1 &&
           is_explicit == 0;
}

static bool write_coordinate(const EVP_PKEY *key, const char *name,
                             uint8_t out[KEY_COORDINATE_BYTES]) {
    OSSL_AUTO(BN_free) BIGNUM *number = NULL;
    return EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
           BN_bn2binpad(number, out, KEY_COORDINATE_BYTES) == KEY_COORDINATE_BYTES;
}

enum status key_spki(const EVP_PKEY *key, uint8_t out[KEY_SPKI_BYTES]) {
    /* From the coordinates, not by i2d_PUBKEY: a key that was read with a compressed point would be written with one,
     * and so have a second id. */
    memcpy(out, spki_prefix, sizeof(spki_prefix));
    bool is_done = is_named_p256(key) &&
                   write_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, out + KEY_SPKI_X) &&
                   write_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, out + KEY_SPKI_Y);
    ERR_clear_error();
    return is_done ? STATUS_OK : STATUS_INVALID;
}

enum status key_from_coordinates(const uint8_t xy[KEY_COORDINATES_BYTES], EVP_PKEY **key) {
    char group[] = "prime256v1";
    uint8_t point[1 + KEY_COORDINATES_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, xy, KEY_COORDINATES_BYTES);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end(),
    };
    OSSL_AUTO(EVP_PKEY_CTX_free)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *made = NULL;
    /* Refuses points that are not on the curve; the curve has no small subgroups. */
    bool is_made = context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
                   EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, params) == 1;
    ERR_clear_error();
    if (!is_made) {
        EVP_PKEY_free(made);
        return STATUS_INVALID;
    }
    *key = made;
    return STATUS_OK;
}

enum status key_from_spki(struct str spki, EVP_PKEY **key) {
    if (spki.len != KEY_SPKI_BYTES ||
        !str_starts_with(spki, str_make(spki_prefix, sizeof(spki_prefix)))) {
        return STATUS_INVALID;
    }
    return key_from_coordinates((const uint8_t *)spki.at + KEY_SPKI_X, key);
}

void key_id(EVP_PKEY *key, char out[KEY_ID_SIZE]) {
    uint8_t spki[KEY_SPKI_BYTES];
    uint8_t digest[DIGEST_BYTES];
    if (key_spki(key, spki) != STATUS_OK) {
        give_up("id of a key that is not P-256");
    }
    digest_sha256(str_make(spki, sizeof(spki)), digest);
    text_base64url(digest, sizeof(digest), out);
}

enum status key_public_pem(EVP_PKEY *key, struct buf *out) {
    uint8_t spki[KEY_SPKI_BYTES];
    enum status status = key_spki(key, spki);
    return status != STATUS_OK ? status : pem_append(out, PEM_PUBLIC_KEY, spki, sizeof(spki));
}

enum status key_private_pem(EVP_PKEY *key, struct buf *out) {
    uint8_t der[PRIVATE_DER_MAX];
    uint8_t *at = der;
    OSSL_AUTO(PKCS8_PRIV_KEY_INFO_free) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int len = info == NULL ? 0 : i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
    ERR_clear_error();
    if (len <= 0 || len > PRIVATE_DER_MAX || !is_named_p256(key)) {
        return STATUS_INVALID;
    }
    len = i2d_PKCS8_PRIV_KEY_INFO(info, &at);
    enum status status = pem_append(out, PEM_PRIVATE_KEY, der, (size_t)len);
    secret_wipe(der, sizeof(der));
    return status;
}

static enum status refuse(struct why *why, const char *slug, const char *text) {
    return why_set(why, STATUS_INVALID, slug, "%s", text);
}

enum status key_from_public_pem(struct str pem, EVP_PKEY **key, struct why *why) {
    uint8_t der[PEM_BYTES_MAX];
    size_t len;
    if (pem_read(pem, PEM_PUBLIC_KEY, der, &len) != STATUS_OK) {
        return refuse(why, "key_malformed", "not one PEM block with a public key");
    }
    if (key_from_spki(str_make(der, len), key) != STATUS_OK) {
        return refuse(why, "key_type", "not a public key on the curve P-256");
    }
    return STATUS_OK;
}

/* A private key from PKCS#8 that takes up all bytes, or NULL. */
static EVP_PKEY *read_private(const uint8_t *der, size_t len) {
    const uint8_t *at = der;
    OSSL_AUTO(PKCS8_PRIV_KEY_INFO_free)
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len);
    return info == NULL || at != der + len ? NULL : EVP_PKCS82PKEY(info);
}

/* A key on the curve whose two halves belong together. */
static bool is_whole(EVP_PKEY *key) {
    uint8_t spki[KEY_SPKI_BYTES];
    if (key_spki(key, spki) != STATUS_OK) {
        return false;
    }
    OSSL_AUTO(EVP_PKEY_CTX_free)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    return context != NULL && EVP_PKEY_check(context) == 1;
}

enum status key_from_private_pem(struct str pem, EVP_PKEY **key, struct why *why) {
    uint8_t der[PEM_BYTES_MAX];
    size_t len;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *read = NULL;
    enum status status = pem_read(pem, PEM_PRIVATE_KEY, der, &len);
    if (status == STATUS_OK) {
        read = read_private(der, len);
    }
    secret_wipe(der, sizeof(der));
    bool is_good = read != NULL && is_whole(read);
    ERR_clear_error();
    if (read == NULL) {
        return refuse(why, "key_malformed", "not one PEM block with an unencrypted private key");
    }
    if (!is_good) {
        return refuse(why, "key_type", "not a private key on the curve P-256");
    }
    *key = read;
    read = NULL;
    return STATUS_OK;
}
