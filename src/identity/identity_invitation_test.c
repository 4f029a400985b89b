/* identity_invitation_test.c: tokens, links, and a mail that no name can bend. */
#include "identity/identity_invitation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_tokens(void **state) {
    struct secret one;
    struct secret two;
    uint8_t digest[DIGEST_BYTES];
    uint8_t again[DIGEST_BYTES];
    char url[IDENTITY_INVITATION_URL_SIZE];
    (void)state;
    identity_invitation_token(random_system(), &two, digest);
    identity_invitation_token(random_system(), &one, digest);
    assert_false(str_eq(secret_str(&one), secret_str(&two)));
    assert_int_equal(identity_invitation_digest(secret_str(&one), again), STATUS_OK);
    assert_memory_equal(digest, again, sizeof(digest));
    assert_int_equal(identity_invitation_digest(STR("short"), again), STATUS_INVALID);
    identity_invitation_url(STR("https://console.example.com"), STR("abc"), url);
    assert_string_equal(url, "https://console.example.com/invitations/accept#abc");
}

static bool holds(struct str text, const char *part) {
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (str_eq(str_sub(text, i, len), str_make(part, len))) {
            return true;
        }
    }
    return false;
}

static void test_words(void **state) {
    struct arena arena;
    struct identity_letter letter = {.expires_at_ms = 0};
    const struct identity_invitation_words words = {
        .organization = STR("<b>Acme</b> & Sons"),
        .inviter = STR("\"Ada\" <ada@example.com>"),
        .role = STR("developer"),
        .url = STR("https://console.example.com/invitations/accept#abc"),
        .expires_at_ms = INT64_C(1795177074000),
    };
    (void)state;
    arena_init(&arena);
    assert_int_equal(identity_invitation_write(&words, &arena, &letter), STATUS_OK);
    assert_true(str_eq(letter.subject, STR("Invitation to <b>Acme</b> & Sons on Mezusphere")));
    assert_true(holds(letter.text, "\n\nhttps://console.example.com/invitations/accept#abc\n\n"));
    assert_true(holds(letter.text, "until 2026-11-20."));
    assert_false(holds(letter.html, "<b>"));
    assert_true(holds(letter.html, "&lt;b&gt;Acme&lt;/b&gt; &amp; Sons"));
    assert_true(holds(letter.html, "&quot;Ada&quot; &lt;ada@example.com&gt; invites"));
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
