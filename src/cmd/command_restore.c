#include "cmd/command_restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/master_key_option.h"
#include "store/store_restore.h"

static struct {
    struct command_place place;
    const char *input;
    bool is_forced;
    struct master_key_option master_key;
} line;

static const struct option options[] = {
    COMMAND_PLACE_OPTIONS(
        line.place,
        "The folder to restore into; made if it does not exist. An installation there may be "
        "running."),
    {"input", "FILE", OPTION_TEXT, &line.input, NULL, "The backup."},
    {"force", NULL, OPTION_FLAG, &line.is_forced, NULL,
     "Replace everything in an installation that is there already."},
    MASTER_KEY_OPTIONS(line.master_key),
};

const struct option_set command_restore_set = {
    .program = "mezusphere",
    .command = "restore",
    .summary = "Put a backup in the place of everything that is kept. It needs the master key that "
               "the backup was made under.",
    .env_prefix = "MEZUSPHERE",
    .options = options,
    .count = sizeof options / sizeof options[0],
};

static enum status restore(struct store_restore_result *result, bool *is_beside, struct why *why) {
    struct store_tool tool;
    const struct store_config config = command_place_config(&line.place);
    const struct store_key_source source =
        master_key_option_take(&line.master_key, line.place.data);
    FILE *file = fopen(line.input, "rb");
    if (file == NULL) {
        return why_set(why, STATUS_NOT_FOUND, "backup_unreadable", "cannot read %s: %s", line.input,
                       strerror(errno));
    }
    enum status status = store_tool_open(&tool, &config, STORE_TOOL_MAKE, why);
    *is_beside = tool.is_beside;
    if (status == STATUS_OK) {
        status = store_restore_read(&tool, &source, file, line.is_forced, result, why);
    }
    store_tool_close(&tool);
    (void)fclose(file);
    return status;
}

int command_restore(int argc, char **argv) {
    struct store_restore_result result;
    struct why why = {0};
    char made_at[CLOCK_RFC3339_SIZE];
    bool is_beside = false;
    int exit_status = COMMAND_DONE;
    if (!command_parse(&command_restore_set, argc, argv, &exit_status) ||
        !command_requires("input", line.input, &exit_status)) {
        return exit_status;
    }
    enum status status = restore(&result, &is_beside, &why);
    secret_fini(&line.master_key.text);
    if (status != STATUS_OK) {
        return command_fail(&why);
    }
    clock_format_rfc3339(result.made_at_ms, made_at);
    (void)printf("%llu rows restored, as they were at %s%s\n", (unsigned long long)result.row_count,
                 made_at, is_beside ? "; the running process takes them on" : "");
    return COMMAND_DONE;
}
