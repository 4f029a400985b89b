/* cli_resolve.h: from what people type to what the API wants: names to ids, and where a list is.
 *
 * A reference is an id, a name, or names from the outside in: "web/production" is the environment production of the project web. What is not
 * said comes from the line's --organization, --project, --environment and --service-account, and where there is only one, it is that one.
 */
#ifndef CLI_CLI_RESOLVE_H
#define CLI_CLI_RESOLVE_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/cli_kind.h"

/* The path of the list that `kind` is in, within `parent` (a reference, or NULL). STATUS_NOT_FOUND, STATUS_INVALID
 * (reference_ambiguous), or what the API says. In the arena. */
enum status cli_resolve_list(struct cli *cli, const struct cli_kind *kind, const char *parent,
                             const char **path, struct why *why) MUST_USE;
/* The path of one object. As above. */
enum status cli_resolve_object(struct cli *cli, const struct cli_kind *kind, const char *reference,
                               const char **path, struct why *why) MUST_USE;
/* The id of one object; reference NULL: what the line says, or the only one. */
enum status cli_resolve_id(struct cli *cli, const struct cli_kind *kind, const char *reference,
                           const char **id, struct why *why) MUST_USE;
/* All items of a list, page after page; `max` 0: all. `*items` is the caller's to json_decref, NULL on failure. `query` as "?a=b" or "". */
enum status cli_resolve_items(struct cli *cli, const char *path, const char *query, size_t max,
                              json_t **items, struct why *why) MUST_USE;

#endif
