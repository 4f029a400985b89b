/* warpgate.h: the agent beside a workload: enrol, dial out, check, hand on.
 *
 * One process, one loop, no listening socket, nothing on disk; the key pair lives and dies in memory. The main program parses
 * options and calls warpgate_run, which returns when the process is to end.
 */
#ifndef WARPGATE_WARPGATE_H
#define WARPGATE_WARPGATE_H

#include "base/secret.h"
#include "base/status.h"
#include "net/loop.h"

struct warpgate;

#define WARPGATE_UPSTREAMS_MAX 32

struct warpgate_config {
    struct secret *token; /* API key; wiped when the warpgate has been told to stop for good */
    const char *const *upstreams;    /* "localhost:8080" (named "default") or "name=target" */
    size_t upstream_count;           /* at least 1 */
    const char *const *upstream_cas; /* PEM files: "file" or "name=file" (warpgate_trust.h) */
    size_t upstream_ca_count;
    const char *control_url;    /* https://api.example.net[:port] */
    const char *ca_file;        /* PEM, or NULL: the system's trust store */
    const char *environment;    /* name or id, or NULL */
    const char *name;           /* or NULL: the host's name */
    const struct secret *proxy; /* its URL; NULL or empty: HTTPS_PROXY, or none */
    const char *grace;          /* seconds for what runs when it is told to stop; NULL: 30 */
};

/* Judges the configuration without any network: the key's checksum, targets, URL, files. STATUS_INVALID (usage) or
 * STATUS_DENIED (a token that cannot be one). */
enum status warpgate_new(struct loop *loop, const struct warpgate_config *config,
                         struct warpgate **warpgate, struct why *why) MUST_USE;
/* Starts; `on_ended` is called once when it is over: STATUS_OK after warpgate_stop and draining, STATUS_DENIED when the control
 * plane refuses the token for good. Everything else is retried for ever. */
void warpgate_start(struct warpgate *warpgate, void (*on_ended)(void *context, enum status status),
                    void *context);
/* Drains: tells the edges, finishes what runs, then on_ended. What outlasts the grace loses its tunnel in good order, so that the edge
 * can tell each visitor. Called again: cuts what still runs at once. */
void warpgate_stop(struct warpgate *warpgate);
/* After on_ended, or without a start. NULL is allowed. */
void warpgate_free(struct warpgate **warpgate);

#endif
