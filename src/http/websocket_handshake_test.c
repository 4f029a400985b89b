/* websocket_handshake_test.c: keys, and what may be answered to them. */
#include "http/websocket_handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_answer_follows_from_the_key(void **state) {
    (void)state;
    char accept[WEBSOCKET_ACCEPT_SIZE];
    websocket_handshake_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept); /* RFC 6455 §1.3 */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    websocket_handshake_accept(STR("x3JJHMbDL1EzLkh9GBhXDw=="), accept);
    assert_string_equal(accept, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    /* One block or two, padding included: hashed by another implementation. */
    websocket_handshake_accept(STR("1234567890123456789"), accept);
    assert_string_equal(accept, "td0Yzc/EKqDCeELGEREThmRiJTk=");
    websocket_handshake_accept(STR("12345678901234567890"), accept);
    assert_string_equal(accept, "zi3/CgXi6tL83lH/ZCau1/f14y0=");
}

static void keys_are_sixteen_bytes(void **state) {
    (void)state;
    assert_true(websocket_handshake_is_key(STR("dGhlIHNhbXBsZSBub25jZQ==")));
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("dGhlIHNhbXBsZSBub25jZQ="),
        STR_INIT("dGhlIHNhbXBsZSBub25jZQ"),
        STR_INIT("dGhlIHNhbXBsZSBub25jZR=="), /* stray bits */
        STR_INIT("dGhlIHNhbXBsZSBub25jZWU="), /* 17 bytes */
        STR_INIT("dGhlIHNhbXBsZSBub25jZWVl"), /* 18 bytes */
        STR_INIT("dGhlIHNhbXBsZSBub25j-_=="),
        STR_INIT("dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ=="),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(websocket_handshake_is_key(bad[i]));
    }
}

static void made_keys_are_keys_and_differ(void **state) {
    (void)state;
    struct random_seeded seeded;
    char first[WEBSOCKET_KEY_SIZE];
    char second[WEBSOCKET_KEY_SIZE];
    random_seeded_init(&seeded, 1);
    websocket_handshake_make_key(&seeded.random, first);
    websocket_handshake_make_key(&seeded.random, second);
    assert_true(websocket_handshake_is_key(str_from(first)));
    assert_true(websocket_handshake_is_key(str_from(second)));
    assert_string_not_equal(first, second);
}

static bool is_asked(const char *protocols, const char *extensions, const char *protocol,
                     const char *extension) {
    struct http_field asked[] = {{STR("sec-websocket-protocol"), str_from(protocols)},
                                 {STR("sec-websocket-extensions"), str_from(extensions)},
                                 {STR("sec-websocket-protocol"), STR("last")}};
    struct http_field answer[] = {{STR("sec-websocket-protocol"), str_from(protocol)},
                                  {STR("sec-websocket-extensions"), str_from(extension)}};
    return websocket_handshake_is_asked(&(struct http_fields){asked, 3, 3},
                                        &(struct http_fields){answer, 2, 2});
}

static void only_what_was_offered_may_be_chosen(void **state) {
    (void)state;
    assert_true(is_asked("a, b", "x; p=1, y", "", ""));
    assert_true(is_asked("a, b", "x; p=1, y", "b", "x;q, y"));
    assert_true(is_asked("", "", "last", ""));
    assert_false(is_asked("a, b", "", "c", ""));
    assert_false(is_asked("a, b", "", "A", ""));
    assert_false(is_asked("a, b", "", "a, b", ""));
    assert_false(is_asked("a, b", "x", "", "x, z"));
    assert_false(is_asked("x", "", "", "x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_follows_from_the_key),
        cmocka_unit_test(keys_are_sixteen_bytes),
        cmocka_unit_test(made_keys_are_keys_and_differ),
        cmocka_unit_test(only_what_was_offered_may_be_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
