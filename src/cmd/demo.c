/* demo.c: accept4 is a GNU extension. */
#define _GNU_SOURCE

#include "cmd/demo.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "http/h1_server.h"
#include "net/conn.h"

extern const unsigned char demo_page[];
extern const size_t demo_page_len;

#define RESTART_MS 1000

struct demo {
    struct loop *loop;
    struct list conns; /* struct demo_conn.node */
    int listen_fd;
    uint16_t port;
    uv_poll_t poll;
    uv_process_t process;
    bool is_process_running;
    struct loop_timer restart_timer;
    struct demo_config config;
    struct secret token;
    char control_url[600];
    char ca_file[PATH_MAX];
    char environment[80];
    unsigned open_handles;
    bool is_stopping;
    void (*on_ended)(void *context);
    void *ended_context;
};

struct demo_conn {
    struct list node;
    struct demo *demo;
    struct conn *conn;
};

/* The sample workload: one page that shows what arrived. */

static struct str escape_html(struct arena *arena, struct str text) {
    char *out = arena_bytes(arena, text.len * 5 + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        struct str replacement = str_sub(text, i, 1);
        if (text.at[i] == '<') {
            replacement = STR("&lt;");
        } else if (text.at[i] == '&') {
            replacement = STR("&amp;");
        }
        memcpy(out + len, replacement.at, replacement.len);
        len += replacement.len;
    }
    return str_make(out, len);
}

static struct str make_rows(struct arena *arena, const struct http_head *head) {
    struct str rows = arena_printf(arena, "<tr><th>host</th><td>%.*s</td></tr>",
                                   STR_ARG(escape_html(arena, head->authority)));
    for (size_t i = 0; i < head->fields.count; i++) {
        rows = arena_printf(arena, "%.*s<tr><th>%.*s</th><td>%.*s</td></tr>", STR_ARG(rows),
                            STR_ARG(escape_html(arena, head->fields.at[i].name)),
                            STR_ARG(escape_html(arena, head->fields.at[i].value)));
    }
    return rows;
}

static struct str make_page(struct arena *arena, const struct http_head *head) {
    struct str page = str_make(demo_page, demo_page_len);
    struct str before;
    struct str after;
    /* pages/demo.html has one mark, "^", where the rows of the table go. */
    (void)str_cut(page, '^', &before, &after);
    return arena_printf(arena, "%.*s%.*s%.*s", STR_ARG(before), STR_ARG(make_rows(arena, head)),
                        STR_ARG(after));
}

static void on_request(void *context, struct http_stream *stream, const struct http_head *request,
                       bool is_end) {
    (void)context;
    (void)is_end;
    http_stream_discard(stream);
    bool is_head = str_eq(request->method, STR("HEAD"));
    struct str page = make_page(stream->arena, request);
    struct http_head head = {.status = 200};
    http_fields_add(&head.fields, stream->arena, STR("content-type"),
                    STR("text/html; charset=utf-8"));
    http_fields_add(&head.fields, stream->arena, STR("content-length"),
                    arena_printf(stream->arena, "%zu", page.len));
    head.has_content_length = true;
    head.content_length = page.len;
    http_stream_send_head(stream, &head, is_head);
    if (!is_head) {
        http_stream_send(stream, (const uint8_t *)page.at, page.len);
        http_stream_end(stream, NULL);
    }
}

static void on_established(void *owner, struct conn *conn) {
    struct demo_conn *client = owner;
    const struct h1_server_config config = {
        .pool = loop_block_pool(client->demo->loop),
        .server = {.on_request = on_request},
        .scheme = STR_INIT("http"),
    };
    conn_set_engine(conn, h1_server_engine(h1_server_new(&config)));
}

static void check_ended(struct demo *demo);

static void on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    struct demo_conn *client = owner;
    struct demo *demo = client->demo;
    (void)conn;
    (void)why;
    list_remove(&client->node);
    memory_free(client);
    check_ended(demo);
}

static const struct conn_events workload_conn_events = {.on_established = on_established,
                                                        .on_closed = on_conn_closed};

static void on_acceptable(uv_poll_t *poll, int status, int events) {
    struct demo *demo = poll->data;
    (void)status;
    (void)events;
    int fd = accept4(demo->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    static const struct conn_timeouts timeouts = {0};
    struct demo_conn *client = MEMORY_NEW(struct demo_conn);
    client->demo = demo;
    list_append(&demo->conns, &client->node);
    client->conn = conn_accept(demo->loop, fd, NULL, &timeouts, &workload_conn_events, client);
}

static enum status listen_on_loopback(struct demo *demo, struct why *why) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    demo->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (demo->listen_fd < 0 || bind(demo->listen_fd, (struct sockaddr *)&address, len) != 0 ||
        listen(demo->listen_fd, 128) != 0 ||
        getsockname(demo->listen_fd, (struct sockaddr *)&address, &len) != 0) {
        return why_set(why, STATUS_FAILED, "demo_listen", "the sample workload has no port: %s",
                       strerror(errno));
    }
    demo->port = ntohs(address.sin_port);
    (void)uv_poll_init(loop_uv(demo->loop), &demo->poll, demo->listen_fd);
    demo->poll.data = demo;
    (void)uv_poll_start(&demo->poll, UV_READABLE, on_acceptable);
    return STATUS_OK;
}

/* The warpgate beside it. */

static void on_process_closed(uv_handle_t *handle) {
    struct demo *demo = handle->data;
    demo->is_process_running = false;
    check_ended(demo);
}

static void on_exit_process(uv_process_t *process, int64_t exit_status, int signal_number) {
    struct demo *demo = process->data;
    if (!demo->is_stopping) {
        log_warn("demo.warpgate_ended", "status=%lld signal=%d", (long long)exit_status,
                 signal_number);
        loop_timer_set(&demo->restart_timer, RESTART_MS);
    }
    uv_close((uv_handle_t *)process, on_process_closed);
}

/* The program of that name in the folder of this one. */
static enum status find_beside(const char *name, char out[PATH_MAX], struct why *why) {
    char self[PATH_MAX];
    size_t len = sizeof self;
    if (uv_exepath(self, &len) != 0) {
        return why_set(why, STATUS_FAILED, "demo_program", "the path of this program is not known");
    }
    char *slash = strrchr(self, '/');
    int folder_len = slash != NULL ? (int)(slash - self) : 0;
    int written = snprintf(out, PATH_MAX, "%.*s/%s", folder_len, self, name);
    if (written < 0 || written >= PATH_MAX || access(out, X_OK) != 0) {
        return why_set(why, STATUS_NOT_FOUND, "demo_program",
                       "--demo needs the program %s beside mezusphere", name);
    }
    return STATUS_OK;
}

static enum status start_warpgate(struct demo *demo, struct why *why) {
    char program[PATH_MAX];
    char upstream[32];
    char token[SECRET_MAX + 32];
    enum status status = find_beside("warpgate", program, why);
    if (status != STATUS_OK) {
        return status;
    }
    (void)snprintf(upstream, sizeof upstream, "127.0.0.1:%u", demo->port);
    (void)snprintf(token, sizeof token, "WARPGATE_TOKEN=%.*s", STR_ARG(secret_str(&demo->token)));
    char *arguments[] = {program,           "--upstream",  upstream, "--control", demo->control_url,
                         "--ca-file",       demo->ca_file, "--name", "demo",      "--environment",
                         demo->environment, "--log-level", "warn",   NULL};
    char *environment[] = {token, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    const uv_process_options_t options = {
        .exit_cb = on_exit_process,
        .file = program,
        .args = arguments,
        .env = environment,
        .stdio = stdio,
        .stdio_count = 3,
        /* Its own group: a Ctrl-C in the terminal is ours to pass on, in order. */
        .flags = UV_PROCESS_DETACHED,
    };
    int result = uv_spawn(loop_uv(demo->loop), &demo->process, &options);
    secret_wipe(token, sizeof token);
    demo->process.data = demo;
    if (result != 0) {
        return why_set(why, STATUS_FAILED, "demo_spawn", "cannot start %s: %s", program,
                       uv_strerror(result));
    }
    demo->is_process_running = true;
    return STATUS_OK;
}

static void on_restart(struct loop_timer *timer) {
    struct demo *demo = timer->context;
    struct why why = {0};
    if (!demo->is_stopping && start_warpgate(demo, &why) != STATUS_OK) {
        log_error("demo.failed", "code=%s detail=%s", why.slug, why.text);
    }
}

enum status demo_new(const struct demo_config *config, const struct secret *token, struct demo **at,
                     struct why *why) {
    struct demo *demo = MEMORY_NEW(struct demo);
    *at = demo;
    demo->loop = config->loop;
    list_init(&demo->conns);
    demo->token = *token;
    (void)snprintf(demo->control_url, sizeof demo->control_url, "%s", config->control_url);
    (void)snprintf(demo->ca_file, sizeof demo->ca_file, "%s", config->ca_file);
    (void)snprintf(demo->environment, sizeof demo->environment, "%s", config->environment);
    loop_timer_init(&demo->restart_timer, demo->loop, on_restart, demo);
    enum status status = listen_on_loopback(demo, why);
    return status == STATUS_OK ? start_warpgate(demo, why) : status;
}

static void on_handle_closed(uv_handle_t *handle) {
    struct demo *demo = handle->data;
    demo->open_handles--;
    check_ended(demo);
}

static void on_timer_closed(struct loop_timer *timer) {
    struct demo *demo = timer->context;
    demo->open_handles--;
    check_ended(demo);
}

static void check_ended(struct demo *demo) {
    if (!demo->is_stopping || demo->open_handles > 0 || demo->is_process_running ||
        !list_is_empty(&demo->conns)) {
        return;
    }
    void (*on_ended)(void *context) = demo->on_ended;
    void *context = demo->ended_context;
    secret_fini(&demo->token);
    memory_free(demo);
    on_ended(context);
}

void demo_stop(struct demo **at, void (*on_ended)(void *context), void *context) {
    struct demo *demo = *at;
    *at = NULL;
    demo->is_stopping = true;
    demo->on_ended = on_ended;
    demo->ended_context = context;
    demo->open_handles = 2;
    (void)uv_poll_stop(&demo->poll);
    uv_close((uv_handle_t *)&demo->poll, on_handle_closed);
    (void)close(demo->listen_fd);
    loop_timer_close(&demo->restart_timer, on_timer_closed);
    for (struct list *node = demo->conns.next; node != &demo->conns; node = node->next) {
        conn_abort(CONTAINER_OF(node, struct demo_conn, node)->conn);
    }
    if (demo->is_process_running) {
        (void)uv_process_kill(&demo->process, SIGTERM);
    }
}
