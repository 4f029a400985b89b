#include "edge/edge_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/notice.h"
#include "base/text.h"
#include "edge/edge_disk_file.h"

#define RETRY_MS 2000
#define BATCH_MAX 64

/* What waits to be written under one name. */
struct waiting {
    char name[EDGE_DISK_NAME_MAX + 1];
    bool is_removal;
    struct buf text;
};

enum disk_hold {
    DISK_HELD,
    DISK_RELEASING, /* what waits is being written */
    DISK_RELEASED,  /* another process has the folder, or may have it */
};

struct edge_disk {
    struct loop *loop;
    struct edge_disk_place place; /* for any thread */
    int lock;
    struct map known;   /* name -> fingerprint of the text that is there, or waits */
    struct map waiting; /* name -> struct waiting */
    bool is_working;
    struct waiting *batch[BATCH_MAX]; /* the job's while it works */
    size_t batch_count;
    size_t done_count; /* of those */
    struct why why;    /* of the first that failed */
    struct loop_timer retry;
    struct notice notice;
    enum disk_hold hold;
    struct loop_task release_task;
    void (*on_released)(void *context);
    void *released_context;
};

/* Enough to tell whether a text has changed: nobody's enemy chooses it, the control plane does. */
static void *fingerprint(struct str text) {
    uint8_t digest[DIGEST_BYTES];
    uintptr_t value;
    digest_sha256(text, digest);
    memcpy(&value, digest, sizeof(value));
    return (void *)(value | 1); /* never NULL */
}

static void free_waiting(struct waiting *waiting) {
    buf_fini_wiped(&waiting->text);
    memory_free(waiting);
}

/* The job */

static void write_batch(void *context) {
    struct edge_disk *disk = context;
    for (disk->done_count = 0; disk->done_count < disk->batch_count; disk->done_count++) {
        const struct waiting *waiting = disk->batch[disk->done_count];
        enum status status = waiting->is_removal
                                 ? edge_disk_file_remove(&disk->place, waiting->name, &disk->why)
                                 : edge_disk_file_write(&disk->place, waiting->name,
                                                        buf_str(&waiting->text), &disk->why);
        if (status != STATUS_OK) {
            return;
        }
    }
}

static void take_batch(struct edge_disk *disk) {
    struct str key;
    void *value;
    disk->batch_count = 0;
    for (size_t walk = 0;
         disk->batch_count < BATCH_MAX && map_next(&disk->waiting, &walk, &key, &value);) {
        struct waiting *waiting = value;
        disk->batch[disk->batch_count++] = waiting;
        (void)map_remove(&disk->waiting, str_from(waiting->name));
    }
}

/* What could not be written waits on, unless something newer does. */
static void give_back(struct edge_disk *disk) {
    for (size_t i = 0; i < disk->batch_count; i++) {
        struct waiting *waiting = disk->batch[i];
        struct str name = str_from(waiting->name);
        if (i < disk->done_count || map_get(&disk->waiting, name) != NULL) {
            free_waiting(waiting);
        } else {
            (void)map_set(&disk->waiting, name, waiting);
        }
    }
    disk->batch_count = 0;
}

static void start_work(struct edge_disk *disk);

/* Also where the last write has failed: who has the folder next hears everything anew. */
static void check_release(struct edge_disk *disk) {
    if (disk->hold != DISK_RELEASING || disk->is_working) {
        return;
    }
    disk->hold = DISK_RELEASED;
    loop_timer_clear(&disk->retry);
    (void)flock(disk->lock, LOCK_UN);
    disk->on_released(disk->released_context);
}

static void run_release(struct loop_task *task) {
    check_release(CONTAINER_OF(task, struct edge_disk, release_task));
}

static void finish_batch(void *context) {
    struct edge_disk *disk = context;
    bool has_failed = disk->done_count < disk->batch_count;
    disk->is_working = false;
    give_back(disk);
    if (!has_failed) {
        notice_forget(&disk->notice);
        start_work(disk);
        check_release(disk);
        return;
    }
    if (notice_is_due(&disk->notice, disk->why.slug, loop_now_ms(disk->loop))) {
        log_warn("edge.state_not_kept",
                 "code=%s detail=\"%s\": serving goes on; what has changed would be lost with the "
                 "process",
                 disk->why.slug, disk->why.text);
    }
    loop_timer_set(&disk->retry, RETRY_MS);
    check_release(disk);
}

static void start_work(struct edge_disk *disk) {
    if (disk->is_working || disk->waiting.count == 0 || disk->hold == DISK_RELEASED) {
        return;
    }
    disk->is_working = true;
    take_batch(disk);
    loop_work(disk->loop, write_batch, finish_batch, disk);
}

static void on_retry(struct loop_timer *timer) {
    start_work(timer->context);
}

/* From outside */

static void wait_for(struct edge_disk *disk, const char *name, struct str text, bool is_removal) {
    struct waiting *waiting = map_get(&disk->waiting, str_from(name));
    if (waiting == NULL) {
        waiting = MEMORY_NEW(struct waiting);
        (void)snprintf(waiting->name, sizeof(waiting->name), "%s", name);
        buf_init(&waiting->text, EDGE_DISK_TEXT_MAX);
        (void)map_set(&disk->waiting, str_from(name), waiting);
    }
    waiting->is_removal = is_removal;
    buf_clear(&waiting->text);
    if (buf_append_str(&waiting->text, text) != STATUS_OK) {
        log_warn("edge.state_not_kept", "code=state_too_large detail=%s", name);
        (void)map_remove(&disk->waiting, str_from(name));
        free_waiting(waiting);
        return;
    }
    if (disk->retry.deadline_ms == 0) { /* else it is tried in a moment */
        start_work(disk);
    }
}

void edge_disk_put(struct edge_disk *disk, const char *name, struct str text) {
    void *print = fingerprint(text);
    if (map_get(&disk->known, str_from(name)) == print) {
        return;
    }
    (void)map_set(&disk->known, str_from(name), print);
    wait_for(disk, name, text, false);
}

void edge_disk_remove(struct edge_disk *disk, const char *name) {
    if (map_remove(&disk->known, str_from(name)) != NULL) {
        wait_for(disk, name, STR_EMPTY, true);
    }
}

enum status edge_disk_write(struct edge_disk *disk, const char *name, struct str text,
                            struct why *why) {
    if (disk->hold == DISK_RELEASED) {
        return why_set(why, STATUS_CONFLICT, "data_in_use", "another process has the folder");
    }
    enum status status = edge_disk_file_write(&disk->place, name, text, why);
    if (status == STATUS_OK) {
        (void)map_set(&disk->known, str_from(name), fingerprint(text));
    }
    return status;
}

enum status edge_disk_read(struct edge_disk *disk, const char *name, struct buf *text,
                           struct why *why) {
    size_t before = buf_len(text);
    enum status status = edge_disk_file_read(&disk->place, name, text, why);
    if (status == STATUS_OK) {
        struct str read = str_sub(buf_str(text), before, buf_len(text));
        (void)map_set(&disk->known, str_from(name), fingerprint(read));
    }
    return status;
}

struct names {
    char (*at)[EDGE_DISK_NAME_MAX + 1];
    size_t count;
    size_t room;
};

static void add_name(void *context, const char *name) {
    struct names *names = context;
    if (names->count == names->room) {
        size_t room = names->room == 0 ? 64 : 2 * names->room;
        char(*at)[EDGE_DISK_NAME_MAX + 1] = memory_new_array(room, sizeof(*at));
        if (names->count > 0) {
            memcpy(at, names->at, names->count * sizeof(*at));
        }
        memory_free(names->at);
        names->at = at;
        names->room = room;
    }
    (void)snprintf(names->at[names->count++], sizeof(*names->at), "%s", name);
}

/* Names first: what is called may put and remove. */
void edge_disk_each(struct edge_disk *disk, const char *prefix,
                    void (*call)(void *context, const char *name), void *context) {
    struct names names = {0};
    struct str key;
    void *value;
    for (size_t walk = 0; map_next(&disk->known, &walk, &key, &value);) {
        char name[EDGE_DISK_NAME_MAX + 1];
        if (str_starts_with(key, str_from(prefix)) &&
            str_to_cstr(key, name, sizeof(name)) == STATUS_OK) {
            add_name(&names, name);
        }
    }
    for (size_t i = 0; i < names.count; i++) {
        call(context, names.at[i]);
    }
    memory_free(names.at);
}

bool edge_disk_is_idle(const struct edge_disk *disk) {
    return !disk->is_working && disk->waiting.count == 0;
}

static enum status take_lock(struct edge_disk *disk, const char *folder, struct why *why) {
    return flock(disk->lock, LOCK_EX | LOCK_NB) == 0
               ? STATUS_OK
               : why_set(why, STATUS_CONFLICT, "data_in_use",
                         "another edge uses the folder %s: stop it, or give this one another with "
                         "--data",
                         folder);
}

static enum status lock_folder(struct edge_disk *disk, const char *folder, struct why *why) {
    char path[EDGE_DISK_PATH_SIZE];
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return why_set(why, STATUS_DENIED, "data_not_writable", "cannot make the folder %s: %s",
                       folder, strerror(errno));
    }
    (void)snprintf(path, sizeof(path), "%s/edge.lock", folder);
    disk->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (disk->lock < 0) {
        return why_set(why, STATUS_DENIED, "data_not_writable", "cannot write %s: %s", path,
                       strerror(errno));
    }
    return take_lock(disk, folder, why);
}

static void free_disk(struct loop_timer *timer) {
    memory_free(timer->context);
}

/* There, and not read yet: no text has this fingerprint. */
static void note_file(void *context, const char *name) {
    static char unread;
    struct edge_disk *disk = context;
    (void)map_set(&disk->known, str_from(name), &unread);
}

enum status edge_disk_open(struct loop *loop, const char *folder, const struct secret *key,
                           struct edge_disk **out, struct why *why) {
    struct edge_disk *disk = MEMORY_NEW(struct edge_disk);
    disk->loop = loop;
    disk->lock = -1;
    map_init(&disk->known);
    map_init(&disk->waiting);
    loop_timer_init(&disk->retry, loop, on_retry, disk);
    loop_task_init(&disk->release_task, run_release);
    enum status status = lock_folder(disk, folder, why);
    if (status == STATUS_OK) {
        status = edge_disk_file_open(folder, key, loop_random(loop), &disk->place, why);
    }
    if (status != STATUS_OK) {
        edge_disk_close(&disk);
        return status;
    }
    edge_disk_file_each(&disk->place, "", note_file, disk);
    *out = disk;
    return STATUS_OK;
}

void edge_disk_release(struct edge_disk *disk, void (*done)(void *context), void *context) {
    disk->on_released = done;
    disk->released_context = context;
    disk->hold = DISK_RELEASING;
    start_work(disk);
    loop_task_schedule(disk->loop, &disk->release_task);
}

enum status edge_disk_reclaim(struct edge_disk *disk, struct why *why) {
    enum status status =
        disk->hold == DISK_HELD ? STATUS_OK : take_lock(disk, disk->place.folder, why);
    if (status == STATUS_OK) {
        disk->hold = DISK_HELD;
        start_work(disk);
    }
    return status;
}

/* The loop runs no more: what the pool has not finished, this thread does. */
static void write_rest(struct edge_disk *disk) {
    while (disk->waiting.count > 0 && disk->hold != DISK_RELEASED) {
        take_batch(disk);
        write_batch(disk);
        bool has_failed = disk->done_count < disk->batch_count;
        give_back(disk);
        if (has_failed) {
            log_warn("edge.state_not_kept", "code=%s detail=\"%s\"", disk->why.slug,
                     disk->why.text);
            return;
        }
    }
}

void edge_disk_close(struct edge_disk **at) {
    struct edge_disk *disk = *at;
    struct str key;
    void *value;
    *at = NULL;
    if (disk == NULL) {
        return;
    }
    while (disk->is_working) {
        (void)uv_run(loop_uv(disk->loop), UV_RUN_ONCE);
    }
    loop_task_cancel(&disk->release_task);
    write_rest(disk);
    for (size_t walk = 0; map_next(&disk->waiting, &walk, &key, &value);) {
        free_waiting(value);
    }
    map_fini(&disk->waiting);
    map_fini(&disk->known);
    secret_wipe(&disk->place, sizeof(disk->place));
    if (disk->lock >= 0) {
        (void)close(disk->lock);
    }
    loop_timer_close(&disk->retry, free_disk);
}
