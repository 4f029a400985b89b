#include "cli/cli_logs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_http.h"
#include "cli/cli_query.h"
#include "cli/cli_resolve.h"
#include "cli/cli_sse.h"
#include "cli/cli_table.h"

#define RECENT_MAX 1000
/* A stream that breaks is taken up again where it was, for ever, at most once a second. */
#define AGAIN_SECONDS 1

static struct {
    struct option_list filters;
    const char *lines;
    bool follows;
} line;

static const struct option options[] = {
    CLI_PLACE_OPTIONS,
    {"follow", NULL, OPTION_FLAG, &line.follows, NULL, "Go on with requests as they come.", 'f'},
    {"lines", "N", OPTION_TEXT, &line.lines, "20", "How many of the past to show first.", 'n'},
    {"filter", "NAME=TEXT", OPTION_LIST, &line.filters, NULL,
     "Of the past only what the API's filter of this name lets through."},
    CLI_OPTIONS,
};

const struct option_set cli_logs_set = {
    .program = "mezusphere",
    .command = "logs",
    .summary = "Show an environment's requests: time, status, method, host, path, duration.\n"
               "With --json each is one line.",
    .env_prefix = "MEZUSPHERE",
    .options = options,
    .count = sizeof(options) / sizeof(options[0]),
};

static const char *text_of(const json_t *row, const char *name) {
    const char *text = json_string_value(json_object_get(row, name));
    return text == NULL ? "" : text;
}

static void print_row(const json_t *row) {
    static const char *const columns[] = {"at",   "status",      "method", "host",
                                          "path", "duration_ms", "code",   NULL};
    if (cli_line.is_json) {
        (void)json_dumpf(row, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else {
        cli_table_row(stdout, columns, row);
    }
    (void)fflush(stdout);
}

static enum status show_past(struct cli *cli, const char *path, struct why *why) {
    uint64_t count = 0;
    const char *query = "";
    json_t *items = NULL;
    if (str_to_u64(str_from(line.lines), RECENT_MAX, &count) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "option_number", "--lines takes a number up to %d",
                       RECENT_MAX);
    }
    if (count == 0) {
        return STATUS_OK;
    }
    enum status status = cli_query_make(cli, &line.filters, &query, why);
    if (status == STATUS_OK) {
        status = cli_resolve_items(cli, path, query, (size_t)count, &items, why);
    }
    for (size_t i = json_array_size(items); i > 0; i--) {
        if (i <= count) {
            print_row(json_array_get(items, i - 1));
        }
    }
    json_decref(items);
    return status;
}

static bool take_event(void *context, struct str event, struct str data) {
    json_t *batch = NULL;
    struct why why;
    (void)context;
    if (json_parse(data, &batch, &why) != STATUS_OK) {
        return true;
    }
    if (str_eq(event, STR("reset"))) {
        (void)fprintf(stderr, "mezusphere: some requests are not shown\n");
    } else if (str_eq(event, STR("end"))) {
        (void)fprintf(stderr, "mezusphere: the stream ended: %s\n", text_of(batch, "code"));
    }
    const json_t *rows = json_object_get(batch, "requests");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        print_row(json_array_get(rows, i));
    }
    json_decref(batch);
    return true;
}

static bool take_bytes(void *context, struct str bytes) {
    return cli_sse_feed(context, bytes);
}

/* Until somebody ends the program, or the API says no. */
static enum status follow(struct cli *cli, const char *path, struct why *why) {
    struct cli_sse sse;
    enum status status = STATUS_END;
    cli_sse_init(&sse, take_event, NULL);
    while (status == STATUS_END || status == STATUS_UNAVAILABLE) {
        status = cli_http_stream(cli->http, path, sse.last_id, take_bytes, &sse, why);
        if (status == STATUS_UNAVAILABLE) {
            (void)fprintf(stderr, "mezusphere: %s; again\n", why->text);
        }
        if (status == STATUS_END || status == STATUS_UNAVAILABLE) {
            (void)sleep(AGAIN_SECONDS);
        }
    }
    cli_sse_fini(&sse);
    return status;
}

static enum status show(struct cli *cli, struct why *why) {
    const char *id = NULL;
    enum status status = cli_resolve_id(cli, cli_kind_find("environment", why), NULL, &id, why);
    if (status == STATUS_OK) {
        const char *path = arena_printf(&cli->arena, "/v1/environments/%s/requests", id).at;
        status = show_past(cli, path, why);
    }
    if (status == STATUS_OK && line.follows) {
        const char *path = arena_printf(&cli->arena, "/v1/environments/%s/traffic", id).at;
        status = follow(cli, path, why);
    }
    return status;
}

int cli_logs_run(int argc, char **argv) {
    struct cli cli;
    struct why why = {0};
    int exit_status = CLI_EXIT_DONE;
    if (!cli_parse(&cli_logs_set, argc, argv, &exit_status)) {
        return exit_status;
    }
    enum status status = cli_open(&cli, &why);
    if (status == STATUS_OK) {
        status = show(&cli, &why);
    }
    cli_close(&cli);
    return status == STATUS_OK ? CLI_EXIT_DONE : cli_fail(status, &why);
}
