/* dl_iterate_phdr, malloc_trim */
#define _GNU_SOURCE
#include "warpgate/warpgate_memory.h"

#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* glibc keeps freed pieces in a cache per thread, where they hold pages that a long idle agent could give back: half of its
 * idle heap, after OpenSSL's decoders are through with a key. That cache can be set from the environment alone, before main.
 * If it cannot be done (no /proc, exec forbidden) the agent is only larger. */
static void restart_without_cache(char **argv) {
    char path[PATH_MAX];
    /* By its own path, so that it is listed under its own name. */
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (len > 0 && getenv("GLIBC_TUNABLES") == NULL &&
        setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1) == 0) {
        path[len] = '\0';
        (void)execv(path, argv);
    }
}

void warpgate_memory_prepare(char **argv) {
    restart_without_cache(argv);
    (void)setenv("UV_THREADPOOL_SIZE", "1", 1);
    (void)mallopt(M_ARENA_MAX, 1);
    /* A file on the host must not decide what the agent's TLS does; it would cost memory, too. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* Whole pages of the program's read-only segments. What was written to (relocations) lies in writable segments. */
static int drop_program_pages(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    (void)context;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) {
            continue;
        }
        uintptr_t start = ((uintptr_t)info->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t end =
            ((uintptr_t)info->dlpi_addr + segment->p_vaddr + segment->p_filesz) & ~(page - 1);
        if (start < end) {
            (void)madvise((void *)start, end - start, MADV_DONTNEED);
        }
    }
    return 1; /* the program itself comes first; libraries are shared with others */
}

void warpgate_memory_release(void) {
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(drop_program_pages, NULL);
}
