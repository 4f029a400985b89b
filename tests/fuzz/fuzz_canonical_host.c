/* fuzz_canonical_host.c: what is accepted is its own canonical form, and no more than 253 bytes or an address. */
#include <stdlib.h>

#include "policy/canonical_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    char host[CANONICAL_HOST_SIZE], again[CANONICAL_HOST_SIZE];
    if (canonical_host(str_make(bytes, len), host, NULL) != STATUS_OK) {
        return 0;
    }
    struct str name = str_from(host);
    if (name.len == 0 || name.len > 253 || canonical_host(name, again, NULL) != STATUS_OK ||
        !str_eq(name, str_from(again)) || str_ends_with(name, STR("."))) {
        abort();
    }
    (void)!canonical_host_check_name(name, NULL);
    return 0;
}
