/* ca_progress.h: how far edges and warpgates are with a rotation of the internal CA, and who lags behind. Blocks.
 *
 * Counted are those that may have a certificate that is valid: edges that were not deleted, until theirs ends, and warpgates that were seen or enrolled
 * within the last 24 hours and 10 minutes. Whether they are connected plays no part: one that sleeps will want to come back. What nobody has reported since this
 * process began (ca_report.h) counts as not yet done.
 */
#ifndef CONTROL_CA_PROGRESS_H
#define CONTROL_CA_PROGRESS_H

#include "control/control_state.h"
#include "pki/ca_rotation.h"
#include "store/store_tx.h"

#define CA_PROGRESS_LAGGARDS_MAX 100

/* What the next step waits for. */
enum ca_wait {
    CA_WAIT_TRUST,       /* everybody trusts all the roots */
    CA_WAIT_CERTIFICATE, /* and has a certificate of the one that issues */
};

struct ca_laggard {
    struct id id;
    bool is_connected;
    bool trusts_all;
    bool is_on_issuer;
};

struct ca_progress {
    unsigned total;
    unsigned trusting;                                    /* all the roots */
    unsigned on_issuer;                                   /* by their certificates */
    struct ca_laggard laggards[CA_PROGRESS_LAGGARDS_MAX]; /* as `wait` says */
    unsigned laggard_count;                               /* of all: may be more than are named */
};

struct ca_progresses {
    struct ca_progress edges;
    struct ca_progress warpgates;
};

/* Forward from a phase; with `is_back` the other way. */
enum ca_wait ca_progress_wait(enum ca_phase phase, bool is_back);
enum status ca_progress_count(struct control *control, struct store_tx *tx,
                              const struct ca_rotation *rotation, enum ca_wait wait,
                              struct ca_progresses *progresses) MUST_USE;

#endif
