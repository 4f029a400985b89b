#include "tunnel/signed_edges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/key.h"

static EVP_PKEY *key;
static struct jws_keys keys;

static int make_keys(void **state) {
    (void)state;
    key = key_new();
    jws_keys_init(&keys);
    return jws_keys_add(&keys, key) == STATUS_OK ? 0 : -1;
}

static int free_keys(void **state) {
    (void)state;
    jws_keys_fini(&keys);
    EVP_PKEY_free(key);
    return 0;
}

static struct signed_edges make(uint64_t revision) {
    return (struct signed_edges){
        .revision = revision,
        .edges = {{STR_INIT("one.example.net:443"), STR_INIT("edge.example.net")},
                  {STR_INIT("two.example.net:443"), STR_INIT("edge.example.net")}},
        .edge_count = 2,
        .revoked = {{"edg_01jd3m8k6vq2x7r9t4w5y6z8ab"}},
        .revoked_count = 1,
        .anchors = STR_INIT("PEM\n"),
        .issuer = STR_INIT("ab12"),
        .renew_within_ms = 5000,
    };
}

static void test_opens_what_was_signed(void **state) {
    (void)state;
    struct signed_edges list = make(7);
    struct signed_edges read;
    struct buf jws;
    const struct id other = {"edg_01jd3m8k6vq2x7r9t4w5y6z8ac"};
    buf_init(&jws, 1 << 16);
    assert_int_equal(signed_edges_write(&list, key, &jws), STATUS_OK);
    assert_int_equal(signed_edges_open(&keys, buf_str(&jws), 6, &read, NULL), STATUS_OK);
    assert_int_equal(read.revision, 7);
    assert_int_equal(read.edge_count, 2);
    assert_true(str_eq(read.edges[1].address, STR("two.example.net:443")));
    assert_true(str_eq(read.anchors, list.anchors));
    assert_true(str_eq(read.issuer, list.issuer));
    assert_int_equal(read.renew_within_ms, 5000);
    assert_true(signed_edges_is_revoked(&read, &list.revoked[0]));
    assert_false(signed_edges_is_revoked(&read, &other));
    signed_edges_fini(&read);
    buf_fini(&jws);
}

static void expect_refused(struct str jws, uint64_t newer_than, enum status status,
                           const char *slug) {
    struct signed_edges read;
    struct why why = {0};
    assert_int_equal(signed_edges_open(&keys, jws, newer_than, &read, &why), status);
    assert_string_equal(why.slug, slug);
    assert_null(read.tree);
}

static void test_refuses_the_rest(void **state) {
    (void)state;
    struct signed_edges list = make(7);
    struct buf jws;
    buf_init(&jws, 1 << 16);
    assert_int_equal(signed_edges_write(&list, key, &jws), STATUS_OK);
    expect_refused(buf_str(&jws), 7, STATUS_CONFLICT, "edges_not_newer");
    expect_refused(buf_str(&jws), 8, STATUS_CONFLICT, "edges_not_newer");
    expect_refused(str_sub(buf_str(&jws), 0, buf_len(&jws) - 4), 0, STATUS_INVALID,
                   "jws_malformed");
    buf_clear(&jws);
    EVP_PKEY *stranger = key_new();
    assert_int_equal(signed_edges_write(&list, stranger, &jws), STATUS_OK);
    expect_refused(buf_str(&jws), 0, STATUS_DENIED, "jws_unknown_key");
    EVP_PKEY_free(stranger);
    buf_clear(&jws);
    /* a bundle is not a list of edges, whoever signed it */
    assert_int_equal(jws_sign(key, STR("mezusphere-bundle"), STR("{}"), &jws), STATUS_OK);
    expect_refused(buf_str(&jws), 0, STATUS_INVALID, "jws_type");
    buf_fini(&jws);
}

static void test_refuses_other_shapes(void **state) {
    (void)state;
    static const char *const payloads[] = {
        "{\"revision\":9,\"edges\":{},\"revoked\":[]}",
        "{\"revision\":9,\"edges\":[]}",
        "{\"revision\":9,\"edges\":[],\"revoked\":[1]}",
        "{\"revision\":9,\"edges\":[],\"revoked\":[\"wg_01jd3m8k6vq2x7r9t4w5y6z8ab\"]}",
        "{\"revision\":9,\"edges\":[{\"address\":\"a:1\"}],\"revoked\":[]}",
        "{\"revision\":9,\"edges\":[],\"revoked\":[],\"more\":1}",
    };
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        struct signed_edges read;
        struct buf jws;
        buf_init(&jws, 1 << 16);
        assert_int_equal(jws_sign(key, STR(SIGNED_EDGES_TYPE), str_from(payloads[i]), &jws),
                         STATUS_OK);
        assert_int_equal(signed_edges_open(&keys, buf_str(&jws), 0, &read, NULL), STATUS_INVALID);
        buf_fini(&jws);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_what_was_signed),
        cmocka_unit_test(test_refuses_the_rest),
        cmocka_unit_test(test_refuses_other_shapes),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
