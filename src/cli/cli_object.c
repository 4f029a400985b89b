#include "cli/cli_object.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_body.h"
#include "cli/cli_http.h"
#include "cli/cli_query.h"
#include "cli/cli_resolve.h"
#include "cli/cli_table.h"

#define KINDS                                                                                      \
    "Kinds: organization, member, invitation, audit-event, statement, project, environment, "      \
    "route,\nwarpgate, request, service-account, key, edge, join-token; the plural is the same."

static struct {
    struct option_list arguments;
    struct option_list filters;
    const char *limit;
    const char *file;
    bool is_sure;
    bool is_forced;
} line;

static const struct option get_options[] = {
    CLI_PLACE_OPTIONS,
    {"filter", "NAME=TEXT", OPTION_LIST, &line.filters, NULL,
     "Of a list only what the API's filter of this name lets through."},
    {"limit", "N", OPTION_TEXT, &line.limit, NULL, "Of a list at most so many (default: all)."},
    CLI_OPTIONS,
};
static const struct option create_options[] = {
    CLI_PLACE_OPTIONS,
    {"file", "PATH", OPTION_TEXT, &line.file, NULL,
     "Members from a YAML or JSON file; - is standard input.", 'f'},
    CLI_OPTIONS,
};
#define FORCE_OPTION                                                                               \
    {                                                                                              \
        "force", NULL, OPTION_FLAG, &line.is_forced, NULL,                                         \
            "Also what a document manages: it is taken out of its hands."                          \
    }
static const struct option set_options[] = {
    CLI_PLACE_OPTIONS,
    {"file", "PATH", OPTION_TEXT, &line.file, NULL,
     "Members from a YAML or JSON file; - is standard input.", 'f'},
    FORCE_OPTION,
    CLI_OPTIONS,
};
static const struct option delete_options[] = {
    CLI_PLACE_OPTIONS,
    {"yes", NULL, OPTION_FLAG, &line.is_sure, NULL, "Do not ask.", 'y'},
    FORCE_OPTION,
    CLI_OPTIONS,
};
#define SET(options_)                                                                              \
    .program = "mezusphere", .env_prefix = "MEZUSPHERE", .options = options_,                      \
    .count = sizeof(options_) / sizeof((options_)[0]), .positionals = &line.arguments

const struct option_set cli_object_get_set = {
    SET(get_options),
    .command = "get",
    .arguments = "KIND [NAME...]",
    .summary = "Show a list, or one object and more by name or id.\n" KINDS,
};
const struct option_set cli_object_create_set = {
    SET(create_options),
    .command = "create",
    .arguments = "KIND [MEMBER=TEXT | MEMBER:=VALUE]...",
    .summary = "Make an object. access.auth=required goes into an object, enabled:=false is not "
               "text.\n" KINDS,
};
const struct option_set cli_object_set_set = {
    SET(set_options),
    .command = "set",
    .arguments = "KIND NAME [MEMBER=TEXT | MEMBER:=VALUE]...",
    .summary = "Change members of an object; VALUE null is back to the standard.\n" KINDS,
};
const struct option_set cli_object_delete_set = {
    SET(delete_options),
    .command = "delete",
    .arguments = "KIND NAME...",
    .summary = "Delete objects.\n" KINDS,
};

static enum status find_kind(size_t least, const struct cli_kind **kind, struct why *why) {
    if (line.arguments.count < least) {
        return why_set(why, STATUS_INVALID, "argument_missing",
                       least == 1 ? "which kind? Such as: projects, routes, warpgates"
                                  : "a kind and a name are needed, such as: project web");
    }
    *kind = cli_kind_find(line.arguments.values[0], why);
    return *kind == NULL ? STATUS_INVALID : STATUS_OK;
}

/* get */

static void show_list(const struct cli_kind *kind, json_t *items) {
    const char *columns[CLI_KIND_COLUMNS_MAX + 2] = {"id"};
    if (cli_line.is_json) {
        json_t *page = json_pack("{s:O}", "items", items);
        cli_print_json(page);
        json_decref(page);
        return;
    }
    for (size_t i = 0; i < CLI_KIND_COLUMNS_MAX; i++) {
        columns[i + 1] = kind->columns[i];
    }
    bool has_id = kind->prefix[0] != '\0';
    cli_table_list(stdout, has_id ? columns : columns + 1, items);
}

static enum status get_list(struct cli *cli, const struct cli_kind *kind, struct why *why) {
    const char *path = NULL;
    const char *query = "";
    json_t *items = NULL;
    uint64_t limit = 0;
    if (line.limit != NULL && str_to_u64(str_from(line.limit), 1000000, &limit) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "option_number", "--limit takes a number");
    }
    enum status status = cli_query_make(cli, &line.filters, &query, why);
    if (status == STATUS_OK) {
        status = cli_resolve_list(cli, kind, NULL, &path, why);
    }
    if (status == STATUS_OK) {
        status = cli_resolve_items(cli, path, query, (size_t)limit, &items, why);
    }
    if (status == STATUS_OK) {
        show_list(kind, items);
    }
    json_decref(items);
    return status;
}

static void show_object(const json_t *object) {
    if (cli_line.is_json) {
        cli_print_json(object);
    } else {
        cli_table_object(stdout, object);
    }
}

static enum status get_one(struct cli *cli, const struct cli_kind *kind, const char *reference,
                           struct why *why) {
    const char *path = NULL;
    struct cli_http_answer answer = {0};
    enum status status = cli_resolve_object(cli, kind, reference, &path, why);
    if (status == STATUS_OK) {
        status = cli_http_call(cli->http, "GET", path, NULL, NULL, &answer, why);
    }
    if (status == STATUS_OK) {
        show_object(answer.body);
    }
    json_decref(answer.body);
    return status;
}

static enum status get(struct cli *cli, struct why *why) {
    const struct cli_kind *kind = NULL;
    enum status status = find_kind(1, &kind, why);
    if (status == STATUS_OK && line.arguments.count == 1) {
        return get_list(cli, kind, why);
    }
    for (size_t i = 1; i < line.arguments.count && status == STATUS_OK; i++) {
        status = get_one(cli, kind, line.arguments.values[i], why);
    }
    return status;
}

/* create and set */

static const char *with_force(struct cli *cli, const char *path) {
    return line.is_forced ? arena_printf(&cli->arena, "%s?force=true", path).at : path;
}

static enum status send_body(struct cli *cli, const char *method, const char *path, size_t first,
                             struct why *why) {
    struct cli_http_answer answer = {0};
    json_t *body = NULL;
    enum status status = cli_body_make(cli, line.file, &line.arguments, first, &body, why);
    if (status == STATUS_OK) {
        status = cli_http_call(cli->http, method, with_force(cli, path), body, NULL, &answer, why);
    }
    if (status == STATUS_OK && answer.body != NULL) {
        show_object(answer.body);
    }
    json_decref(body);
    json_decref(answer.body);
    return status;
}

static enum status create(struct cli *cli, struct why *why) {
    const struct cli_kind *kind = NULL;
    const char *path = NULL;
    enum status status = find_kind(1, &kind, why);
    if (status == STATUS_OK) {
        status = cli_resolve_list(cli, kind, NULL, &path, why);
    }
    return status == STATUS_OK ? send_body(cli, "POST", path, 1, why) : status;
}

static enum status set(struct cli *cli, struct why *why) {
    const struct cli_kind *kind = NULL;
    const char *path = NULL;
    enum status status = find_kind(2, &kind, why);
    if (status == STATUS_OK) {
        status = cli_resolve_object(cli, kind, line.arguments.values[1], &path, why);
    }
    return status == STATUS_OK ? send_body(cli, "PATCH", path, 2, why) : status;
}

/* delete */

static enum status make_sure(const struct cli_kind *kind, const char *name, struct why *why) {
    char answer[16] = "";
    if (line.is_sure) {
        return STATUS_OK;
    }
    if (!isatty(STDIN_FILENO)) {
        return why_set(why, STATUS_INVALID, "not_sure", "say --yes to delete without being asked");
    }
    (void)fprintf(stderr, "Delete %s %s and everything in it? [y/N] ", kind->name, name);
    bool is_yes = fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] | 0x20) == 'y';
    return is_yes ? STATUS_OK : why_set(why, STATUS_FAILED, "not_sure", "nothing was deleted");
}

/* The object's own ETag: what is deleted is what was there a moment ago. */
static enum status delete_one(struct cli *cli, const struct cli_kind *kind, const char *reference,
                              struct why *why) {
    const char *path = NULL;
    struct cli_http_answer seen = {0};
    struct cli_http_answer answer = {0};
    struct why ignored = {0};
    enum status status = cli_resolve_object(cli, kind, reference, &path, why);
    if (status == STATUS_OK) {
        status = make_sure(kind, reference, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool is_seen =
        cli_http_call(cli->http, "GET", path, NULL, NULL, &seen, &ignored) == STATUS_OK &&
        seen.etag[0] != '\0';
    json_decref(seen.body);
    status = cli_http_call(cli->http, "DELETE", with_force(cli, path), NULL,
                           is_seen ? seen.etag : "*", &answer, why);
    json_decref(answer.body);
    if (status == STATUS_OK) {
        (void)printf("Deleted %s %s.\n", kind->name, reference);
    }
    return status;
}

static enum status delete (struct cli *cli, struct why *why) {
    const struct cli_kind *kind = NULL; enum status status = find_kind(2, &kind, why);
    for (size_t i = 1; i < line.arguments.count && status == STATUS_OK;
         i++){status = delete_one(cli, kind, line.arguments.values[i], why);}
return status;
}

static int run(const struct option_set *set, int argc, char **argv,
               enum status (*command)(struct cli *cli, struct why *why)) {
    struct cli cli;
    struct why why = {0};
    int exit_status = CLI_EXIT_DONE;
    if (!cli_parse(set, argc, argv, &exit_status)) {
        return exit_status;
    }
    enum status status = cli_open(&cli, &why);
    if (status == STATUS_OK) {
        status = command(&cli, &why);
    }
    cli_close(&cli);
    return status == STATUS_OK ? CLI_EXIT_DONE : cli_fail(status, &why);
}

int cli_object_get_run(int argc, char **argv) {
    return run(&cli_object_get_set, argc, argv, get);
}

int cli_object_create_run(int argc, char **argv) {
    return run(&cli_object_create_set, argc, argv, create);
}

int cli_object_set_run(int argc, char **argv) {
    return run(&cli_object_set_set, argc, argv, set);
}

int cli_object_delete_run(int argc, char **argv) {
    return run(&cli_object_delete_set, argc, argv, delete);
}
