/* option.h: command-line options declared once, as a table.
 *
 * From one table come the parser, --help, the environment variables (PREFIX_NAME_IN_CAPITALS), the `…_FILE` form of
 * secrets and the pages in docs/. Precedence: flag, then environment, then default. `--name value` and `--name=value`
 * are the same, and -f value where an option has a letter. What follows "--" is no option. A secret given as a flag is wiped from argv. Errors name the flag and the fix (exit status 2).
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/status.h"
#include "base/str.h"

#define OPTION_VALUES_MAX 32

enum option_kind {
    OPTION_FLAG, /* bool *: present or not; no value; environment "1", "true", "yes" */
    OPTION_TEXT, /* const char **: the value, borrowed from argv or the environment */
    OPTION_LIST, /* struct option_list *: may repeat; the environment form is comma-separated */
    OPTION_SECRET, /* struct secret *: wiped from argv; also NAME_FILE in the environment and --name-file */
    OPTION_SECRET_ENV, /* struct secret *: from the environment alone, without a form for files */
};

struct option_list {
    const char *values[OPTION_VALUES_MAX];
    size_t count;
};

struct option {
    const char *name;     /* "log-level" */
    const char *argument; /* "LEVEL"; NULL for OPTION_FLAG */
    enum option_kind kind;
    void *target;
    const char *fallback; /* default value as text, or NULL */
    const char *help;     /* one sentence */
    char letter;          /* 'f': also -f; 0: none */
};

struct option_set {
    const char *program;    /* "warpgate" */
    const char *command;    /* "install", or NULL */
    const char *summary;    /* one line over the table in --help */
    const char *env_prefix; /* "WARPGATE" */
    const struct option *options;
    size_t count;
    const char *arguments; /* of usage: "KIND [NAME]"; NULL: there are none */
    struct option_list
        *positionals; /* where they go; NULL: an argument without a flag is an error */
};

/* Parses argv[first .. argc-1]. STATUS_END: --help was asked for (print with option_help, exit 0). STATUS_INVALID: why
 * names the flag and the fix. Values borrowed from the environment stay owned by it. */
enum status option_parse(const struct option_set *set, int argc, char **argv, int first,
                         struct why *why) MUST_USE;
/* Prints usage and the table to standard output. */
void option_help(const struct option_set *set);

#endif
