/* edge_disk.h: the edge's data folder: small files, each sealed, written whole or not at all.
 *
 *   DIR/edge.lock          locked while a process has the folder
 *   DIR/seal.key           0600: what the files are sealed with, unless a key is given from outside
 *   DIR/NAME.sealed        "mezusphere-edge-1\n" nonce (12 bytes) AES-256-GCM of the text; the name is authenticated along with it
 *
 * A file that was changed, cut, renamed, or comes from another edge's folder does not open. What is put is written in the background, on
 * the pool, the newest of each name alone: at most one text of each name waits, so what waits is never more than the state itself.
 * While nothing can be written (a full disk) serving goes on: one warning, and another try every few seconds. Loop thread only.
 */
#ifndef EDGE_EDGE_DISK_H
#define EDGE_EDGE_DISK_H

#include "base/buf.h"
#include "base/secret.h"
#include "base/status.h"
#include "net/loop.h"

#define EDGE_DISK_NAME_MAX 96 /* [a-z0-9_-] */
#define EDGE_DISK_TEXT_MAX ((size_t)9 << 20)

struct edge_disk;

/* Makes the folder (0700) if it is absent. `key`: what to seal with; empty: a key of the folder's own. STATUS_CONFLICT (data_in_use),
 * STATUS_DENIED (data_not_writable, seal_key_missing, seal_key_open: others may read it), STATUS_INVALID (seal_key_malformed), with why. */
enum status edge_disk_open(struct loop *loop, const char *folder, const struct secret *key,
                           struct edge_disk **disk, struct why *why) MUST_USE;
/* For a successor: writes what waits, and gives up the folder; `done` once, never from inside. What is put from then on waits. */
void edge_disk_release(struct edge_disk *disk, void (*done)(void *context), void *context);
/* Has the folder again, after edge_disk_release. STATUS_CONFLICT (data_in_use). */
enum status edge_disk_reclaim(struct edge_disk *disk, struct why *why) MUST_USE;
/* Writes what waits, in here, and closes; where the folder was given up, what waits is dropped. NULL is allowed. */
void edge_disk_close(struct edge_disk **disk);

/* Appends the text of a file. STATUS_NOT_FOUND; STATUS_INVALID with why (state_malformed, state_foreign); STATUS_FAILED. */
enum status edge_disk_read(struct edge_disk *disk, const char *name, struct buf *text,
                           struct why *why) MUST_USE;
/* Writes it now; for what must be there before anything else happens. STATUS_UNAVAILABLE (storage_full), STATUS_DENIED,
 * STATUS_CONFLICT (data_in_use: it was given up). */
enum status edge_disk_write(struct edge_disk *disk, const char *name, struct str text,
                            struct why *why) MUST_USE;
/* In the background. A text that is there already is not written again. */
void edge_disk_put(struct edge_disk *disk, const char *name, struct str text);
void edge_disk_remove(struct edge_disk *disk, const char *name);
/* Names of files that begin with `prefix`, and of what waits to be written. */
void edge_disk_each(struct edge_disk *disk, const char *prefix,
                    void (*call)(void *context, const char *name), void *context);
/* Nothing waits to be written. */
bool edge_disk_is_idle(const struct edge_disk *disk);

#endif
