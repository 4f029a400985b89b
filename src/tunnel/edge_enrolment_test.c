#include "tunnel/edge_enrolment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

#define CONTROLS                                                                                   \
    "\"controls\":[{\"address\":\"api.example.net:443\",\"server_name\":\"api.example.net\"}]"
#define EDGE "\"edge\":\"edg_01jd3m8k6vq2x7r9t4w5y6z8ab\","
#define REST                                                                                       \
    "\"trust_domain\":\"example.net\",\"certificate\":\"PEM\",\"trust_anchors\":\"PEM\","          \
    "\"tunnel_server_name\":\"edge.example.net\","

static json_t *parse(const char *text) {
    json_t *tree = NULL;
    assert_int_equal(json_parse(str_from(text), &tree, NULL), STATUS_OK);
    return tree;
}

static void test_a_request_reads_and_writes_the_same(void **state) {
    (void)state;
    struct edge_enrolment_request request;
    json_t *tree = parse("{\"csr\":\"PEM\",\"name\":\"one\",\"version\":\"0.1.0\","
                         "\"address\":\"one.example.net:443\"}");
    assert_int_equal(edge_enrolment_request_read(tree, &request, NULL), STATUS_OK);
    assert_true(str_eq(request.address, STR("one.example.net:443")));
    json_t *written = edge_enrolment_request_write(&request);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

static void test_an_answer_reads_and_writes_the_same(void **state) {
    (void)state;
    struct edge_enrolment_answer answer;
    json_t *tree = parse("{" EDGE REST CONTROLS "}");
    assert_int_equal(edge_enrolment_answer_read(tree, &answer, NULL), STATUS_OK);
    assert_int_equal(answer.controls.count, 1);
    assert_true(str_eq(answer.controls.at[0].server_name, STR("api.example.net")));
    json_t *written = edge_enrolment_answer_write(&answer);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

static void test_wrong_ones_are_refused(void **state) {
    (void)state;
    static const char *const answers[] = {
        "{" REST CONTROLS "}",
        "{" EDGE CONTROLS "}",
        "{" EDGE REST "\"controls\":[]}",
        "{" EDGE REST "\"controls\":{}}",
        "{" EDGE REST "\"controls\":[{\"address\":\"a:1\"}]}",
        "{" EDGE REST CONTROLS ",\"key\":\"PEM\"}",
    };
    static const char *const requests[] = {
        "{}",
        "{\"csr\":\"PEM\",\"name\":\"a b\"}",
        "{\"csr\":\"PEM\",\"address\":\"a b:1\"}",
        "{\"csr\":\"PEM\",\"edge\":\"edg_01jd3m8k6vq2x7r9t4w5y6z8ab\"}",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct edge_enrolment_answer answer;
        json_t *tree = parse(answers[i]);
        assert_int_equal(edge_enrolment_answer_read(tree, &answer, NULL), STATUS_INVALID);
        json_decref(tree);
    }
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct edge_enrolment_request request;
        json_t *tree = parse(requests[i]);
        assert_int_equal(edge_enrolment_request_read(tree, &request, NULL), STATUS_INVALID);
        json_decref(tree);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_reads_and_writes_the_same),
        cmocka_unit_test(test_an_answer_reads_and_writes_the_same),
        cmocka_unit_test(test_wrong_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
