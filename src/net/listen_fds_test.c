#include "net/listen_fds.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct listen_fds fds;
static struct why why;

static void test_what_is_left_for_us(void **state) {
    (void)state;
    assert_int_equal(listen_fds_parse("77", "2", "https:hand-over", 77, &fds, &why), STATUS_OK);
    assert_int_equal(fds.count, 2);
    assert_int_equal(fds.fds[0], 3);
    assert_int_equal(fds.fds[1], 4);
    assert_string_equal(fds.names[0], "https");
    assert_string_equal(fds.names[1], "hand-over");
    assert_int_equal(listen_fds_parse("77", "1", NULL, 77, &fds, &why), STATUS_OK);
    assert_int_equal(fds.count, 1);
    assert_string_equal(fds.names[0], "unknown");
    assert_int_equal(listen_fds_parse("77", "16", NULL, 77, &fds, &why), STATUS_OK);
    assert_int_equal(fds.count, 16);
}

static void test_nothing_for_us(void **state) {
    (void)state;
    assert_int_equal(listen_fds_parse(NULL, NULL, NULL, 77, &fds, &why), STATUS_OK);
    assert_int_equal(fds.count, 0);
    assert_int_equal(listen_fds_parse("78", "2", "a:b", 77, &fds, &why), STATUS_OK);
    assert_int_equal(fds.count, 0);
    assert_int_equal(listen_fds_parse("77", "0", NULL, 77, &fds, &why), STATUS_OK);
    assert_int_equal(fds.count, 0);
}

static void test_malformed(void **state) {
    static const char *const cases[][3] = {
        {"", "1", NULL},    {"x", "1", NULL},   {"-77", "1", NULL}, {"99999999999", "1", NULL},
        {"77", "", NULL},   {"77", NULL, NULL}, {"77", "17", NULL}, {"77", "1x", NULL},
        {"77", " 1", NULL}, {"77", "-1", NULL}, {"77", "2", "a"},   {"77", "2", "a:b:c"},
        {"77", "1", "a:"},  {NULL, "1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        why.slug[0] = '\0';
        assert_int_equal(listen_fds_parse(cases[i][0], cases[i][1], cases[i][2], 77, &fds, &why),
                         STATUS_INVALID);
        assert_string_equal(why.slug, "listen_fds_invalid");
        assert_int_equal(fds.count, 0);
    }
    char name[LISTEN_FDS_NAME_SIZE + 1];
    for (size_t i = 0; i < sizeof(name) - 1; i++) {
        name[i] = 'n';
    }
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(listen_fds_parse("77", "1", name, 77, &fds, &why), STATUS_INVALID);
    assert_int_equal(listen_fds_parse("77", "1", name + 1, 77, &fds, &why), STATUS_OK);
}

/* In a child, whose descriptors and environment it may change. Returns what the child exits with. */
static int in_child(int (*run)(void)) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        _exit(run());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static void set_variables(const char *count) {
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_FDNAMES", "one:two", 1);
}

static int take_two(void) {
    if (dup2(0, 3) != 3 || dup2(0, 4) != 4) {
        return 1;
    }
    set_variables("2");
    if (listen_fds_take(&fds, &why) != STATUS_OK || fds.count != 2) {
        return 2;
    }
    if (!(fcntl(3, F_GETFD) & FD_CLOEXEC) || !(fcntl(4, F_GETFD) & FD_CLOEXEC)) {
        return 3;
    }
    if (getenv("LISTEN_PID") != NULL || getenv("LISTEN_FDS") != NULL ||
        getenv("LISTEN_FDNAMES") != NULL) {
        return 4;
    }
    return listen_fds_take(&fds, &why) == STATUS_OK && fds.count == 0 ? 0 : 5;
}

static int take_what_is_not_open(void) {
    if (dup2(0, 3) != 3) {
        return 1;
    }
    close(4);
    set_variables("2");
    if (listen_fds_take(&fds, &why) != STATUS_INVALID || fds.count != 0) {
        return 2;
    }
    return getenv("LISTEN_FDS") == NULL ? 0 : 3;
}

static void test_taken_once(void **state) {
    (void)state;
    assert_int_equal(in_child(take_two), 0);
    assert_int_equal(in_child(take_what_is_not_open), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left_for_us),
        cmocka_unit_test(test_nothing_for_us),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
