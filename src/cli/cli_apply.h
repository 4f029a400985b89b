/* cli_apply.h: mezusphere apply, diff and export: a whole project as one document (the API's manifest). */
#ifndef CLI_CLI_APPLY_H
#define CLI_CLI_APPLY_H

#include "base/option.h"

extern const struct option_set cli_apply_set;
extern const struct option_set cli_apply_diff_set;
extern const struct option_set cli_apply_export_set;

/* Each returns an enum cli_exit. diff: 1 when there are differences, with --exit-code. */
int cli_apply_run(int argc, char **argv);
int cli_apply_diff_run(int argc, char **argv);
int cli_apply_export_run(int argc, char **argv);

#endif
