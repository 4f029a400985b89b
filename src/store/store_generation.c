#include "store/store_generation.h"

static const struct store_value name = {STORE_VALUE_TEXT, 0, STR_INIT("generation")};

enum status store_generation_read(struct store_connection *connection, int64_t *generation,
                                  struct why *why) {
    const struct store_driver *driver = connection->driver;
    struct store_value column;
    enum status status = driver->start(connection, STATEMENT_INSTALLATION_GET_ANY, &name, 1, why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_INSTALLATION_GET_ANY, &column, 1, why);
    }
    *generation = status == STATUS_OK ? column.number : 0;
    driver->finish(connection, STATEMENT_INSTALLATION_GET_ANY);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status store_generation_write(struct store_connection *connection, int64_t generation,
                                   struct why *why) {
    const struct store_driver *driver = connection->driver;
    const struct store_value values[] = {name, {STORE_VALUE_NUMBER, generation, STR_EMPTY}};
    enum status status = driver->start(connection, STATEMENT_INSTALLATION_SET_ANY, values, 2, why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_INSTALLATION_SET_ANY, NULL, 0, why);
    }
    driver->finish(connection, STATEMENT_INSTALLATION_SET_ANY);
    return status == STATUS_END ? STATUS_OK : status;
}
