#include "store/store_tool.h"

#include <sys/stat.h>

#include "base/secret.h"
#include "store/store_state.h"

static enum status open_folder(struct store_tool *tool, const struct store_config *config,
                               enum store_tool_use use, struct why *why) {
    if (use == STORE_TOOL_MAKE) {
        enum status status = store_folder_open(&tool->folder, config->data_folder, why);
        if (status != STATUS_CONFLICT || strcmp(why->slug, "data_in_use") != 0) {
            return status;
        }
    }
    enum status status =
        store_folder_visit(&tool->folder, config->data_folder, &tool->is_beside, why);
    if (status == STATUS_OK && tool->is_beside && use == STORE_TOOL_ALONE) {
        return STATUS_CONFLICT; /* data_in_use, as it was set */
    }
    return status;
}

static enum status connect(struct store_tool *tool, const struct store_config *config,
                           enum store_tool_use use, struct why *why) {
    struct stat info;
    enum status status =
        store_choose(config, &tool->folder, &tool->driver, tool->place, sizeof(tool->place), why);
    if (status == STATUS_OK && config->database == NULL && use != STORE_TOOL_MAKE &&
        stat(tool->place, &info) != 0) {
        return why_set(why, STATUS_NOT_FOUND, "data_missing",
                       "there is no database in %s: name the data folder with --data",
                       tool->folder.path);
    }
    if (status == STATUS_OK) {
        status = tool->driver->connect(tool->place, use != STORE_TOOL_READ, use != STORE_TOOL_READ,
                                       &tool->connection, why);
    }
    return status;
}

enum status store_tool_open(struct store_tool *tool, const struct store_config *config,
                            enum store_tool_use use, struct why *why) {
    *tool = (struct store_tool){
        .folder.lock = -1,
        .clock = config->clock != NULL ? config->clock : clock_system(),
        .random = config->random != NULL ? config->random : random_system(),
    };
    enum status status = open_folder(tool, config, use, why);
    return status == STATUS_OK ? connect(tool, config, use, why) : status;
}

void store_tool_close(struct store_tool *tool) {
    if (tool->connection != NULL) {
        tool->driver->close(&tool->connection);
    }
    store_folder_close(&tool->folder);
    secret_wipe(tool->place, sizeof(tool->place));
}
