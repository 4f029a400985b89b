#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_http.h"
#include "cli/cli_profile.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

struct cli_line cli_line;

bool cli_parse(const struct option_set *set, int argc, char **argv, int *exit_status) {
    struct why why = {0};
    secret_init(&cli_line.token);
    enum status status = option_parse(set, argc, argv, 2, &why);
    if (status == STATUS_END) {
        option_help(set);
        *exit_status = CLI_EXIT_DONE;
        return false;
    }
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "mezusphere: %s\n", why.text);
        *exit_status = CLI_EXIT_USAGE;
        return false;
    }
    return true;
}

static enum status find_ca(struct cli *cli, const struct cli_profile *profile, struct str *ca,
                           struct why *why) {
    *ca = profile->ca_pem;
    return cli_line.ca_file == NULL ? STATUS_OK : cli_read_file(cli, cli_line.ca_file, ca, why);
}

/* A session is sent only to where it was begun. */
static struct str find_token(const struct cli_profile *profile, const char *url) {
    if (!secret_is_empty(&cli_line.token)) {
        return secret_str(&cli_line.token);
    }
    return str_eq(profile->url, str_from(url)) ? secret_str(&profile->token) : STR_EMPTY;
}

static enum status open_profile(struct cli *cli, const struct cli_profile *profile,
                                bool needs_token, struct why *why) {
    const char *url = cli_line.url;
    struct str ca;
    if (url == NULL && !str_is_empty(profile->url)) {
        url = arena_str(&cli->arena, profile->url).at;
    }
    if (url == NULL) {
        return why_set(why, STATUS_INVALID, "url_missing",
                       "which platform? Say --url https://api.example.net, or sign in with "
                       "mezusphere login --url …");
    }
    struct str token = needs_token ? find_token(profile, url) : STR_EMPTY;
    if (needs_token && str_is_empty(token)) {
        return why_set(why, STATUS_DENIED, "not_signed_in",
                       "nobody is signed in at %.100s: use mezusphere login, or --token-file with "
                       "an API key",
                       url);
    }
    enum status status = find_ca(cli, profile, &ca, why);
    return status == STATUS_OK ? cli_http_new(url, ca, token, &cli->http, why) : status;
}

static enum status open_as(struct cli *cli, bool needs_token, struct why *why) {
    struct cli_profile profile;
    *cli = (struct cli){.http = NULL};
    arena_init(&cli->arena);
    enum status status = cli_profile_load(&profile, &cli->arena, why);
    if (status == STATUS_OK) {
        status = open_profile(cli, &profile, needs_token, why);
    }
    cli->organization = cli_line.organization;
    if (cli->organization == NULL && !str_is_empty(profile.organization)) {
        cli->organization = arena_str(&cli->arena, profile.organization).at;
    }
    secret_fini(&profile.token);
    return status;
}

enum status cli_open(struct cli *cli, struct why *why) {
    return open_as(cli, true, why);
}

enum status cli_open_unsigned(struct cli *cli, struct why *why) {
    return open_as(cli, false, why);
}

void cli_close(struct cli *cli) {
    cli_http_free(&cli->http);
    secret_fini(&cli_line.token);
    arena_fini(&cli->arena);
}

int cli_fail(enum status status, const struct why *why) {
    (void)fprintf(stderr, "mezusphere: %s\n", why->text);
    switch (status) {
    case STATUS_INVALID:
    case STATUS_TOO_LARGE:
        return CLI_EXIT_USAGE;
    case STATUS_DENIED:
        return CLI_EXIT_DENIED;
    case STATUS_NOT_FOUND:
        return CLI_EXIT_NOT_FOUND;
    case STATUS_CONFLICT:
        return CLI_EXIT_CONFLICT;
    case STATUS_UNAVAILABLE:
        return CLI_EXIT_UNREACHABLE;
    default:
        return CLI_EXIT_FAILED;
    }
}

void cli_print_json(const json_t *tree) {
    (void)json_dumpf(tree, stdout, JSON_INDENT(2));
    (void)putchar('\n');
}

enum status cli_read_file(struct cli *cli, const char *path, struct str *text, struct why *why) {
    bool is_standard = strcmp(path, "-") == 0;
    FILE *file = is_standard ? stdin : fopen(path, "re");
    if (file == NULL) {
        return why_set(why, STATUS_INVALID, "file_unreadable", "%.150s: %s", path, strerror(errno));
    }
    char *bytes = arena_bytes(&cli->arena, FILE_BYTES_MAX + 1);
    size_t len = fread(bytes, 1, FILE_BYTES_MAX + 1, file);
    bool is_read = ferror(file) == 0;
    if (!is_standard) {
        (void)fclose(file);
    }
    if (!is_read) {
        return why_set(why, STATUS_INVALID, "file_unreadable", "%.150s: cannot be read", path);
    }
    if (len > FILE_BYTES_MAX) {
        return why_set(why, STATUS_TOO_LARGE, "file_too_large", "%.150s has more than 1 MiB", path);
    }
    *text = str_make(bytes, len);
    return STATUS_OK;
}
