/* store_sync.h: group commit: writers that committed close together share one wait for the disk.
 *
 * A driver that can (store_driver.h: defer_sync) commits without waiting, and names the file that has to reach the disk. Each writer
 * takes a ticket while it still has the database to itself, lets the next one in, and waits here: the first that waits
 * syncs for all tickets given by then, those who come meanwhile are the next round's. So a commit is answered only when it has
 * reached the disk, as before; others may read it a few milliseconds earlier.
 *
 * When the disk fails once, what was written may be lost although it can be read: from then on every wait fails, and the process
 * has to be started again. Safe from any thread.
 */
#ifndef STORE_STORE_SYNC_H
#define STORE_STORE_SYNC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct store_sync {
    pthread_mutex_t lock;
    pthread_cond_t round_over;
    int fd;          /* -1: nothing is to be waited for */
    uint64_t given;  /* tickets */
    uint64_t synced; /* the newest ticket that has reached the disk */
    bool is_running; /* somebody syncs */
    bool has_failed; /* for good */
};

void store_sync_init(struct store_sync *sync);
void store_sync_fini(struct store_sync *sync);
/* Whose file it is from now on; -1: none. Takes the descriptor. */
void store_sync_use(struct store_sync *sync, int fd);

/* Directly after a commit, while no other can commit. */
uint64_t store_sync_ticket(struct store_sync *sync);
/* Returns when the ticket's commit has reached the disk. STATUS_FAILED (store_failed). */
enum status store_sync_wait(struct store_sync *sync, uint64_t ticket, struct why *why) MUST_USE;

#endif
