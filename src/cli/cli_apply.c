#include "cli/cli_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_http.h"
#include "cli/cli_resolve.h"
#include "cli/cli_table.h"
#include "cli/cli_yaml.h"

static struct {
    const char *file;
    const char *manager;
    const char *prune;
    bool is_dry;
    bool is_forced;
    bool tells_by_exit;
} line;

#define FILE_OPTION                                                                                \
    {                                                                                              \
        "file", "PATH", OPTION_TEXT, &line.file, NULL,                                             \
            "The document, YAML or JSON; - is standard input.", 'f'                                \
    }
#define MANAGER_OPTIONS                                                                            \
    {"manager",     "NAME",     OPTION_TEXT,                                                       \
     &line.manager, "manifest", "Who manages what the document names."},                           \
        {"prune",                                                                                  \
         "WHAT",                                                                                   \
         OPTION_TEXT,                                                                              \
         &line.prune,                                                                              \
         "managed",                                                                                \
         "What goes that the document does not name: managed (by this manager), all or none."},    \
    {                                                                                              \
        "force", NULL, OPTION_FLAG, &line.is_forced, NULL,                                         \
            "Take over what another manager manages."                                              \
    }

static const struct option apply_options[] = {
    FILE_OPTION,
    MANAGER_OPTIONS,
    {"dry-run", NULL, OPTION_FLAG, &line.is_dry, NULL, "Only tell what would be changed."},
    CLI_PLACE_OPTIONS,
    CLI_OPTIONS,
};
static const struct option diff_options[] = {
    FILE_OPTION,
    MANAGER_OPTIONS,
    {"exit-code", NULL, OPTION_FLAG, &line.tells_by_exit, NULL,
     "End with 1 where something would be changed."},
    CLI_PLACE_OPTIONS,
    CLI_OPTIONS,
};
static const struct option export_options[] = {CLI_PLACE_OPTIONS, CLI_OPTIONS};
#define SET(options_)                                                                              \
    .program = "mezusphere", .env_prefix = "MEZUSPHERE", .options = options_,                      \
    .count = sizeof(options_) / sizeof((options_)[0])

const struct option_set cli_apply_set = {
    SET(apply_options),
    .command = "apply",
    .summary = "Bring a project to what a document says: its environments, routes and settings.",
};
const struct option_set cli_apply_diff_set = {
    SET(diff_options),
    .command = "diff",
    .summary = "Tell what apply would change.",
};
const struct option_set cli_apply_export_set = {
    SET(export_options),
    .command = "export",
    .summary = "Print a project as the document that apply takes.",
};

static enum status read_document(struct cli *cli, json_t **document, struct why *why) {
    struct str text;
    struct why inner = {0};
    if (line.file == NULL) {
        return why_set(why, STATUS_INVALID, "argument_missing", "which document? Use -f PATH");
    }
    enum status status = cli_read_file(cli, line.file, &text, why);
    if (status == STATUS_OK && cli_yaml_parse(text, document, &inner) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "yaml_invalid", "%.100s: %.140s", line.file,
                       inner.text);
    }
    return status;
}

/* The one that the line names, or the document. */
static enum status find_project(struct cli *cli, const json_t *document, const char **id,
                                struct why *why) {
    const char *name = json_string_value(json_object_get(document, "project"));
    return cli_resolve_id(cli, cli_kind_find("project", why),
                          cli_line.project != NULL ? cli_line.project : name, id, why);
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

/* An environment's name, a route's match and path. */
static void show_name(const json_t *object) {
    const char *name = text_of(object, "name");
    cli_table_text(stdout, name[0] != '\0' ? name : text_of(object, "match"));
    if (text_of(object, "path")[0] != '\0') {
        (void)putchar(' ');
        cli_table_text(stdout, text_of(object, "path"));
    }
}

static void show_member(const char *name, const json_t *before, const json_t *after) {
    char *from = before == NULL ? NULL : json_dumps(before, JSON_COMPACT | JSON_ENCODE_ANY);
    char *to = after == NULL ? NULL : json_dumps(after, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)printf("    %s: ", name);
    cli_table_text(stdout, from == NULL ? "standard" : from);
    (void)fputs(" -> ", stdout);
    cli_table_text(stdout, to == NULL ? "standard" : to);
    (void)putchar('\n');
    free(from);
    free(to);
}

static void show_members(const json_t *before, const json_t *after) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)before, name, value) {
        const json_t *other = json_object_get(after, name);
        if (other == NULL || !json_equal(value, other)) {
            show_member(name, value, other);
        }
    }
    json_object_foreach((json_t *)(uintptr_t)after, name, value) {
        if (json_object_get(before, name) == NULL) {
            show_member(name, NULL, value);
        }
    }
}

static void show_change(const json_t *change) {
    static const struct {
        const char *action;
        char sign;
    } signs[] = {{"create", '+'}, {"update", '~'}, {"delete", '-'}};
    const json_t *before = json_object_get(change, "before");
    const json_t *after = json_object_get(change, "after");
    char sign = ' ';
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        sign = strcmp(text_of(change, "action"), signs[i].action) == 0 ? signs[i].sign : sign;
    }
    (void)printf("%c %s ", sign, text_of(change, "kind"));
    show_name(json_is_object(after) ? after : before);
    const char *pointer = text_of(change, "pointer");
    (void)printf("%s%s\n", pointer[0] == '\0' ? "" : "  ", pointer);
    if (json_is_object(before) && json_is_object(after)) {
        show_members(before, after);
    }
}

/* What was, or would be, changed. */
static size_t show_plan(const json_t *answer) {
    const json_t *changes = json_object_get(answer, "changes");
    if (cli_line.is_json) {
        cli_print_json(answer);
        return json_array_size(changes);
    }
    for (size_t i = 0; i < json_array_size(changes); i++) {
        show_change(json_array_get(changes, i));
    }
    if (json_array_size(changes) == 0) {
        (void)puts("Nothing to change.");
    }
    return json_array_size(changes);
}

static enum status send(struct cli *cli, bool is_dry, size_t *count, struct why *why) {
    json_t *document = NULL;
    const char *project = NULL;
    struct cli_http_answer answer = {0};
    enum status status = read_document(cli, &document, why);
    if (status == STATUS_OK) {
        status = find_project(cli, document, &project, why);
    }
    if (status == STATUS_OK) {
        char *manager =
            cli_http_escape(cli->http, line.manager == NULL ? "manifest" : line.manager);
        const char *path = arena_printf(&cli->arena, "/v1/projects/%s/manifest?field_manager=%s%s",
                                        project, manager, is_dry ? "&dry_run=true" : "")
                               .at;
        cli_http_escape_free(manager);
        status = cli_http_call(cli->http, "PUT", path, document, "*", &answer, why);
    }
    if (status == STATUS_OK) {
        *count = show_plan(answer.body);
    }
    json_decref(document);
    json_decref(answer.body);
    return status;
}

static int run(const struct option_set *set, int argc, char **argv, bool is_diff) {
    struct cli cli;
    struct why why = {0};
    size_t count = 0;
    int exit_status = CLI_EXIT_DONE;
    if (!cli_parse(set, argc, argv, &exit_status)) {
        return exit_status;
    }
    enum status status = cli_open(&cli, &why);
    if (status == STATUS_OK) {
        status = send(&cli, is_diff || line.is_dry, &count, &why);
    }
    cli_close(&cli);
    if (status != STATUS_OK) {
        return cli_fail(status, &why);
    }
    return is_diff && line.tells_by_exit && count > 0 ? CLI_EXIT_FAILED : CLI_EXIT_DONE;
}

int cli_apply_run(int argc, char **argv) {
    return run(&cli_apply_set, argc, argv, false);
}

int cli_apply_diff_run(int argc, char **argv) {
    return run(&cli_apply_diff_set, argc, argv, true);
}

static enum status export(struct cli *cli, struct why *why) {
    const char *project = NULL; struct cli_http_answer answer = {0};
    enum status status = find_project(cli, NULL, &project, why); if (status == STATUS_OK){
        const char *path = arena_printf(&cli->arena, "/v1/projects/%s/manifest", project).at;
        status = cli_http_call(cli->http, "GET", path, NULL, NULL, &answer, why);}
if (status == STATUS_OK) {
    cli_print_json(answer.body);
}
json_decref(answer.body);
return status;
}

int cli_apply_export_run(int argc, char **argv) {
    struct cli cli;
    struct why why = {0};
    int exit_status = CLI_EXIT_DONE;
    if (!cli_parse(&cli_apply_export_set, argc, argv, &exit_status)) {
        return exit_status;
    }
    enum status status = cli_open(&cli, &why);
    if (status == STATUS_OK) {
        status = export(&cli, &why);
    }
    cli_close(&cli);
    return status == STATUS_OK ? CLI_EXIT_DONE : cli_fail(status, &why);
}
