#include "base/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const char *const names[STATUS_COUNT] = {
    [STATUS_OK] = "ok",
    [STATUS_AGAIN] = "again",
    [STATUS_END] = "end",
    [STATUS_INVALID] = "invalid",
    [STATUS_TOO_LARGE] = "too_large",
    [STATUS_NOT_FOUND] = "not_found",
    [STATUS_CONFLICT] = "conflict",
    [STATUS_DENIED] = "denied",
    [STATUS_UNAVAILABLE] = "unavailable",
    [STATUS_TIMEOUT] = "timeout",
    [STATUS_CLOSED] = "closed",
    [STATUS_UNSUPPORTED] = "unsupported",
    [STATUS_FAILED] = "failed",
};

const char *status_name(enum status status) {
    if ((unsigned)status >= STATUS_COUNT) {
        return "unknown";
    }
    return names[status];
}

enum status why_set(struct why *why, enum status status, const char *slug, const char *format,
                    ...) {
    if (why == NULL) {
        return status;
    }
    snprintf(why->slug, sizeof(why->slug), "%s", slug);
    va_list args;
    va_start(args, format);
    if (vsnprintf(why->text, sizeof(why->text), format, args) < 0) {
        why->text[0] = '\0';
    }
    va_end(args);
    return status;
}
