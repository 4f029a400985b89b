/* command_backup.h: `mezusphere backup`: see its option table, and docs/operations.md. Returns the exit status. */
#ifndef CMD_COMMAND_BACKUP_H
#define CMD_COMMAND_BACKUP_H

int command_backup(int argc, char **argv);

#endif
