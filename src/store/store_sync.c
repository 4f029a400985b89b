#include "store/store_sync.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

void store_sync_init(struct store_sync *sync) {
    *sync = (struct store_sync){.fd = -1};
    pthread_mutex_init(&sync->lock, NULL);
    pthread_cond_init(&sync->round_over, NULL);
}

void store_sync_fini(struct store_sync *sync) {
    store_sync_use(sync, -1);
    pthread_cond_destroy(&sync->round_over);
    pthread_mutex_destroy(&sync->lock);
}

void store_sync_use(struct store_sync *sync, int fd) {
    if (sync->fd >= 0) {
        close(sync->fd);
    }
    sync->fd = fd;
}

uint64_t store_sync_ticket(struct store_sync *sync) {
    pthread_mutex_lock(&sync->lock);
    uint64_t ticket = ++sync->given;
    pthread_mutex_unlock(&sync->lock);
    return ticket;
}

/* For all tickets given until now. The lock is held before and after. */
static void run_round(struct store_sync *sync) {
    uint64_t target = sync->given;
    sync->is_running = true;
    pthread_mutex_unlock(&sync->lock);
    int error = fdatasync(sync->fd) == 0 ? 0 : errno;
    pthread_mutex_lock(&sync->lock);
    sync->is_running = false;
    if (error == 0) {
        sync->synced = target;
    } else {
        sync->has_failed = true;
        log_error("store.sync_failed", "%s", strerror(error));
    }
    pthread_cond_broadcast(&sync->round_over);
}

enum status store_sync_wait(struct store_sync *sync, uint64_t ticket, struct why *why) {
    if (sync->fd < 0) {
        return STATUS_OK;
    }
    pthread_mutex_lock(&sync->lock);
    while (sync->synced < ticket && !sync->has_failed) {
        if (sync->is_running) {
            pthread_cond_wait(&sync->round_over, &sync->lock);
        } else {
            run_round(sync);
        }
    }
    bool is_synced = sync->synced >= ticket;
    pthread_mutex_unlock(&sync->lock);
    return is_synced ? STATUS_OK
                     : why_set(why, STATUS_FAILED, "store_failed",
                               "the disk failed while the database was written: what was written "
                               "last may be lost; look at the disk, then start again");
}
