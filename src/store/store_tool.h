/* store_tool.h: the database as a command has it that does not serve: backup, restore, migrate, rotate-key.
 *
 * One connection, in its owner's thread. A process may be running with the same database: a tool then works beside it, by transactions
 * alone. Where nobody is, the folder's lock is held until the end, so that nobody comes in between.
 */
#ifndef STORE_STORE_TOOL_H
#define STORE_STORE_TOOL_H

#include "store/store.h"
#include "store/store_driver.h"
#include "store/store_folder.h"

enum store_tool_use {
    STORE_TOOL_READ,  /* what is there; nothing is changed */
    STORE_TOOL_WRITE, /* what is there; a process may be running */
    STORE_TOOL_ALONE, /* what is there; no process may be running */
    STORE_TOOL_MAKE,  /* as WRITE, and folder and database are made where there are none */
};

struct store_tool {
    struct store_folder folder;
    bool is_beside; /* a process has the folder open */
    char place[STORE_FOLDER_PATH_SIZE];
    const struct store_driver *driver;
    struct store_connection *connection;
    const struct clock *clock;
    const struct random *random;
};

/* config.master_key is not used. Whatever is returned, the tool is to be closed. STATUS_NOT_FOUND (data_missing), STATUS_CONFLICT
 * (data_in_use: ALONE), and as store_open. */
enum status store_tool_open(struct store_tool *tool, const struct store_config *config,
                            enum store_tool_use use, struct why *why) MUST_USE;
void store_tool_close(struct store_tool *tool);

#endif
