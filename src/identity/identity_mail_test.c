/* identity_mail_test.c: how a mail looks, and what cannot be smuggled into it. */
#include "identity/identity_mail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct identity_mail make(const char *name, const char *subject) {
    struct identity_mail mail = {
        .id = {.text = "mail_01jd3m8k6vq2x7r9t4w5y6z8ab"},
        .subject = str_from(subject),
        .text = STR("Gr\xc3\xbc\xc3\x9f Gott\n.\n"),
        .html = STR("<p>Gr\xc3\xbc\xc3\x9f Gott</p>"),
        .date_ms = INT64_C(1795177074000),
    };
    assert_int_equal(
        identity_mail_parse_address(STR("Mezusphere <noreply@example.com>"), &mail.from, NULL),
        STATUS_OK);
    assert_int_equal(identity_mail_parse_address(STR("ada@example.net"), &mail.to, NULL),
                     STATUS_OK);
    mail.to.name = str_from(name);
    return mail;
}

static void expect(const char *name, const char *subject, const char *part) {
    struct identity_mail mail = make(name, subject);
    struct buf out;
    buf_init(&out, IDENTITY_MAIL_BYTES_MAX);
    assert_int_equal(identity_mail_write(&mail, &out, NULL), STATUS_OK);
    assert_int_equal(buf_append(&out, "", 1), STATUS_OK);
    if (strstr((const char *)buf_bytes(&out), part) == NULL) {
        fail_msg("no %s in\n%s", part, (const char *)buf_bytes(&out));
    }
    buf_fini(&out);
}

static void test_heads(void **state) {
    (void)state;
    expect("", "Hello",
           "Date: Fri, 20 Nov 2026 12:17:54 +0000\r\nFrom: \"Mezusphere\"\r\n "
           "<noreply@example.com>\r\nTo: <ada@example.net>\r\nSubject: Hello\r\n"
           "Message-ID:\r\n <mail_01jd3m8k6vq2x7r9t4w5y6z8ab@example.com>\r\n");
    expect("Ada \"the\" \\ Lovelace", "Hello", "To: \"Ada \\\"the\\\" \\\\ Lovelace\"\r\n <ada@");
    expect("Zo\xc3\xab", "Hello", "To: =?UTF-8?B?Wm/Dqw==?=\r\n <ada@example.net>\r\n");
    expect("", "=?UTF-8?Q?x?=", "Subject: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=\r\n");
    /* Cut between characters, not inside of one. */
    expect("",
           "12345678901234567890123456789012345678\xc3\xbc"
           "ber",
           "Subject: =?UTF-8?B?MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg=?=\r\n "
           "=?UTF-8?B?w7xiZXI=?=\r\n");
}

static void test_bodies(void **state) {
    (void)state;
    expect("", "Hello",
           "\r\n\r\n--=_mail_01jd3m8k6vq2x7r9t4w5y6z8ab\r\n"
           "Content-Type: text/plain; charset=utf-8\r\n"
           "Content-Transfer-Encoding: base64\r\n\r\nR3LDvMOfIEdvdHQKLgo=\r\n"
           "--=_mail_01jd3m8k6vq2x7r9t4w5y6z8ab\r\nContent-Type: text/html; ");
    expect("", "Hello", "PHA+R3LDvMOfIEdvdHQ8L3A+\r\n--=_mail_01jd3m8k6vq2x7r9t4w5y6z8ab--\r\n");
}

static void test_nothing_begins_a_line(void **state) {
    static const char *const wrong[] = {
        "a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\x7f", "a\xff", "\x01"};
    struct why why;
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *text = wrong[i / 2];
        struct identity_mail mail = make(i % 2 == 0 ? text : "", i % 2 == 0 ? "Hello" : text);
        struct buf out;
        buf_init(&out, IDENTITY_MAIL_BYTES_MAX);
        assert_int_equal(identity_mail_write(&mail, &out, &why), STATUS_INVALID);
        assert_string_equal(why.slug, "mail_header_invalid");
        assert_int_equal(buf_len(&out), 0);
        buf_fini(&out);
    }
}

static void test_too_large(void **state) {
    static char body[IDENTITY_MAIL_BYTES_MAX];
    struct identity_mail mail = make("", "Hello");
    struct buf out;
    struct why why;
    (void)state;
    mail.text = str_make(body, sizeof(body));
    buf_init(&out, IDENTITY_MAIL_BYTES_MAX);
    assert_int_equal(identity_mail_write(&mail, &out, &why), STATUS_TOO_LARGE);
    buf_fini(&out);
}

static void test_addresses(void **state) {
    static const struct {
        const char *text;
        const char *name; /* NULL: refused */
        const char *email;
    } cases[] = {
        {"ada@example.com", "", "ada@example.com"},
        {"<ada@example.com>", "", "ada@example.com"},
        {"Ada Lovelace <ada@Example.com>", "Ada Lovelace", "ada@example.com"},
        {"Ada <ada@example.com", NULL, NULL},
        {"Ada ada@example.com>", NULL, NULL},
        {"A\nB <ada@example.com>", NULL, NULL},
        {"", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct identity_mail_address address;
        enum status status = identity_mail_parse_address(str_from(cases[i].text), &address, NULL);
        assert_int_equal(status, cases[i].name != NULL ? STATUS_OK : STATUS_INVALID);
        if (status == STATUS_OK) {
            assert_true(str_eq(address.name, str_from(cases[i].name)));
            assert_true(str_eq(identity_email_str(&address.email), str_from(cases[i].email)));
        }
    }
}

static void test_escaping(void **state) {
    struct buf html;
    (void)state;
    buf_init(&html, 64);
    assert_int_equal(identity_mail_escape(STR("<a href=\"x\">&'"), &html), STATUS_OK);
    assert_true(str_eq(buf_str(&html), STR("&lt;a href=&quot;x&quot;&gt;&amp;&#39;")));
    buf_fini(&html);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_nothing_begins_a_line),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_escaping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
