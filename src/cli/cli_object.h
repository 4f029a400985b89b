/* cli_object.h: mezusphere get, create, set and delete: one object or a list of them. */
#ifndef CLI_CLI_OBJECT_H
#define CLI_CLI_OBJECT_H

#include "base/option.h"

extern const struct option_set cli_object_get_set;
extern const struct option_set cli_object_create_set;
extern const struct option_set cli_object_set_set;
extern const struct option_set cli_object_delete_set;

/* Each returns an enum cli_exit. */
int cli_object_get_run(int argc, char **argv);
int cli_object_create_run(int argc, char **argv);
int cli_object_set_run(int argc, char **argv);
int cli_object_delete_run(int argc, char **argv);

#endif
