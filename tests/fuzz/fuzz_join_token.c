/* fuzz_join_token.c: what somebody pastes after --join: a token that reads, and fits, is written as the same again. */
#include <stdlib.h>

#include "tunnel/join_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct join_token token;
    struct secret text;
    if (join_token_read(str_make(bytes, len), &token, NULL) != STATUS_OK) {
        return 0;
    }
    secret_init(&text);
    if (join_token_write(&token, &text) == STATUS_OK &&
        !str_eq(secret_str(&text), str_make(bytes, len))) {
        abort();
    }
    secret_fini(&text);
    return 0;
}
