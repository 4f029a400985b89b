#include "pki/aead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"

/* Test case 16 of the GCM specification (McGrew and Viega): AES-256, 96-bit nonce, associated data. */
#define KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define NONCE "cafebabefacedbaddecaf888"
#define CONTEXT "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define TEXT                                                                                       \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                             \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED                                                                                     \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                             \
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"

struct vector {
    uint8_t key[32], nonce[12], context[20], text[60], sealed[76];
};

static void load(struct vector *v) {
    assert_int_equal(text_hex_decode(STR(KEY), v->key, sizeof(v->key)), STATUS_OK);
    assert_int_equal(text_hex_decode(STR(NONCE), v->nonce, sizeof(v->nonce)), STATUS_OK);
    assert_int_equal(text_hex_decode(STR(CONTEXT), v->context, sizeof(v->context)), STATUS_OK);
    assert_int_equal(text_hex_decode(STR(TEXT), v->text, sizeof(v->text)), STATUS_OK);
    assert_int_equal(text_hex_decode(STR(SEALED), v->sealed, sizeof(v->sealed)), STATUS_OK);
}

static void test_vector(void **state) {
    (void)state;
    struct vector v;
    uint8_t out[76];
    load(&v);
    struct str context = str_make(v.context, sizeof(v.context));
    aead_seal(v.key, v.nonce, context, str_make(v.text, sizeof(v.text)), out);
    assert_memory_equal(out, v.sealed, sizeof(v.sealed));
    assert_int_equal(aead_open(v.key, v.nonce, context, str_make(v.sealed, sizeof(v.sealed)), out),
                     STATUS_OK);
    assert_memory_equal(out, v.text, sizeof(v.text));
}

static void test_every_changed_bit_is_seen(void **state) {
    (void)state;
    struct vector v;
    uint8_t out[60];
    load(&v);
    struct str context = str_make(v.context, sizeof(v.context));
    struct str sealed = str_make(v.sealed, sizeof(v.sealed));
    for (size_t i = 0; i < sizeof(v.sealed); i++) {
        v.sealed[i] ^= 0x10;
        assert_int_equal(aead_open(v.key, v.nonce, context, sealed, out), STATUS_INVALID);
        v.sealed[i] ^= 0x10;
    }
    for (size_t i = 0; i < sizeof(out); i++) {
        assert_int_equal(out[i], 0);
    }
    v.context[0] ^= 1;
    assert_int_equal(aead_open(v.key, v.nonce, context, sealed, out), STATUS_INVALID);
    v.context[0] ^= 1;
    v.nonce[11] ^= 1;
    assert_int_equal(aead_open(v.key, v.nonce, context, sealed, out), STATUS_INVALID);
    v.nonce[11] ^= 1;
    v.key[31] ^= 1;
    assert_int_equal(aead_open(v.key, v.nonce, context, sealed, out), STATUS_INVALID);
    assert_int_equal(aead_open(v.key, v.nonce, context, str_make(v.sealed, 15), out),
                     STATUS_INVALID);
}

static void test_empty_text(void **state) {
    (void)state;
    struct vector v;
    uint8_t sealed[AEAD_TAG_BYTES];
    uint8_t none[1];
    load(&v);
    aead_seal(v.key, v.nonce, STR_EMPTY, STR_EMPTY, sealed);
    assert_int_equal(aead_open(v.key, v.nonce, STR_EMPTY, str_make(sealed, sizeof(sealed)), none),
                     STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_every_changed_bit_is_seen),
        cmocka_unit_test(test_empty_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
