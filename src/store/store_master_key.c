#include "store/store_master_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

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

/* Whole or not at all: written beside, then renamed, then the folder is synced. */
static enum status make_file(const char *folder, const char *path, const struct random *random,
                             uint8_t key[STORE_MASTER_KEY_BYTES], struct why *why) {
    char beside[PATH_SIZE + 8];
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
    if (rename(beside, path) != 0) {
        return fail(path, why);
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        status = fail(folder, why);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

static enum status decode(struct str text, const char *path, uint8_t key[STORE_MASTER_KEY_BYTES],
                          struct why *why) {
    size_t len = STORE_MASTER_KEY_BYTES;
    if (text_base64url_decode(text, key, &len) != STATUS_OK || len != STORE_MASTER_KEY_BYTES) {
        return why_set(why, STATUS_INVALID, "master_key_invalid",
                       "%s does not hold a master key: restore it from your backup", path);
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

enum status store_master_key_file(const char *folder, const struct random *random, bool may_make,
                                  uint8_t key[STORE_MASTER_KEY_BYTES], struct why *why) {
    char path[PATH_SIZE];
    struct secret line;
    int len = snprintf(path, sizeof(path), "%s/master.key", folder);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return why_set(why, STATUS_TOO_LARGE, "data_path",
                       "the path of the data folder is too long");
    }
    secret_init(&line);
    enum status status = secret_read_file(&line, path, why);
    if (status == STATUS_OK) {
        close_to_others(path);
        status = decode(secret_str(&line), path, key, why);
    } else if (status == STATUS_NOT_FOUND && may_make) {
        status = make_file(folder, path, random, key, why);
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
