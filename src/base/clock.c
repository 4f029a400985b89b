#include "base/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define DAY_MS ((int64_t)86400000)
#define WALL_MIN ((int64_t)-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define WALL_MAX ((int64_t)253402300799999) /* 9999-12-31T23:59:59.999Z */

struct civil {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour, minute, second, ms;
    int weekday; /* 0 is Sunday */
};

static int64_t read_clock(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t read_mono(void *context) {
    (void)context;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t read_wall(void *context) {
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

const struct clock *clock_system(void) {
    static const struct clock system = {read_mono, read_wall, NULL};
    return &system;
}

int64_t clock_mono_ms(const struct clock *clock) {
    return clock->mono_ms(clock->context);
}

int64_t clock_wall_ms(const struct clock *clock) {
    return clock->wall_ms(clock->context);
}

int64_t clock_mono_us(const struct clock *clock) {
    struct timespec now;
    if (clock != clock_system()) {
        return clock_mono_ms(clock) * 1000;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The calendar is computed here because gmtime_r takes a lock and timegm believes in 31 February.
 * Days are counted from 0000-03-01, so that the leap day is the last of its year; 400 years are 146,097 days. */
static int64_t days_from_civil(int year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct civil civil_from_ms(int64_t wall_ms) {
    if (wall_ms < WALL_MIN) {
        wall_ms = WALL_MIN;
    }
    if (wall_ms > WALL_MAX) {
        wall_ms = WALL_MAX;
    }
    int64_t days = (wall_ms >= 0 ? wall_ms : wall_ms - DAY_MS + 1) / DAY_MS;
    int rest = (int)(wall_ms - days * DAY_MS);
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted = (int)((5 * day_of_year + 2) / 153);
    struct civil c;
    c.day = (int)day_of_year - (153 * shifted + 2) / 5 + 1;
    c.month = shifted < 10 ? shifted + 3 : shifted - 9;
    c.year = (int)(year_of_era + era * 400) + (c.month <= 2 ? 1 : 0);
    c.weekday = (int)(((days + 4) % 7 + 7) % 7);
    c.hour = rest / 3600000;
    c.minute = rest / 60000 % 60;
    c.second = rest / 1000 % 60;
    c.ms = rest % 1000;
    return c;
}

static char *put_digits(char *out, int value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

static char *put_char(char *out, char c) {
    *out = c;
    return out + 1;
}

static char *put_name(char *out, const char names[][4], int index) {
    memcpy(out, names[index], 3);
    return out + 3;
}

static char *put_time(char *out, const struct civil *c) {
    out = put_char(put_digits(out, c->hour, 2), ':');
    out = put_char(put_digits(out, c->minute, 2), ':');
    return put_digits(out, c->second, 2);
}

void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]) {
    struct civil c = civil_from_ms(wall_ms);
    out = put_char(put_digits(out, c.year, 4), '-');
    out = put_char(put_digits(out, c.month, 2), '-');
    out = put_char(put_digits(out, c.day, 2), 'T');
    out = put_char(put_time(out, &c), '.');
    out = put_char(put_digits(out, c.ms, 3), 'Z');
    *out = '\0';
}

void clock_format_http_date(int64_t wall_ms, char out[CLOCK_HTTP_DATE_SIZE]) {
    static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c = civil_from_ms(wall_ms);
    out = put_char(put_char(put_name(out, weekdays, c.weekday), ','), ' ');
    out = put_char(put_digits(out, c.day, 2), ' ');
    out = put_char(put_name(out, months, c.month - 1), ' ');
    out = put_char(put_digits(out, c.year, 4), ' ');
    out = put_time(out, &c);
    memcpy(out, " GMT", 5);
}

/* Takes `count` digits off the front; the value must lie in [min, max]. */
static bool take_digits(struct str *text, size_t count, int min, int max, int *value) {
    uint64_t read;
    if (text->len < count ||
        str_to_u64(str_sub(*text, 0, count), (uint64_t)max, &read) != STATUS_OK) {
        return false;
    }
    *value = (int)read;
    *text = str_sub(*text, count, text->len);
    return *value >= min;
}

static bool take_char(struct str *text, char c) {
    if (text->len == 0 || text->at[0] != c) {
        return false;
    }
    *text = str_sub(*text, 1, text->len);
    return true;
}

static int month_days(int year, int month) {
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* ".5" is 500 ms; digits after the third are read and dropped. */
static bool take_fraction(struct str *text, int *ms) {
    int scale = 100;
    *ms = 0;
    if (!take_char(text, '.')) {
        return true;
    }
    size_t count = 0;
    for (int digit; take_digits(text, 1, 0, 9, &digit); count++) {
        *ms += digit * scale;
        scale /= 10;
    }
    return count > 0;
}

/* "Z", or minutes east of Greenwich as "+02:00". */
static bool take_offset(struct str *text, int *minutes) {
    int hour;
    int minute;
    *minutes = 0;
    if (take_char(text, 'Z')) {
        return true;
    }
    bool is_west = take_char(text, '-');
    if (!is_west && !take_char(text, '+')) {
        return false;
    }
    if (!take_digits(text, 2, 0, 23, &hour) || !take_char(text, ':') ||
        !take_digits(text, 2, 0, 59, &minute)) {
        return false;
    }
    *minutes = is_west ? -(hour * 60 + minute) : hour * 60 + minute;
    return true;
}

enum status clock_parse_rfc3339(struct str text, int64_t *wall_ms) {
    struct civil c;
    int offset;
    if (!take_digits(&text, 4, 0, 9999, &c.year) || !take_char(&text, '-') ||
        !take_digits(&text, 2, 1, 12, &c.month) || !take_char(&text, '-') ||
        !take_digits(&text, 2, 1, month_days(c.year, c.month), &c.day) || !take_char(&text, 'T')) {
        return STATUS_INVALID;
    }
    if (!take_digits(&text, 2, 0, 23, &c.hour) || !take_char(&text, ':') ||
        !take_digits(&text, 2, 0, 59, &c.minute) || !take_char(&text, ':') ||
        !take_digits(&text, 2, 0, 59, &c.second) || !take_fraction(&text, &c.ms) ||
        !take_offset(&text, &offset) || text.len != 0) {
        return STATUS_INVALID;
    }
    int64_t minutes = (int64_t)c.hour * 60 + c.minute - offset;
    *wall_ms = days_from_civil(c.year, c.month, c.day) * DAY_MS + minutes * 60000 +
               (int64_t)c.second * 1000 + c.ms;
    return STATUS_OK;
}
