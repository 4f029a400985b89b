#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct holder {
    int before;
    int member;
};

static void gives_zeroed(void **state) {
    static const char zeros[sizeof(struct holder)];
    (void)state;
    struct holder *holder = MEMORY_NEW(struct holder);
    assert_memory_equal(holder, zeros, sizeof(zeros));
    assert_ptr_equal(CONTAINER_OF(&holder->member, struct holder, member), holder);
    memory_free(holder);
    int *numbers = memory_new_array(100, sizeof(int));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(numbers[i], 0);
    }
    memory_free(numbers);
}

static void gives_something_for_nothing(void **state) {
    (void)state;
    void *at = memory_new_array(0, 8);
    assert_non_null(at);
    at = memory_resize(at, 0, 0);
    assert_non_null(at);
    memory_free(at);
    memory_free(NULL);
}

static void keeps_contents(void **state) {
    (void)state;
    char *copy = memory_dup("ab\0cd", 5);
    assert_memory_equal(copy, "ab\0cd", 6);
    copy = memory_resize(copy, 1000, 10);
    assert_memory_equal(copy, "ab\0cd", 6);
    memory_free(copy);
    copy = memory_dup(NULL, 0);
    assert_string_equal(copy, "");
    memory_free(copy);
}

static void aborts_on_overflow(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        memory_free(memory_resize(NULL, SIZE_MAX / 2, 3));
        _exit(0);
    }
    int outcome;
    assert_int_equal(waitpid(child, &outcome, 0), child);
    assert_true(WIFSIGNALED(outcome));
    assert_int_equal(WTERMSIG(outcome), SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed),
        cmocka_unit_test(gives_something_for_nothing),
        cmocka_unit_test(keeps_contents),
        cmocka_unit_test(aborts_on_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
