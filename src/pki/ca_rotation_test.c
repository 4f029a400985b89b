#include "pki/ca_rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/random.h"
#include "pki/key.h"
#include "pki/ossl.h"

#define DOMAIN STR("mesh.example")

static struct why why;
static struct ca_rotation *steps[6]; /* what the test made, in order */
static size_t step_count;

static struct ca_rotation *keep(struct ca_rotation *rotation) {
    steps[step_count++] = rotation;
    return rotation;
}

static int set_up(void **state) {
    struct ca_rotation *rotation = NULL;
    step_count = 0;
    if (ca_rotation_new(DOMAIN, clock_system(), &rotation, &why) != STATUS_OK) {
        return -1;
    }
    *state = keep(rotation);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    while (step_count > 0) {
        ca_rotation_free(&steps[--step_count]);
    }
    return 0;
}

static struct ca_rotation *announce(const struct ca_rotation *from) {
    struct ca_rotation *next = NULL;
    assert_int_equal(ca_rotation_announce(from, clock_system(), &next, &why), STATUS_OK);
    return keep(next);
}

typedef enum status (*step_fn)(const struct ca_rotation *rotation, struct ca_rotation **next,
                               struct why *why);

static struct ca_rotation *take(step_fn step, const struct ca_rotation *from) {
    struct ca_rotation *next = NULL;
    assert_int_equal(step(from, &next, &why), STATUS_OK);
    return keep(next);
}

static void refuse(step_fn step, const struct ca_rotation *from) {
    struct ca_rotation *next = NULL;
    assert_int_equal(step(from, &next, &why), STATUS_CONFLICT);
    assert_string_equal(why.slug, "ca_phase");
    assert_null(next);
}

/* A service's chain of this authority. */
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

static X509_STORE *read_anchors(struct str pem) {
    X509_STORE *store = X509_STORE_new();
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    for (X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL); cert != NULL;
         cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) {
        assert_int_equal(X509_STORE_add_cert(store, cert), 1);
        X509_free(cert);
    }
    BIO_free(bio);
    ERR_clear_error();
    return store;
}

static bool trusts(struct str anchors, struct str chain) {
    X509_STORE *store = read_anchors(anchors);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    BIO *bio = BIO_new_mem_buf(chain.at, (int)chain.len);
    X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    X509 *intermediate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    STACK_OF(X509) *sent = sk_X509_new_null();
    assert_true(sk_X509_push(sent, intermediate) > 0);
    assert_int_equal(X509_STORE_CTX_init(context, store, leaf, sent), 1);
    bool is_trusted = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    sk_X509_pop_free(sent, X509_free);
    X509_free(leaf);
    BIO_free(bio);
    X509_STORE_free(store);
    ERR_clear_error();
    return is_trusted;
}

/* At every step, forward and back, whoever is one step behind or ahead trusts what is issued. */
static void no_step_lacks_a_common_root(void **state) {
    const struct ca_rotation *stable = *state;
    const struct ca_rotation *announced = announce(stable);
    const struct ca_rotation *issuing = take(ca_rotation_issue, announced);
    const struct ca_rotation *finished = take(ca_rotation_finish, issuing);
    const struct ca_rotation *const path[] = {stable, announced, issuing, finished};
    for (size_t i = 0; i < 4; i++) {
        struct buf chain = make_chain(path[i]);
        for (size_t j = 0; j < 4; j++) {
            bool is_near = i <= j + 1 && j <= i + 1;
            bool is_trusted = trusts(ca_rotation_anchors(path[j]), buf_str(&chain));
            assert_true(is_trusted || !is_near);
        }
        buf_fini(&chain);
    }
    /* And the old root is of no use in the end. */
    struct buf chain = make_chain(stable);
    assert_false(trusts(ca_rotation_anchors(finished), buf_str(&chain)));
    buf_fini(&chain);
}

static void only_the_next_step_follows(void **state) {
    const struct ca_rotation *stable = *state;
    struct ca_rotation *next = NULL;
    assert_int_equal(ca_rotation_phase(stable), CA_STABLE);
    refuse(ca_rotation_issue, stable);
    refuse(ca_rotation_finish, stable);
    refuse(ca_rotation_back, stable);
    const struct ca_rotation *announced = announce(stable);
    assert_int_equal(ca_rotation_phase(announced), CA_ANNOUNCED);
    refuse(ca_rotation_finish, announced);
    assert_int_equal(ca_rotation_announce(announced, clock_system(), &next, &why), STATUS_CONFLICT);
    assert_int_equal(ca_rotation_renew_intermediates(announced, clock_system(), &next, &why),
                     STATUS_CONFLICT);
    const struct ca_rotation *issuing = take(ca_rotation_issue, announced);
    assert_int_equal(ca_rotation_phase(issuing), CA_ISSUING);
    refuse(ca_rotation_issue, issuing);
}

static bool has_same_root(const struct ca_rotation *a, const struct ca_rotation *b) {
    return str_eq(ca_root_pem(ca_rotation_issuer(a)), ca_root_pem(ca_rotation_issuer(b)));
}

static void goes_back(void **state) {
    const struct ca_rotation *stable = *state;
    const struct ca_rotation *announced = announce(stable);
    const struct ca_rotation *issuing = take(ca_rotation_issue, announced);
    const struct ca_rotation *back = take(ca_rotation_back, issuing);
    assert_int_equal(ca_rotation_phase(back), CA_ANNOUNCED);
    assert_true(has_same_root(back, stable));
    assert_false(has_same_root(issuing, stable));
    const struct ca_rotation *home = take(ca_rotation_back, back);
    assert_int_equal(ca_rotation_phase(home), CA_STABLE);
    assert_true(str_eq(ca_rotation_anchors(home), ca_rotation_anchors(stable)));
}

static struct ca_rotation *read_again(const struct ca_rotation *rotation) {
    struct ca_rotation *again = NULL;
    struct buf text;
    buf_init(&text, CA_ROTATION_TEXT_BYTES_MAX);
    assert_int_equal(ca_rotation_export(rotation, &text), STATUS_OK);
    assert_int_equal(ca_rotation_import(buf_str(&text), &again, &why), STATUS_OK);
    buf_fini_wiped(&text);
    return again;
}

static void export_round_trips(void **state) {
    const struct ca_rotation *path[3] = {*state};
    path[1] = announce(path[0]);
    path[2] = take(ca_rotation_issue, path[1]);
    for (size_t i = 0; i < 3; i++) {
        struct ca_rotation *again = read_again(path[i]);
        assert_int_equal(ca_rotation_phase(again), ca_rotation_phase(path[i]));
        assert_true(str_eq(ca_rotation_anchors(again), ca_rotation_anchors(path[i])));
        assert_true(has_same_root(again, path[i]));
        ca_rotation_free(&again);
    }
}

/* What was kept before there were rotations. */
static void takes_on_a_lone_authority(void **state) {
    struct ca_rotation *again = NULL;
    struct buf text;
    buf_init(&text, CA_TEXT_BYTES_MAX);
    assert_int_equal(ca_export(ca_rotation_issuer(*state), &text), STATUS_OK);
    assert_int_equal(ca_rotation_import(buf_str(&text), &again, &why), STATUS_OK);
    assert_int_equal(ca_rotation_phase(again), CA_STABLE);
    assert_true(has_same_root(again, *state));
    ca_rotation_free(&again);
    buf_fini_wiped(&text);
}

/* `@` stands for the authority. */
static void refuse_text(const char *template, struct str ca) {
    struct ca_rotation *again = NULL;
    struct buf text;
    buf_init(&text, CA_ROTATION_TEXT_BYTES_MAX);
    for (; *template != '\0'; template ++) {
        struct str part = *template == '@' ? ca : str_make(template, 1);
        assert_int_equal(buf_append_str(&text, part), STATUS_OK);
    }
    assert_int_equal(ca_rotation_import(buf_str(&text), &again, &why), STATUS_INVALID);
    assert_null(again);
    buf_fini_wiped(&text);
}

static void import_refuses_what_does_not_fit(void **state) {
    struct buf text;
    buf_init(&text, CA_TEXT_BYTES_MAX);
    assert_int_equal(ca_export(ca_rotation_issuer(*state), &text), STATUS_OK);
    struct str ca = buf_str(&text);
    refuse_text("{\"phase\":\"announced\",\"ca\":@}", ca);
    refuse_text("{\"phase\":\"announced\",\"ca\":@,\"next\":@}", ca);
    refuse_text("{\"phase\":\"stable\",\"ca\":@,\"next\":@}", ca);
    refuse_text("{\"phase\":\"later\",\"ca\":@}", ca);
    refuse_text("{\"phase\":\"stable\",\"next\":@}", ca);
    refuse_text("{\"phase\":\"stable\",\"ca\":@,\"more\":1}", ca);
    refuse_text("{\"phase\":\"stable\",\"ca\":{}}", ca);
    buf_fini_wiped(&text);
}

static void anchors_have_one_name(void **state) {
    char name[CA_ANCHORS_SIZE];
    char other[CA_ANCHORS_SIZE];
    const struct ca_rotation *announced = announce(*state);
    const struct ca_rotation *issuing = take(ca_rotation_issue, announced);
    ca_rotation_anchors_name(ca_rotation_anchors(announced), name);
    ca_rotation_anchors_name(ca_rotation_anchors(issuing), other);
    assert_false(str_eq(ca_rotation_anchors(announced), ca_rotation_anchors(issuing)));
    assert_string_equal(name, other);
    ca_rotation_anchors_name(ca_rotation_anchors(*state), other);
    assert_string_not_equal(name, other);
}

static void renews_intermediates(void **state) {
    struct ca_rotation *renewed = NULL;
    assert_int_equal(ca_rotation_renew_intermediates(*state, clock_system(), &renewed, &why),
                     STATUS_OK);
    keep(renewed);
    struct buf before = make_chain(*state);
    struct buf after = make_chain(renewed);
    assert_true(has_same_root(renewed, *state));
    assert_true(trusts(ca_rotation_anchors(*state), buf_str(&after)));
    assert_true(trusts(ca_rotation_anchors(renewed), buf_str(&before)));
    buf_fini(&before);
    buf_fini(&after);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_step_lacks_a_common_root),
        TEST(only_the_next_step_follows),
        TEST(goes_back),
        TEST(export_round_trips),
        TEST(takes_on_a_lone_authority),
        TEST(import_refuses_what_does_not_fit),
        TEST(anchors_have_one_name),
        TEST(renews_intermediates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
