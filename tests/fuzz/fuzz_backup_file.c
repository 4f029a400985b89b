/* A backup: every record is read to the end, and what is taken for whole is written again as the same bytes. */
#include <stdlib.h>

#include "store/store_backup_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct store_backup_file_reader *reader = NULL;
    struct store_backup_file_head head = {0};
    enum store_backup_file_kind kind;
    const struct store_catalog_table *table;
    const struct store_value *values;
    struct why why;
    char *copy = NULL;
    size_t copy_len = 0;
    FILE *file = len == 0 ? NULL : fmemopen((void *)(uintptr_t)bytes, len, "rb");
    FILE *out = open_memstream(&copy, &copy_len);
    if (file == NULL || out == NULL) {
        return 0;
    }
    struct store_backup_file_writer *writer = store_backup_file_writer_new(out);
    enum status status = store_backup_file_reader_new(file, &reader, &head, &why);
    if (status == STATUS_OK) {
        store_backup_file_write_head(writer, &head);
        while ((status = store_backup_file_read(reader, &kind, &table, &values, &why)) ==
               STATUS_OK) {
            if (kind == STORE_BACKUP_FILE_TABLE) {
                store_backup_file_write_table(writer, table);
            } else {
                store_backup_file_write_row(writer, values, table->column_count);
            }
        }
    }
    bool is_whole = status == STATUS_END && store_backup_file_write_end(writer, &why) == STATUS_OK;
    store_backup_file_reader_free(&reader);
    store_backup_file_writer_free(&writer);
    fclose(file);
    fclose(out);
    if (is_whole && (copy_len != len || memcmp(copy, bytes, len) != 0)) {
        abort();
    }
    free(copy);
    return 0;
}
