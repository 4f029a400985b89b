#include "cli/cli_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define COLUMNS_MAX 16
#define WIDTH_MAX 60
#define GAP 2

/* The member that a column names. */
static const json_t *find(const json_t *item, const char *column) {
    const char *dot = strchr(column, '.');
    char name[64];
    if (dot == NULL) {
        return json_object_get(item, column);
    }
    snprintf(name, sizeof(name), "%.*s", (int)(dot - column), column);
    const json_t *inner = json_object_get(item, name);
    return inner == NULL ? NULL : find(inner, dot + 1);
}

/* Control characters, also those of C1 in UTF-8, as "?": what strangers wrote must not steer the terminal. */
static const char *make_safe(struct arena *arena, const char *text) {
    size_t len = strlen(text);
    char *safe = arena_bytes(arena, len + 1);
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool is_c1 =
            byte == 0xc2 && (unsigned char)text[i + 1] >= 0x80 && (unsigned char)text[i + 1] < 0xa0;
        i += is_c1 ? 1 : 0;
        safe[out++] = is_c1 || byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
    }
    safe[out] = '\0';
    return safe;
}

static const char *join(struct arena *arena, const json_t *list);

static const char *show(struct arena *arena, const json_t *value) {
    if (value == NULL || json_is_null(value)) {
        return "-";
    }
    if (json_is_string(value)) {
        return make_safe(arena, json_string_value(value));
    }
    if (json_is_boolean(value)) {
        return json_is_true(value) ? "yes" : "no";
    }
    if (json_is_array(value) && json_is_string(json_array_get(value, 0))) {
        return join(arena, value);
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *shown = text == NULL ? "-" : make_safe(arena, text);
    free(text);
    return shown;
}

static const char *join(struct arena *arena, const json_t *list) {
    struct str joined = STR_EMPTY;
    for (size_t i = 0; i < json_array_size(list); i++) {
        joined = arena_printf(arena, "%.*s%s%s", STR_ARG(joined), i == 0 ? "" : ", ",
                              show(arena, json_array_get(list, i)));
    }
    return joined.at;
}

/* Characters, not bytes. */
static size_t width_of(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void pad(FILE *out, size_t from, size_t to) {
    for (; from < to; from++) {
        (void)fputc(' ', out);
    }
}

static void print_line(FILE *out, const char *const *cells, const size_t *widths, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)fputs(cells[i], out);
        if (i + 1 < count) {
            pad(out, width_of(cells[i]), widths[i] + GAP);
        }
    }
    (void)fputc('\n', out);
}

static const char *head_of(struct arena *arena, const char *column) {
    struct str name = arena_str(arena, str_from(column));
    char *text = (char *)(uintptr_t)name.at;
    for (size_t i = 0; i < name.len; i++) {
        text[i] = text[i] == '_' || text[i] == '.' ? ' ' : text[i];
        text[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
    }
    return text;
}

void cli_table_list(FILE *out, const char *const *columns, const json_t *items) {
    struct arena arena;
    size_t widths[COLUMNS_MAX] = {0};
    size_t count = 0;
    size_t rows = json_array_size(items) + 1;
    arena_init(&arena);
    while (count < COLUMNS_MAX && columns[count] != NULL) {
        count++;
    }
    const char **cells = arena_zalloc(&arena, rows * COLUMNS_MAX * sizeof(*cells));
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < count; i++) {
            const json_t *item = row == 0 ? NULL : json_array_get(items, row - 1);
            const char *cell =
                row == 0 ? head_of(&arena, columns[i]) : show(&arena, find(item, columns[i]));
            size_t width = width_of(cell);
            cells[row * COLUMNS_MAX + i] = cell;
            widths[i] = width > widths[i] && width <= WIDTH_MAX ? width : widths[i];
        }
    }
    for (size_t row = 0; row < rows; row++) {
        print_line(out, cells + row * COLUMNS_MAX, widths, count);
    }
    arena_fini(&arena);
}

void cli_table_row(FILE *out, const char *const *columns, const json_t *item) {
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; columns[i] != NULL; i++) {
        (void)fprintf(out, "%s%s", i == 0 ? "" : "  ", show(&arena, find(item, columns[i])));
    }
    (void)fputc('\n', out);
    arena_fini(&arena);
}

void cli_table_text(FILE *out, const char *text) {
    struct arena arena;
    arena_init(&arena);
    (void)fputs(make_safe(&arena, text), out);
    arena_fini(&arena);
}

void cli_table_object(FILE *out, const json_t *object) {
    struct arena arena;
    const char *name;
    json_t *value;
    size_t widest = 0;
    arena_init(&arena);
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        widest = width_of(name) > widest ? width_of(name) : widest;
    }
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        const char *cells[] = {make_safe(&arena, name), show(&arena, value)};
        print_line(out, cells, &widest, 2);
    }
    arena_fini(&arena);
}
