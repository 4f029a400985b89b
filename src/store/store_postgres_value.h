/* store_postgres_value.h: values to parameters and columns to values, in PostgreSQL's binary form.
 *
 * Numbers travel as bigint, whatever the statement makes of them; sums come back as numeric and are numbers, too, as long as they fit.
 * Bytes and texts are borrowed in both directions: parameters from the caller, columns from the result.
 */
#ifndef STORE_STORE_POSTGRES_VALUE_H
#define STORE_STORE_POSTGRES_VALUE_H

#include <libpq-fe.h>

#include "store/store_driver.h"

#define STORE_POSTGRES_VALUES_MAX 32

struct store_postgres_value {
    size_t count;
    Oid types[STORE_POSTGRES_VALUES_MAX]; /* 0 of a NULL */
    const char *at[STORE_POSTGRES_VALUES_MAX];
    int lengths[STORE_POSTGRES_VALUES_MAX];
    int formats[STORE_POSTGRES_VALUES_MAX];
    uint8_t numbers[STORE_POSTGRES_VALUES_MAX][8];
};

/* `out` must stay where it is: it points into itself. */
void store_postgres_value_write(const struct store_value *values, size_t count,
                                struct store_postgres_value *out);
/* STATUS_FAILED (store_failed): a type or a number that the store has no word for. */
enum status store_postgres_value_read(const PGresult *result, int row, int column,
                                      struct store_value *value, struct why *why) MUST_USE;
/* The digits of a numeric in its binary form. STATUS_FAILED: not a whole number, or too large. */
enum status store_postgres_value_read_numeric(struct str bytes, int64_t *number) MUST_USE;

#endif
