/* up_memory.c: how much memory there is for this process: Linux's control groups, version 2 (version 1 by libuv), else the machine's. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/str.h"
#include "cmd/up_memory.h"

#define GROUPS "/sys/fs/cgroup"
#define MACHINE_PERCENT 80

/* 0: no limit is told there. */
static uint64_t read_limit(const char *path) {
    char text[32] = "";
    uint64_t limit = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    bool is_read = fgets(text, sizeof text, file) != NULL;
    (void)fclose(file);
    text[strcspn(text, "\n")] = '\0';
    return is_read && str_to_u64(str_from(text), UINT64_MAX, &limit) == STATUS_OK ? limit : 0;
}

/* The path of this process's group: "0::/system.slice/mezusphere.service". */
static bool read_group(char out[PATH_MAX]) {
    char line[PATH_MAX];
    bool is_found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "0::/", 4) == 0) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(out, PATH_MAX, "%s", line + 3);
            is_found = true;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return is_found;
}

/* The least of its limit and those of the groups around it; UINT64_MAX if there is none. */
static uint64_t group_limit(void) {
    char group[PATH_MAX];
    char path[PATH_MAX + 64];
    uint64_t least = UINT64_MAX;
    if (!read_group(group)) {
        return least;
    }
    for (char *end = group + strlen(group); end != NULL; end = strrchr(group, '/')) {
        *end = '\0';
        (void)snprintf(path, sizeof path, GROUPS "%s/memory.max", group);
        uint64_t limit = read_limit(path);
        least = limit != 0 && limit < least ? limit : least;
    }
    return least;
}

size_t up_memory_limit(void) {
    uint64_t machine = uv_get_total_memory() / 100 * MACHINE_PERCENT;
    uint64_t group = group_limit();
    uint64_t constrained = uv_get_constrained_memory();
    if (constrained != 0 && constrained < group) {
        group = constrained;
    }
    return (size_t)(group < machine ? group : machine);
}
