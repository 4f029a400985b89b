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
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "base/arena.h"
#include "base/recycler.h"
#include "net/tls_memory.h"

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

static void ignore_keymgmt(EVP_KEYMGMT *keymgmt, void *context) {
    (void)keymgmt;
    (void)context;
}

static void ignore_decoder(OSSL_DECODER *decoder, void *context) {
    (void)decoder;
    (void)context;
}

static void ignore_encoder(OSSL_ENCODER *encoder, void *context) {
    (void)encoder;
    (void)context;
}

void warpgate_memory_prepare(char **argv) {
    restart_without_cache(argv);
    (void)setenv("UV_THREADPOOL_SIZE", "1", 1);
    /* A resolver that went away with the network is asked again soon, not after its default of up to half a minute. */
    (void)setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
    (void)mallopt(M_ARENA_MAX, 1);
    tls_memory_install();
    /* A file on the host must not decide what the agent's TLS does. Error texts would cost 150 KiB; what operators can do
     * something about has words of our own (net/tls_session_why.c), the rest is told by number. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
                              NULL);
    (void)OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_SSL_STRINGS, NULL);
    /* What OpenSSL keeps for good, it makes now: side by side, not among the garbage of the first key that it decodes. */
    EVP_KEYMGMT_do_all_provided(NULL, ignore_keymgmt, NULL);
    OSSL_DECODER_do_all_provided(NULL, ignore_decoder, NULL);
    OSSL_ENCODER_do_all_provided(NULL, ignore_encoder, NULL);
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

void warpgate_memory_release(struct loop *loop) {
    block_pool_trim(loop_block_pool(loop));
    arena_trim();
    recycler_trim();
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(drop_program_pages, NULL);
}
