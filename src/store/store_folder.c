#include "store/store_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

#define LOCK_NAME "mezusphere.lock"
#define DATABASE_NAME "store.db"
#define KEY_NAME "master.key" /* where somebody has put it for a restore, it is welcome */
#define LOCK_TEXT_SIZE 64

static enum status fail(const char *path, struct why *why) {
    int error = errno;
    if (error == ENOSPC || error == EDQUOT) {
        return why_set(why, STATUS_UNAVAILABLE, "storage_full", "no space is left for %s", path);
    }
    if (error == EACCES || error == EPERM || error == EROFS) {
        return why_set(why, STATUS_DENIED, "data_not_writable",
                       "cannot write to %s: %s: change its owner or name another data folder", path,
                       strerror(error));
    }
    return why_set(why, STATUS_FAILED, "store_failed", "%s: %s", path, strerror(error));
}

enum status store_folder_path(const struct store_folder *folder, const char *name,
                              char out[STORE_FOLDER_PATH_SIZE], struct why *why) {
    int len = snprintf(out, STORE_FOLDER_PATH_SIZE, "%s/%s", folder->path, name);
    if (len < 0 || len >= STORE_FOLDER_PATH_SIZE) {
        return why_set(why, STATUS_TOO_LARGE, "data_path",
                       "the path of the data folder is too long");
    }
    return STATUS_OK;
}

static enum status make_with_parents(const char *path, struct why *why) {
    char part[STORE_FOLDER_PATH_SIZE];
    size_t len = strlen(path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return fail(part, why);
        }
    }
    return STATUS_OK;
}

/* Looks at what is there: nothing, our mark, our database, or something else. */
static enum status look_around(struct store_folder *folder, struct why *why) {
    bool is_marked = false;
    bool has_other = false;
    DIR *dir = opendir(folder->path);
    if (dir == NULL && errno == ENOTDIR) {
        return why_set(why, STATUS_CONFLICT, "data_not_ours", "%s is not a folder", folder->path);
    }
    if (dir == NULL) {
        return fail(folder->path, why);
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *name = entry->d_name;
        if (strcmp(name, LOCK_NAME) == 0) {
            is_marked = true;
        } else if (strcmp(name, DATABASE_NAME) == 0) {
            folder->has_database = true;
        } else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
                   strcmp(name, "lost+found") != 0 && strcmp(name, KEY_NAME) != 0) {
            has_other = true;
        }
    }
    closedir(dir);
    if (has_other && !is_marked && !folder->has_database) {
        return why_set(why, STATUS_CONFLICT, "data_not_ours",
                       "%s holds other files and is not a data folder of this program: name an "
                       "empty or a new folder",
                       folder->path);
    }
    return STATUS_OK;
}

static struct str read_lock(int fd, char text[LOCK_TEXT_SIZE]) {
    ssize_t len = pread(fd, text, LOCK_TEXT_SIZE, 0);
    return len < 0 ? STR_EMPTY : str_make(text, (size_t)len);
}

static enum status write_lock(struct store_folder *folder, struct why *why) {
    char text[LOCK_TEXT_SIZE];
    int len = snprintf(text, sizeof(text), "mezusphere 1 %s pid=%ld\n",
                       folder->is_ready ? "ready" : "new", (long)getpid());
    if (pwrite(folder->lock, text, (size_t)len, 0) != len || ftruncate(folder->lock, len) != 0 ||
        fsync(folder->lock) != 0) {
        return fail(LOCK_NAME, why);
    }
    return STATUS_OK;
}

static enum status take_lock(struct store_folder *folder, struct why *why) {
    char path[STORE_FOLDER_PATH_SIZE];
    char text[LOCK_TEXT_SIZE];
    enum status status = store_folder_path(folder, LOCK_NAME, path, why);
    if (status != STATUS_OK) {
        return status;
    }
    folder->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (folder->lock < 0) {
        return fail(folder->path, why);
    }
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return fail(path, why);
        }
        struct str head;
        struct str pid;
        struct str line = read_lock(folder->lock, text);
        (void)str_cut(line, '\n', &line, &head);
        (void)str_cut(line, '=', &head, &pid);
        return why_set(why, STATUS_CONFLICT, "data_in_use",
                       "%s is in use by another process (pid %.*s): stop that one or name another "
                       "data folder",
                       folder->path, STR_ARG(pid));
    }
    folder->is_ready = str_starts_with(read_lock(folder->lock, text), STR("mezusphere 1 ready"));
    return write_lock(folder, why);
}

/* Only for us, whatever the mode it was made with. */
static enum status close_to_others(const struct store_folder *folder, struct why *why) {
    struct stat info;
    if (stat(folder->path, &info) != 0 ||
        ((info.st_mode & 077) != 0 && chmod(folder->path, 0700) != 0)) {
        return fail(folder->path, why);
    }
    return STATUS_OK;
}

static enum status take_path(struct store_folder *folder, const char *path, struct why *why) {
    *folder = (struct store_folder){.lock = -1};
    struct str whole = str_from(path);
    while (whole.len > 1 && whole.at[whole.len - 1] == '/') {
        whole.len--;
    }
    if (whole.len == 0 || str_to_cstr(whole, folder->path, sizeof(folder->path)) != STATUS_OK) {
        return why_set(why, STATUS_TOO_LARGE, "data_path",
                       "the path of the data folder is empty or too long");
    }
    return STATUS_OK;
}

enum status store_folder_open(struct store_folder *folder, const char *path, struct why *why) {
    enum status status = take_path(folder, path, why);
    if (status == STATUS_OK) {
        status = make_with_parents(folder->path, why);
    }
    if (status == STATUS_OK) {
        status = look_around(folder, why);
    }
    if (status == STATUS_OK) {
        status = close_to_others(folder, why);
    }
    if (status == STATUS_OK) {
        status = take_lock(folder, why);
    }
    if (status != STATUS_OK) {
        store_folder_close(folder);
    }
    return status;
}

enum status store_folder_visit(struct store_folder *folder, const char *path, bool *is_in_use,
                               struct why *why) {
    char lock[STORE_FOLDER_PATH_SIZE];
    *is_in_use = false;
    enum status status = take_path(folder, path, why);
    if (status == STATUS_OK) {
        status = store_folder_path(folder, LOCK_NAME, lock, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (access(lock, F_OK) != 0) {
        return why_set(why, STATUS_NOT_FOUND, "data_missing",
                       "there is no installation in %s: name its data folder with --data", path);
    }
    status = look_around(folder, why);
    if (status == STATUS_OK) {
        status = take_lock(folder, why);
        *is_in_use = status == STATUS_CONFLICT;
    }
    if (status != STATUS_OK) {
        store_folder_close(folder);
    }
    return *is_in_use ? STATUS_OK : status;
}

enum status store_folder_set_ready(struct store_folder *folder, struct why *why) {
    if (folder->is_ready) {
        return STATUS_OK;
    }
    folder->is_ready = true;
    return write_lock(folder, why);
}

void store_folder_close(struct store_folder *folder) {
    if (folder->lock >= 0) {
        close(folder->lock);
        folder->lock = -1;
    }
}
