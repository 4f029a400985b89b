/* command_rotate_key.h: `mezusphere rotate-key`: see its option table, and docs/operations.md. Returns the exit status. */
#ifndef CMD_COMMAND_ROTATE_KEY_H
#define CMD_COMMAND_ROTATE_KEY_H

#include "base/option.h"

extern const struct option_set command_rotate_key_set;
int command_rotate_key(int argc, char **argv);

#endif
