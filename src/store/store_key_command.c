#define _GNU_SOURCE /* pipe2 */

#include "store/store_key_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define WAIT_STEP_MS 5

struct run {
    pid_t process;
    int output;
    int64_t deadline_ms;
    char text[SECRET_MAX];
    size_t len;
};

static enum status fail(struct why *why, const char *text) {
    return why_set(why, STATUS_FAILED, "master_key_command",
                   "the command of --master-key-command %s: run it by hand to see what it prints",
                   text);
}

/* In the child: only what may be called between fork and exec. */
_Noreturn static void become(const char *command, int output) {
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    (void)setpgid(0, 0);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
    }
    (void)dup2(output, STDOUT_FILENO);
    (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static enum status begin(struct run *run, const char *command, struct why *why) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail(why, "cannot be run (no pipe)");
    }
    run->process = fork();
    if (run->process == 0) {
        become(command, ends[1]);
    }
    close(ends[1]);
    run->output = ends[0];
    return run->process < 0 ? fail(why, "cannot be run (no process)") : STATUS_OK;
}

static int64_t left_ms(const struct run *run) {
    int64_t left = run->deadline_ms - clock_mono_ms(clock_system());
    return left > 0 ? left : 0;
}

/* Until its end of output. */
static enum status collect(struct run *run, struct why *why) {
    for (;;) {
        struct pollfd wanted = {.fd = run->output, .events = POLLIN};
        int ready = poll(&wanted, 1, (int)left_ms(run));
        if (ready == 0) {
            return fail(why, "takes too long");
        }
        if (run->len == sizeof(run->text)) {
            return fail(why, "prints too much");
        }
        ssize_t len = read(run->output, run->text + run->len, sizeof(run->text) - run->len);
        if (len == 0) {
            return STATUS_OK;
        }
        if (len < 0 && errno != EINTR) {
            return fail(why, "cannot be read from");
        }
        run->len += len > 0 ? (size_t)len : 0;
    }
}

/* Whoever has closed its output is about to end: so it is looked for a few times only. */
static enum status await_end(struct run *run, struct why *why) {
    int state = 0;
    for (;;) {
        pid_t ended = waitpid(run->process, &state, WNOHANG);
        if (ended == run->process || (ended < 0 && errno != EINTR)) {
            run->process = -1;
            return WIFEXITED(state) && WEXITSTATUS(state) == 0 ? STATUS_OK
                                                               : fail(why, "did not end with 0");
        }
        if (left_ms(run) == 0) {
            return fail(why, "takes too long");
        }
        (void)poll(NULL, 0, WAIT_STEP_MS);
    }
}

static void end(struct run *run) {
    if (run->process > 0) {
        (void)kill(-run->process, SIGKILL);
        (void)kill(run->process, SIGKILL);
        while (waitpid(run->process, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (run->output >= 0) {
        close(run->output);
    }
}

static struct str first_line(const struct run *run) {
    struct str line;
    struct str rest;
    (void)str_cut(str_make(run->text, run->len), '\n', &line, &rest);
    if (line.len > 0 && line.at[line.len - 1] == '\r') {
        line.len--;
    }
    return str_trim(line);
}

enum status store_key_command_run(const char *command, int64_t patience_ms, struct secret *output,
                                  struct why *why) {
    struct run run = {
        .process = -1, .output = -1, .deadline_ms = clock_mono_ms(clock_system()) + patience_ms};
    enum status status = begin(&run, command, why);
    if (status == STATUS_OK) {
        status = collect(&run, why);
    }
    if (status == STATUS_OK) {
        status = await_end(&run, why);
    }
    end(&run);
    if (status == STATUS_OK &&
        (str_is_empty(first_line(&run)) || secret_set(output, first_line(&run)) != STATUS_OK)) {
        status = fail(why, "prints no key");
    }
    secret_wipe(run.text, sizeof(run.text));
    return status;
}
