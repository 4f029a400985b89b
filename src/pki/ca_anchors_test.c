#include "pki/ca_anchors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/key.h"

#define DOMAIN STR("mesh.example")

static struct why why;

struct path {
    struct ca_rotation *stable;
    struct ca_rotation *announced;
    struct ca_rotation *issuing;
};

static int set_up(void **state) {
    static struct path path;
    *state = &path;
    assert_int_equal(ca_rotation_new(DOMAIN, clock_system(), &path.stable, &why), STATUS_OK);
    assert_int_equal(ca_rotation_announce(path.stable, clock_system(), &path.announced, &why),
                     STATUS_OK);
    assert_int_equal(ca_rotation_issue(path.announced, &path.issuing, &why), STATUS_OK);
    return 0;
}

static int tear_down(void **state) {
    struct path *path = *state;
    ca_rotation_free(&path->stable);
    ca_rotation_free(&path->announced);
    ca_rotation_free(&path->issuing);
    return 0;
}

static struct buf make_chain(const struct ca_rotation *rotation) {
    struct buf chain;
    EVP_PKEY *key = key_new();
    const struct ca_leaf leaf = {.role = CERT_SERVICE,
                                 .dns_names = {STR("a.example")},
                                 .dns_name_count = 1,
                                 .lifetime_seconds = 3600};
    buf_init(&chain, 65536);
    assert_int_equal(
        ca_issue(ca_rotation_issuer(rotation), &leaf, key, clock_system(), &chain, NULL, &why),
        STATUS_OK);
    EVP_PKEY_free(key);
    return chain;
}

static void finds_each_certificate(void **state) {
    const struct path *path = *state;
    struct str rest = ca_rotation_anchors(path->issuing);
    assert_true(str_eq(ca_anchors_next(&rest), ca_root_pem(ca_rotation_issuer(path->issuing))));
    assert_true(str_eq(ca_anchors_next(&rest), ca_root_pem(ca_rotation_issuer(path->stable))));
    assert_true(str_is_empty(ca_anchors_next(&rest)));
    rest = STR("no certificate");
    assert_true(str_is_empty(ca_anchors_next(&rest)));
    assert_true(str_is_empty(rest));
}

/* Whichever of the two issued it, and whatever order they stand in. */
static void names_the_root(void **state) {
    const struct path *path = *state;
    const struct ca_rotation *const issuers[] = {path->stable, path->announced, path->issuing};
    for (size_t i = 0; i < 3; i++) {
        char name[CA_ANCHORS_SIZE];
        char expected[CA_ANCHORS_SIZE];
        struct buf chain = make_chain(issuers[i]);
        ca_rotation_anchors_name(ca_root_pem(ca_rotation_issuer(issuers[i])), expected);
        for (size_t j = 1; j < 3; j++) {
            assert_int_equal(
                ca_anchors_root_of(buf_str(&chain), ca_rotation_anchors(issuers[j]), name),
                STATUS_OK);
            assert_string_equal(name, expected);
        }
        buf_fini(&chain);
    }
}

static void names_none(void **state) {
    const struct path *path = *state;
    char name[CA_ANCHORS_SIZE] = "x";
    struct buf chain = make_chain(path->issuing);
    assert_int_equal(ca_anchors_root_of(buf_str(&chain), ca_rotation_anchors(path->stable), name),
                     STATUS_NOT_FOUND);
    assert_string_equal(name, "");
    assert_int_equal(ca_anchors_root_of(buf_str(&chain), STR_EMPTY, name), STATUS_NOT_FOUND);
    struct str leaf = buf_str(&chain);
    leaf = ca_anchors_next(&leaf);
    assert_int_equal(ca_anchors_root_of(leaf, ca_rotation_anchors(path->issuing), name),
                     STATUS_INVALID);
    assert_int_equal(ca_anchors_root_of(STR("-----END CERTIFICATE-----"),
                                        ca_rotation_anchors(path->issuing), name),
                     STATUS_INVALID);
    buf_fini(&chain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_each_certificate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_the_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
