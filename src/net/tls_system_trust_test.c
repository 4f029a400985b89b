#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net_test_kit.h"
#include "net/tls_system_trust.h"

static int count_certificates(X509_STORE *store) {
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(store);
    int count = sk_X509_num(all);
    sk_X509_pop_free(all, X509_free);
    return count;
}

static void test_all_users_share_one(void **state) {
    (void)state;
    X509_STORE *first = tls_system_trust_take();
    X509_STORE *second = tls_system_trust_take();
    X509_STORE *kept = second;
    assert_ptr_equal(first, second);
    tls_system_trust_give_back(&first);
    assert_null(first);
    assert_true(count_certificates(kept) >= 0); /* still there for the other */
    tls_system_trust_give_back(&second);
    tls_system_trust_give_back(&second);
}

static void test_it_is_read_anew_after_the_last(void **state) {
    (void)state;
    assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
    X509_STORE *store = tls_system_trust_take();
    assert_int_equal(count_certificates(store), 0);
    tls_system_trust_give_back(&store);
    struct kit_cert *root = kit_root();
    char path[] = "/tmp/tls_system_trust_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, root->chain_pem, strlen(root->chain_pem)), strlen(root->chain_pem));
    (void)close(fd);
    assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
    store = tls_system_trust_take();
    assert_int_equal(count_certificates(store), 1);
    tls_system_trust_give_back(&store);
    (void)unlink(path);
    (void)unsetenv("SSL_CERT_FILE");
    kit_cert_free(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_users_share_one),
        cmocka_unit_test(test_it_is_read_anew_after_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
