#include "pki/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "pki/digest.h"
#include "pki/ossl.h"
#include "pki/pem.h"

static void set_up_buf(struct buf *buf) {
    buf_init(buf, PEM_BYTES_MAX);
}

/* Keys that are not P-256 on the named curve in the one encoding. */
static EVP_PKEY *make_explicit(void) {
    EVP_PKEY *key = NULL;
    OSSL_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    return key;
}

static EVP_PKEY *make_compressed(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                                    "compressed"),
                     1);
    return key;
}

/* What OpenSSL itself writes for a key. */
static void write_pem(EVP_PKEY *key, bool is_private, struct buf *out) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;
    assert_int_equal(is_private ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                                : PEM_write_bio_PUBKEY(bio, key),
                     1);
    long len = BIO_get_mem_data(bio, &at);
    assert_int_equal(buf_append(out, at, (size_t)len), STATUS_OK);
    BIO_free(bio);
}

static void round_trips(void **state) {
    struct buf private_pem, public_pem, again;
    char id[KEY_ID_SIZE], other_id[KEY_ID_SIZE];
    (void)state;
    set_up_buf(&private_pem);
    set_up_buf(&public_pem);
    set_up_buf(&again);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *from_private = NULL;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *from_public = NULL;
    assert_int_equal(key_private_pem(key, &private_pem), STATUS_OK);
    assert_int_equal(key_public_pem(key, &public_pem), STATUS_OK);
    assert_int_equal(key_from_private_pem(buf_str(&private_pem), &from_private, NULL), STATUS_OK);
    assert_int_equal(key_from_public_pem(buf_str(&public_pem), &from_public, NULL), STATUS_OK);
    assert_int_equal(EVP_PKEY_eq(key, from_private), 1);
    assert_int_equal(EVP_PKEY_eq(key, from_public), 1);
    assert_int_equal(key_private_pem(from_private, &again), STATUS_OK);
    assert_true(str_eq(buf_str(&again), buf_str(&private_pem)));
    key_id(key, id);
    key_id(from_public, other_id);
    assert_string_equal(id, other_id);
    assert_int_equal(strlen(id), KEY_ID_SIZE - 1);
    /* A public key has no private half to write. */
    assert_int_equal(key_private_pem(from_public, &again), STATUS_INVALID);
    buf_fini_wiped(&private_pem);
    buf_fini_wiped(&again);
    buf_fini(&public_pem);
}

static void agrees_with_openssl(void **state) {
    struct buf ours, theirs;
    uint8_t spki[KEY_SPKI_BYTES];
    uint8_t *der = NULL;
    (void)state;
    set_up_buf(&ours);
    set_up_buf(&theirs);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    assert_int_equal(key_private_pem(key, &ours), STATUS_OK);
    write_pem(key, true, &theirs);
    assert_true(str_eq(buf_str(&ours), buf_str(&theirs)));
    buf_clear(&ours);
    buf_clear(&theirs);
    assert_int_equal(key_public_pem(key, &ours), STATUS_OK);
    write_pem(key, false, &theirs);
    assert_true(str_eq(buf_str(&ours), buf_str(&theirs)));
    assert_int_equal(i2d_PUBKEY(key, &der), KEY_SPKI_BYTES);
    assert_int_equal(key_spki(key, spki), STATUS_OK);
    assert_memory_equal(spki, der, KEY_SPKI_BYTES);
    OPENSSL_free(der);
    buf_fini_wiped(&ours);
    buf_fini_wiped(&theirs);
}

static void refuse_both(EVP_PKEY *key, const char *private_slug, const char *public_slug) {
    struct buf pem;
    struct why why;
    EVP_PKEY *read = NULL;
    set_up_buf(&pem);
    write_pem(key, true, &pem);
    assert_int_equal(key_from_private_pem(buf_str(&pem), &read, &why), STATUS_INVALID);
    assert_string_equal(why.slug, private_slug);
    buf_clear(&pem);
    write_pem(key, false, &pem);
    assert_int_equal(key_from_public_pem(buf_str(&pem), &read, &why), STATUS_INVALID);
    assert_string_equal(why.slug, public_slug);
    assert_null(read);
    assert_int_equal(ERR_peek_error(), 0);
    buf_fini_wiped(&pem);
    EVP_PKEY_free(key);
}

static void refuses_other_kinds(void **state) {
    (void)state;
    refuse_both(EVP_EC_gen("P-384"), "key_type", "key_type");
    refuse_both(EVP_EC_gen("secp256k1"), "key_type", "key_type");
    refuse_both(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "key_type", "key_type");
    refuse_both(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "key_type", "key_type");
    refuse_both(EVP_RSA_gen(1024), "key_type", "key_type");
    refuse_both(make_explicit(), "key_type", "key_type");
}

/* One key, one id: a compressed point is refused in public, and written out whole after a private one. */
static void has_one_encoding(void **state) {
    struct buf pem;
    EVP_PKEY *read = NULL;
    char id[KEY_ID_SIZE], plain_id[KEY_ID_SIZE];
    (void)state;
    set_up_buf(&pem);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = make_compressed();
    write_pem(key, false, &pem);
    assert_int_equal(key_from_public_pem(buf_str(&pem), &read, NULL), STATUS_INVALID);
    key_id(key, id);
    buf_clear(&pem);
    assert_int_equal(key_public_pem(key, &pem), STATUS_OK);
    assert_int_equal(key_from_public_pem(buf_str(&pem), &read, NULL), STATUS_OK);
    key_id(read, plain_id);
    assert_string_equal(id, plain_id);
    EVP_PKEY_free(read);
    buf_fini(&pem);
}

static void refuses_what_is_not_one_key(void **state) {
    struct buf pem, twice;
    struct why why;
    EVP_PKEY *read = NULL;
    (void)state;
    set_up_buf(&pem);
    set_up_buf(&twice);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    assert_int_equal(key_private_pem(key, &pem), STATUS_OK);
    assert_int_equal(buf_append_str(&twice, buf_str(&pem)), STATUS_OK);
    assert_int_equal(buf_append_str(&twice, buf_str(&pem)), STATUS_OK);
    assert_int_equal(key_from_private_pem(buf_str(&twice), &read, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "key_malformed");
    assert_int_equal(key_from_public_pem(buf_str(&pem), &read, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "key_malformed");
    assert_int_equal(key_from_private_pem(STR_EMPTY, &read, &why), STATUS_INVALID);
    assert_int_equal(key_from_public_pem(STR_EMPTY, &read, &why), STATUS_INVALID);
    buf_clear(&pem);
    uint8_t der[200];
    size_t len = 0;
    buf_clear(&twice);
    assert_int_equal(key_private_pem(key, &twice), STATUS_OK);
    uint8_t whole[PEM_BYTES_MAX];
    assert_int_equal(pem_read(buf_str(&twice), PEM_PRIVATE_KEY, whole, &len), STATUS_OK);
    assert_true(len < sizeof(der));
    memcpy(der, whole, len);
    der[len] = 0; /* a byte too many */
    assert_int_equal(pem_append(&pem, PEM_PRIVATE_KEY, der, len + 1), STATUS_OK);
    assert_int_equal(key_from_private_pem(buf_str(&pem), &read, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "key_malformed");
    /* The public half, at the end, does not belong to the private one. */
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *other = key_new();
    uint8_t spki[KEY_SPKI_BYTES];
    assert_int_equal(key_spki(other, spki), STATUS_OK);
    memcpy(der + len - KEY_COORDINATES_BYTES, spki + KEY_SPKI_X, KEY_COORDINATES_BYTES);
    buf_clear(&pem);
    assert_int_equal(pem_append(&pem, PEM_PRIVATE_KEY, der, len), STATUS_OK);
    assert_int_equal(key_from_private_pem(buf_str(&pem), &read, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "key_type");
    assert_null(read);
    buf_fini_wiped(&pem);
    buf_fini_wiped(&twice);
}

static void refuses_points_off_the_curve(void **state) {
    uint8_t spki[KEY_SPKI_BYTES];
    EVP_PKEY *read = NULL;
    (void)state;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    assert_int_equal(key_spki(key, spki), STATUS_OK);
    for (size_t i = 0; i < KEY_SPKI_BYTES; i++) {
        spki[i] ^= 1;
        assert_int_equal(key_from_spki(str_make(spki, sizeof(spki)), &read), STATUS_INVALID);
        spki[i] ^= 1;
    }
    assert_int_equal(key_from_spki(str_make(spki, sizeof(spki) - 1), &read), STATUS_INVALID);
    memset(spki + KEY_SPKI_X, 0, KEY_COORDINATES_BYTES);
    assert_int_equal(key_from_spki(str_make(spki, sizeof(spki)), &read), STATUS_INVALID);
    memset(spki + KEY_SPKI_X, 0xff, KEY_COORDINATES_BYTES);
    assert_int_equal(key_from_spki(str_make(spki, sizeof(spki)), &read), STATUS_INVALID);
    assert_null(read);
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(agrees_with_openssl),
        cmocka_unit_test(refuses_other_kinds),
        cmocka_unit_test(has_one_encoding),
        cmocka_unit_test(refuses_what_is_not_one_key),
        cmocka_unit_test(refuses_points_off_the_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
