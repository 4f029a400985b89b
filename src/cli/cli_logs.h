/* cli_logs.h: mezusphere logs: an environment's requests, those that were and, with -f, those that come. */
#ifndef CLI_CLI_LOGS_H
#define CLI_CLI_LOGS_H

#include "base/option.h"

extern const struct option_set cli_logs_set;

int cli_logs_run(int argc, char **argv); /* an enum cli_exit */

#endif
