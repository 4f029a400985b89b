#include "control/audit_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/secret.h"
#include "pki/api_key.h"

static json_t *parse(const char *text) {
    json_t *tree = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_true(text == NULL || tree != NULL);
    return tree;
}

static void expect(json_t *tree, const char *wanted) {
    json_t *other = parse(wanted);
    if (wanted == NULL ? tree != NULL : !json_equal(tree, other)) {
        char *text = json_dumps(tree, JSON_COMPACT);
        fail_msg("%s instead of %s", text != NULL ? text : "nothing", wanted);
    }
    json_decref(other);
    json_decref(tree);
}

static void test_differences(void **state) {
    static const struct {
        const char *before;
        const char *after;
        const char *was; /* NULL: none */
        const char *is;
    } cases[] = {
        {NULL, "{\"a\":1,\"revision\":1}", NULL, "{\"a\":1,\"revision\":1}"},
        {"{\"a\":1}", NULL, "{\"a\":1}", NULL},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", "{\"b\":2}", "{\"b\":3}"},
        {"{\"a\":1}", "{\"a\":1,\"b\":3}", "{}", "{\"b\":3}"},
        {"{\"a\":1,\"b\":[1]}", "{\"a\":1}", "{\"b\":[1]}", "{}"},
        {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":1,\"y\":3}}", "{\"a\":{\"y\":2}}",
         "{\"a\":{\"y\":3}}"},
        {"{\"a\":null}", "{\"a\":{\"y\":3}}", "{\"a\":null}", "{\"a\":{\"y\":3}}"},
        {"{\"a\":1,\"revision\":1,\"updated_at\":\"x\"}",
         "{\"a\":2,\"revision\":2,\"updated_at\":\"y\"}", "{\"a\":1}", "{\"a\":2}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *before = parse(cases[i].before);
        json_t *after = parse(cases[i].after);
        json_t *was = NULL;
        json_t *is = NULL;
        assert_true(audit_diff_make(before, after, &was, &is));
        expect(was, cases[i].was);
        expect(is, cases[i].is);
        json_decref(before);
        json_decref(after);
    }
}

static void test_the_same(void **state) {
    json_t *before = parse("{\"a\":{\"b\":[1,2]},\"revision\":1}");
    json_t *after = parse("{\"revision\":2,\"a\":{\"b\":[1,2]}}");
    json_t *was = before;
    json_t *is = after;
    (void)state;
    assert_false(audit_diff_make(before, after, &was, &is));
    assert_null(was);
    assert_null(is);
    json_decref(before);
    json_decref(after);
}

#define MARK "MARKED-SECRET"

/* Each is a way in which a secret might come. */
static void test_secrets(void **state) {
    static const char *const objects[] = {
        "{\"password\":\"" MARK "\"}",
        "{\"Password\":\"" MARK "\"}",
        "{\"new_password\":\"" MARK "\"}",
        "{\"token\":\"" MARK "\"}",
        "{\"client_secret\":\"" MARK "\"}",
        "{\"key\":\"" MARK "\"}",
        "{\"private-key\":\"" MARK "\"}",
        "{\"a\":{\"b\":[{\"Authorization\":\"" MARK "\"}]}}",
        "{\"tokens\":1,\"set\":{\"x-api-key\":[\"" MARK "\"]}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        json_t *tree = parse(objects[i]);
        json_t *was = NULL;
        json_t *is = NULL;
        assert_true(audit_diff_make(NULL, tree, &was, &is));
        char *text = json_dumps(is, JSON_COMPACT);
        assert_null(strstr(text, MARK));
        assert_non_null(strstr(text, AUDIT_DIFF_MASK));
        free(text);
        json_decref(is);
        json_decref(tree);
    }
}

static void test_a_changed_secret_shows_as_changed(void **state) {
    json_t *before = parse("{\"password\":\"one\",\"name\":\"x\"}");
    json_t *after = parse("{\"password\":\"two\",\"name\":\"x\"}");
    json_t *was = NULL;
    json_t *is = NULL;
    (void)state;
    assert_true(audit_diff_make(before, after, &was, &is));
    expect(was, "{\"password\":\"" AUDIT_DIFF_MASK "\"}");
    expect(is, "{\"password\":\"" AUDIT_DIFF_MASK "\"}");
    json_decref(before);
    json_decref(after);
}

static void test_keys_by_their_looks(void **state) {
    struct secret secret;
    json_t *was = NULL;
    json_t *is = NULL;
    (void)state;
    secret_init(&secret);
    api_key_new(random_system(), &secret);
    json_t *tree = json_pack("{s:s%}", "note", secret_str(&secret).at, secret_str(&secret).len);
    assert_true(audit_diff_make(NULL, tree, &was, &is));
    expect(is, "{\"note\":\"" AUDIT_DIFF_MASK "\"}");
    json_decref(tree);
    secret_fini(&secret);
}

static void test_what_only_sounds_secret(void **state) {
    static const char plain[] = "{\"key\":\"key_00000000000000000000000000\",\"token_count\":3,"
                                "\"monkey\":\"x\",\"password\":null}";
    json_t *tree = parse(plain);
    json_t *was = NULL;
    json_t *is = NULL;
    (void)state;
    assert_true(audit_diff_make(NULL, tree, &was, &is));
    expect(is, plain);
    json_decref(tree);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_the_same),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_a_changed_secret_shows_as_changed),
        cmocka_unit_test(test_keys_by_their_looks),
        cmocka_unit_test(test_what_only_sounds_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
