#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "tunnel/enrolment.h"

#define ANSWER                                                                                     \
    "{\"warpgate\":\"wg_01jd3m8k6vq2x7r9t4w5y6z8ab\",\"environment\":\"env_"                       \
    "01jd3m8k6vq2x7r9t4w5y6z8ab\","                                                                \
    "\"trust_domain\":\"example.net\",\"certificate\":\"PEM\",\"trust_anchors\":\"PEM\","          \
    "\"bundle_keys\":{\"keys\":[]},\"bundle\":\"a.b.c\","                                          \
    "\"edges\":[{\"address\":\"127.0.0.1:8443\",\"server_name\":\"edge.example.net\"}]}"

static json_t *parse(const char *text) {
    json_t *tree = NULL;
    assert_int_equal(json_parse(str_from(text), &tree, NULL), STATUS_OK);
    return tree;
}

static void test_a_request_reads_and_writes_the_same(void **state) {
    (void)state;
    struct enrolment_request request;
    json_t *tree = parse(
        "{\"csr\":\"PEM\",\"name\":\"box\",\"version\":\"0.1.0\",\"platform\":\"linux/x86_64\","
        "\"environment\":\"production\"}");
    assert_int_equal(enrolment_request_read(tree, &request, NULL), STATUS_OK);
    assert_true(str_eq(request.platform, STR("linux/x86_64")));
    json_t *written = enrolment_request_write(&request);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

static void test_a_renewal_is_a_csr_alone(void **state) {
    (void)state;
    struct enrolment_request request;
    json_t *tree = parse("{\"csr\":\"PEM\"}");
    assert_int_equal(enrolment_request_read(tree, &request, NULL), STATUS_OK);
    assert_true(str_is_empty(request.name) && str_is_empty(request.environment));
    json_t *written = enrolment_request_write(&request);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

static void test_wrong_requests_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"csr\":1}",
        "{\"csr\":\"PEM\",\"name\":\"a b\"}",
        "{\"csr\":\"PEM\",\"name\":"
        "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
        "{\"csr\":\"PEM\",\"role\":\"edge\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct enrolment_request request;
        json_t *tree = parse(texts[i]);
        assert_int_equal(enrolment_request_read(tree, &request, NULL), STATUS_INVALID);
        json_decref(tree);
    }
}

static void test_an_answer_reads_and_writes_the_same(void **state) {
    (void)state;
    struct enrolment_answer answer;
    json_t *tree = parse(ANSWER);
    assert_int_equal(enrolment_answer_read(tree, &answer, NULL), STATUS_OK);
    assert_int_equal(answer.edge_count, 1);
    assert_true(str_eq(answer.edges[0].server_name, STR("edge.example.net")));
    json_t *written = enrolment_answer_write(&answer);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

static void expect_answer_refused(json_t *tree, const char *slug) {
    struct enrolment_answer answer;
    struct why why = {.slug = ""};
    assert_int_equal(enrolment_answer_read(tree, &answer, &why), STATUS_INVALID);
    assert_string_equal(why.slug, slug);
    json_decref(tree);
}

static void test_wrong_edges_are_refused(void **state) {
    (void)state;
    json_t *tree = parse(ANSWER);
    json_object_set_new(tree, "edges", json_array());
    expect_answer_refused(tree, "member_value");
    tree = parse(ANSWER);
    json_object_set_new(tree, "edges", json_true());
    expect_answer_refused(tree, "member_value");
    tree = parse(ANSWER);
    json_object_del(tree, "edges");
    expect_answer_refused(tree, "member_missing");
    tree = parse(ANSWER);
    json_array_append_new(json_object_get(tree, "edges"), json_string("127.0.0.1:1"));
    expect_answer_refused(tree, "unknown_member");
    tree = parse(ANSWER);
    for (size_t i = 0; i < ENROLMENT_EDGES_MAX; i++) {
        json_array_append(json_object_get(tree, "edges"),
                          json_array_get(json_object_get(tree, "edges"), 0));
    }
    expect_answer_refused(tree, "member_value");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_reads_and_writes_the_same),
        cmocka_unit_test(test_a_renewal_is_a_csr_alone),
        cmocka_unit_test(test_wrong_requests_are_refused),
        cmocka_unit_test(test_an_answer_reads_and_writes_the_same),
        cmocka_unit_test(test_wrong_edges_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
