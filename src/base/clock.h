/* clock.h: time, passed in so that tests own it.
 *
 * Monotonic milliseconds are for timeouts and intervals; wall milliseconds (since 1970-01-01 UTC) are for what is
 * written down: certificates, ids, logs, API times. Certificates and tokens are judged by wall time with leeway.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

struct clock {
    int64_t (*mono_ms)(void *context);
    int64_t (*wall_ms)(void *context);
    void *context;
};

/* The system's clocks; lives forever. */
const struct clock *clock_system(void);
int64_t clock_mono_ms(const struct clock *clock);
int64_t clock_wall_ms(const struct clock *clock);
/* Monotonic microseconds, for measuring: exact with the system's clock, whole milliseconds with any other. */
int64_t clock_mono_us(const struct clock *clock);

#define CLOCK_RFC3339_SIZE 32
/* "2026-11-20T12:17:54.123Z" */
void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]);
/* RFC 3339 with "Z" or an offset, optional fraction. STATUS_INVALID. */
enum status clock_parse_rfc3339(struct str text, int64_t *wall_ms) MUST_USE;
#define CLOCK_HTTP_DATE_SIZE 32
/* IMF-fixdate (RFC 9110 §5.6.7): "Fri, 20 Nov 2026 12:17:54 GMT" */
void clock_format_http_date(int64_t wall_ms, char out[CLOCK_HTTP_DATE_SIZE]);

#endif
