/* store_key_command.h: runs a command through /bin/sh and takes what it prints as a secret.
 *
 * Blocks for up to STORE_KEY_COMMAND_MS, then the command and what it started are killed. Its standard error is this process's, so that
 * it can complain; its output is never logged. The first line counts; white space around it is dropped.
 */
#ifndef STORE_STORE_KEY_COMMAND_H
#define STORE_STORE_KEY_COMMAND_H

#include "base/secret.h"
#include "base/status.h"

#define STORE_KEY_COMMAND_MS 30000

/* STATUS_FAILED (master_key_command: it cannot be run, ends with another status than 0, takes too long, or prints too much or nothing). */
enum status store_key_command_run(const char *command, int64_t patience_ms, struct secret *output,
                                  struct why *why) MUST_USE;

#endif
