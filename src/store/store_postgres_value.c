#include "store/store_postgres_value.h"

/* Of the server's catalogue, where they never change. */
enum type {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_NAME = 19,
    TYPE_VARCHAR = 1043,
    TYPE_NUMERIC = 1700,
};

#define NUMERIC_BASE 10000
#define NUMERIC_NEGATIVE 0x4000

static void write_number(int64_t number, uint8_t out[8]) {
    uint64_t bits = (uint64_t)number;
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)bits;
        bits >>= 8;
    }
}

/* Big-endian, of 1 to 8 bytes, with its sign. */
static int64_t read_number(const char *bytes, size_t len) {
    uint64_t bits = (int8_t)bytes[0] < 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | (uint8_t)bytes[i];
    }
    return (int64_t)bits;
}

void store_postgres_value_write(const struct store_value *values, size_t count,
                                struct store_postgres_value *out) {
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        out->formats[i] = 1;
        out->at[i] = values[i].bytes.at != NULL ? values[i].bytes.at : "";
        out->lengths[i] = (int)values[i].bytes.len;
        out->types[i] = values[i].kind == STORE_VALUE_TEXT ? TYPE_TEXT : TYPE_BYTEA;
        if (values[i].kind == STORE_VALUE_NULL) {
            out->at[i] = NULL;
            out->types[i] = 0;
        } else if (values[i].kind == STORE_VALUE_NUMBER) {
            write_number(values[i].number, out->numbers[i]);
            out->at[i] = (const char *)out->numbers[i];
            out->lengths[i] = 8;
            out->types[i] = TYPE_INT8;
        }
    }
}

/* Four fields of 16 bits (digits, weight of the first, sign, scale), then the digits, each of base 10,000. */
enum status store_postgres_value_read_numeric(struct str bytes, int64_t *number) {
    int64_t sum = 0;
    if (bytes.len < 8) {
        return STATUS_FAILED;
    }
    int64_t count = read_number(bytes.at, 2);
    int64_t weight = read_number(bytes.at + 2, 2);
    int64_t sign = read_number(bytes.at + 4, 2);
    if (count < 0 || bytes.len < 8 + 2 * (size_t)count || count > weight + 1 || weight > 4 ||
        (sign != 0 && sign != NUMERIC_NEGATIVE)) {
        return STATUS_FAILED;
    }
    for (int64_t i = 0; i <= weight; i++) {
        int64_t digit = i < count ? read_number(bytes.at + 8 + 2 * i, 2) : 0;
        if (__builtin_mul_overflow(sum, NUMERIC_BASE, &sum) ||
            __builtin_add_overflow(sum, digit, &sum)) {
            return STATUS_FAILED;
        }
    }
    *number = sign == 0 ? sum : -sum;
    return STATUS_OK;
}

enum status store_postgres_value_read(const PGresult *result, int row, int column,
                                      struct store_value *value, struct why *why) {
    struct str bytes =
        str_make(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
    enum status status = STATUS_OK;
    *value = (struct store_value){STORE_VALUE_NULL, 0, STR_EMPTY};
    if (PQgetisnull(result, row, column)) {
        return STATUS_OK;
    }
    switch ((enum type)PQftype(result, column)) {
    case TYPE_BOOL:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        value->kind = STORE_VALUE_NUMBER;
        value->number = read_number(bytes.at, bytes.len);
        return STATUS_OK;
    case TYPE_NUMERIC:
        value->kind = STORE_VALUE_NUMBER;
        status = store_postgres_value_read_numeric(bytes, &value->number);
        break;
    case TYPE_TEXT:
    case TYPE_NAME:
    case TYPE_VARCHAR:
        value->kind = STORE_VALUE_TEXT;
        value->bytes = bytes;
        return STATUS_OK;
    case TYPE_BYTEA:
        value->kind = STORE_VALUE_BYTES;
        value->bytes = bytes;
        return STATUS_OK;
    default:
        status = STATUS_FAILED;
    }
    return status == STATUS_OK ? STATUS_OK
                               : why_set(why, status, "store_failed",
                                         "the database: a value of type %u cannot be taken",
                                         PQftype(result, column));
}
