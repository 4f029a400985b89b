#include "pki/es256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "pki/key.h"
#include "pki/ossl.h"

/* The order of the curve's group. */
static const uint8_t order[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

static void decode(struct str text, uint8_t *out, size_t expected) {
    size_t len = expected;
    assert_int_equal(text_base64url_decode(text, out, &len), STATUS_OK);
    assert_int_equal(len, expected);
}

/* RFC 7515, appendix A.3. */
static void holds_for_the_published_example(void **state) {
    struct str text = STR("eyJhbGciOiJFUzI1NiJ9."
                          "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                          "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
    uint8_t xy[KEY_COORDINATES_BYTES];
    uint8_t signature[ES256_BYTES];
    (void)state;
    decode(STR("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), xy, 32);
    decode(STR("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"), xy + 32, 32);
    decode(STR("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-"
               "Kg6NU1Q"),
           signature, ES256_BYTES);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = NULL;
    assert_int_equal(key_from_coordinates(xy, &key), STATUS_OK);
    assert_int_equal(es256_verify(key, text, signature), STATUS_OK);
    assert_int_equal(es256_verify(key, str_sub(text, 1, text.len), signature), STATUS_DENIED);
    /* Without its private half it cannot sign. */
    assert_int_equal(es256_sign(key, text, signature), STATUS_FAILED);
    assert_int_equal(ERR_peek_error(), 0);
}

static void signs_and_verifies(void **state) {
    uint8_t signature[ES256_BYTES];
    (void)state;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *other = key_new();
    /* Often enough for r or s with zero bytes in front. */
    for (int i = 0; i < 600; i++) {
        assert_int_equal(es256_sign(key, STR("text"), signature), STATUS_OK);
        assert_int_equal(es256_verify(key, STR("text"), signature), STATUS_OK);
    }
    assert_int_equal(es256_verify(other, STR("text"), signature), STATUS_DENIED);
    assert_int_equal(es256_verify(key, STR_EMPTY, signature), STATUS_DENIED);
    for (size_t i = 0; i < ES256_BYTES; i++) {
        signature[i] ^= 0x10;
        assert_int_equal(es256_verify(key, STR("text"), signature), STATUS_DENIED);
        signature[i] ^= 0x10;
    }
    assert_int_equal(es256_sign(key, STR_EMPTY, signature), STATUS_OK);
    assert_int_equal(es256_verify(key, STR_EMPTY, signature), STATUS_OK);
}

/* r and s are from 1 to the order less one. */
static void refuses_numbers_out_of_range(void **state) {
    uint8_t good[ES256_BYTES];
    uint8_t bad[ES256_BYTES];
    (void)state;
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    assert_int_equal(es256_sign(key, STR("text"), good), STATUS_OK);
    static const uint8_t zero[32];
    uint8_t all_ones[32];
    memset(all_ones, 0xff, sizeof(all_ones));
    const uint8_t *const numbers[] = {zero, order, all_ones};
    for (size_t i = 0; i < 3; i++) {
        for (int half = 1; half <= 3; half++) {
            memcpy(bad, good, sizeof(bad));
            if ((half & 1) != 0) {
                memcpy(bad, numbers[i], 32);
            }
            if ((half & 2) != 0) {
                memcpy(bad + 32, numbers[i], 32);
            }
            assert_int_equal(es256_verify(key, STR("text"), bad), STATUS_DENIED);
        }
    }
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_for_the_published_example),
        cmocka_unit_test(signs_and_verifies),
        cmocka_unit_test(refuses_numbers_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
