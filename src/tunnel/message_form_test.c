#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "tunnel/message_form.h"

struct sample {
    struct str text;
    struct str word;
    struct str name;
    struct str extra;
    uint64_t revision;
    unsigned count;
    struct id id;
    struct id maybe;
    const json_t *object;
};

#define AT(member) offsetof(struct sample, member)
static const struct message_member members[] = {
    {"text", MESSAGE_TEXT, AT(text), .max = 8},
    {"word", MESSAGE_WORD, AT(word), .max = 8},
    {"name", MESSAGE_NAME, AT(name), .max = 8},
    {"extra", MESSAGE_TOKEN, AT(extra), .max = 8, .is_optional = true},
    {"revision", MESSAGE_REVISION, AT(revision), .max = 100},
    {"count", MESSAGE_COUNT, AT(count), .max = 8},
    {"id", MESSAGE_ID, AT(id), .id_kind = ID_WARPGATE},
    {"maybe", MESSAGE_MAYBE_ID, AT(maybe), .id_kind = ID_ENVIRONMENT},
    {"object", MESSAGE_OBJECT, AT(object)},
};
static const struct message_form forms[] = {{NULL, NULL, 0}, MESSAGE_FORM("sample", members)};

#define GOOD                                                                                       \
    "{\"type\":\"sample\",\"text\":\"a "                                                           \
    "b\",\"word\":\"w\",\"name\":\"n-1\",\"extra\":\"e\",\"revision\":7,"                          \
    "\"count\":3,\"id\":\"wg_01jd3m8k6vq2x7r9t4w5y6z8ab\",\"maybe\":\"\",\"object\":{}}"

static enum status read_text(const char *text, struct sample *sample, struct why *why,
                             json_t **tree) {
    assert_int_equal(json_parse(str_from(text), tree, NULL), STATUS_OK);
    return message_form_read(&forms[1], *tree, sample, why);
}

static void test_a_message_reads_and_writes_the_same(void **state) {
    (void)state;
    struct sample sample;
    struct str type;
    json_t *tree = NULL;
    assert_int_equal(read_text(GOOD, &sample, NULL, &tree), STATUS_OK);
    assert_int_equal(message_form_type(tree, &type, NULL), STATUS_OK);
    assert_int_equal(message_form_find(forms, 2, type), 1);
    assert_int_equal(message_form_find(forms, 2, STR("other")), 2);
    assert_true(str_eq(sample.text, STR("a b")));
    assert_int_equal(sample.revision, 7);
    assert_int_equal(sample.count, 3);
    assert_true(id_is_none(&sample.maybe));
    json_t *written = message_form_write(&forms[1], &sample);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

/* The good message with one member replaced by `value` (NULL: removed) is refused with the slug. */
static void expect_refusal(const char *member, const char *value, const char *slug) {
    struct sample sample;
    struct why why = {.slug = ""};
    json_t *tree = NULL;
    assert_int_equal(json_parse(STR(GOOD), &tree, NULL), STATUS_OK);
    if (value == NULL) {
        json_object_del(tree, member);
    } else {
        json_object_set_new(tree, member, json_loads(value, JSON_DECODE_ANY, NULL));
    }
    assert_int_equal(message_form_read(&forms[1], tree, &sample, &why), STATUS_INVALID);
    assert_string_equal(why.slug, slug);
    json_decref(tree);
}

static void test_wrong_members_are_refused(void **state) {
    (void)state;
    expect_refusal("surplus", "1", "unknown_member");
    expect_refusal("text", NULL, "member_missing");
    expect_refusal("object", NULL, "member_missing");
    expect_refusal("text", "1", "member_type");
    expect_refusal("object", "[]", "member_type");
    expect_refusal("text", "\"123456789\"", "member_value");
    expect_refusal("word", "\"\"", "member_value");
    expect_refusal("word", "\"a b\"", "member_value");
    expect_refusal("word", "\"\\n\"", "member_value");
    expect_refusal("word", "\"\\u00e9\"", "member_value");
    expect_refusal("name", "\"a/b\"", "member_value");
    expect_refusal("extra", "\"a b\"", "member_value");
    expect_refusal("id", "\"env_01jd3m8k6vq2x7r9t4w5y6z8ab\"", "member_value");
    expect_refusal("id", "\"\"", "member_value");
    expect_refusal("maybe", "\"x\"", "member_value");
}

static void test_numbers_stay_in_their_range(void **state) {
    (void)state;
    struct sample sample;
    json_t *tree = NULL;
    const char *const bad[] = {"-1", "101", "1.5", "\"1\"", "true"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(json_parse(STR(GOOD), &tree, NULL), STATUS_OK);
        json_object_set_new(tree, "revision", json_loads(bad[i], JSON_DECODE_ANY, NULL));
        assert_int_equal(message_form_read(&forms[1], tree, &sample, NULL), STATUS_INVALID);
        json_decref(tree);
    }
}

static void test_an_absent_optional_member_is_empty(void **state) {
    (void)state;
    struct sample sample;
    json_t *tree = NULL;
    assert_int_equal(json_parse(STR(GOOD), &tree, NULL), STATUS_OK);
    json_object_del(tree, "extra");
    assert_int_equal(message_form_read(&forms[1], tree, &sample, NULL), STATUS_OK);
    assert_true(str_is_empty(sample.extra));
    json_t *written = message_form_write(&forms[1], &sample);
    assert_true(json_equal(tree, written));
    json_decref(written);
    json_decref(tree);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_reads_and_writes_the_same),
        cmocka_unit_test(test_wrong_members_are_refused),
        cmocka_unit_test(test_numbers_stay_in_their_range),
        cmocka_unit_test(test_an_absent_optional_member_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
