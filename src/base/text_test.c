#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void writes_and_reads_hex(void **state) {
    uint8_t bytes[3] = {0x00, 0xa5, 0xff};
    uint8_t back[3];
    char text[7];
    (void)state;
    text_hex(bytes, 3, text);
    assert_string_equal(text, "00a5ff");
    assert_int_equal(text_hex_decode(STR("00A5ff"), back, 3), STATUS_OK);
    assert_memory_equal(back, bytes, 3);
    assert_int_equal(text_hex_decode(STR(""), back, 0), STATUS_OK);
    assert_int_equal(text_hex_decode(STR("00a5f"), back, 3), STATUS_INVALID);
    assert_int_equal(text_hex_decode(STR("00a5f"), back, 2), STATUS_INVALID);
    assert_int_equal(text_hex_decode(STR("00a5ff00"), back, 3), STATUS_INVALID);
    assert_int_equal(text_hex_decode(STR("00a5fg"), back, 3), STATUS_INVALID);
    assert_int_equal(text_hex_decode(STR("0 a5ff"), back, 3), STATUS_INVALID);
}

/* RFC 4648 §10 */
static const char *const vectors[][3] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xef\xff", "++//", "--__"},
};

static void writes_and_reads_base64(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct str plain = str_from(vectors[i][0]);
        char text[TEXT_BASE64_SIZE(6)];
        uint8_t back[6];
        size_t len = plain.len;
        assert_int_equal(text_base64(plain.at, plain.len, text), strlen(vectors[i][1]));
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(text_base64_decode(str_from(text), back, &len), STATUS_OK);
        assert_true(str_eq(str_make(back, len), plain));
        assert_int_equal(text_base64url(plain.at, plain.len, text), strlen(vectors[i][2]));
        assert_string_equal(text, vectors[i][2]);
        len = plain.len;
        assert_int_equal(text_base64url_decode(str_from(text), back, &len), STATUS_OK);
        assert_true(str_eq(str_make(back, len), plain));
    }
}

static void refuses_base64(void **state) {
    static const struct str bad[] = {
        STR_INIT("Zg"),        STR_INIT("Zg="),  STR_INIT("Zg==="),    STR_INIT("Zh=="),
        STR_INIT("Zm9="),      STR_INIT("Z==="), STR_INIT("===="),     STR_INIT("Zm9v\n"),
        STR_INIT("Zm 9"),      STR_INIT("Zm9-"), STR_INIT("Zg==Zg=="), STR_INIT("=Zg="),
        STR_INIT("Zm9vY\0=="),
    };
    static const struct str bad_url[] = {
        STR_INIT("Z"),    STR_INIT("Zg=="), STR_INIT("Zh"),    STR_INIT("Zm9"),
        STR_INIT("Zm9+"), STR_INIT("Zm 9"), STR_INIT("Zm9vY"), STR_INIT("Zm\0v"),
    };
    uint8_t out[16];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t len = sizeof(out);
        assert_int_equal(text_base64_decode(bad[i], out, &len), STATUS_INVALID);
    }
    for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++) {
        size_t len = sizeof(out);
        assert_int_equal(text_base64url_decode(bad_url[i], out, &len), STATUS_INVALID);
    }
}

static void keeps_within_room(void **state) {
    uint8_t out[2];
    size_t len = 2;
    (void)state;
    assert_int_equal(text_base64_decode(STR("Zm9v"), out, &len), STATUS_TOO_LARGE);
    assert_int_equal(text_base64url_decode(STR("Zm9v"), out, &len), STATUS_TOO_LARGE);
    assert_int_equal(text_base64_decode(STR("Zm8="), out, &len), STATUS_OK);
    assert_int_equal(len, 2);
    len = 1;
    assert_int_equal(text_base64_decode(STR("Zm8="), out, &len), STATUS_TOO_LARGE);
    assert_int_equal(text_base64url_decode(STR("Zm8"), out, &len), STATUS_TOO_LARGE);
    assert_int_equal(text_base64url_decode(STR("Zm8*Zm8"), out, &len), STATUS_INVALID);
}

static void knows_utf8(void **state) {
    static const struct str good[] = {
        STR_INIT(""),
        STR_INIT("a\0b"),
        STR_INIT("\x7f"),
        STR_INIT("\xc2\x80"),
        STR_INIT("\xdf\xbf"),
        STR_INIT("\xe0\xa0\x80"),
        STR_INIT("\xed\x9f\xbf"),
        STR_INIT("\xee\x80\x80"),
        STR_INIT("\xef\xbf\xbf"),
        STR_INIT("\xf0\x90\x80\x80"),
        STR_INIT("\xf4\x8f\xbf\xbf"),
    };
    static const struct str bad[] = {
        STR_INIT("\x80"),
        STR_INIT("\xc0\x80"),
        STR_INIT("\xc1\xbf"),
        STR_INIT("\xc2"),
        STR_INIT("\xc2\xc0"),
        STR_INIT("\xe0\x9f\xbf"),
        STR_INIT("\xe0\xa0"),
        STR_INIT("\xe1\x80\x7f"),
        STR_INIT("\xed\xa0\x80"),
        STR_INIT("\xed\xbf\xbf"),
        STR_INIT("\xf0\x8f\xbf\xbf"),
        STR_INIT("\xf4\x90\x80\x80"),
        STR_INIT("\xf5\x80\x80\x80"),
        STR_INIT("\xff"),
        STR_INIT("\xf0\x90\x80"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(text_is_utf8(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(text_is_utf8(bad[i]));
        char longer[16] = "ok";
        memcpy(longer + 2, bad[i].at, bad[i].len);
        assert_int_equal(text_utf8_prefix(str_make(longer, 2 + bad[i].len)), 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_hex), cmocka_unit_test(writes_and_reads_base64),
        cmocka_unit_test(refuses_base64),       cmocka_unit_test(keeps_within_room),
        cmocka_unit_test(knows_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
