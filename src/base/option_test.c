#define _GNU_SOURCE /* memmem */

#include "base/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_demo;
static const char *level;
static struct option_list upstreams;
static struct secret token;

static const struct option options[] = {
    {"demo", NULL, OPTION_FLAG, &is_demo, NULL, "Runs a sample."},
    {"log-level", "LEVEL", OPTION_TEXT, &level, "info", "How much is logged."},
    {"upstream", "TARGET", OPTION_LIST, &upstreams, "a:1,b:2", "Where requests go."},
    {"token", "KEY", OPTION_SECRET, &token, NULL, "The API key."},
};

static const struct option_set set = {"warpgate", NULL,    "Connects a workload.",
                                      "TESTGATE", options, 4};

static struct why why;

#define ARGS_MAX 48

/* A command line in memory of its own, as the kernel gives it. */
struct line {
    char bytes[2048];
    char *args[ARGS_MAX];
    int count;
};

static enum status parse(struct line *line, const char *const *args, int count) {
    char *at = line->bytes;
    line->count = 0;
    for (int i = 0; i < count; i++) {
        size_t size = strlen(args[i]) + 1;
        memcpy(at, args[i], size);
        line->args[line->count++] = at;
        at += size;
    }
    return option_parse(&set, line->count, line->args, 1, &why);
}

#define PARSE(line, ...)                                                                           \
    parse(&(line), (const char *const[]){"warpgate", __VA_ARGS__},                                 \
          (int)(sizeof((const char *const[]){"warpgate", __VA_ARGS__}) / sizeof(char *)))

static void assert_refused(enum status status, const char *slug, const char *named) {
    assert_int_equal(status, STATUS_INVALID);
    assert_string_equal(why.slug, slug);
    assert_non_null(strstr(why.text, named));
    assert_null(strstr(why.text, "hunter2"));
}

static int forget(void **state) {
    (void)state;
    unsetenv("TESTGATE_DEMO");
    unsetenv("TESTGATE_LOG_LEVEL");
    unsetenv("TESTGATE_UPSTREAM");
    unsetenv("TESTGATE_TOKEN");
    unsetenv("TESTGATE_TOKEN_FILE");
    secret_fini(&token);
    return 0;
}

static void takes_defaults(void **state) {
    struct line line;
    const char *const none[] = {"warpgate"};
    (void)state;
    is_demo = true;
    assert_int_equal(parse(&line, none, 1), STATUS_OK);
    assert_false(is_demo);
    assert_string_equal(level, "info");
    assert_int_equal(upstreams.count, 2);
    assert_string_equal(upstreams.values[0], "a:1");
    assert_string_equal(upstreams.values[1], "b:2");
    assert_true(secret_is_empty(&token));
}

static void takes_flags(void **state) {
    struct line line;
    (void)state;
    assert_int_equal(PARSE(line, "--demo", "--log-level", "debug", "--upstream=x=y:1", "--upstream",
                           "-z", "--token=hunter2"),
                     STATUS_OK);
    assert_true(is_demo);
    assert_string_equal(level, "debug");
    assert_int_equal(upstreams.count, 2);
    assert_string_equal(upstreams.values[0], "x=y:1");
    assert_string_equal(upstreams.values[1], "-z");
    assert_true(str_eq(secret_str(&token), STR("hunter2")));
}

static void prefers_flags_to_environment(void **state) {
    struct line line;
    (void)state;
    setenv("TESTGATE_LOG_LEVEL", "warn", 1);
    setenv("TESTGATE_UPSTREAM", "e:1,e:2,e:3", 1);
    setenv("TESTGATE_DEMO", "yes", 1);
    setenv("TESTGATE_TOKEN", "hunter2", 1);
    assert_int_equal(PARSE(line, "--upstream", "f:1"), STATUS_OK);
    assert_string_equal(level, "warn");
    assert_true(is_demo);
    assert_int_equal(upstreams.count, 1);
    assert_string_equal(upstreams.values[0], "f:1");
    assert_true(str_eq(secret_str(&token), STR("hunter2")));
    assert_int_equal(PARSE(line, "--log-level", "error", "--token", "other"), STATUS_OK);
    assert_string_equal(level, "error");
    assert_int_equal(upstreams.count, 3);
    assert_string_equal(upstreams.values[2], "e:3");
    assert_true(str_eq(secret_str(&token), STR("other")));
    assert_string_equal(getenv("TESTGATE_UPSTREAM"), "e:1,e:2,e:3"); /* left whole for children */
}

static void ignores_empty_variables(void **state) {
    struct line line;
    const char *const none[] = {"warpgate"};
    (void)state;
    setenv("TESTGATE_LOG_LEVEL", "", 1);
    setenv("TESTGATE_TOKEN", "", 1);
    setenv("TESTGATE_DEMO", "false", 1);
    assert_int_equal(parse(&line, none, 1), STATUS_OK);
    assert_string_equal(level, "info");
    assert_false(is_demo);
}

static void wipes_secrets(void **state) {
    struct line line;
    (void)state;
    static char variable[] = "TESTGATE_TOKEN=hunter2";
    putenv(variable);
    assert_int_equal(PARSE(line, "--token", "hunter2", "--demo"), STATUS_OK);
    assert_null(memmem(line.bytes, sizeof(line.bytes), "hunter2", 7));
    assert_string_equal(line.args[3], "--demo");
    assert_null(getenv("TESTGATE_TOKEN"));
    assert_null(memmem(variable, sizeof(variable), "hunter2", 7));
    assert_int_equal(PARSE(line, "--token=hunter2"), STATUS_OK);
    assert_null(memmem(line.bytes, sizeof(line.bytes), "hunter2", 7));
    assert_refused(PARSE(line, "--token", "hunter2", "--token", "hunter2"), "option_repeated",
                   "--token");
    assert_null(memmem(line.bytes, sizeof(line.bytes), "hunter2", 7));
}

static void reads_secret_files(void **state) {
    struct line line;
    const char *const none[] = {"warpgate"};
    char path[] = "/tmp/mez-option-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "hunter2\n", 8), 8);
    close(fd);
    assert_int_equal(PARSE(line, "--token-file", path), STATUS_OK);
    assert_true(str_eq(secret_str(&token), STR("hunter2")));
    assert_string_equal(line.args[2], path);
    setenv("TESTGATE_TOKEN_FILE", path, 1);
    assert_int_equal(parse(&line, none, 1), STATUS_OK);
    assert_true(str_eq(secret_str(&token), STR("hunter2")));
    setenv("TESTGATE_TOKEN", "hunter2", 1);
    assert_refused(parse(&line, none, 1), "option_conflict", "TESTGATE_TOKEN_FILE");
    unlink(path);
    assert_refused(parse(&line, none, 1), "option_file", "TESTGATE_TOKEN_FILE");
    assert_refused(PARSE(line, "--token-file", path), "option_file", path);
    assert_refused(PARSE(line, "--token-file", path, "--token", "hunter2"), "option_file",
                   "--token");
}

static void asks_for_help(void **state) {
    struct line line;
    (void)state;
    assert_int_equal(PARSE(line, "--demo", "--help"), STATUS_END);
    assert_int_equal(PARSE(line, "-h"), STATUS_END);
}

static void refuses(void **state) {
    struct line line;
    const char *many[ARGS_MAX] = {"warpgate"};
    (void)state;
    assert_refused(PARSE(line, "--tokne=hunter2"), "option_unknown", "--tokne");
    assert_refused(PARSE(line, "--demo-file", "x"), "option_unknown", "--demo-file");
    assert_refused(PARSE(line, "hunter2"), "option_stray", "argument 1");
    assert_refused(PARSE(line, "--"), "option_stray", "--help");
    assert_refused(PARSE(line, "-hunter2"), "option_stray", "--help");
    assert_refused(PARSE(line, "-x"), "option_unknown", "-x");
    assert_refused(PARSE(line, ""), "option_stray", "--help");
    assert_refused(PARSE(line, "--demo=1"), "option_value", "--demo");
    assert_refused(PARSE(line, "--token"), "option_value_missing", "--token KEY");
    assert_refused(PARSE(line, "--token", "--demo"), "option_value_missing", "--token");
    assert_refused(PARSE(line, "--token-file"), "option_value_missing", "PATH");
    assert_refused(PARSE(line, "--log-level=a", "--log-level=b"), "option_repeated", "--log-level");
    for (int i = 1; i <= OPTION_VALUES_MAX + 1; i++) {
        many[i] = "--upstream=x";
    }
    assert_int_equal(parse(&line, many, OPTION_VALUES_MAX + 1), STATUS_OK);
    assert_refused(parse(&line, many, OPTION_VALUES_MAX + 2), "option_too_many", "--upstream");
    char large[SECRET_MAX + 1];
    memset(large, 'x', SECRET_MAX);
    large[SECRET_MAX] = '\0';
    assert_refused(PARSE(line, "--token", large), "option_value", "--token");
}

static void refuses_environment(void **state) {
    struct line line;
    const char *const none[] = {"warpgate"};
    (void)state;
    setenv("TESTGATE_DEMO", "maybe", 1);
    assert_refused(parse(&line, none, 1), "option_value", "TESTGATE_DEMO");
    unsetenv("TESTGATE_DEMO");
    setenv("TESTGATE_UPSTREAM", "a,,b", 1);
    assert_refused(parse(&line, none, 1), "option_value", "TESTGATE_UPSTREAM");
    setenv("TESTGATE_UPSTREAM", "1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3",
           1);
    assert_refused(parse(&line, none, 1), "option_too_many", "TESTGATE_UPSTREAM");
}

static void prints_help(void **state) {
    char text[4096];
    int ends[2];
    (void)state;
    fflush(stdout);
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    option_help(&set);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t len = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    assert_true(len > 0);
    text[len] = '\0';
    assert_non_null(strstr(text, "Usage: warpgate [options]"));
    assert_non_null(strstr(text, "--log-level LEVEL"));
    assert_non_null(strstr(text, "Default: info."));
    assert_non_null(strstr(text, "TESTGATE_LOG_LEVEL"));
    assert_non_null(strstr(text, "--token-file PATH"));
    assert_non_null(strstr(text, "TESTGATE_TOKEN or TESTGATE_TOKEN_FILE"));
}

/* A command with arguments and letters. */
static const char *file;
static bool follows;
static struct option_list names;
static const struct option apply_options[] = {
    {"file", "PATH", OPTION_TEXT, &file, NULL, "What to apply.", 'f'},
    {"follow", NULL, OPTION_FLAG, &follows, NULL, "Go on.", 'F'},
};
static const struct option_set apply_set = {
    .program = "mezusphere",
    .command = "apply",
    .summary = "Applies.",
    .options = apply_options,
    .count = 2,
    .arguments = "NAME...",
    .positionals = &names,
};

static enum status parse_apply(int argc, const char *const *argv) {
    struct line line = {0};
    static char kept[16][64];
    for (int i = 0; i < argc; i++) {
        snprintf(kept[i], sizeof(kept[i]), "%s", argv[i]);
        line.args[i] = kept[i];
    }
    return option_parse(&apply_set, argc, line.args, 2, &why);
}

#define APPLY(...)                                                                                 \
    parse_apply(                                                                                   \
        (int)(sizeof((const char *const[]){"mezusphere", "apply", __VA_ARGS__}) / sizeof(char *)), \
        (const char *const[]){"mezusphere", "apply", __VA_ARGS__})

static void arguments_and_letters(void **state) {
    (void)state;
    assert_int_equal(APPLY("one", "-f", "web.yaml", "two", "-F"), STATUS_OK);
    assert_string_equal(file, "web.yaml");
    assert_true(follows);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.values[0], "one");
    assert_string_equal(names.values[1], "two");
    assert_int_equal(APPLY("--file", "-", "-", "--", "--file", "-x"), STATUS_OK);
    assert_string_equal(file, "-");
    assert_false(follows);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.values[0], "-");
    assert_string_equal(names.values[1], "--file");
    assert_string_equal(names.values[2], "-x");
    assert_refused(APPLY("-f"), "option_value_missing", "-f");
    assert_refused(APPLY("-f", "a", "--file", "b"), "option_repeated", "--file");
    assert_refused(APPLY("--flie"), "option_unknown", "mezusphere apply --help");
    assert_int_equal(APPLY("-h"), STATUS_END);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_and_letters),
        cmocka_unit_test_setup(takes_defaults, forget),
        cmocka_unit_test_setup(takes_flags, forget),
        cmocka_unit_test_setup(prefers_flags_to_environment, forget),
        cmocka_unit_test_setup(ignores_empty_variables, forget),
        cmocka_unit_test_setup(wipes_secrets, forget),
        cmocka_unit_test_setup(reads_secret_files, forget),
        cmocka_unit_test_setup(asks_for_help, forget),
        cmocka_unit_test_setup(refuses, forget),
        cmocka_unit_test_setup(refuses_environment, forget),
        cmocka_unit_test_setup(prints_help, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
