#include "cli/cli_query.h"

#include "cli/cli_http.h"

enum status cli_query_make(struct cli *cli, const struct option_list *filters, const char **query,
                           struct why *why) {
    struct str text = STR_EMPTY;
    for (size_t i = 0; i < filters->count; i++) {
        struct str name;
        struct str value;
        if (!str_cut(str_from(filters->values[i]), '=', &name, &value) || str_is_empty(name)) {
            return why_set(why, STATUS_INVALID, "filter_malformed", "--filter takes NAME=TEXT");
        }
        char *escaped = cli_http_escape(cli->http, arena_str(&cli->arena, value).at);
        text = arena_printf(&cli->arena, "%.*s%c%.*s=%s", STR_ARG(text), i == 0 ? '?' : '&',
                            STR_ARG(name), escaped);
        cli_http_escape_free(escaped);
    }
    *query = text.len == 0 ? "" : text.at;
    return STATUS_OK;
}
