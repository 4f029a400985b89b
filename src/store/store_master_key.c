#include "store/store_master_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "store/store_key_command.h"

#define PATH_SIZE 4200
#define KEY_TEXT_SIZE TEXT_BASE64_SIZE(STORE_MASTER_KEY_BYTES)

static enum status fail(const char *path, struct why *why) {
    int error = errno;
    if (error == ENOSPC || error == EDQUOT) {
        return why_set(why, STATUS_UNAVAILABLE, "storage_full", "no space is left for %s", path);
    }
    return why_set(why, STATUS_DENIED, "data_not_writable", "cannot write %s: %s", path,
                   strerror(error));
}

static enum status write_file(const char *path, struct str text, struct why *why) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fail(path, why);
    }
    enum status status = STATUS_OK;
    if (write(fd, text.at, text.len) != (ssize_t)text.len || fsync(fd) != 0) {
        status = fail(path, why);
    }
    close(fd);
    return status;
}

static enum status sync_folder(const char *path, struct why *why) {
    char folder[PATH_SIZE];
    enum status status = STATUS_OK;
    (void)snprintf(folder, sizeof(folder), "%s", path);
    int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        status = fail(path, why);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/* Whole or not at all: written beside, then renamed, then the folder is synced. */
static enum status make_file(const char *path, const struct random *random,
                             uint8_t key[STORE_MASTER_KEY_BYTES], struct why *why) {
    char beside[PATH_SIZE + 16];
    char text[KEY_TEXT_SIZE + 1];
    random_fill(random, key, STORE_MASTER_KEY_BYTES);
    size_t len = text_base64url(key, STORE_MASTER_KEY_BYTES, text);
    text[len] = '\n';
    snprintf(beside, sizeof(beside), "%s.new", path);
    enum status status = write_file(beside, str_make(text, len + 1), why);
    secret_wipe(text, sizeof(text));
    if (status != STATUS_OK) {
        return status;
    }
    return rename(beside, path) == 0 ? sync_folder(path, why) : fail(path, why);
}

static bool decode_base64url(struct str text, uint8_t *key) {
    size_t len = STORE_MASTER_KEY_BYTES;
    return text_base64url_decode(text, key, &len) == STATUS_OK && len == STORE_MASTER_KEY_BYTES;
}

static bool decode_base64(struct str text, uint8_t *key) {
    size_t len = STORE_MASTER_KEY_BYTES;
    return text_base64_decode(text, key, &len) == STATUS_OK && len == STORE_MASTER_KEY_BYTES;
}

enum status store_master_key_decode(struct str text, const char *from,
                                    uint8_t key[STORE_MASTER_KEY_BYTES], struct why *why) {
    bool is_good = text.len == 2 * STORE_MASTER_KEY_BYTES
                       ? text_hex_decode(text, key, STORE_MASTER_KEY_BYTES) == STATUS_OK
                       : decode_base64url(text, key) || decode_base64(text, key);
    if (!is_good) {
        secret_wipe(key, STORE_MASTER_KEY_BYTES);
        return why_set(why, STATUS_INVALID, "master_key_invalid",
                       "%s does not hold a master key (32 bytes as base64 or hexadecimal): restore "
                       "it from your backup",
                       from);
    }
    return STATUS_OK;
}

static void close_to_others(const char *path) {
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & 077) != 0) {
        log_warn("store.master_key_mode", "path=%s mode=%o fix=\"chmod 600\"", path,
                 (unsigned)(info.st_mode & 0777));
        if (chmod(path, 0600) != 0) {
            log_warn("store.master_key_mode", "path=%s error=%s", path, strerror(errno));
        }
    }
}

enum status store_master_key_file(const char *path, const struct random *random, bool may_make,
                                  uint8_t key[STORE_MASTER_KEY_BYTES], struct why *why) {
    struct secret line;
    secret_init(&line);
    enum status status = secret_read_file(&line, path, why);
    if (status == STATUS_OK) {
        close_to_others(path);
        status = store_master_key_decode(secret_str(&line), path, key, why);
    } else if (status == STATUS_NOT_FOUND && may_make) {
        status = make_file(path, random, key, why);
    } else if (status == STATUS_NOT_FOUND) {
        status = why_set(why, STATUS_NOT_FOUND, "master_key_missing",
                         "the database is there but %s is not: without it nothing can be read; "
                         "restore it from your backup",
                         path);
    } else if (status != STATUS_FAILED) {
        status = why_set(why, STATUS_INVALID, "master_key_invalid",
                         "%s does not hold a master key: restore it from your backup", path);
    }
    secret_fini(&line);
    return status;
}

/* The source */

bool store_master_key_path(const struct store_master_key *from, char *out, size_t out_size) {
    bool has_text = from->text != NULL && !secret_is_empty(from->text);
    int len = from->file != NULL ? snprintf(out, out_size, "%s", from->file)
                                 : snprintf(out, out_size, "%s/master.key", from->folder);
    return !has_text && from->command == NULL && len > 0 && (size_t)len < out_size;
}

static enum status check_sources(const struct store_master_key *from, struct why *why) {
    unsigned count = (from->file != NULL ? 1U : 0) + (from->command != NULL ? 1U : 0) +
                     (from->text != NULL && !secret_is_empty(from->text) ? 1U : 0);
    if (count > 1) {
        return why_set(why, STATUS_CONFLICT, "master_key_sources",
                       "the master key comes from a file, from the environment or from a command: "
                       "give one of --master-key-file, MEZUSPHERE_MASTER_KEY and "
                       "--master-key-command");
    }
    return STATUS_OK;
}

/* The file's own, and that of a rotation under way. */
static enum status fetch_files(const struct store_master_key *from, const char *path, bool may_make,
                               struct store_master_keys *keys, struct why *why) {
    char next[PATH_SIZE + 16];
    struct why ignored;
    (void)snprintf(next, sizeof(next), "%s%s", path, STORE_MASTER_KEY_NEXT);
    const struct random *random = from->random != NULL ? from->random : random_system();
    enum status status = store_master_key_file(path, random, may_make, keys->at[0], why);
    if (status != STATUS_OK) {
        return status;
    }
    keys->count = 1;
    if (store_master_key_file(next, random, false, keys->at[1], &ignored) == STATUS_OK) {
        keys->count = 2;
    }
    return STATUS_OK;
}

static enum status fetch_command(const struct store_master_key *from,
                                 struct store_master_keys *keys, struct why *why) {
    struct secret output;
    secret_init(&output);
    enum status status = store_key_command_run(from->command, STORE_KEY_COMMAND_MS, &output, why);
    if (status == STATUS_OK) {
        status = store_master_key_decode(secret_str(&output), "what --master-key-command prints",
                                         keys->at[0], why);
        keys->count = 1;
    }
    secret_fini(&output);
    return status;
}

static enum status fetch(void *context, bool may_make, struct store_master_keys *keys,
                         struct why *why) {
    const struct store_master_key *from = context;
    char path[PATH_SIZE];
    enum status status = check_sources(from, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (from->command != NULL) {
        return fetch_command(from, keys, why);
    }
    if (from->text != NULL && !secret_is_empty(from->text)) {
        keys->count = 1;
        return store_master_key_decode(secret_str(from->text), "MEZUSPHERE_MASTER_KEY", keys->at[0],
                                       why);
    }
    if (!store_master_key_path(from, path, sizeof(path))) {
        return why_set(why, STATUS_TOO_LARGE, "data_path",
                       "the path of the master key is too long");
    }
    return fetch_files(from, path, may_make, keys, why);
}

void store_master_key_settle(const char *path) {
    char next[PATH_SIZE + 16];
    char previous[PATH_SIZE + 16];
    struct why why;
    (void)snprintf(next, sizeof(next), "%s%s", path, STORE_MASTER_KEY_NEXT);
    (void)snprintf(previous, sizeof(previous), "%s%s", path, STORE_MASTER_KEY_PREVIOUS);
    if (access(next, F_OK) != 0) {
        return; /* somebody else was quicker */
    }
    /* A link, so that there is a master.key at every moment. */
    (void)unlink(previous);
    if (link(path, previous) != 0 || rename(next, path) != 0 ||
        sync_folder(path, &why) != STATUS_OK) {
        log_error("store.master_key_not_renamed", "from=%s to=%s error=%s", next, path,
                  strerror(errno));
        return;
    }
    log_info("store.master_key_renamed",
             "the new master key is now %s, the former one %s: keep it "
             "for as long as you keep backups that were made with it",
             path, previous);
}

static void settle(void *context) {
    char path[PATH_SIZE];
    if (store_master_key_path(context, path, sizeof(path))) {
        store_master_key_settle(path);
    }
}

struct store_key_source store_master_key_source(struct store_master_key *from) {
    return (struct store_key_source){.fetch = fetch, .settle = settle, .context = from};
}
