/* command_restore.h: `mezusphere restore`: see its option table, and docs/operations.md. Returns the exit status. */
#ifndef CMD_COMMAND_RESTORE_H
#define CMD_COMMAND_RESTORE_H

#include "base/option.h"

extern const struct option_set command_restore_set;
int command_restore(int argc, char **argv);

#endif
