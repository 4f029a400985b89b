#include "cli/cli_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"

#define BYTES_MAX ((size_t)256 << 10)
#define FOLDER "/mezusphere"
#define FILE_NAME "/profile.json"

enum status cli_profile_path(char path[CLI_PROFILE_PATH_SIZE], struct why *why) {
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *below = "";
    if (base == NULL || base[0] != '/') {
        base = getenv("HOME");
        below = "/.config";
    }
    if (base == NULL || base[0] != '/') {
        return why_set(why, STATUS_INVALID, "home_missing",
                       "HOME is not set: there is no place to keep a sign-in; use --url and "
                       "--token-file");
    }
    int len = snprintf(path, CLI_PROFILE_PATH_SIZE, "%s%s%s%s", base, below, FOLDER, FILE_NAME);
    return len < CLI_PROFILE_PATH_SIZE - 8
               ? STATUS_OK
               : why_set(why, STATUS_INVALID, "path_too_long", "HOME is too long a path");
}

static enum status refuse(struct why *why, const char *path, const char *fault) {
    return why_set(why, STATUS_INVALID, "profile_malformed",
                   "%.120s: %s; sign in again with mezusphere login", path, fault);
}

static struct str take(const json_t *object, const char *name, struct arena *arena) {
    const json_t *value = json_object_get(object, name);
    return value == NULL
               ? STR_EMPTY
               : arena_str(arena, str_make(json_string_value(value), json_string_length(value)));
}

static enum status read_members(const json_t *object, struct cli_profile *profile,
                                struct arena *arena) {
    static const char *const names[] = {"url", "ca", "token", "organization"};
    const char *name;
    json_t *value;
    struct why why;
    if (json_object_check(object, names, sizeof(names) / sizeof(names[0]), &why) != STATUS_OK) {
        return STATUS_INVALID;
    }
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        if (!json_is_string(value)) {
            return STATUS_INVALID;
        }
    }
    const json_t *token = json_object_get(object, "token");
    profile->url = take(object, "url", arena);
    profile->ca_pem = take(object, "ca", arena);
    profile->organization = take(object, "organization", arena);
    return token == NULL ? STATUS_OK
                         : secret_set(&profile->token, str_make(json_string_value(token),
                                                                json_string_length(token)));
}

static enum status parse(struct str text, const char *path, struct cli_profile *profile,
                         struct arena *arena, struct why *why) {
    json_t *object = NULL;
    struct why inner;
    if (json_parse(text, &object, &inner) != STATUS_OK || !json_is_object(object)) {
        json_decref(object);
        return refuse(why, path, "not what login has written");
    }
    enum status status = read_members(object, profile, arena);
    json_decref(object);
    return status == STATUS_OK ? STATUS_OK : refuse(why, path, "not what login has written");
}

enum status cli_profile_load(struct cli_profile *profile, struct arena *arena, struct why *why) {
    char path[CLI_PROFILE_PATH_SIZE];
    struct why inner;
    *profile = (struct cli_profile){0};
    secret_init(&profile->token);
    if (cli_profile_path(path, &inner) != STATUS_OK) {
        return STATUS_OK;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT || errno == ENOTDIR
                   ? STATUS_OK
                   : why_set(why, STATUS_INVALID, "profile_unreadable", "%.150s: %s", path,
                             strerror(errno));
    }
    char *text = arena_bytes(arena, BYTES_MAX);
    size_t len = fread(text, 1, BYTES_MAX, file);
    (void)fclose(file);
    enum status status = len == BYTES_MAX ? refuse(why, path, "too large")
                                          : parse(str_make(text, len), path, profile, arena, why);
    secret_wipe(text, len);
    return status;
}

static void add(json_t *object, const char *name, struct str value) {
    if (!str_is_empty(value)) {
        json_object_set_new(object, name, json_from_str(value));
    }
}

static enum status write_text(const struct cli_profile *profile, struct buf *text) {
    json_t *object = json_object();
    add(object, "url", profile->url);
    add(object, "ca", profile->ca_pem);
    add(object, "token", secret_str(&profile->token));
    add(object, "organization", profile->organization);
    enum status status = json_write(object, text);
    json_decref(object);
    return status;
}

/* Each folder on the way, as private as it is made. */
static void make_folders(char *path) {
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(path, 0700);
        *at = '/';
    }
}

static bool write_file(const char *path, struct str text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return false;
    }
    bool is_written = fchmod(fd, 0600) == 0 && write(fd, text.at, text.len) == (ssize_t)text.len &&
                      fsync(fd) == 0;
    return close(fd) == 0 && is_written;
}

enum status cli_profile_save(const struct cli_profile *profile, struct why *why) {
    char path[CLI_PROFILE_PATH_SIZE];
    char next[CLI_PROFILE_PATH_SIZE + 8];
    struct buf text;
    enum status status = cli_profile_path(path, why);
    if (status != STATUS_OK) {
        return status;
    }
    make_folders(path);
    snprintf(next, sizeof(next), "%s.new", path);
    buf_init(&text, BYTES_MAX);
    bool is_saved = write_text(profile, &text) == STATUS_OK && write_file(next, buf_str(&text)) &&
                    rename(next, path) == 0;
    buf_fini_wiped(&text);
    return is_saved ? STATUS_OK
                    : why_set(why, STATUS_FAILED, "profile_not_written", "%.150s: %s", path,
                              strerror(errno));
}

enum status cli_profile_remove(struct why *why) {
    char path[CLI_PROFILE_PATH_SIZE];
    enum status status = cli_profile_path(path, why);
    if (status == STATUS_OK && unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR) {
        return why_set(why, STATUS_FAILED, "profile_not_written", "%.150s: %s", path,
                       strerror(errno));
    }
    return status;
}
