/* The two ClientHello extensions that decide who serves a connection. The first byte says which. */
#include <stdlib.h>

#include "net/tls_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct tls_hello hello = {0};
    if (len == 0) {
        return 0;
    }
    if (bytes[0] == 'n') {
        enum status status = tls_hello_parse_name(bytes + 1, len - 1, &hello);
        if ((status == STATUS_OK) != (tls_hello_name(&hello).len > 0)) {
            abort();
        }
        return 0;
    }
    enum status status = tls_hello_parse_protocols(bytes + 1, len - 1, &hello);
    bool offers = tls_hello_offers(&hello, STR("h2")) || tls_hello_offers(&hello, STR("http/1.1"));
    if (status != STATUS_OK && offers) {
        abort();
    }
    return 0;
}
