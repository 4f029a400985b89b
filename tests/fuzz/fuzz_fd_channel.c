/* What another process writes into a channel, in pieces of the first byte's length. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fd_channel.h"

static void on_message(void *owner, struct fd_channel *channel,
                       struct fd_channel_message *message) {
    (void)channel;
    *(size_t *)owner += 4 + message->payload.len;
    if (message->fd_count != 0) {
        abort();
    }
}

static void on_closed(void *owner, struct fd_channel *channel, const struct why *why) {
    (void)channel;
    (void)why;
    *(size_t *)owner |= (size_t)1 << 40;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static const struct fd_channel_events events = {on_message, on_closed};
    struct fd_channel *channel;
    size_t told = 0;
    int pair[2];
    if (len == 0 || len > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        return 0;
    }
    struct loop *loop = loop_new(clock_system(), random_system());
    if (fd_channel_adopt(loop, pair[0], &events, &told, &channel, NULL) != STATUS_OK) {
        abort();
    }
    size_t step = bytes[0] == 0 ? len : bytes[0];
    for (size_t at = 1; at < len; at += step) {
        (void)send(pair[1], bytes + at, len - at < step ? len - at : step, MSG_NOSIGNAL);
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
    close(pair[1]);
    while (told < (size_t)1 << 40) {
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
    loop_free(&loop);
    return 0;
}
