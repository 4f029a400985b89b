#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Standard error goes to a pipe while one line is written. */
static int pipe_ends[2];
static int saved_stderr;

static void capture_start(void) {
    assert_int_equal(pipe(pipe_ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    close(pipe_ends[1]);
}

static size_t capture_end(char *out, size_t size) {
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    ssize_t got;
    size_t len = 0;
    while ((got = read(pipe_ends[0], out + len, size - 1 - len)) > 0) {
        len += (size_t)got;
    }
    close(pipe_ends[0]);
    out[len] = '\0';
    return len;
}

static void writes_one_line(void **state) {
    char text[8192];
    (void)state;
    capture_start();
    errno = 77;
    log_info("warpgate.connected", "edge=%s tunnels=%d", "127.0.0.1:8443", 1);
    assert_int_equal(errno, 77);
    capture_end(text, sizeof(text));
    assert_int_equal(text[23], 'Z');
    assert_string_equal(text + 24, " info warpgate.connected edge=127.0.0.1:8443 tunnels=1\n");
    capture_start();
    log_error("bare.event", "%s", "");
    capture_end(text, sizeof(text));
    assert_string_equal(text + 24, " error bare.event\n");
}

static void escapes(void **state) {
    char text[8192];
    (void)state;
    capture_start();
    log_warn("odd", "path=%s", "a\nb\\\x1b[0m\x7f\xc3\xa4");
    capture_end(text, sizeof(text));
    assert_string_equal(text + 24, " warn odd path=a\\x0ab\\x5c\\x1b[0m\\x7f\\xc3\\xa4\n");
}

static void cuts_long_lines(void **state) {
    char long_text[6000];
    char text[16384];
    (void)state;
    memset(long_text, 'a', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    capture_start();
    log_info("long", "%s", long_text);
    assert_int_equal(capture_end(text, sizeof(text)), 4001);
    assert_int_equal(text[4000], '\n');
    memset(long_text, '\x01', sizeof(long_text) - 1);
    capture_start();
    log_info("long", "%s", long_text);
    size_t len = capture_end(text, sizeof(text));
    assert_true(len <= 4001 && len > 3990);
    assert_string_equal(text + len - 5, "\\x01\n"); /* no half escape */
}

static void keeps_levels(void **state) {
    char text[8192];
    (void)state;
    assert_false(log_is_enabled(LOG_DEBUG));
    assert_true(log_is_enabled(LOG_INFO));
    capture_start();
    log_debug("hidden", "x=%d", 1);
    log_set_level(LOG_ERROR);
    log_warn("hidden", "x=%d", 1);
    log_set_level(LOG_DEBUG);
    log_debug("shown", "x=%d", 2);
    log_set_level(LOG_INFO);
    capture_end(text, sizeof(text));
    assert_string_equal(text + 24, " debug shown x=2\n");
}

static void parses_levels(void **state) {
    enum log_level level = LOG_INFO;
    (void)state;
    assert_int_equal(log_parse_level(STR("debug"), &level), STATUS_OK);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_parse_level(STR("error"), &level), STATUS_OK);
    assert_int_equal(level, LOG_ERROR);
    assert_int_equal(log_parse_level(STR("INFO"), &level), STATUS_INVALID);
    assert_int_equal(log_parse_level(STR(""), &level), STATUS_INVALID);
    assert_int_equal(log_parse_level(STR("info\0"), &level), STATUS_INVALID);
    struct why why;
    assert_int_equal(log_set_level_option("error", &why), STATUS_OK);
    assert_false(log_is_enabled(LOG_WARN));
    assert_int_equal(log_set_level_option("loud", &why), STATUS_INVALID);
    assert_string_equal(why.slug, "log_level");
    assert_false(log_is_enabled(LOG_WARN));
    log_set_level(LOG_INFO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_one_line), cmocka_unit_test(escapes),
        cmocka_unit_test(cuts_long_lines), cmocka_unit_test(keeps_levels),
        cmocka_unit_test(parses_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
