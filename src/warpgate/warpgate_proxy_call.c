#include "warpgate/warpgate_proxy_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/secret.h"
#include "net/socket.h"

#define ANSWER_MS 10000
/* CONNECT, Host, both with the target, Proxy-Authorization, and what stands around them. */
#define REQUEST_SIZE (2 * (ADDRESS_HOST_SIZE + 8) + WARPGATE_PROXY_AUTHORIZATION_SIZE + 128)

struct warpgate_proxy_call {
    struct warpgate_parts *parts;
    uv_poll_t poll;
    struct loop_timer timer;
    struct loop_task begin;
    int fd;
    unsigned handle_count;
    bool has_poll;
    bool is_over;
    char request[REQUEST_SIZE];
    size_t request_len;
    size_t sent;
    char answer[WARPGATE_PROXY_ANSWER_MAX];
    size_t answer_len;
    struct why why;
    warpgate_proxied_fn done;
    void *context;
};

static void drop_handle(struct warpgate_proxy_call *call) {
    call->handle_count--;
    if (call->handle_count == 0) {
        struct warpgate_parts *parts = call->parts;
        memory_free(call);
        warpgate_parts_drop(parts);
    }
}

static void on_poll_closed(uv_handle_t *handle) {
    drop_handle(CONTAINER_OF((uv_poll_t *)handle, struct warpgate_proxy_call, poll));
}

static void on_timer_closed(struct loop_timer *timer) {
    drop_handle(CONTAINER_OF(timer, struct warpgate_proxy_call, timer));
}

/* The descriptor, no longer watched; the call's memory goes later. */
static int end_call(struct warpgate_proxy_call *call) {
    int fd = call->fd;
    call->fd = -1;
    call->is_over = true;
    secret_wipe(call->request, sizeof(call->request));
    loop_task_cancel(&call->begin);
    if (call->has_poll) {
        uv_close((uv_handle_t *)&call->poll, on_poll_closed);
    }
    loop_timer_close(&call->timer, on_timer_closed);
    return fd;
}

static void fail(struct warpgate_proxy_call *call) {
    struct why why = call->why;
    (void)close(end_call(call));
    call->done(call->context, -1, &why);
}

static void fail_closed(struct warpgate_proxy_call *call, const char *text) {
    (void)why_set(&call->why, STATUS_CLOSED, "proxy_closed",
                  "the proxy closed the connection without an answer to CONNECT: %s", text);
    fail(call);
}

static void send_request(struct warpgate_proxy_call *call) {
    ssize_t sent =
        send(call->fd, call->request + call->sent, call->request_len - call->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        fail_closed(call, strerror(errno));
        return;
    }
    call->sent += sent > 0 ? (size_t)sent : 0;
}

/* Looks before it takes, so that nothing behind the head is taken: that is the target's. */
static void read_answer(struct warpgate_proxy_call *call) {
    size_t head_len;
    char *end = call->answer + call->answer_len;
    ssize_t got = recv(call->fd, end, sizeof(call->answer) - call->answer_len, MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        fail_closed(call, got < 0 ? strerror(errno) : "end of the connection");
        return;
    }
    struct str answer = str_make(call->answer, call->answer_len + (size_t)got);
    enum status status = warpgate_proxy_judge(answer, &head_len, &call->why);
    size_t taken = status == STATUS_OK ? head_len - call->answer_len : (size_t)got;
    if (recv(call->fd, end, taken, 0) != (ssize_t)taken) {
        fail_closed(call, "end of the connection");
        return;
    }
    call->answer_len += taken;
    if (status == STATUS_OK) {
        call->done(call->context, end_call(call), NULL);
        return;
    }
    if (status != STATUS_AGAIN) {
        fail(call);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct warpgate_proxy_call *call) {
    bool is_sent = call->sent == call->request_len;
    (void)uv_poll_start(&call->poll, is_sent ? UV_READABLE : UV_READABLE | UV_WRITABLE, on_ready);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct warpgate_proxy_call *call = CONTAINER_OF(poll, struct warpgate_proxy_call, poll);
    if (status < 0) {
        int error = socket_error(call->fd); /* libuv calls every failure EBADF */
        fail_closed(call, strerror(error != 0 ? error : -status));
        return;
    }
    if ((events & UV_WRITABLE) != 0 && call->sent < call->request_len) {
        send_request(call);
    }
    if (!call->is_over && (events & UV_READABLE) != 0) {
        read_answer(call);
    }
    if (!call->is_over) {
        watch(call);
    }
}

static void on_timer(struct loop_timer *timer) {
    struct warpgate_proxy_call *call = timer->context;
    (void)why_set(&call->why, STATUS_TIMEOUT, "timeout_proxy",
                  "the proxy did not answer CONNECT in %d s", ANSWER_MS / 1000);
    fail(call);
}

static void begin(struct loop_task *task) {
    struct warpgate_proxy_call *call = CONTAINER_OF(task, struct warpgate_proxy_call, begin);
    if (uv_poll_init(loop_uv(call->parts->loop), &call->poll, call->fd) != 0) {
        fail_closed(call, "out of descriptors");
        return;
    }
    call->has_poll = true;
    call->handle_count++;
    watch(call);
}

static void write_request(struct warpgate_proxy_call *call, const struct warpgate_proxy *proxy,
                          const char *host, uint16_t port) {
    bool is_v6 = strchr(host, ':') != NULL;
    char target[ADDRESS_HOST_SIZE + 8];
    (void)snprintf(target, sizeof(target), is_v6 ? "[%s]:%u" : "%s:%u", host, port);
    int len = snprintf(call->request, sizeof(call->request),
                       "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", target, target,
                       proxy->authorization[0] != '\0' ? "Proxy-Authorization: Basic " : "",
                       proxy->authorization, proxy->authorization[0] != '\0' ? "\r\n" : "");
    call->request_len = (size_t)len;
}

struct warpgate_proxy_call *warpgate_proxy_call_start(struct warpgate_parts *parts,
                                                      const struct warpgate_proxy *proxy, int fd,
                                                      const char *host, uint16_t port,
                                                      warpgate_proxied_fn done, void *context) {
    struct warpgate_proxy_call *call = MEMORY_NEW(struct warpgate_proxy_call);
    call->parts = parts;
    call->fd = fd;
    call->done = done;
    call->context = context;
    call->handle_count = 1;
    write_request(call, proxy, host, port);
    warpgate_parts_hold(parts);
    loop_timer_init(&call->timer, parts->loop, on_timer, call);
    loop_timer_set(&call->timer, ANSWER_MS);
    loop_task_init(&call->begin, begin);
    loop_task_schedule(parts->loop, &call->begin);
    return call;
}

void warpgate_proxy_call_cancel(struct warpgate_proxy_call **at) {
    struct warpgate_proxy_call *call = *at;
    *at = NULL;
    if (call != NULL && !call->is_over) {
        (void)close(end_call(call));
    }
}
