#include "store/store_generation.h"

#include "store/store_state.h"

enum status store_generation_read(struct store_connection *connection, struct str name,
                                  int64_t *generation, struct why *why) {
    const struct store_value value = {STORE_VALUE_TEXT, 0, name};
    const struct store_driver *driver = connection->driver;
    struct store_value column;
    enum status status = driver->start(connection, STATEMENT_INSTALLATION_GET_ANY, &value, 1, why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_INSTALLATION_GET_ANY, &column, 1, why);
    }
    *generation = status == STATUS_OK ? column.number : 0;
    driver->finish(connection, STATEMENT_INSTALLATION_GET_ANY);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status store_generation_write(struct store_connection *connection, struct str name,
                                   int64_t generation, struct why *why) {
    const struct store_driver *driver = connection->driver;
    const struct store_value values[] = {{STORE_VALUE_TEXT, 0, name},
                                         {STORE_VALUE_NUMBER, generation, STR_EMPTY}};
    enum status status = driver->start(connection, STATEMENT_INSTALLATION_SET_ANY, values, 2, why);
    if (status == STATUS_OK) {
        status = driver->next(connection, STATEMENT_INSTALLATION_SET_ANY, NULL, 0, why);
    }
    driver->finish(connection, STATEMENT_INSTALLATION_SET_ANY);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status store_generation_restored(struct store_tx *tx, int64_t *restored) {
    return store_generation_read(tx->connection, STORE_GENERATION_RESTORED, restored, tx->why);
}
