/* command.h: what the commands of mezusphere share that do one thing and end: exit statuses and how they tell what went wrong. */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "base/option.h"
#include "base/status.h"
#include "cmd/database_option.h"
#include "store/store.h"

enum command_exit {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1,
    COMMAND_USAGE = 2,
    COMMAND_PENDING = 4, /* migrate --check: steps are missing */
};

/* Which installation: the first rows of a command's option table. */
struct command_place {
    const char *data;
    struct secret database;
};

#define COMMAND_PLACE_OPTIONS(place, data_help)                                                    \
    {"data", "DIR", OPTION_TEXT, &(place).data, "mezusphere-data", data_help},                     \
        DATABASE_OPTION((place).database)

/* Borrows. */
struct store_config command_place_config(const struct command_place *place);

/* Reads the options behind the command's name. True: go on; false: end with *exit_status (help was printed, or what is wrong). */
bool command_parse(const struct option_set *set, int argc, char **argv, int *exit_status);
/* One line on standard error: "mezusphere: … [slug]". Returns COMMAND_FAILED. */
int command_fail(const struct why *why);
/* A required option: STATUS_INVALID (option_missing) where it has no value. Prints, too. */
bool command_requires(const char *flag, const char *value, int *exit_status);

#endif
