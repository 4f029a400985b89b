/* fuzz_proxy_answer.c: what a proxy may answer to CONNECT, whole and byte by byte: the verdict is the same. */
#include "warpgate/warpgate_proxy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct why why;
    size_t whole_len;
    len = len < WARPGATE_PROXY_ANSWER_MAX ? len
                                          : WARPGATE_PROXY_ANSWER_MAX; /* all that is ever read */
    size_t head_len = 0;
    enum status whole = warpgate_proxy_judge(str_make(bytes, len), &whole_len, &why);
    enum status status = STATUS_AGAIN;
    for (size_t at = 0; at <= len && status == STATUS_AGAIN; at++) {
        status = warpgate_proxy_judge(str_make(bytes, at), &head_len, &why);
    }
    if (status != whole || (whole == STATUS_OK && (head_len != whole_len || head_len > len))) {
        abort();
    }
    return 0;
}
