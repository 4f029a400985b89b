/* edge_disk_file.h: one sealed file of the edge's data folder: made, read, listed (the format is told in edge_disk.h). Blocks; any thread.
 */
#ifndef EDGE_EDGE_DISK_FILE_H
#define EDGE_EDGE_DISK_FILE_H

#include "base/buf.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/status.h"
#include "pki/aead.h"
#include "pki/digest.h"

#define EDGE_DISK_PATH_SIZE 4096

struct edge_disk_place {
    char folder[EDGE_DISK_PATH_SIZE - 160];
    uint8_t key[AEAD_KEY_BYTES];
    const struct random *random;
};

/* Takes the key that is given, or the folder's own, which a first start makes. Statuses: edge_disk_open. */
enum status edge_disk_file_open(const char *folder, const struct secret *key,
                                const struct random *random, struct edge_disk_place *place,
                                struct why *why) MUST_USE;
/* Beside, synced, then renamed. STATUS_UNAVAILABLE (storage_full), STATUS_DENIED (data_not_writable). */
enum status edge_disk_file_write(const struct edge_disk_place *place, const char *name,
                                 struct str text, struct why *why) MUST_USE;
enum status edge_disk_file_read(const struct edge_disk_place *place, const char *name,
                                struct buf *text, struct why *why) MUST_USE;
/* STATUS_OK also where there is none. */
enum status edge_disk_file_remove(const struct edge_disk_place *place, const char *name,
                                  struct why *why) MUST_USE;
void edge_disk_file_each(const struct edge_disk_place *place, const char *prefix,
                         void (*call)(void *context, const char *name), void *context);

#endif
