/* cli_ca.h: mezusphere ca: the internal CA, and its change from one root to the next (pki/ca_rotation.h). */
#ifndef CLI_CLI_CA_H
#define CLI_CLI_CA_H

#include "base/option.h"

extern const struct option_set cli_ca_set;

int cli_ca_run(int argc, char **argv); /* an enum cli_exit */

#endif
