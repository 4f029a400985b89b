#include "cmd/command_migrate.h"

#include <stdio.h>

#include "base/log.h"
#include "cmd/command.h"
#include "store/store_migration.h"
#include "store/store_schema.h"
#include "store/store_tool.h"

static struct {
    struct command_place place;
    bool is_check;
} line;

static const struct option options[] = {
    COMMAND_PLACE_OPTIONS(line.place, "The installation's folder."),
    {"check", NULL, OPTION_FLAG, &line.is_check, NULL,
     "Only tell: exit status 0 when nothing is to be done, 4 when steps are missing."},
};

const struct option_set command_migrate_set = {
    .program = "mezusphere",
    .command = "migrate",
    .summary = "Bring the database's schema up to date without serving. Every start does it, too.",
    .env_prefix = "MEZUSPHERE",
    .options = options,
    .count = sizeof options / sizeof options[0],
};

static enum status count(struct store_tool *tool, size_t *applied, struct why *why) {
    enum status status = tool->driver->begin(tool->connection, false, why);
    if (status == STATUS_OK) {
        status = store_migration_count(tool->connection, applied, why);
        tool->driver->rollback(tool->connection);
    }
    return status;
}

static enum status migrate(size_t *applied, struct why *why) {
    struct store_tool tool;
    const struct store_config config = command_place_config(&line.place);
    enum status status =
        store_tool_open(&tool, &config, line.is_check ? STORE_TOOL_READ : STORE_TOOL_ALONE, why);
    if (status == STATUS_OK) {
        status = count(&tool, applied, why);
    }
    if (status == STATUS_OK && !line.is_check) {
        status = store_migration_run(tool.connection, tool.clock, true, why);
    }
    store_tool_close(&tool);
    return status;
}

int command_migrate(int argc, char **argv) {
    struct why why = {0};
    size_t applied = 0;
    int exit_status = COMMAND_DONE;
    if (!command_parse(&command_migrate_set, argc, argv, &exit_status)) {
        return exit_status;
    }
    log_set_level(LOG_WARN);
    if (migrate(&applied, &why) != STATUS_OK) {
        return command_fail(&why);
    }
    size_t missing = store_schema_step_count - applied;
    if (missing == 0) {
        (void)printf("schema %zu is up to date\n", applied);
        return COMMAND_DONE;
    }
    for (size_t i = applied; i < store_schema_step_count; i++) {
        (void)printf("%s %zu: %s\n", line.is_check ? "missing step" : "applied step", i + 1,
                     store_schema_steps[i].name);
    }
    return line.is_check ? COMMAND_PENDING : COMMAND_DONE;
}
