#include "policy/regexp_class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct route_regexp_fault fault;
static struct why why;

static enum status parse(const char *text, struct route_regexp_set *set, size_t *end) {
    struct regexp_reader reader = {.text = str_from(text), .fault = &fault, .why = &why};
    enum status status = regexp_class_parse(&reader, set);
    *end = reader.at;
    return status;
}

static void classes_hold_what_they_say(void **state) {
    static const struct {
        const char *text;
        size_t end;
        const char *in;
        const char *out;
    } cases[] = {
        {"[a-c]x", 5, "abc", "`dA-"},
        {"[^a-c]", 6, "d`A/", "abc"},
        {"[]-]", 3, "", ""},
        {"[-a]", 4, "-a", "b"},
        {"[a-]", 4, "-a", "b"},
        {"[[:digit:]_]", 12, "059_", "a/:"},
        {"[[:^digit:]]", 12, "a/:", "059"},
        {"[\\d\\-]", 6, "7-", "d\\"},
        {"[\\W]", 4, "-/", "aZ0_"},
        {"[\\]\\[]", 6, "[]", "\\"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct route_regexp_set set;
        size_t end;
        enum status status = parse(cases[i].text, &set, &end);
        if (cases[i].in[0] == '\0') {
            assert_int_equal(status, STATUS_INVALID);
            continue;
        }
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(end, cases[i].end);
        for (const char *c = cases[i].in; *c != '\0'; c++) {
            assert_true(route_regexp_set_has(&set, (uint8_t)*c));
        }
        for (const char *c = cases[i].out; *c != '\0'; c++) {
            assert_false(route_regexp_set_has(&set, (uint8_t)*c));
        }
    }
}

static void faults_name_their_place(void **state) {
    static const struct {
        const char *text;
        enum status status;
        const char *slug;
        size_t offset;
    } cases[] = {
        {"[a", STATUS_INVALID, "regexp_class", 2},
        {"[c-a]", STATUS_INVALID, "regexp_class", 1},
        {"[a[b]", STATUS_INVALID, "regexp_class", 2},
        {"[:alpha:]", STATUS_INVALID, "regexp_class", 0},
        {"[[:nosuch:]]", STATUS_INVALID, "regexp_class", 1},
        {"[a\\", STATUS_INVALID, "regexp_escape", 2},
        {"[\\b]", STATUS_UNSUPPORTED, "regexp_escape_unsupported", 1},
        {"[\xc3\xa9]", STATUS_UNSUPPORTED, "regexp_class_not_ascii", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct route_regexp_set set;
        size_t end;
        assert_int_equal(parse(cases[i].text, &set, &end), cases[i].status);
        assert_string_equal(why.slug, cases[i].slug);
        assert_int_equal(fault.offset, cases[i].offset);
    }
}

static void escapes_are_letters_of_classes_only(void **state) {
    struct route_regexp_set set = {{0}};
    (void)state;
    assert_false(regexp_class_add_escape(&set, 'b'));
    assert_false(regexp_class_add_escape(&set, '.'));
    assert_false(route_regexp_set_has(&set, 'b'));
    assert_true(regexp_class_add_escape(&set, 'S'));
    assert_true(route_regexp_set_has(&set, 'b'));
    assert_false(route_regexp_set_has(&set, ' '));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_hold_what_they_say),
        cmocka_unit_test(faults_name_their_place),
        cmocka_unit_test(escapes_are_letters_of_classes_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
