#include "pki/api_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define SAMPLES 40

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void makes_keys_that_hold(void **state) {
    struct secret last;
    (void)state;
    secret_init(&last);
    for (int i = 0; i < 1000; i++) {
        struct secret key;
        secret_init(&key);
        api_key_new(random_system(), &key);
        assert_int_equal(key.len, API_KEY_LENGTH);
        assert_int_equal(strspn(key.text, alphabet), API_KEY_LENGTH);
        assert_int_equal(api_key_check(secret_str(&key), NULL), STATUS_OK);
        assert_false(str_eq(secret_str(&key), secret_str(&last)));
        assert_int_equal(secret_set(&last, secret_str(&key)), STATUS_OK);
        secret_fini(&key);
    }
    secret_fini(&last);
}

/* zlib's CRC-32 of the first 44 characters is f31c9d57, which is 4S1yHH in base 62. */
static void knows_one_by_heart(void **state) {
    (void)state;
    assert_int_equal(api_key_check(STR("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh"
                                       "4S1yHH"),
                                   NULL),
                     STATUS_OK);
}

static void refuse(struct str key, const char *slug) {
    struct why why;
    assert_int_equal(api_key_check(key, &why), STATUS_INVALID);
    assert_string_equal(why.slug, slug);
    /* Not even a part of the key shows. */
    if (key.len >= 8) {
        char part[9] = {0};
        memcpy(part, key.at, 8);
        assert_true(part[0] == '\0' || strstr(why.text, part) == NULL);
    }
}

static void tells_faults_apart(void **state) {
    struct secret key;
    (void)state;
    secret_init(&key);
    api_key_new(random_system(), &key);
    refuse(STR_EMPTY, "key_length");
    refuse(str_sub(secret_str(&key), 0, 49), "key_length");
    key.text[50] = 'x';
    refuse(str_make(key.text, 51), "key_length");
    static const char wrong[] = {'-', ' ', '_', '\0', '\n',   '/',   ':',
                                 '@', '[', '`', '{',  '\x80', '\xff'};
    for (size_t i = 0; i < sizeof(wrong); i++) {
        char kept = key.text[i];
        key.text[i] = wrong[i];
        refuse(str_make(key.text, 50), "key_character");
        key.text[i] = kept;
    }
    secret_fini(&key);
}

static void tells_every_substitution(void **state) {
    struct random_seeded seeded;
    (void)state;
    random_seeded_init(&seeded, 1);
    for (int sample = 0; sample < SAMPLES; sample++) {
        struct secret key;
        secret_init(&key);
        api_key_new(&seeded.random, &key);
        for (size_t at = 0; at < API_KEY_LENGTH; at++) {
            char kept = key.text[at];
            for (size_t i = 0; i < 62; i++) {
                key.text[at] = alphabet[i];
                assert_int_equal(api_key_check(secret_str(&key), NULL) == STATUS_OK,
                                 alphabet[i] == kept);
            }
            key.text[at] = kept;
        }
    }
}

static void tells_every_swap_of_neighbours(void **state) {
    struct random_seeded seeded;
    (void)state;
    random_seeded_init(&seeded, 2);
    for (int sample = 0; sample < SAMPLES * 50; sample++) {
        struct secret key;
        secret_init(&key);
        api_key_new(&seeded.random, &key);
        for (size_t at = 0; at + 1 < API_KEY_LENGTH; at++) {
            char a = key.text[at];
            char b = key.text[at + 1];
            key.text[at] = b;
            key.text[at + 1] = a;
            assert_int_equal(api_key_check(secret_str(&key), NULL) == STATUS_OK, a == b);
            key.text[at] = a;
            key.text[at + 1] = b;
        }
    }
}

static void hashes_the_whole_key(void **state) {
    uint8_t expected[DIGEST_BYTES];
    uint8_t hash[DIGEST_BYTES];
    struct secret key;
    (void)state;
    secret_init(&key);
    api_key_new(random_system(), &key);
    api_key_hash(secret_str(&key), hash);
    digest_sha256(str_make(key.text, 50), expected);
    assert_memory_equal(hash, expected, DIGEST_BYTES);
    secret_fini(&key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_keys_that_hold),
        cmocka_unit_test(knows_one_by_heart),
        cmocka_unit_test(tells_faults_apart),
        cmocka_unit_test(tells_every_substitution),
        cmocka_unit_test(tells_every_swap_of_neighbours),
        cmocka_unit_test(hashes_the_whole_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
