#include "net/listen_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                        "LISTEN_PIDFDID"};

static enum status parse_names(struct str text, struct listen_fds *parsed, struct why *why) {
    for (size_t i = 0; i < parsed->count; i++) {
        struct str name;
        bool has_more = str_cut(text, ':', &name, &text);
        if (has_more != (i + 1 < parsed->count)) {
            return why_set(why, STATUS_INVALID, "listen_fds_invalid",
                           "LISTEN_FDNAMES does not name as many sockets as LISTEN_FDS says");
        }
        if (str_to_cstr(name, parsed->names[i], LISTEN_FDS_NAME_SIZE) != STATUS_OK) {
            return why_set(why, STATUS_INVALID, "listen_fds_invalid",
                           "LISTEN_FDNAMES has a name that is too long");
        }
    }
    return STATUS_OK;
}

enum status listen_fds_parse(const char *pid_text, const char *fds_text, const char *names_text,
                             int own_pid, struct listen_fds *parsed, struct why *why) {
    uint64_t pid;
    uint64_t count;
    *parsed = (struct listen_fds){0};
    if (pid_text == NULL && fds_text == NULL) {
        return STATUS_OK;
    }
    if (str_to_u64(str_from(pid_text), INT_MAX, &pid) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "listen_fds_invalid", "LISTEN_PID is no process id");
    }
    if (pid != (uint64_t)own_pid) {
        return STATUS_OK; /* inherited by accident from somebody who did not remove them */
    }
    if (str_to_u64(str_from(fds_text), LISTEN_FDS_MAX, &count) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "listen_fds_invalid",
                       "LISTEN_FDS is not a number from 0 to %d", LISTEN_FDS_MAX);
    }
    parsed->count = (size_t)count;
    for (size_t i = 0; i < parsed->count; i++) {
        parsed->fds[i] = LISTEN_FDS_FIRST + (int)i;
        memcpy(parsed->names[i], "unknown", sizeof("unknown"));
    }
    enum status status =
        names_text == NULL ? STATUS_OK : parse_names(str_from(names_text), parsed, why);
    if (status != STATUS_OK) {
        parsed->count = 0;
    }
    return status;
}

static enum status close_on_exec(struct listen_fds *taken, struct why *why) {
    for (size_t i = 0; i < taken->count; i++) {
        if (fcntl(taken->fds[i], F_SETFD, FD_CLOEXEC) != 0) {
            taken->count = 0;
            return why_set(why, STATUS_INVALID, "listen_fds_invalid", "descriptor %d: %s",
                           LISTEN_FDS_FIRST + (int)i, strerror(errno));
        }
    }
    return STATUS_OK;
}

enum status listen_fds_take(struct listen_fds *taken, struct why *why) {
    enum status status = listen_fds_parse(getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
                                          getenv("LISTEN_FDNAMES"), (int)getpid(), taken, why);
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        unsetenv(variables[i]);
    }
    return status == STATUS_OK ? close_on_exec(taken, why) : status;
}
