/* The ticket keys that a predecessor hands over: what is taken can be given on. */
#include <stdlib.h>

#include "net/tls_ticket.h"

static int64_t tell_time(void *context) {
    (void)context;
    return 1700000000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static const struct clock clock = {tell_time, tell_time, NULL};
    struct tls_ticket_ring *ring = tls_ticket_ring_new(&clock, random_system());
    uint8_t out[TLS_TICKET_BLOB_MAX];
    if (tls_ticket_ring_import(ring, str_make(bytes, len)) == STATUS_OK) {
        size_t kept = tls_ticket_ring_export(ring, out);
        if (tls_ticket_ring_import(ring, str_make(out, kept)) != STATUS_OK) {
            abort();
        }
    }
    tls_ticket_ring_unref(&ring);
    return 0;
}
