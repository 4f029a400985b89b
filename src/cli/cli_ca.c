#include "cli/cli_ca.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_http.h"
#include "cli/cli_profile.h"
#include "cli/cli_table.h"

#define AGAIN_SECONDS 2

static struct {
    struct option_list arguments;
    bool is_forced;
    bool does_not_wait;
} line;

static const struct option options[] = {
    {"no-wait", NULL, OPTION_FLAG, &line.does_not_wait, NULL,
     "Take the next step if nobody lags behind, and end."},
    {"force", NULL, OPTION_FLAG, &line.is_forced, NULL,
     "Take the step though edges or warpgates lag behind: they are cut off."},
    CLI_OPTIONS,
};

const struct option_set cli_ca_set = {
    .program = "mezusphere",
    .command = "ca",
    .arguments = "status | rotate | back | renew-intermediates",
    .summary =
        "The internal CA, as an operator. rotate puts a new root in the place of the present "
        "one, step by step,\nand waits before each until every edge and warpgate has "
        "followed; started again, it goes on.\nback takes one step back.",
    .env_prefix = "MEZUSPHERE",
    .options = options,
    .count = sizeof(options) / sizeof(options[0]),
    .positionals = &line.arguments,
};

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static struct str join_roots(struct cli *cli, const json_t *ca) {
    const json_t *roots = json_object_get(ca, "roots");
    struct str pem = STR_EMPTY;
    for (size_t i = 0; i < json_array_size(roots); i++) {
        pem = arena_printf(&cli->arena, "%.*s%s", STR_ARG(pem),
                           text_of(json_array_get(roots, i), "certificate"));
    }
    return pem;
}

/* Who signed in by a root that goes would be locked out: the profile follows. */
static enum status follow(struct cli *cli, const json_t *ca, struct why *why) {
    struct cli_profile profile;
    struct str pem = join_roots(cli, ca);
    if (!cli_http_trust(cli->http, pem)) {
        return STATUS_OK;
    }
    enum status status = cli_profile_load(&profile, &cli->arena, why);
    bool is_kept = status == STATUS_OK && !str_is_empty(profile.ca_pem) &&
                   str_eq(profile.url, str_from(cli_http_url(cli->http)));
    if (is_kept && !str_eq(profile.ca_pem, pem)) {
        profile.ca_pem = pem;
        status = cli_profile_save(&profile, why);
    }
    secret_fini(&profile.token);
    return status;
}

static enum status get(struct cli *cli, json_t **ca, struct why *why) {
    struct cli_http_answer answer = {0};
    enum status status = cli_http_call(cli->http, "GET", "/v1/ca", NULL, NULL, &answer, why);
    *ca = answer.body;
    return status == STATUS_OK ? follow(cli, answer.body, why) : status;
}

static json_int_t count_of(const json_t *ca, const char *kind, const char *what) {
    const json_t *progress = json_object_get(json_object_get(ca, "progress"), kind);
    return json_integer_value(json_object_get(progress, what));
}

static json_int_t count_lagging(const json_t *ca) {
    return count_of(ca, "edges", "lagging") + count_of(ca, "warpgates", "lagging");
}

static void show_progress(const json_t *ca, const char *kind) {
    static const char *const columns[] = {"id", "connected", "trusts_all", "on_issuer", NULL};
    const json_t *progress = json_object_get(json_object_get(ca, "progress"), kind);
    (void)printf("%s: %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT " trust all roots, "
                 "%" JSON_INTEGER_FORMAT " have a certificate of the one that issues\n",
                 kind, count_of(ca, kind, "total"), count_of(ca, kind, "trusting_all"),
                 count_of(ca, kind, "on_issuer"));
    if (count_of(ca, kind, "lagging") > 0) {
        cli_table_list(stdout, columns, json_object_get(progress, "laggards"));
    }
}

static void show(const json_t *ca) {
    static const char *const columns[] = {"sha256", "use", "expires_at", "intermediates_expire_at",
                                          NULL};
    if (cli_line.is_json) {
        cli_print_json(ca);
        return;
    }
    (void)printf("phase: %s\n", text_of(ca, "phase"));
    cli_table_list(stdout, columns, json_object_get(ca, "roots"));
    show_progress(ca, "edges");
    show_progress(ca, "warpgates");
}

static enum status show_status(struct cli *cli, struct why *why) {
    json_t *ca = NULL;
    enum status status = get(cli, &ca, why);
    if (status == STATUS_OK) {
        show(ca);
    }
    json_decref(ca);
    return status;
}

static enum status take(struct cli *cli, const char *step, struct why *why) {
    struct cli_http_answer answer = {0};
    json_t *body = json_pack("{s:s, s:b}", "step", step, "force", line.is_forced);
    enum status status = cli_http_call(cli->http, "POST", "/v1/ca/steps", body, NULL, &answer, why);
    json_decref(body);
    if (status == STATUS_OK) {
        status = follow(cli, answer.body, why);
    }
    if (status == STATUS_OK) {
        (void)fprintf(stderr, "%s: the CA is now %s\n", step, text_of(answer.body, "phase"));
    }
    json_decref(answer.body);
    return status;
}

/* The one that follows a phase. */
static const char *next_step(const char *phase) {
    static const char *const steps[][2] = {
        {"stable", "announce"}, {"announced", "issue"}, {"issuing", "finish"}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strcmp(phase, steps[i][0]) == 0) {
            return steps[i][1];
        }
    }
    return NULL;
}

/* One look: takes the next step where nobody lags behind. *step is what was taken, or NULL. */
static enum status advance(struct cli *cli, const char **step, json_int_t *lagging,
                           struct why *why) {
    json_t *ca = NULL;
    *step = NULL;
    enum status status = get(cli, &ca, why);
    if (status != STATUS_OK) {
        return status;
    }
    const char *next = next_step(text_of(ca, "phase"));
    *lagging = count_lagging(ca);
    json_decref(ca);
    if (next == NULL) {
        return why_set(why, STATUS_UNSUPPORTED, "phase_unknown",
                       "the platform is newer than this command");
    }
    if (*lagging > 0 && !line.is_forced) {
        return STATUS_OK;
    }
    *step = next;
    return take(cli, next, why);
}

static enum status rotate(struct cli *cli, struct why *why) {
    const char *step = NULL;
    json_int_t lagging = 0;
    json_int_t told = 0;
    bool is_over = false;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !is_over) {
        status = advance(cli, &step, &lagging, why);
        is_over = line.does_not_wait || (step != NULL && strcmp(step, "finish") == 0);
        if (status == STATUS_OK && step == NULL && line.does_not_wait) {
            return why_set(why, STATUS_CONFLICT, "ca_laggards",
                           "%" JSON_INTEGER_FORMAT " edges and warpgates have yet to follow: "
                           "mezusphere ca status names them",
                           lagging);
        }
        if (status == STATUS_OK && step == NULL && lagging != told) {
            (void)fprintf(stderr, "waiting for %" JSON_INTEGER_FORMAT " to follow\n", lagging);
            told = lagging;
        }
        if (status == STATUS_OK && !is_over) {
            (void)sleep(AGAIN_SECONDS);
        }
    }
    return status;
}

static enum status run(struct cli *cli, struct why *why) {
    const char *what = line.arguments.count == 1 ? line.arguments.values[0] : "";
    if (strcmp(what, "status") == 0) {
        return show_status(cli, why);
    }
    if (strcmp(what, "rotate") == 0) {
        return rotate(cli, why);
    }
    if (strcmp(what, "back") == 0) {
        return take(cli, "back", why);
    }
    if (strcmp(what, "renew-intermediates") == 0) {
        return take(cli, "renew_intermediates", why);
    }
    return why_set(why, STATUS_INVALID, "argument_missing",
                   "one of status, rotate, back and renew-intermediates");
}

int cli_ca_run(int argc, char **argv) {
    struct cli cli;
    struct why why = {0};
    int exit_status = CLI_EXIT_DONE;
    if (!cli_parse(&cli_ca_set, argc, argv, &exit_status)) {
        return exit_status;
    }
    enum status status = cli_open(&cli, &why);
    if (status == STATUS_OK) {
        status = run(&cli, &why);
    }
    cli_close(&cli);
    return status == STATUS_OK ? CLI_EXIT_DONE : cli_fail(status, &why);
}
