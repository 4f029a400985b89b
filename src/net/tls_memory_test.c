#include "net/tls_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/recycler.h"

/* More than a record, less than what the recycler makes of it: so the room tells who made it. */
#define RECORD_BYTES 16709

static void openssl_takes_from_the_recycler(void **state) {
    (void)state;
    void *record = OPENSSL_malloc(RECORD_BYTES);
    assert_non_null(record);
    assert_true(malloc_usable_size(record) >= RECYCLER_BUFFER_BYTES);
    OPENSSL_free(record);
    if (RECYCLER_KEEPS) {
        assert_ptr_equal(recycler_take(RECORD_BYTES), record);
        recycler_give(record);
        assert_ptr_equal(OPENSSL_malloc(RECORD_BYTES), record);
        OPENSSL_free(record);
    }
    recycler_trim();
}

static void openssl_resizes_and_zeroes(void **state) {
    (void)state;
    uint8_t *at = OPENSSL_realloc(NULL, 40);
    assert_non_null(at);
    memset(at, 7, 40);
    at = OPENSSL_realloc(at, RECORD_BYTES);
    assert_non_null(at);
    assert_int_equal(at[0], 7);
    assert_int_equal(at[39], 7);
    memset(at, 'x', RECORD_BYTES);
    OPENSSL_free(at);
    at = OPENSSL_zalloc(RECORD_BYTES);
    assert_non_null(at);
    for (size_t i = 0; i < RECORD_BYTES; i++) {
        assert_int_equal(at[i], 0);
    }
    OPENSSL_free(at);
    OPENSSL_free(NULL);
    recycler_trim();
}

/* Nothing of a secret is left in a piece that the recycler keeps: OpenSSL wipes before it calls its free function. */
static void secrets_are_wiped_before_they_are_kept(void **state) {
    static const size_t sizes[] = {40, 56, 504, RECORD_BYTES}; /* the recycler's steps */
    (void)state;
    if (!RECYCLER_KEEPS) {
        skip(); /* what was given may not be read */
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *secret = OPENSSL_malloc(sizes[i]);
        assert_non_null(secret);
        memset(secret, 0x5a, sizes[i]);
        OPENSSL_clear_free(secret, sizes[i]);
        uint8_t *again = recycler_take(sizes[i]);
        assert_ptr_equal(again, secret);
        assert_null(memchr(again, 0x5a, sizes[i]));
        memset(again, 0x5a, sizes[i]);
        /* Growing copies: the old piece is wiped, too. */
        uint8_t *moved = OPENSSL_clear_realloc(again, sizes[i], 2 * sizes[i]);
        assert_ptr_equal(recycler_take(sizes[i]), again);
        assert_null(memchr(again, 0x5a, sizes[i]));
        recycler_give(again);
        OPENSSL_clear_free(moved, 2 * sizes[i]);
    }
    recycler_trim();
}

/* A digest and its context: what OpenSSL has for a thread is freed as the thread ends, on whatever list it came. */
static void *digest_on_a_thread(void *context) {
    unsigned len = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    *(bool *)context = EVP_Digest("x", 1, digest, &len, EVP_sha256(), NULL) == 1 && len == 32;
    return NULL;
}

static void threads_use_and_end(void **state) {
    bool is_done[4] = {false};
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, digest_on_a_thread, &is_done[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(is_done[i]);
    }
}

static int late_result = -1;

/* In a process of its own, before the tests' OpenSSL is set up. */
static void install_late_in_a_child(void) {
    pid_t child = fork();
    if (child == 0) {
        CRYPTO_malloc_fn take;
        OPENSSL_free(OPENSSL_malloc(100));
        tls_memory_install();
        CRYPTO_get_mem_functions(&take, NULL, NULL);
        _exit(take == CRYPTO_malloc ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &late_result, 0) != child) {
        late_result = -1;
    }
}

static void later_it_has_no_effect(void **state) {
    CRYPTO_malloc_fn take;
    (void)state;
    assert_int_equal(late_result, 0);
    CRYPTO_get_mem_functions(&take, NULL, NULL);
    assert_true(take != CRYPTO_malloc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_takes_from_the_recycler),
        cmocka_unit_test(openssl_resizes_and_zeroes),
        cmocka_unit_test(secrets_are_wiped_before_they_are_kept),
        cmocka_unit_test(threads_use_and_end),
        cmocka_unit_test(later_it_has_no_effect),
    };
    install_late_in_a_child();
    tls_memory_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
