/* store_backup_file.h: the file that a backup is written to and restored from. Its format:
 *
 *     16 bytes  "MEZUSPHEREBACKUP"
 *     records   1 byte kind | 4 bytes length of the payload | payload
 *
 * All numbers are big-endian; a text is 4 bytes length and its bytes. Kinds, in this order:
 *
 *     'H'  once         4 bytes format (1) | 4 bytes schema: how many steps of it were applied | 8 bytes time, ms since 1970 | text: program's version
 *     'T'  per table    text: name | 4 bytes number of columns | for each, text: name
 *     'R'  per row      for each column of the table before it: 1 byte kind (0 NULL, 1 number, 2 text, 3 bytes) | number: 8 bytes, two's
 *                       complement; text and bytes: a text
 *     'E'  once         8 bytes number of rows | 32 bytes SHA-256 of everything before this record
 *
 * Nothing follows. Rows hold what the database holds: sealed as it is there. The checksum tells damage, not forgery: whoever can write
 * the file can make another; what is sealed in it cannot be made without the keys.
 *
 * Limits: a record 64 MiB, 128 tables, 64 columns, names of 63 bytes. One thread at a time. Reading fails with STATUS_INVALID
 * (backup_damaged, backup_not_ours), STATUS_UNSUPPORTED (backup_newer), STATUS_FAILED (backup_unreadable).
 */
#ifndef STORE_STORE_BACKUP_FILE_H
#define STORE_STORE_BACKUP_FILE_H

#include <stdio.h>

#include "base/buf.h"
#include "store/store_catalog.h"

#define STORE_BACKUP_FILE_FORMAT 1
#define STORE_BACKUP_FILE_RECORD_MAX (64U << 20)

struct store_backup_file_head {
    uint32_t schema;
    int64_t made_at_ms;
    char program[32];
};

/* Writing. A failure is kept and told by the end; nothing more is written after it. */
struct store_backup_file_writer;
struct store_backup_file_writer *store_backup_file_writer_new(FILE *file); /* borrowed */
void store_backup_file_write_head(struct store_backup_file_writer *writer,
                                  const struct store_backup_file_head *head);
void store_backup_file_write_table(struct store_backup_file_writer *writer,
                                   const struct store_catalog_table *table);
void store_backup_file_write_row(struct store_backup_file_writer *writer,
                                 const struct store_value *values, size_t count);
/* STATUS_UNAVAILABLE (storage_full), STATUS_DENIED (data_not_writable). Flushes to the stream, not to the disk. */
enum status store_backup_file_write_end(struct store_backup_file_writer *writer,
                                        struct why *why) MUST_USE;
void store_backup_file_writer_free(struct store_backup_file_writer **writer);

/* Reading. */
enum store_backup_file_kind {
    STORE_BACKUP_FILE_TABLE, /* `table` is another one */
    STORE_BACKUP_FILE_ROW,   /* `values`, table->column_count of them */
};

struct store_backup_file_reader;

/* Reads the head. `file` is borrowed, and stands at its beginning. */
enum status store_backup_file_reader_new(FILE *file, struct store_backup_file_reader **reader,
                                         struct store_backup_file_head *head,
                                         struct why *why) MUST_USE;
/* The next table or row, borrowed until the next call. STATUS_END: that was all, and it was whole. */
enum status store_backup_file_read(struct store_backup_file_reader *reader,
                                   enum store_backup_file_kind *kind,
                                   const struct store_catalog_table **table,
                                   const struct store_value **values, struct why *why) MUST_USE;
void store_backup_file_reader_free(struct store_backup_file_reader **reader);

#endif
