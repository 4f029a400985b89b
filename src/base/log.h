/* log.h: one line per event on standard error.
 *
 *   2026-11-20T12:17:54.123Z info warpgate.connected edge=127.0.0.1:8443 tunnels=1
 *
 * `event` is a stable dotted name; the rest is `key=value` text made by the format. Bytes below 0x20, above 0x7e and
 * backslashes are written as \xNN, so that no peer can forge a line; a line is cut at 4,000 bytes. Safe from any thread.
 * Never pass a secret, a cookie, a query string or a body.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"

enum log_level {
    LOG_DEBUG, /* what a developer follows */
    LOG_INFO,  /* what an operator wants to see once */
    LOG_WARN,  /* something is wrong and was dealt with */
    LOG_ERROR, /* something is wrong and somebody has to act */
};

/* Sets the least level that is written; the default is LOG_INFO. */
void log_set_level(enum log_level level);
bool log_is_enabled(enum log_level level);
enum status log_parse_level(struct str text, enum log_level *level) MUST_USE;
/* What --log-level says. STATUS_INVALID (log_level), and the level stays. */
enum status log_set_level_option(const char *text, struct why *why) MUST_USE;
void log_write(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_is_enabled(LOG_DEBUG)) {                                                           \
            log_write(LOG_DEBUG, __VA_ARGS__);                                                     \
        }                                                                                          \
    } while (0)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

#endif
