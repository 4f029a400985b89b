#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/option_doc.h"

static const char *file;
static bool follows;
static struct secret token;
static const struct option options[] = {
    {"file", "PATH", OPTION_TEXT, &file, "-", "What isn't: [there] yet.", 'f'},
    {"follow", NULL, OPTION_FLAG, &follows, NULL, "Go on."},
    {"token", "TOKEN", OPTION_SECRET, &token, NULL, ".Secret."},
    {"key", NULL, OPTION_SECRET_ENV, &token, NULL, "A key."},
};
static const struct option_set set = {
    .program = "mez",
    .command = "apply",
    .summary = "Applies.",
    .env_prefix = "MEZ",
    .options = options,
    .count = 4,
    .arguments = "[NAME]",
};
static const struct option_doc_command commands[] = {
    {"apply", "Apply a document", &set},
    {"version", "Print the version", NULL},
};
static const struct option_doc doc = {"mez", "1.0", "a program", commands, 2};

static char *text;
static size_t len;

static void complete(const char *shell) {
    struct why why;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(option_doc_completion(&doc, shell, out, &why), STATUS_OK);
    (void)fclose(out);
}

static void assert_holds(const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("no \"%s\" in:\n%s", part, text);
    }
}

static void test_man(void **state) {
    FILE *out = open_memstream(&text, &len);
    (void)state;
    option_doc_man(&doc, out);
    (void)fclose(out);
    assert_holds(".TH MEZ 1 \"\" \"mez 1.0\"\n");
    assert_holds(".SS mez apply [OPTION...] [NAME]\nApplies.\n");
    assert_holds(".TP\n\\fB\\-f\\fR, \\fB\\-\\-file\\fR \\fIPATH\\fR\n");
    assert_holds("Default: \\-. Environment: \\fBMEZ_FILE\\fR.\n");
    assert_holds("\\fB\\-\\-token\\-file\\fR \\fIPATH\\fR\nThe same");
    assert_holds("\n\\&.Secret. Environment: \\fBMEZ_TOKEN\\fR or \\fBMEZ_TOKEN_FILE\\fR.\n");
    assert_holds("\\fBMEZ_KEY\\fR\nA key. Environment only.\n");
    assert_null(strstr(text, "--key"));
    assert_holds(".SS mez version\nPrint the version\n");
    free(text);
}

static void test_completions(void **state) {
    (void)state;
    complete("bash");
    assert_holds("apply) words=\"--file --follow --token --token-file --help\" ;;");
    assert_holds("*) words=\"apply version\" ;;");
    free(text);
    complete("zsh");
    assert_holds("'apply:Apply a document'");
    assert_holds("'--file[What isn'\\''t\\: \\[there\\] yet.]:PATH:_files'");
    free(text);
    complete("fish");
    assert_holds("complete -c mez -n __fish_use_subcommand -f -a version -d 'Print the version'\n");
    assert_holds("-n '__fish_seen_subcommand_from apply' -l file -s f -r -F -d 'What isn'\\''t: "
                 "[there] yet.'\n");
    free(text);
}

static void test_unknown_shell(void **state) {
    struct why why;
    (void)state;
    assert_int_equal(option_doc_completion(&doc, "tcsh", stdout, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "shell_unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_man),
        cmocka_unit_test(test_completions),
        cmocka_unit_test(test_unknown_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
