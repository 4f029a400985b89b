#include "tunnel/join_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct join_token make(void) {
    struct join_token token = {.server_name = "api.example.net",
                               .controls = {"api.example.net:443", "203.0.113.7:8443"},
                               .control_count = 2};
    join_token_make_secret(random_system(), &token);
    memset(token.root_sha256, 7, sizeof(token.root_sha256));
    return token;
}

static void test_reads_what_it_writes(void **state) {
    (void)state;
    struct join_token token = make();
    struct join_token read;
    struct secret text;
    secret_init(&text);
    assert_int_equal(join_token_write(&token, &text), STATUS_OK);
    assert_int_equal(join_token_read(secret_str(&text), &read, NULL), STATUS_OK);
    assert_memory_equal(&read, &token, sizeof(token));
    join_token_fini(&read);
    assert_int_equal(read.control_count, 0);
    secret_fini(&text);
}

static void test_the_longest_fits(void **state) {
    (void)state;
    struct join_token token = make();
    struct secret text;
    secret_init(&text);
    memset(token.server_name, 'a', sizeof(token.server_name) - 1);
    assert_int_equal(join_token_write(&token, &text), STATUS_OK);
    token.control_count = JOIN_TOKEN_CONTROLS_MAX;
    for (size_t i = 0; i < token.control_count; i++) {
        memset(token.controls[i], 'b', JOIN_TOKEN_ADDRESS_SIZE - 1);
        token.controls[i][JOIN_TOKEN_ADDRESS_SIZE - 1] = '\0';
    }
    assert_int_equal(join_token_write(&token, &text), STATUS_TOO_LARGE);
    secret_fini(&text);
}

static void test_cannot_be_written(void **state) {
    (void)state;
    struct join_token token = make();
    struct secret text;
    secret_init(&text);
    token.control_count = 0;
    assert_int_equal(join_token_write(&token, &text), STATUS_INVALID);
    token = make();
    (void)snprintf(token.controls[0], sizeof(token.controls[0]), "two\nlines");
    assert_int_equal(join_token_write(&token, &text), STATUS_INVALID);
    token = make();
    token.server_name[0] = '\0';
    assert_int_equal(join_token_write(&token, &text), STATUS_INVALID);
    secret_fini(&text);
}

/* Every character counts: a token with one of them changed or lost is no token. */
static void test_a_slip_is_told(void **state) {
    (void)state;
    struct join_token token = make();
    struct join_token read;
    struct secret text;
    secret_init(&text);
    assert_int_equal(join_token_write(&token, &text), STATUS_OK);
    for (size_t i = 0; i < text.len; i++) {
        struct why why = {0};
        char was = text.text[i];
        text.text[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(join_token_read(secret_str(&text), &read, &why), STATUS_INVALID);
        assert_true(why.slug[0] != '\0');
        assert_null(strstr(why.text, "mzj1_"));
        text.text[i] = was;
        assert_int_equal(join_token_read(str_sub(secret_str(&text), 0, i), &read, NULL),
                         STATUS_INVALID);
    }
    secret_fini(&text);
}

static void test_the_secret_travels_alone(void **state) {
    (void)state;
    struct join_token token = make();
    char text[JOIN_TOKEN_SECRET_SIZE];
    uint8_t one[DIGEST_BYTES];
    uint8_t other[DIGEST_BYTES];
    join_token_secret_text(&token, text);
    assert_int_equal(strlen(text), JOIN_TOKEN_SECRET_SIZE - 1);
    join_token_digest(str_from(text), one);
    text[0] = text[0] == 'A' ? 'B' : 'A';
    join_token_digest(str_from(text), other);
    assert_memory_not_equal(one, other, sizeof(one));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_it_writes),     cmocka_unit_test(test_the_longest_fits),
        cmocka_unit_test(test_cannot_be_written),        cmocka_unit_test(test_a_slip_is_told),
        cmocka_unit_test(test_the_secret_travels_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
