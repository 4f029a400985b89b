/* up_reload.c: SIGHUP: the running process starts its successor: the program that now lies where this one lay, with this one's
 * command line and --replace. What the successor then does is up_takeover.c's. */
#define _GNU_SOURCE /* environ */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cmd/up_reload.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 256
#define VARIABLES_MAX 1024

struct up_reload {
    struct up_process *running;
    uv_signal_t signal;
    uv_process_t process;
    bool is_process_running;
    char program
        [PATH_MAX]; /* as it was called at the start: a new version lies there by now, perhaps */
    unsigned open_handles;
    bool is_ending;
};

static void check_ended(struct up_reload *reload) {
    if (reload->is_ending && reload->open_handles == 0) {
        memory_free(reload);
    }
}

static void on_handle_closed(uv_handle_t *handle) {
    struct up_reload *reload = handle->data;
    reload->open_handles--;
    check_ended(reload);
}

static void on_process_closed(uv_handle_t *handle) {
    ((struct up_reload *)handle->data)->is_process_running = false;
    on_handle_closed(handle);
}

static void on_exit_process(uv_process_t *process, int64_t exit_status, int signal_number) {
    struct up_reload *reload = process->data;
    if (!reload->is_ending) {
        log_error("mezusphere.reload_failed",
                  "status=%lld signal=%d: see the lines above; this process goes on",
                  (long long)exit_status, signal_number);
    }
    uv_close((uv_handle_t *)process, on_process_closed);
}

/* How many words of the command line, from this one on, are a secret. */
static int count_secret_words(const struct up_process *running, const char *word) {
    for (size_t i = 0; i < running->secret_count; i++) {
        const char *flag = running->secrets[i].flag;
        size_t len = flag != NULL ? strlen(flag) : 0;
        if (len > 0 && strncmp(word, flag, len) == 0 && (word[len] == '\0' || word[len] == '=')) {
            return word[len] == '\0' ? 2 : 1;
        }
    }
    return 0;
}

/* The command line again. */
static void write_words(const struct up_process *running, char *words[WORDS_MAX], char *program) {
    static char replace[] = "--replace";
    size_t count = 0;
    bool has_replace = false;
    words[count++] = program;
    for (int i = 1; i < running->argc && count < WORDS_MAX - 2; i++) {
        char *word = running->argv[i];
        int secret_words = count_secret_words(running, word);
        if (secret_words > 0) {
            i += secret_words - 1;
            continue;
        }
        has_replace |= strcmp(word, replace) == 0;
        words[count++] = word;
    }
    if (!has_replace) {
        words[count++] = replace;
    }
    words[count] = NULL;
}

#define SECRET_LINE_SIZE (SECRET_MAX + 64)

static bool is_in_file(const char *variable) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s_FILE", variable);
    return getenv(name) != NULL;
}

/* This process's environment, and secrets that the successor needs: reading them took them out of it. Where a file has one, the successor
 * reads it there. */
static void write_environment(const struct up_process *running, char *variables[VARIABLES_MAX],
                              char lines[UP_SECRETS_MAX][SECRET_LINE_SIZE]) {
    size_t count = 0;
    while (environ[count] != NULL && count < VARIABLES_MAX - UP_SECRETS_MAX - 1) {
        variables[count] = environ[count];
        count++;
    }
    for (size_t i = 0; i < running->secret_count; i++) {
        const struct up_secret *one = &running->secrets[i];
        if (one->variable != NULL && !secret_is_empty(one->secret) && !is_in_file(one->variable)) {
            (void)snprintf(lines[i], SECRET_LINE_SIZE, "%s=%.*s", one->variable,
                           STR_ARG(secret_str(one->secret)));
            variables[count++] = lines[i];
        }
    }
    variables[count] = NULL;
}

static void start_successor(struct up_reload *reload) {
    char *words[WORDS_MAX];
    char *variables[VARIABLES_MAX];
    char lines[UP_SECRETS_MAX][SECRET_LINE_SIZE];
    if (reload->running->phase != UP_SERVING || reload->is_process_running) {
        log_warn("mezusphere.reload_ignored", "it is starting, stopping, or being replaced");
        return;
    }
    write_words(reload->running, words, reload->program);
    write_environment(reload->running, variables, lines);
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 1},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    const uv_process_options_t options = {
        .exit_cb = on_exit_process,
        .file = reload->program,
        .args = words,
        .env = variables,
        .stdio = stdio,
        .stdio_count = 3,
    };
    log_info("mezusphere.reloading", "program=%s", reload->program);
    int result = uv_spawn(loop_uv(reload->running->loop), &reload->process, &options);
    secret_wipe(lines, sizeof lines);
    reload->process.data = reload;
    reload->open_handles++;
    reload->is_process_running = true;
    if (result != 0) {
        log_error("mezusphere.reload_failed", "cannot start %s: %s", reload->program,
                  uv_strerror(result));
        uv_close((uv_handle_t *)&reload->process, on_process_closed);
    }
}

static void on_hangup(uv_signal_t *signal, int number) {
    (void)number;
    start_successor(signal->data);
}

void up_reload_now(struct up_process *running) {
    if (running->reload != NULL) {
        start_successor(running->reload);
    }
}

void up_reload_start(struct up_process *running) {
    struct up_reload *reload = MEMORY_NEW(struct up_reload);
    size_t len = sizeof reload->program;
    reload->running = running;
    if (uv_exepath(reload->program, &len) != 0 ||
        uv_signal_init(loop_uv(running->loop), &reload->signal) != 0) {
        memory_free(reload);
        return;
    }
    reload->signal.data = reload;
    reload->open_handles = 1;
    (void)uv_signal_start(&reload->signal, on_hangup, SIGHUP);
    running->reload = reload;
}

void up_reload_stop(struct up_process *running) {
    struct up_reload *reload = running->reload;
    running->reload = NULL;
    if (reload == NULL) {
        return;
    }
    reload->is_ending = true;
    uv_close((uv_handle_t *)&reload->signal, on_handle_closed);
    if (reload->is_process_running && !uv_is_closing((uv_handle_t *)&reload->process)) {
        /* the successor lives on by itself */
        uv_close((uv_handle_t *)&reload->process, on_process_closed);
    }
}
