#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES ((size_t)4000)

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

/* The one global of this file: every thread logs, and none of them should have to be handed a level. */
static _Atomic int least_level = LOG_INFO;

struct line {
    char text[LINE_MAX_BYTES + 1]; /* and the newline */
    size_t len;
};

void log_set_level(enum log_level level) {
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
}

bool log_is_enabled(enum log_level level) {
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

enum status log_parse_level(struct str text, enum log_level *level) {
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (str_eq(text, str_from(level_names[i]))) {
            *level = (enum log_level)i;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

enum status log_set_level_option(const char *text, struct why *why) {
    enum log_level level;
    if (log_parse_level(str_from(text), &level) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "log_level",
                       "--log-level: \"%s\" is none of debug, info, warn, error", text);
    }
    log_set_level(level);
    return STATUS_OK;
}

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c <= 0x7e && c != '\\';
}

/* Appends what fits, escaped; an escape is never cut in two. */
static void add_text(struct line *line, const char *text) {
    static const char digits[16] = "0123456789abcdef";
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        size_t need = is_plain(c) ? 1 : 4;
        if (need > LINE_MAX_BYTES - line->len) {
            return;
        }
        if (need == 1) {
            line->text[line->len++] = (char)c;
            continue;
        }
        memcpy(line->text + line->len, (char[]){'\\', 'x', digits[c >> 4], digits[c & 15]}, 4);
        line->len += 4;
    }
}

void log_write(enum log_level level, const char *event, const char *format, ...) {
    if (!log_is_enabled(level)) {
        return;
    }
    int saved_errno = errno;
    char stamp[CLOCK_RFC3339_SIZE];
    char details[LINE_MAX_BYTES + 1];
    struct line line;
    line.len = 0;
    va_list args;
    va_start(args, format);
    if (vsnprintf(details, sizeof(details), format, args) < 0) {
        details[0] = '\0';
    }
    va_end(args);
    clock_format_rfc3339(clock_wall_ms(clock_system()), stamp);
    const char *parts[] = {
        stamp, " ", level_names[level], " ", event, details[0] == '\0' ? "" : " ", details};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        add_text(&line, parts[i]);
    }
    line.text[line.len++] = '\n';
    /* A log that cannot be written has nobody to be told. */
    ssize_t ignored = write(STDERR_FILENO, line.text, line.len);
    (void)ignored;
    errno = saved_errno;
}
