#include "edge/edge_disk_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "edge/edge_disk.h"

#define MAGIC STR("mezusphere-edge-1\n")
#define SUFFIX ".sealed"
#define KEY_FILE "seal.key"
#define KEY_BYTES 32
#define KEY_PURPOSE STR("mezusphere edge state 1")

static enum status fail(const char *path, struct why *why) {
    int error = errno;
    if (error == ENOSPC || error == EDQUOT) {
        return why_set(why, STATUS_UNAVAILABLE, "storage_full", "no space is left for %s", path);
    }
    return why_set(why, STATUS_DENIED, "data_not_writable", "cannot write %s: %s", path,
                   strerror(error));
}

static enum status write_all(int fd, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        ssize_t count = write(fd, bytes, len);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return STATUS_FAILED;
        }
        bytes += count;
        len -= (size_t)count;
    }
    return STATUS_OK;
}

static void sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* Whole or not at all. */
static enum status replace_file(const char *folder, const char *path, const uint8_t *bytes,
                                size_t len, struct why *why) {
    char beside[EDGE_DISK_PATH_SIZE + 8];
    (void)snprintf(beside, sizeof(beside), "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fail(path, why);
    }
    bool is_written = write_all(fd, bytes, len) == STATUS_OK && fsync(fd) == 0;
    int error = errno;
    (void)close(fd);
    if (!is_written || rename(beside, path) != 0) {
        errno = is_written ? errno : error;
        enum status status = fail(path, why);
        (void)unlink(beside);
        return status;
    }
    sync_folder(folder);
    return STATUS_OK;
}

static void write_path(const struct edge_disk_place *place, const char *name,
                       char out[EDGE_DISK_PATH_SIZE]) {
    (void)snprintf(out, EDGE_DISK_PATH_SIZE, "%s/%s" SUFFIX, place->folder, name);
}

/* Reading a whole file. */
static enum status read_file(const char *path, size_t max, struct buf *out, struct why *why) {
    uint8_t bytes[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT
                   ? why_set(why, STATUS_NOT_FOUND, "not_found", "%s is not there", path)
                   : why_set(why, STATUS_FAILED, "state_unreadable", "cannot read %s: %s", path,
                             strerror(errno));
    }
    buf_init(out, max);
    enum status status = STATUS_OK;
    ssize_t count = read(fd, bytes, sizeof(bytes));
    while (count > 0 && status == STATUS_OK) {
        status = buf_append(out, bytes, (size_t)count);
        count = status == STATUS_OK ? read(fd, bytes, sizeof(bytes)) : 0;
    }
    (void)close(fd);
    if (count < 0 || status != STATUS_OK) {
        buf_fini(out);
        return why_set(why, STATUS_FAILED, "state_unreadable", "cannot read %s", path);
    }
    return STATUS_OK;
}

/* The key */

static enum status make_key(const char *folder, const char *path, const struct random *random,
                            struct secret *key, struct why *why) {
    uint8_t bytes[KEY_BYTES];
    char text[TEXT_BASE64_SIZE(KEY_BYTES) + 1];
    random_fill(random, bytes, sizeof(bytes));
    size_t len = text_base64url(bytes, sizeof(bytes), text);
    enum status status = secret_set(key, str_make(text, len));
    text[len] = '\n';
    if (status == STATUS_OK) {
        status = replace_file(folder, path, (const uint8_t *)text, len + 1, why);
    }
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
    return status;
}

static void note_any(void *context, const char *name) {
    (void)name;
    *(bool *)context = true;
}

static enum status own_key(struct edge_disk_place *place, struct secret *key, struct why *why) {
    char path[EDGE_DISK_PATH_SIZE];
    struct stat file;
    bool has_state = false;
    (void)snprintf(path, sizeof(path), "%s/" KEY_FILE, place->folder);
    if (lstat(path, &file) != 0) {
        edge_disk_file_each(place, "", note_any, &has_state);
        return has_state ? why_set(why, STATUS_DENIED, "seal_key_missing",
                                   "%s is missing, and what is in the folder was sealed with it or "
                                   "with a key from elsewhere: bring it back, or give --seal-key",
                                   path)
                         : make_key(place->folder, path, place->random, key, why);
    }
    if ((file.st_mode & 077) != 0) {
        return why_set(why, STATUS_DENIED, "seal_key_open",
                       "others may read %s: chmod 600 it, and think of whether they have", path);
    }
    return secret_read_file(key, path, why);
}

enum status edge_disk_file_open(const char *folder, const struct secret *given,
                                const struct random *random, struct edge_disk_place *place,
                                struct why *why) {
    struct secret key;
    if (str_to_cstr(str_from(folder), place->folder, sizeof(place->folder)) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "data_path", "the path of the data folder is too long");
    }
    place->random = random;
    secret_init(&key);
    enum status status = given != NULL && !secret_is_empty(given)
                             ? secret_set(&key, secret_str(given))
                             : own_key(place, &key, why);
    if (status == STATUS_OK) {
        digest_hmac_sha256(secret_str(&key), KEY_PURPOSE, place->key);
    }
    secret_fini(&key);
    return status;
}

/* Files */

enum status edge_disk_file_write(const struct edge_disk_place *place, const char *name,
                                 struct str text, struct why *why) {
    char path[EDGE_DISK_PATH_SIZE];
    size_t len = MAGIC.len + AEAD_NONCE_BYTES + text.len + AEAD_TAG_BYTES;
    uint8_t *bytes = memory_new(len);
    uint8_t *nonce = bytes + MAGIC.len;
    memcpy(bytes, MAGIC.at, MAGIC.len);
    random_fill(place->random, nonce, AEAD_NONCE_BYTES);
    aead_seal(place->key, nonce, str_from(name), text, nonce + AEAD_NONCE_BYTES);
    write_path(place, name, path);
    enum status status = replace_file(place->folder, path, bytes, len, why);
    memory_free(bytes);
    return status;
}

static enum status open_sealed(const struct edge_disk_place *place, const char *name,
                               struct str sealed, struct buf *text, struct why *why) {
    size_t least = MAGIC.len + AEAD_NONCE_BYTES + AEAD_TAG_BYTES;
    if (sealed.len < least || !str_starts_with(sealed, MAGIC)) {
        return why_set(why, STATUS_INVALID, "state_malformed",
                       "%s" SUFFIX " is no file of an edge, or was cut", name);
    }
    struct str body = str_sub(sealed, MAGIC.len + AEAD_NONCE_BYTES, sealed.len);
    size_t len = body.len - AEAD_TAG_BYTES;
    uint8_t *plain = memory_new(len + 1);
    enum status status =
        aead_open(place->key, (const uint8_t *)sealed.at + MAGIC.len, str_from(name), body, plain);
    if (status == STATUS_OK) {
        status = buf_append(text, plain, len);
    } else {
        status = why_set(why, STATUS_INVALID, "state_foreign",
                         "%s" SUFFIX " was changed, or sealed under another name or key", name);
    }
    secret_wipe(plain, len);
    memory_free(plain);
    return status;
}

enum status edge_disk_file_read(const struct edge_disk_place *place, const char *name,
                                struct buf *text, struct why *why) {
    char path[EDGE_DISK_PATH_SIZE];
    struct buf sealed;
    write_path(place, name, path);
    enum status status = read_file(path, EDGE_DISK_TEXT_MAX + 64, &sealed, why);
    if (status == STATUS_OK) {
        status = open_sealed(place, name, buf_str(&sealed), text, why);
        buf_fini(&sealed);
    }
    return status;
}

enum status edge_disk_file_remove(const struct edge_disk_place *place, const char *name,
                                  struct why *why) {
    char path[EDGE_DISK_PATH_SIZE];
    write_path(place, name, path);
    return unlink(path) == 0 || errno == ENOENT ? STATUS_OK : fail(path, why);
}

void edge_disk_file_each(const struct edge_disk_place *place, const char *prefix,
                         void (*call)(void *context, const char *name), void *context) {
    DIR *folder = opendir(place->folder);
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL;
         entry = readdir(folder)) {
        struct str file = str_from(entry->d_name);
        char name[EDGE_DISK_NAME_MAX + 1];
        if (str_starts_with(file, str_from(prefix)) && str_ends_with(file, STR(SUFFIX)) &&
            str_to_cstr(str_sub(file, 0, file.len - sizeof(SUFFIX) + 1), name, sizeof(name)) ==
                STATUS_OK) {
            call(context, name);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}
