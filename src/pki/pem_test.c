#include "pki/pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define LABEL STR("TEST")
#define LINE64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static uint8_t der[PEM_BYTES_MAX];

static void round_trips(void **state) {
    static const size_t lens[] = {1, 2, 3, 47, 48, 49, 96, 97, 500, 5000};
    uint8_t bytes[5000];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct buf text;
        size_t len;
        buf_init(&text, PEM_BYTES_MAX);
        assert_int_equal(pem_append(&text, LABEL, bytes, lens[i]), STATUS_OK);
        assert_int_equal(pem_read(buf_str(&text), LABEL, der, &len), STATUS_OK);
        assert_int_equal(len, lens[i]);
        assert_memory_equal(der, bytes, len);
        assert_int_equal(pem_read(buf_str(&text), STR("TES"), der, &len), STATUS_INVALID);
        buf_fini(&text);
    }
}

static void appends_all_or_nothing(void **state) {
    struct buf text;
    (void)state;
    buf_init(&text, 60);
    assert_int_equal(pem_append(&text, LABEL, (const uint8_t *)"abc", 3), STATUS_OK);
    assert_true(str_eq(buf_str(&text), STR("-----BEGIN TEST-----\nYWJj\n-----END TEST-----\n")));
    assert_int_equal(pem_append(&text, LABEL, (const uint8_t *)"abc", 3), STATUS_TOO_LARGE);
    assert_int_equal(buf_len(&text), 45);
    buf_fini(&text);
}

static void reads_the_strict_grammar_only(void **state) {
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {
        {"-----BEGIN TEST-----\nYWJj\n-----END TEST-----\n", STATUS_OK},
        {"-----BEGIN TEST-----\nYWJj\n-----END TEST-----", STATUS_OK},
        {"-----BEGIN TEST-----\r\nYWJj\r\n-----END TEST-----\r\n", STATUS_OK},
        {"-----BEGIN TEST-----\n" LINE64 "\nYWJj\n-----END TEST-----\n", STATUS_OK},
        {"", STATUS_INVALID},
        {"\n", STATUS_INVALID},
        {"-----BEGIN TEST-----", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYWJj\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\n-----END TEST-----\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYWJj\n-----END TEST-----\n\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYWJj\n-----END TEST-----\nmore", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYWJj\n-----END TEST-----\n-----BEGIN TEST-----\nYWJj\n-----END "
         "TEST-----\n",
         STATUS_INVALID},
        {"x\n-----BEGIN TEST-----\nYWJj\n-----END TEST-----\n", STATUS_INVALID},
        {" -----BEGIN TEST-----\nYWJj\n-----END TEST-----\n", STATUS_INVALID},
        {"-----BEGIN TEST----- \nYWJj\n-----END TEST-----\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\nProc-Type: 4,ENCRYPTED\n\nYWJj\n-----END TEST-----\n",
         STATUS_INVALID},
        {"-----BEGIN TEST-----\n\nYWJj\n-----END TEST-----\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYWJj\n\n-----END TEST-----\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYW Jj\n-----END TEST-----\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYWJ\n-----END TEST-----\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYWJ=\n-----END TEST-----\n", STATUS_INVALID}, /* stray bits */
        {"-----BEGIN TEST-----\nYWJj\nYWJj\n-----END TEST-----\n",
         STATUS_INVALID}, /* short line inside */
        {"-----BEGIN TEST-----\n" LINE64 "AAAA\n-----END TEST-----\n", STATUS_INVALID},
        {"-----BEGIN TEST-----\nYWJj\n-----END OTHER-----\n", STATUS_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len;
        enum status status = pem_read(str_from(cases[i].text), LABEL, der, &len);
        if (status != cases[i].status) {
            fail_msg("case %zu: %s", i, status_name(status));
        }
    }
}

static void is_bounded(void **state) {
    static char text[PEM_BYTES_MAX + 1];
    size_t len;
    (void)state;
    memset(text, 'A', sizeof(text));
    assert_int_equal(pem_read(str_make(text, sizeof(text)), LABEL, der, &len), STATUS_TOO_LARGE);
    assert_int_equal(pem_read(str_make(text, sizeof(text) - 1), LABEL, der, &len), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(appends_all_or_nothing),
        cmocka_unit_test(reads_the_strict_grammar_only),
        cmocka_unit_test(is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
