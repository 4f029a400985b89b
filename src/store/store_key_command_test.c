#include "store/store_key_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"

static enum status run(const char *command, int64_t patience_ms, struct secret *output,
                       struct why *why) {
    secret_init(output);
    return store_key_command_run(command, patience_ms, output, why);
}

static void test_first_line(void **state) {
    (void)state;
    static const char *const commands[] = {
        "echo key", "printf key", "printf ' key \\r\\nand more\\n'",
        "cat > /dev/null; echo key", /* there is nothing to read: it ends */
    };
    struct secret output;
    struct why why;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_int_equal(run(commands[i], 10000, &output, &why), STATUS_OK);
        assert_true(str_eq(secret_str(&output), STR("key")));
        secret_fini(&output);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *command;
        const char *word;
    } rows[] = {
        {"echo topsecret; exit 3", "did not end with 0"},
        {"kill -9 $$", "did not end with 0"},
        {"/nowhere/at/all 2> /dev/null", "did not end with 0"},
        {"true", "no key"},
        {"head -c 5000 /dev/zero", "too much"},
    };
    struct secret output;
    struct why why;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(run(rows[i].command, 10000, &output, &why), STATUS_FAILED);
        assert_string_equal(why.slug, "master_key_command");
        assert_non_null(strstr(why.text, rows[i].word));
        assert_null(strstr(why.text, "topsecret"));
        assert_true(secret_is_empty(&output));
    }
}

/* Also one that has closed its output, and one that leaves something behind. */
static void test_patience_ends(void **state) {
    (void)state;
    static const char *const commands[] = {"sleep 100", "exec >&-; sleep 100", "sleep 100 & wait"};
    struct secret output;
    struct why why;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        int64_t begun = clock_mono_ms(clock_system());
        assert_int_equal(run(commands[i], 100, &output, &why), STATUS_FAILED);
        assert_non_null(strstr(why.text, "too long"));
        assert_true(clock_mono_ms(clock_system()) - begun < 10000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_line),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_patience_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
