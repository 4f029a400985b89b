/* cli_login.h: mezusphere login and logout. */
#ifndef CLI_CLI_LOGIN_H
#define CLI_CLI_LOGIN_H

#include "base/option.h"

extern const struct option_set cli_login_set;
extern const struct option_set cli_login_out_set;

/* Both return an enum cli_exit. */
int cli_login_run(int argc, char **argv);
int cli_login_out_run(int argc, char **argv);

#endif
