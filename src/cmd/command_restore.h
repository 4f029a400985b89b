/* command_restore.h: `mezusphere restore`: see its option table, and docs/operations.md. Returns the exit status. */
#ifndef CMD_COMMAND_RESTORE_H
#define CMD_COMMAND_RESTORE_H

int command_restore(int argc, char **argv);

#endif
