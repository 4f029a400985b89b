#include "net/tls_memory.h"

#include <openssl/crypto.h>

#include "base/recycler.h"

static void *take(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return recycler_take(size);
}

static void *resize(void *at, size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return recycler_resize(at, size);
}

static void give(void *at, const char *file, int line) {
    (void)file;
    (void)line;
    recycler_give(at);
}

void tls_memory_install(void) {
    (void)CRYPTO_set_mem_functions(take, resize, give);
}
