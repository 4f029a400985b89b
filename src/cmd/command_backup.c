#include "cmd/command_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "store/store_backup.h"

static struct {
    struct command_place place;
    const char *output;
} line;

static const struct option options[] = {
    COMMAND_PLACE_OPTIONS(line.place, "The installation's folder. It may be running."),
    {"output", "FILE", OPTION_TEXT, &line.output, NULL,
     "Where the backup goes; - for standard output. A file of that name is replaced when the "
     "backup is whole."},
};

const struct option_set command_backup_set = {
    .program = "mezusphere",
    .command = "backup",
    .summary =
        "Write everything that is kept into one file. It is sealed as it is in the database: "
        "keep the master key elsewhere.",
    .env_prefix = "MEZUSPHERE",
    .options = options,
    .count = sizeof options / sizeof options[0],
};

static enum status fail_file(const char *path, struct why *why) {
    int error = errno;
    return error == ENOSPC || error == EDQUOT
               ? why_set(why, STATUS_UNAVAILABLE, "storage_full", "no space is left for %s", path)
               : why_set(why, STATUS_DENIED, "data_not_writable", "cannot write %s: %s", path,
                         strerror(error));
}

static enum status write_stream(struct store_tool *tool, FILE *file,
                                struct store_backup_result *result, struct why *why) {
    return store_backup_write(tool, file, result, why);
}

/* Whole or not at all: beside, to the disk, then renamed. */
static enum status write_file(struct store_tool *tool, const char *path,
                              struct store_backup_result *result, struct why *why) {
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof beside, "%s.partial", path);
    if (len < 0 || (size_t)len >= sizeof beside) {
        return why_set(why, STATUS_TOO_LARGE, "data_path", "the path of the backup is too long");
    }
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (file == NULL) {
        return fail_file(beside, why);
    }
    enum status status = write_stream(tool, file, result, why);
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = fail_file(beside, why);
    }
    if (fclose(file) != 0 && status == STATUS_OK) {
        status = fail_file(beside, why);
    }
    if (status == STATUS_OK && rename(beside, path) != 0) {
        status = fail_file(path, why);
    }
    if (status != STATUS_OK) {
        (void)unlink(beside);
    }
    return status;
}

int command_backup(int argc, char **argv) {
    struct store_tool tool;
    struct store_backup_result result;
    struct why why = {0};
    int exit_status = COMMAND_DONE;
    if (!command_parse(&command_backup_set, argc, argv, &exit_status) ||
        !command_requires("output", line.output, &exit_status)) {
        return exit_status;
    }
    const struct store_config config = command_place_config(&line.place);
    bool is_stream = strcmp(line.output, "-") == 0;
    enum status status = store_tool_open(&tool, &config, STORE_TOOL_READ, &why);
    if (status == STATUS_OK) {
        status = is_stream ? write_stream(&tool, stdout, &result, &why)
                           : write_file(&tool, line.output, &result, &why);
    }
    store_tool_close(&tool);
    if (status != STATUS_OK) {
        return command_fail(&why);
    }
    (void)fprintf(is_stream ? stderr : stdout, "%llu rows of %llu tables are in %s\n",
                  (unsigned long long)result.row_count, (unsigned long long)result.table_count,
                  is_stream ? "the backup" : line.output);
    return COMMAND_DONE;
}
