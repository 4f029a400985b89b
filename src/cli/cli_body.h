/* cli_body.h: request bodies from the command line: name=text, name:=YAML, name.inner=…, on top of a file. */
#ifndef CLI_CLI_BODY_H
#define CLI_CLI_BODY_H

#include <jansson.h>

#include "cli/cli.h"

/* `file` (YAML or JSON; NULL: none) and what `members` from `first` on say. `*body` is the caller's to json_decref. STATUS_INVALID
 * (member_malformed, yaml_invalid, file_unreadable). */
enum status cli_body_make(struct cli *cli, const char *file, const struct option_list *members,
                          size_t first, json_t **body, struct why *why) MUST_USE;

#endif
