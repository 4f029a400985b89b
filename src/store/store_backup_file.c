#include "store/store_backup_file.h"

#include <errno.h>

#include "base/memory.h"
#include "pki/digest.h"

#define MAGIC STR("MEZUSPHEREBACKUP")
#define RECORD_HEAD_BYTES 5
#define END_BYTES (8 + DIGEST_BYTES)

static void write_number(uint64_t value, size_t bytes, uint8_t *out) {
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
}

static uint64_t read_number(const uint8_t *in, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | in[i];
    }
    return value;
}

/* Writing */

struct store_backup_file_writer {
    FILE *file;
    struct digest_stream *digest;
    struct buf payload;
    uint64_t row_count;
    int error; /* errno of the first failure; 0: none */
};

static void put_bytes(struct store_backup_file_writer *writer, struct str bytes) {
    digest_stream_add(writer->digest, bytes);
    if (writer->error == 0 && fwrite(bytes.at, 1, bytes.len, writer->file) != bytes.len) {
        writer->error = errno != 0 ? errno : EIO;
    }
}

static void put_record(struct store_backup_file_writer *writer, char kind) {
    uint8_t head[RECORD_HEAD_BYTES];
    head[0] = (uint8_t)kind;
    write_number(buf_len(&writer->payload), 4, head + 1);
    put_bytes(writer, str_make(head, sizeof(head)));
    put_bytes(writer, buf_str(&writer->payload));
    buf_clear(&writer->payload);
}

static void add_bytes(struct store_backup_file_writer *writer, const void *bytes, size_t len) {
    if (buf_append(&writer->payload, bytes, len) != STATUS_OK && writer->error == 0) {
        writer->error = EFBIG;
    }
}

static void add_number(struct store_backup_file_writer *writer, uint64_t value, size_t bytes) {
    uint8_t out[8];
    write_number(value, bytes, out);
    add_bytes(writer, out, bytes);
}

static void add_text(struct store_backup_file_writer *writer, struct str text) {
    add_number(writer, text.len, 4);
    add_bytes(writer, text.at, text.len);
}

struct store_backup_file_writer *store_backup_file_writer_new(FILE *file) {
    struct store_backup_file_writer *writer = MEMORY_NEW(struct store_backup_file_writer);
    writer->file = file;
    writer->digest = digest_stream_new();
    buf_init(&writer->payload, STORE_BACKUP_FILE_RECORD_MAX);
    put_bytes(writer, MAGIC);
    return writer;
}

void store_backup_file_write_head(struct store_backup_file_writer *writer,
                                  const struct store_backup_file_head *head) {
    add_number(writer, STORE_BACKUP_FILE_FORMAT, 4);
    add_number(writer, head->schema, 4);
    add_number(writer, (uint64_t)head->made_at_ms, 8);
    add_text(writer, str_from(head->program));
    put_record(writer, 'H');
}

void store_backup_file_write_table(struct store_backup_file_writer *writer,
                                   const struct store_catalog_table *table) {
    add_text(writer, str_from(table->name));
    add_number(writer, table->column_count, 4);
    for (size_t i = 0; i < table->column_count; i++) {
        add_text(writer, str_from(table->columns[i].name));
    }
    put_record(writer, 'T');
}

void store_backup_file_write_row(struct store_backup_file_writer *writer,
                                 const struct store_value *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        add_number(writer, values[i].kind, 1);
        if (values[i].kind == STORE_VALUE_NUMBER) {
            add_number(writer, (uint64_t)values[i].number, 8);
        } else if (values[i].kind != STORE_VALUE_NULL) {
            add_text(writer, values[i].bytes);
        }
    }
    writer->row_count++;
    put_record(writer, 'R');
}

enum status store_backup_file_write_end(struct store_backup_file_writer *writer, struct why *why) {
    uint8_t digest[DIGEST_BYTES];
    digest_stream_result(writer->digest, digest);
    add_number(writer, writer->row_count, 8);
    add_bytes(writer, digest, sizeof(digest));
    put_record(writer, 'E');
    if (writer->error == 0 && fflush(writer->file) != 0) {
        writer->error = errno;
    }
    if (writer->error == 0) {
        return STATUS_OK;
    }
    if (writer->error == ENOSPC || writer->error == EDQUOT) {
        return why_set(why, STATUS_UNAVAILABLE, "storage_full", "no space is left for the backup");
    }
    return why_set(why, STATUS_DENIED, "data_not_writable", "the backup cannot be written: %s",
                   strerror(writer->error));
}

void store_backup_file_writer_free(struct store_backup_file_writer **writer) {
    if (*writer != NULL) {
        digest_stream_free(&(*writer)->digest);
        buf_fini(&(*writer)->payload);
        memory_free(*writer);
        *writer = NULL;
    }
}

/* Reading */

struct store_backup_file_reader {
    FILE *file;
    struct digest_stream *digest;
    struct buf payload;
    struct str rest; /* of the payload */
    uint64_t row_count;
    size_t table_count;
    struct store_catalog_table table; /* no columns: none yet */
    struct store_value values[STORE_CATALOG_COLUMNS_MAX];
};

static enum status damaged(struct why *why) {
    return why_set(why, STATUS_INVALID, "backup_damaged",
                   "the backup is damaged or cut short, nothing of it was restored: take another");
}

/* From the file; the digest is the caller's. */
static enum status get_bytes(struct store_backup_file_reader *reader, void *out, size_t len,
                             struct why *why) {
    if (fread(out, 1, len, reader->file) == len) {
        return STATUS_OK;
    }
    return ferror(reader->file) != 0 ? why_set(why, STATUS_FAILED, "backup_unreadable",
                                               "the backup cannot be read: %s", strerror(errno))
                                     : damaged(why);
}

/* In pieces, so that a length that lies takes no more memory than the file has. */
static enum status get_payload(struct store_backup_file_reader *reader, size_t len,
                               struct why *why) {
    buf_clear(&reader->payload);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && buf_len(&reader->payload) < len) {
        uint8_t *room = NULL;
        size_t piece = len - buf_len(&reader->payload);
        piece = piece < 65536 ? piece : 65536;
        if (buf_reserve(&reader->payload, piece, &room) != STATUS_OK) {
            return damaged(why);
        }
        status = get_bytes(reader, room, piece, why);
        if (status == STATUS_OK) {
            buf_commit(&reader->payload, piece);
        }
    }
    reader->rest = buf_str(&reader->payload);
    return status;
}

/* The digest is not fed with the record that holds it. */
static enum status get_record(struct store_backup_file_reader *reader, char *kind,
                              struct why *why) {
    uint8_t head[RECORD_HEAD_BYTES];
    enum status status = get_bytes(reader, head, sizeof(head), why);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t len = read_number(head + 1, 4);
    *kind = (char)head[0];
    if (len > STORE_BACKUP_FILE_RECORD_MAX) {
        return damaged(why);
    }
    status = get_payload(reader, (size_t)len, why);
    if (status == STATUS_OK && *kind != 'E') {
        digest_stream_add(reader->digest, str_make(head, sizeof(head)));
        digest_stream_add(reader->digest, buf_str(&reader->payload));
    }
    return status;
}

static bool take_number(struct store_backup_file_reader *reader, size_t bytes, uint64_t *value) {
    if (reader->rest.len < bytes) {
        return false;
    }
    *value = read_number((const uint8_t *)reader->rest.at, bytes);
    reader->rest = str_sub(reader->rest, bytes, reader->rest.len);
    return true;
}

static bool take_text(struct store_backup_file_reader *reader, struct str *text) {
    uint64_t len = 0;
    if (!take_number(reader, 4, &len) || len > reader->rest.len) {
        return false;
    }
    *text = str_sub(reader->rest, 0, (size_t)len);
    reader->rest = str_sub(reader->rest, (size_t)len, reader->rest.len);
    return true;
}

static bool take_name(struct store_backup_file_reader *reader, char *out, size_t out_size) {
    struct str text;
    return take_text(reader, &text) && text.len > 0 &&
           str_to_cstr(text, out, out_size) == STATUS_OK;
}

static enum status read_head(struct store_backup_file_reader *reader,
                             struct store_backup_file_head *head, struct why *why) {
    char magic[16];
    char kind = 0;
    uint64_t format = 0;
    uint64_t schema = 0;
    uint64_t made_at = 0;
    if (get_bytes(reader, magic, sizeof(magic), why) != STATUS_OK ||
        !str_eq(str_make(magic, sizeof(magic)), MAGIC)) {
        return why_set(why, STATUS_INVALID, "backup_not_ours",
                       "this is not a backup of Mezusphere");
    }
    digest_stream_add(reader->digest, MAGIC);
    enum status status = get_record(reader, &kind, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (kind != 'H' || !take_number(reader, 4, &format)) {
        return damaged(why);
    }
    if (format > STORE_BACKUP_FILE_FORMAT) {
        return why_set(why, STATUS_UNSUPPORTED, "backup_newer",
                       "the backup was made by a newer version of this program: restore with that");
    }
    if (!take_number(reader, 4, &schema) || !take_number(reader, 8, &made_at) ||
        !take_name(reader, head->program, sizeof(head->program)) || reader->rest.len != 0) {
        return damaged(why);
    }
    head->schema = (uint32_t)schema;
    head->made_at_ms = (int64_t)made_at;
    return STATUS_OK;
}

enum status store_backup_file_reader_new(FILE *file, struct store_backup_file_reader **reader,
                                         struct store_backup_file_head *head, struct why *why) {
    struct store_backup_file_reader *made = MEMORY_NEW(struct store_backup_file_reader);
    made->file = file;
    made->digest = digest_stream_new();
    buf_init(&made->payload, STORE_BACKUP_FILE_RECORD_MAX);
    enum status status = read_head(made, head, why);
    *reader = made;
    if (status != STATUS_OK) {
        store_backup_file_reader_free(reader);
    }
    return status;
}

static bool read_table(struct store_backup_file_reader *reader) {
    struct store_catalog_table *table = &reader->table;
    uint64_t count = 0;
    *table = (struct store_catalog_table){.column_count = 0};
    if (++reader->table_count > STORE_CATALOG_TABLES_MAX ||
        !take_name(reader, table->name, sizeof(table->name)) || !take_number(reader, 4, &count) ||
        count == 0 || count > STORE_CATALOG_COLUMNS_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!take_name(reader, table->columns[i].name, sizeof(table->columns[i].name))) {
            return false;
        }
    }
    table->column_count = (size_t)count;
    return reader->rest.len == 0;
}

static bool read_value(struct store_backup_file_reader *reader, struct store_value *value) {
    uint64_t kind = 0;
    uint64_t number = 0;
    if (!take_number(reader, 1, &kind) || kind > STORE_VALUE_BYTES) {
        return false;
    }
    *value = (struct store_value){(enum store_value_kind)kind, 0, STR_EMPTY};
    if (value->kind == STORE_VALUE_NUMBER) {
        bool is_there = take_number(reader, 8, &number);
        value->number = (int64_t)number;
        return is_there;
    }
    return value->kind == STORE_VALUE_NULL || take_text(reader, &value->bytes);
}

static bool read_row(struct store_backup_file_reader *reader) {
    bool is_good = reader->table.column_count > 0;
    for (size_t i = 0; i < reader->table.column_count && is_good; i++) {
        is_good = read_value(reader, &reader->values[i]);
    }
    reader->row_count++;
    return is_good && reader->rest.len == 0;
}

static enum status read_end(struct store_backup_file_reader *reader, struct why *why) {
    uint8_t digest[DIGEST_BYTES];
    digest_stream_result(reader->digest, digest);
    const uint8_t *at = buf_bytes(&reader->payload);
    bool is_whole = buf_len(&reader->payload) == END_BYTES &&
                    read_number(at, 8) == reader->row_count &&
                    str_eq(str_make(at + 8, DIGEST_BYTES), str_make(digest, DIGEST_BYTES)) &&
                    fgetc(reader->file) == EOF && ferror(reader->file) == 0;
    return is_whole ? STATUS_END : damaged(why);
}

enum status store_backup_file_read(struct store_backup_file_reader *reader,
                                   enum store_backup_file_kind *kind,
                                   const struct store_catalog_table **table,
                                   const struct store_value **values, struct why *why) {
    char letter = 0;
    enum status status = get_record(reader, &letter, why);
    if (status != STATUS_OK) {
        return status;
    }
    *table = &reader->table;
    *values = reader->values;
    switch (letter) {
    case 'T':
        *kind = STORE_BACKUP_FILE_TABLE;
        return read_table(reader) ? STATUS_OK : damaged(why);
    case 'R':
        *kind = STORE_BACKUP_FILE_ROW;
        return read_row(reader) ? STATUS_OK : damaged(why);
    case 'E':
        return read_end(reader, why);
    default:
        return damaged(why);
    }
}

void store_backup_file_reader_free(struct store_backup_file_reader **reader) {
    if (*reader != NULL) {
        digest_stream_free(&(*reader)->digest);
        buf_fini(&(*reader)->payload);
        memory_free(*reader);
        *reader = NULL;
    }
}
