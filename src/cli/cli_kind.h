/* cli_kind.h: what the command line can name: one table of kinds, where each is in the API and what people see of it. */
#ifndef CLI_CLI_KIND_H
#define CLI_CLI_KIND_H

#include <stddef.h>

#include "base/status.h"

#define CLI_KIND_COLUMNS_MAX 8

struct cli_kind {
    const char *name;   /* "service-account" */
    const char *plural; /* "service-accounts" */
    const char *prefix; /* of its ids */
    const char *parent; /* a kind's name; NULL: none */
    const char *list;   /* path; %s is the parent's id */
    const char *
        object; /* path before the id; %s is the parent's id where the API wants both; NULL: only in lists */
    const char *label; /* the member by which people name one; NULL: by id alone */
    const char *
        columns[CLI_KIND_COLUMNS_MAX]; /* of the table, besides the id; a dot goes into an object */
};

/* By name or plural. NULL: none; `why` lists them. */
const struct cli_kind *cli_kind_find(const char *name, struct why *why);
const struct cli_kind *cli_kind_at(size_t index); /* NULL past the end */

#endif
