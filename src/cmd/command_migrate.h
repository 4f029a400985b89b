/* command_migrate.h: `mezusphere migrate`: see its option table, and docs/operations.md. Returns the exit status. */
#ifndef CMD_COMMAND_MIGRATE_H
#define CMD_COMMAND_MIGRATE_H

#include "base/option.h"

extern const struct option_set command_migrate_set;
int command_migrate(int argc, char **argv);

#endif
