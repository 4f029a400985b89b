/* cli.h: the operator's command line over the API: what all its commands share.
 *
 * Each command is a file of its own (cli_get.c, cli_apply.c …) with its option table and one function that runs it. A command
 * line becomes a struct cli (cli_open), which knows where the platform is and who asks: flags before the environment before what
 * `mezusphere login` kept (cli_profile.h). Results go to standard output, everything else to standard error.
 * One thread; text that commands make lives in the arena until cli_close.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/option.h"
#include "base/secret.h"
#include "base/status.h"

/* How the program ends: for scripts. */
enum cli_exit {
    CLI_EXIT_DONE = 0,
    CLI_EXIT_FAILED = 1,
    CLI_EXIT_USAGE = 2,
    CLI_EXIT_DENIED = 3,
    CLI_EXIT_NOT_FOUND = 4,
    CLI_EXIT_CONFLICT = 5,
    CLI_EXIT_UNREACHABLE = 6,
};

struct cli_http;

/* What every command's line may say. */
struct cli_line {
    const char *url;
    const char *ca_file;
    struct secret token;
    const char *organization;
    const char *project;
    const char *environment;
    const char *service_account;
    bool is_json;
};

/* The one there is: option tables are static, and so is where they write to. */
extern struct cli_line cli_line;

#define CLI_OPTIONS                                                                                \
    {"url",         "URL", OPTION_TEXT,                                                            \
     &cli_line.url, NULL,  "The platform's API (default: where you signed in last)."},             \
        {"ca-file",         "PEM", OPTION_TEXT,                                                    \
         &cli_line.ca_file, NULL,  "Root certificates to trust instead of the system's."},         \
        {"token",       "TOKEN",                                                                   \
         OPTION_SECRET, &cli_line.token,                                                           \
         NULL,          "API key or session token (default: the session you signed in with)."},    \
    {                                                                                              \
        "json", NULL, OPTION_FLAG, &cli_line.is_json, NULL,                                        \
            "Print what the API answers, for programs."                                            \
    }
#define CLI_PLACE_OPTIONS                                                                          \
    {"organization",                                                                               \
     "NAME",                                                                                       \
     OPTION_TEXT,                                                                                  \
     &cli_line.organization,                                                                       \
     NULL,                                                                                         \
     "Which organization, by name or id; not needed where there is one.",                          \
     'o'},                                                                                         \
        {"project",   "NAME",                                                                      \
         OPTION_TEXT, &cli_line.project,                                                           \
         NULL,        "Which project, by name or id; not needed where there is one.",              \
         'p'},                                                                                     \
        {"environment",                                                                            \
         "NAME",                                                                                   \
         OPTION_TEXT,                                                                              \
         &cli_line.environment,                                                                    \
         NULL,                                                                                     \
         "Which environment, by name or id; not needed where there is one.",                       \
         'e'},                                                                                     \
    {                                                                                              \
        "service-account", "NAME", OPTION_TEXT, &cli_line.service_account, NULL,                   \
            "Which service account, by name or id; not needed where there is one.", 's'            \
    }

struct cli {
    struct arena arena;
    struct cli_http *http;
    const char *organization; /* of the line or the profile; NULL: none named */
};

/* For use in a command: parses the line into `set`'s targets. True: go on; else *exit_status is how the program ends. */
bool cli_parse(const struct option_set *set, int argc, char **argv, int *exit_status);
/* Finds out where and as whom; no connection is made yet. STATUS_INVALID (profile_malformed, url_missing, url_invalid,
 * ca_unreadable). */
enum status cli_open(struct cli *cli, struct why *why) MUST_USE;
/* The same without a token: for signing in. `url` is asked for. */
enum status cli_open_unsigned(struct cli *cli, struct why *why) MUST_USE;
void cli_close(struct cli *cli);

/* Says what went wrong, and how the program ends for it. */
int cli_fail(enum status status, const struct why *why);
/* Prints a tree as text, indented. */
void cli_print_json(const json_t *tree);
/* A whole file, or standard input where path is "-"; at most 1 MiB, into the arena. STATUS_INVALID (file_unreadable),
 * STATUS_TOO_LARGE (file_too_large). */
enum status cli_read_file(struct cli *cli, const char *path, struct str *text,
                          struct why *why) MUST_USE;

#endif
