/* fuzz_api_key.c: a key as somebody types it. What passes is 50 letters and digits, and is one character from failing. */
#include <stdlib.h>

#include "pki/api_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    char text[API_KEY_LENGTH];
    struct why why;
    if (api_key_check(str_make(bytes, len), &why) != STATUS_OK) {
        return 0;
    }
    if (len != API_KEY_LENGTH) {
        abort();
    }
    memcpy(text, bytes, len);
    text[bytes[0] % API_KEY_LENGTH] ^= 1;
    if (api_key_check(str_make(text, len), &why) == STATUS_OK) {
        abort();
    }
    return 0;
}
