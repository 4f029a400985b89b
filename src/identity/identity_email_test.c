#include "identity/identity_email.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_good(void **state) {
    (void)state;
    static const struct {
        const char *typed, *normal, *domain;
    } cases[] = {
        {"ada@example.com", "ada@example.com", "example.com"},
        {"Ada.Lovelace+x@EXAMPLE.Com", "Ada.Lovelace+x@example.com", "example.com"},
        {"a@b.c", "a@b.c", "b.c"},
        {"admin@mezusphere.localhost", "admin@mezusphere.localhost", "mezusphere.localhost"},
        {"admin@localhost", "admin@localhost", "localhost"},
        {"!#$%&'*+-/=?^_`{|}~@xn--bcher-kva.example", "!#$%&'*+-/=?^_`{|}~@xn--bcher-kva.example",
         "xn--bcher-kva.example"},
        {"x@1.2.3.example", "x@1.2.3.example", "1.2.3.example"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct identity_email email;
        assert_int_equal(identity_email_parse(str_from(cases[i].typed), &email, NULL), STATUS_OK);
        assert_string_equal(email.text, cases[i].normal);
        assert_true(str_eq(identity_email_str(&email), str_from(cases[i].normal)));
        assert_true(str_eq(identity_email_domain(&email), str_from(cases[i].domain)));
    }
}

static void test_bad(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@@example.com",
        "a@evil.test@good.test",
        "a@good.test.",
        "a@.good.test",
        "a@good..test",
        "\"a@x\"@good.test",
        "\"ada\"@good.test",
        "ada(comment)@good.test",
        ".ada@good.test",
        "ada.@good.test",
        "a..da@good.test",
        "ada @good.test",
        " ada@good.test",
        "ada@good.test ",
        "ada@good.test\n",
        "ada@good test",
        "ada@[192.0.2.1]",
        "ada@192.0.2.1",
        "ada@com",
        "ada@-good.test",
        "ada@good-.test",
        "ada@go_od.test",
        "ada@g\xc3\xb6od.test",
        "\xd0\xb0"
        "da@good.test",
        "ada@good.test\\",
        "<ada@good.test>",
        "ada@good.test,b@good.test",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct identity_email email;
        struct why why;
        if (identity_email_parse(str_from(cases[i]), &email, &why) != STATUS_INVALID) {
            fail_msg("accepted: %s", cases[i]);
        }
        assert_string_equal(why.slug, "email_invalid");
        assert_int_equal(email.len, 0);
    }
    struct identity_email email;
    assert_int_equal(identity_email_parse(str_make("a\0b@good.test", 13), &email, NULL),
                     STATUS_INVALID);
}

static void test_lengths(void **state) {
    (void)state;
    char text[300];
    struct identity_email email;
    struct why why;
    memset(text, 'a', sizeof(text));
    memcpy(text + 64, "@good.test", 10);
    assert_int_equal(identity_email_parse(str_make(text, 74), &email, NULL), STATUS_OK);
    assert_int_equal(identity_email_parse(str_make(text, 64), &email, NULL), STATUS_INVALID);
    memset(text, 'a', sizeof(text));
    memcpy(text + 65, "@good.test", 10);
    assert_int_equal(identity_email_parse(str_make(text, 75), &email, NULL), STATUS_INVALID);
    /* Labels of 63 bytes, 254 in all; one more is too many. */
    memset(text, 'a', sizeof(text));
    text[10] = '@';
    for (size_t i = 10 + 64; i < 254; i += 64) {
        text[i] = '.';
    }
    assert_int_equal(identity_email_parse(str_make(text, 254), &email, NULL), STATUS_OK);
    assert_int_equal(identity_email_parse(str_make(text, 255), &email, &why), STATUS_TOO_LARGE);
    assert_string_equal(why.slug, "email_too_long");
    text[74] = 'a';
    assert_int_equal(identity_email_parse(str_make(text, 254), &email, NULL), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
