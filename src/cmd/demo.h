/* demo.h: what `--demo` adds to a running platform: a sample workload, and a warpgate process beside it. */
#ifndef CMD_DEMO_H
#define CMD_DEMO_H

#include "base/secret.h"
#include "base/status.h"
#include "net/loop.h"

struct demo;

struct demo_config {
    struct loop *loop;
    const char *control_url;
    const char *ca_file;
    const char *environment;
};

/* Starts the workload on a loopback port of the system's choice, and the warpgate program that lies beside this one. The token goes
 * to it through its environment. STATUS_FAILED with why. */
enum status demo_new(const struct demo_config *config, const struct secret *token,
                     struct demo **demo, struct why *why) MUST_USE;
/* Ends both; frees; `on_ended` once. */
void demo_stop(struct demo **demo, void (*on_ended)(void *context), void *context);

#endif
