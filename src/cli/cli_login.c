#include "cli/cli_login.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_http.h"
#include "cli/cli_profile.h"

static struct {
    const char *email;
    struct secret password;
} line;

static const struct option login_options[] = {
    {"url", "URL", OPTION_TEXT, &cli_line.url, NULL,
     "The platform's API, such as https://api.mezusphere.localhost:8443."},
    {"ca-file", "PEM", OPTION_TEXT, &cli_line.ca_file, NULL,
     "Root certificates to trust instead of the system's; kept with the sign-in."},
    {"email", "EMAIL", OPTION_TEXT, &line.email, NULL, "Who signs in (default: asked for)."},
    {"password", "PASSWORD", OPTION_SECRET, &line.password, NULL,
     "The password (default: asked for on the terminal)."},
    {"organization", "NAME", OPTION_TEXT, &cli_line.organization, NULL,
     "The organization that later commands are about, by id.", 'o'},
};

const struct option_set cli_login_set = {
    .program = "mezusphere",
    .command = "login",
    .summary = "Sign in, and keep the session for the commands that follow.",
    .env_prefix = "MEZUSPHERE",
    .options = login_options,
    .count = sizeof(login_options) / sizeof(login_options[0]),
};

static const struct option logout_options[] = {
    {"ca-file", "PEM", OPTION_TEXT, &cli_line.ca_file, NULL,
     "Root certificates to trust instead of those kept."},
};

const struct option_set cli_login_out_set = {
    .program = "mezusphere",
    .command = "logout",
    .summary = "End the session that login has kept, and forget it.",
    .env_prefix = "MEZUSPHERE",
    .options = logout_options,
    .count = sizeof(logout_options) / sizeof(logout_options[0]),
};

static enum status read_line(const char *prompt, char *out, size_t size, struct why *why) {
    (void)fprintf(stderr, "%s: ", prompt);
    (void)fflush(stderr);
    if (fgets(out, (int)size, stdin) == NULL) {
        return why_set(why, STATUS_INVALID, "input_missing", "there was no answer");
    }
    out[strcspn(out, "\r\n")] = '\0';
    return STATUS_OK;
}

/* Without showing what is typed. */
static enum status ask_password(struct secret *password, struct why *why) {
    char text[SECRET_MAX];
    struct termios shown;
    struct termios hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        return why_set(why, STATUS_INVALID, "password_missing",
                       "there is no terminal to ask on: use --password-file");
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    enum status status = read_line("Password", text, sizeof(text), why);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    (void)fputc('\n', stderr);
    if (status == STATUS_OK) {
        status = secret_set(password, str_from(text));
    }
    secret_wipe(text, sizeof(text));
    return status;
}

static enum status ask(char *email, size_t size, struct why *why) {
    enum status status = STATUS_OK;
    if (line.email != NULL) {
        (void)snprintf(email, size, "%s", line.email);
    } else if (isatty(STDIN_FILENO)) {
        status = read_line("E-mail", email, size, why);
    } else {
        return why_set(why, STATUS_INVALID, "email_missing", "who signs in? Use --email");
    }
    if (status == STATUS_OK && secret_is_empty(&line.password)) {
        status = ask_password(&line.password, why);
    }
    return status;
}

static enum status begin_session(struct cli *cli, const char *email, struct cli_profile *profile,
                                 struct why *why) {
    struct cli_http_answer answer = {0};
    struct str password = secret_str(&line.password);
    json_t *body = json_object();
    json_object_set_new(body, "email", json_string(email));
    json_object_set_new(body, "password", json_stringn(password.at, password.len));
    enum status status = cli_http_call(cli->http, "POST", "/v1/sessions", body, NULL, &answer, why);
    json_decref(body);
    if (status != STATUS_OK) {
        return status;
    }
    const json_t *token = json_object_get(answer.body, "token");
    status =
        secret_set(&profile->token, str_make(json_string_value(token), json_string_length(token)));
    json_decref(answer.body);
    return status == STATUS_OK && !secret_is_empty(&profile->token)
               ? STATUS_OK
               : why_set(why, STATUS_FAILED, "answer_malformed", "the answer holds no token");
}

static enum status sign_in(struct cli *cli, struct why *why) {
    char email[320] = "";
    struct cli_profile kept;
    struct cli_profile profile = {.url = str_from(cli_http_url(cli->http))};
    secret_init(&profile.token);
    enum status status = cli_profile_load(&kept, &cli->arena, why);
    if (status == STATUS_OK) {
        profile.ca_pem = str_eq(kept.url, profile.url) ? kept.ca_pem : STR_EMPTY;
        profile.organization = str_from(cli_line.organization != NULL ? cli_line.organization : "");
    }
    if (status == STATUS_OK && cli_line.ca_file != NULL) {
        status = cli_read_file(cli, cli_line.ca_file, &profile.ca_pem, why);
    }
    if (status == STATUS_OK) {
        status = ask(email, sizeof(email), why);
    }
    if (status == STATUS_OK) {
        status = begin_session(cli, email, &profile, why);
    }
    if (status == STATUS_OK) {
        status = cli_profile_save(&profile, why);
    }
    if (status == STATUS_OK) {
        (void)printf("Signed in as %s at %s.\n", email, cli_http_url(cli->http));
    }
    secret_fini(&kept.token);
    secret_fini(&profile.token);
    return status;
}

int cli_login_run(int argc, char **argv) {
    struct cli cli;
    struct why why = {0};
    int exit_status = CLI_EXIT_DONE;
    secret_init(&line.password);
    if (!cli_parse(&cli_login_set, argc, argv, &exit_status)) {
        return exit_status;
    }
    enum status status = cli_open_unsigned(&cli, &why);
    if (status == STATUS_OK) {
        status = sign_in(&cli, &why);
    }
    secret_fini(&line.password);
    cli_close(&cli);
    return status == STATUS_OK ? CLI_EXIT_DONE : cli_fail(status, &why);
}

/* The session is forgotten also where the platform no longer knows it. */
int cli_login_out_run(int argc, char **argv) {
    struct cli cli;
    struct why why = {0};
    struct cli_http_answer answer = {0};
    int exit_status = CLI_EXIT_DONE;
    if (!cli_parse(&cli_login_out_set, argc, argv, &exit_status)) {
        return exit_status;
    }
    enum status status = cli_open(&cli, &why);
    if (status == STATUS_OK) {
        status =
            cli_http_call(cli.http, "DELETE", "/v1/sessions/current", NULL, NULL, &answer, &why);
        json_decref(answer.body);
    }
    if (status == STATUS_OK || status == STATUS_DENIED) {
        status = cli_profile_remove(&why);
    }
    cli_close(&cli);
    if (status != STATUS_OK) {
        return cli_fail(status, &why);
    }
    (void)puts("Signed out.");
    return CLI_EXIT_DONE;
}
