#include "cmd/command_rotate_key.h"

#include <limits.h>
#include <stdio.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/master_key_option.h"
#include "store/store_rotation.h"

static struct {
    struct command_place place;
    struct master_key_option master_key;
    const char *next_file;
    struct secret next_text;
    bool is_data_keys;
} line;

static const struct option options[] = {
    COMMAND_PLACE_OPTIONS(line.place, "The installation's folder. It may be running."),
    MASTER_KEY_OPTIONS(line.master_key),
    {"new-master-key-file", "PATH", OPTION_TEXT, &line.next_file, NULL,
     "File with the new master key, made if it is not there. Not needed where the present one is "
     "in "
     "a file: that then holds the new one, and the former one is kept beside it as .previous."},
    {"new-master-key", NULL, OPTION_SECRET_ENV, &line.next_text, NULL,
     "The new master key itself, instead of a file."},
    {"data-keys", NULL, OPTION_FLAG, &line.is_data_keys, NULL,
     "Instead of the master key, make new data keys, and seal everything again with them."},
};

const struct option_set command_rotate_key_set = {
    .program = "mezusphere",
    .command = "rotate-key",
    .summary = "Put a new master key in the place of the present one, while the platform runs.",
    .env_prefix = "MEZUSPHERE",
    .options = options,
    .count = sizeof options / sizeof options[0],
};

/* Where the new key comes from: given, or made beside the file of the present one (`path`, which is then not empty). */
static enum status get_next(uint8_t next[STORE_MASTER_KEY_BYTES], char path[PATH_MAX],
                            struct why *why) {
    char beside[PATH_MAX + 8];
    path[0] = '\0';
    if (!secret_is_empty(&line.next_text)) {
        return store_master_key_decode(secret_str(&line.next_text), "MEZUSPHERE_NEW_MASTER_KEY",
                                       next, why);
    }
    if (line.next_file != NULL) {
        return store_master_key_file(line.next_file, random_system(), true, next, why);
    }
    if (!store_master_key_path(&line.master_key.from, path, PATH_MAX)) {
        path[0] = '\0';
        return why_set(why, STATUS_INVALID, "master_key_next",
                       "the new master key is needed: give --new-master-key-file or "
                       "MEZUSPHERE_NEW_MASTER_KEY");
    }
    (void)snprintf(beside, sizeof beside, "%s" STORE_MASTER_KEY_NEXT, path);
    return store_master_key_file(beside, random_system(), true, next, why);
}

static enum status rotate(struct store_tool *tool, const struct store_key_source *source,
                          struct why *why) {
    uint8_t next[STORE_MASTER_KEY_BYTES];
    char path[PATH_MAX];
    uint64_t count = 0;
    if (line.is_data_keys) {
        enum status status = store_rotation_data_keys(tool, source, &count, why);
        if (status == STATUS_OK) {
            (void)printf("new data keys; %llu rows sealed again\n", (unsigned long long)count);
        }
        return status;
    }
    struct store_master_keys keys = {.count = 0};
    enum status status = source->fetch(source->context, false, &keys, why);
    secret_wipe(&keys, sizeof keys);
    if (status == STATUS_OK) {
        status = get_next(next, path, why);
    }
    if (status == STATUS_OK) {
        status = store_rotation_master(tool, source, next, &count, why);
        secret_wipe(next, sizeof next);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (path[0] != '\0') {
        store_master_key_settle(path);
        (void)printf("%llu data keys are under the new master key in %s; the former one is in "
                     "%s" STORE_MASTER_KEY_PREVIOUS ": backups made until now need it\n",
                     (unsigned long long)count, path, path);
    } else {
        (void)printf("%llu data keys are under the new master key: every start needs it from now "
                     "on; backups made until now need the former one\n",
                     (unsigned long long)count);
    }
    return STATUS_OK;
}

int command_rotate_key(int argc, char **argv) {
    struct store_tool tool;
    struct why why = {0};
    int exit_status = COMMAND_DONE;
    if (!command_parse(&command_rotate_key_set, argc, argv, &exit_status)) {
        return exit_status;
    }
    log_set_level(LOG_WARN);
    const struct store_config config = command_place_config(&line.place);
    const struct store_key_source source =
        master_key_option_take(&line.master_key, line.place.data);
    enum status status = store_tool_open(&tool, &config, STORE_TOOL_WRITE, &why);
    if (status == STATUS_OK) {
        status = rotate(&tool, &source, &why);
    }
    store_tool_close(&tool);
    secret_fini(&line.master_key.text);
    secret_fini(&line.next_text);
    return status == STATUS_OK ? COMMAND_DONE : command_fail(&why);
}
