#include "net/tls_context.h"

#include "net/net_test_kit.h"
#include "net/tls_certificate.h"

static void test_certificates_are_parsed_strictly(void **state) {
    (void)state;
    struct kit_cert *root = kit_root();
    struct kit_cert *leaf = kit_leaf(root, "a.test");
    struct kit_cert *other = kit_leaf(root, "b.test");
    struct tls_context *context = tls_context_new(TLS_API_SERVER);
    struct why why = {0};
    assert_int_equal(tls_context_set_certificate(context, kit_chain(leaf), kit_key(leaf), &why),
                     STATUS_OK);
    assert_int_equal(tls_context_set_certificate(context, kit_chain(leaf), kit_key(other), &why),
                     STATUS_INVALID);
    assert_string_equal(why.slug, "key_mismatch");
    assert_int_equal(tls_context_set_certificate(context, kit_chain(leaf), STR("nothing"), &why),
                     STATUS_INVALID);
    assert_string_equal(why.slug, "key_invalid");
    assert_int_equal(tls_context_set_certificate(context, STR(""), kit_key(leaf), &why),
                     STATUS_INVALID);
    assert_string_equal(why.slug, "certificate_invalid");
    assert_int_equal(tls_context_set_trust(context, STR("nothing"), &why), STATUS_INVALID);
    assert_string_equal(why.slug, "anchors_invalid");

    char text[sizeof(leaf->chain_pem)];
    snprintf(text, sizeof(text), "%s", leaf->chain_pem);
    text[60] = '!'; /* inside the base64 */
    assert_int_equal(tls_context_set_certificate(context, str_from(text), kit_key(leaf), &why),
                     STATUS_INVALID);
    snprintf(text, sizeof(text), "%s", leaf->chain_pem);
    text[strlen(text) - 40] = '\0'; /* cut off */
    assert_int_equal(tls_context_set_certificate(context, str_from(text), kit_key(leaf), &why),
                     STATUS_INVALID);
    tls_context_unref(&context);
    kit_cert_free(leaf);
    kit_cert_free(other);
    kit_cert_free(root);
}

static void test_encrypted_keys_are_refused_without_a_prompt(void **state) {
    (void)state;
    struct kit_cert *root = kit_root();
    char text[4096];
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, root->key, EVP_aes_128_cbc(), NULL, 0, NULL, (void *)"password");
    int len = BIO_read(bio, text, sizeof(text) - 1);
    text[len] = '\0';
    BIO_free(bio);
    struct tls_certificate *certificate;
    struct why why = {0};
    assert_int_equal(tls_certificate_parse(kit_chain(root), str_from(text), &certificate, &why),
                     STATUS_INVALID);
    assert_string_equal(why.slug, "key_invalid");
    kit_cert_free(root);
}

static void test_hosts_come_and_go(void **state) {
    (void)state;
    struct kit_cert *root = kit_root();
    struct kit_cert *leaf = kit_leaf(root, "a.test");
    struct tls_context *context = tls_context_new(TLS_VISITOR_SERVER);
    struct why why = {0};
    assert_false(tls_context_has_host(context, STR("a.test")));
    kit_add_host(context, "a.test", leaf);
    kit_add_host(context, "a.test", leaf); /* replaces */
    assert_true(tls_context_has_host(context, STR("a.test")));
    assert_false(tls_context_has_host(context, STR("b.test")));
    assert_int_equal(
        tls_context_add_host(context, STR("A.test"), kit_chain(leaf), kit_key(leaf), &why),
        STATUS_INVALID);
    assert_string_equal(why.slug, "host_invalid");
    assert_int_equal(tls_context_add_host(context, STR(""), kit_chain(leaf), kit_key(leaf), &why),
                     STATUS_INVALID);
    tls_context_remove_host(context, STR("a.test"));
    tls_context_remove_host(context, STR("a.test"));
    assert_false(tls_context_has_host(context, STR("a.test")));
    kit_add_host(context, "c.test", leaf); /* freed with the context */
    tls_context_unref(&context);
    kit_cert_free(leaf);
    kit_cert_free(root);
}

static void test_references_keep_it(void **state) {
    (void)state;
    struct tls_context *context = tls_context_new(TLS_TUNNEL_CLIENT);
    struct tls_context *second = tls_context_ref(context);
    tls_context_unref(&context);
    assert_null(context);
    assert_int_equal(tls_context_role(second), TLS_TUNNEL_CLIENT);
    tls_context_unref(&second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates_are_parsed_strictly),
        cmocka_unit_test(test_encrypted_keys_are_refused_without_a_prompt),
        cmocka_unit_test(test_hosts_come_and_go),
        cmocka_unit_test(test_references_keep_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
