#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void formats_and_parses(void **state) {
    static const struct {
        int64_t ms;
        const char *rfc3339;
        const char *http;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
        {1795177074123, "2026-11-20T12:17:54.123Z", "Fri, 20 Nov 2026 12:17:54 GMT"},
        {951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
        {951868799999, "2000-02-29T23:59:59.999Z", "Tue, 29 Feb 2000 23:59:59 GMT"},
        {1709251199000, "2024-02-29T23:59:59.000Z", "Thu, 29 Feb 2024 23:59:59 GMT"},
        {4107542400000, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 GMT"},
        {-1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
        {253402300799999, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
        {-62167219200000, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[CLOCK_RFC3339_SIZE];
        char date[CLOCK_HTTP_DATE_SIZE];
        int64_t ms = 0;
        clock_format_rfc3339(cases[i].ms, text);
        assert_string_equal(text, cases[i].rfc3339);
        clock_format_http_date(cases[i].ms, date);
        assert_string_equal(date, cases[i].http);
        assert_int_equal(clock_parse_rfc3339(str_from(cases[i].rfc3339), &ms), STATUS_OK);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void round_trips(void **state) {
    (void)state;
    for (int64_t ms = -62167219200000; ms < 253402300799999;
         ms += (int64_t)86400000 * 29 + 3723001) {
        char text[CLOCK_RFC3339_SIZE];
        int64_t back = 0;
        clock_format_rfc3339(ms, text);
        assert_int_equal(clock_parse_rfc3339(str_from(text), &back), STATUS_OK);
        assert_int_equal(back, ms);
    }
}

static void clamps_years(void **state) {
    char text[CLOCK_RFC3339_SIZE];
    (void)state;
    clock_format_rfc3339(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    clock_format_rfc3339(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void parses_offsets_and_fractions(void **state) {
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"2026-11-20T12:17:54Z", 1795177074000},
        {"2026-11-20T14:17:54.5+02:00", 1795177074500},
        {"2026-11-20T06:47:54.123456789-05:30", 1795177074123},
        {"2026-11-20T12:17:54.000000000000000000001Z", 1795177074000},
        {"1970-01-01T00:30:00+01:00", -1800000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = 0;
        assert_int_equal(clock_parse_rfc3339(str_from(cases[i].text), &ms), STATUS_OK);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void refuses_malformed_times(void **state) {
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-20",
        "2026-11-20T12:17:54",
        "2026-11-20 12:17:54Z",
        "2026-11-20T12:17:54z",
        "2026-13-20T12:17:54Z",
        "2026-00-20T12:17:54Z",
        "2026-11-31T12:17:54Z",
        "2026-02-29T12:17:54Z",
        "1900-02-29T12:17:54Z",
        "2026-11-00T12:17:54Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T12:60:54Z",
        "2026-11-20T12:17:60Z",
        "2026-11-20T12:17:54.Z",
        "2026-11-20T12:17:54.1",
        "2026-11-20T12:17:54+0200",
        "2026-11-20T12:17:54+24:00",
        "2026-11-20T12:17:54+02:60",
        "2026-11-20T12:17:54ZZ",
        "2026-11-20T12:17:54Z ",
        " 2026-11-20T12:17:54Z",
        "-026-11-20T12:17:54Z",
        "2026-1-20T12:17:54Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 5;
        assert_int_equal(clock_parse_rfc3339(str_from(bad[i]), &ms), STATUS_INVALID);
        assert_int_equal(ms, 5);
    }
}

static void reads_the_system(void **state) {
    (void)state;
    int64_t before = clock_mono_ms(clock_system());
    assert_true(clock_wall_ms(clock_system()) > 1700000000000);
    assert_true(clock_mono_ms(clock_system()) >= before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_and_parses),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(clamps_years),
        cmocka_unit_test(parses_offsets_and_fractions),
        cmocka_unit_test(refuses_malformed_times),
        cmocka_unit_test(reads_the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
