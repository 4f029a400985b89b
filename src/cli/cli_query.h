/* cli_query.h: --filter NAME=TEXT as a query. */
#ifndef CLI_CLI_QUERY_H
#define CLI_CLI_QUERY_H

#include "cli/cli.h"

/* "?name=text&…", escaped, in the arena; "" where there are none. STATUS_INVALID (filter_malformed). */
enum status cli_query_make(struct cli *cli, const struct option_list *filters, const char **query,
                           struct why *why) MUST_USE;

#endif
