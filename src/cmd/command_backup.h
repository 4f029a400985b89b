/* command_backup.h: `mezusphere backup`: see its option table, and docs/operations.md. Returns the exit status. */
#ifndef CMD_COMMAND_BACKUP_H
#define CMD_COMMAND_BACKUP_H

#include "base/option.h"

extern const struct option_set command_backup_set;
int command_backup(int argc, char **argv);

#endif
