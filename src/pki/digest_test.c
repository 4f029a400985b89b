#include "pki/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

static void check_sha256(struct str text, const char *expected) {
    uint8_t digest[DIGEST_BYTES];
    char hex[2 * DIGEST_BYTES + 1];
    digest_sha256(text, digest);
    text_hex(digest, sizeof(digest), hex);
    assert_string_equal(hex, expected);
}

static void check_hmac(struct str key, struct str text, const char *expected) {
    uint8_t digest[DIGEST_BYTES];
    char hex[2 * DIGEST_BYTES + 1];
    digest_hmac_sha256(key, text, digest);
    text_hex(digest, sizeof(digest), hex);
    assert_string_equal(hex, expected);
}

/* FIPS 180-4's examples. */
static void hashes(void **state) {
    (void)state;
    check_sha256(STR_EMPTY, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256(STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231 §4.2, §4.3, and the empty key. */
static void authenticates(void **state) {
    static const char key[20] = {11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
                                 11, 11, 11, 11, 11, 11, 11, 11, 11, 11};
    (void)state;
    check_hmac(str_make(key, sizeof(key)), STR("Hi There"),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_hmac(STR("Jefe"), STR("what do ya want for nothing?"),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    check_hmac(STR_EMPTY, STR_EMPTY,
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    check_hmac((struct str){NULL, 0}, STR_EMPTY,
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_piece_by_piece(void **state) {
    (void)state;
    uint8_t whole[DIGEST_BYTES];
    uint8_t pieces[DIGEST_BYTES];
    struct digest_stream *stream = digest_stream_new();
    digest_stream_add(stream, STR("ab"));
    digest_stream_result(stream, pieces);
    digest_sha256(STR("ab"), whole);
    assert_memory_equal(whole, pieces, sizeof(whole));
    digest_stream_add(stream, STR("c"));
    digest_stream_result(stream, pieces);
    digest_sha256(STR("abc"), whole);
    assert_memory_equal(whole, pieces, sizeof(whole));
    digest_stream_free(&stream);
    assert_null(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_piece_by_piece),
        cmocka_unit_test(hashes),
        cmocka_unit_test(authenticates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
