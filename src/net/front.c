#include "net/front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/conn_state.h"
#include "net/descriptor_budget.h"
#include "net/socket.h"

/* Handshakes are what costs: who takes many from a queue that others share makes some wait while those have nothing to do. */
#define ACCEPTS_PER_TURN 4
#define PAUSE_MS 100
#define LOG_INTERVAL_MS 1000
#define LIMIT_INTERVAL_MS 1000 /* an administrator may have changed it (prlimit) */

struct front_hello {
    const struct tls_hello *tls;
};

struct front {
    struct loop *loop;
    uv_poll_t poll;
    struct loop_timer pause;
    int fd; /* -1: closed */
    int handle_count;
    bool is_freed;
    bool is_alone_woken; /* socket_wake_one was called */
    bool is_shedding;    /* the reserve of descriptors is touched */
    bool is_short_of_descriptors;
    struct tls_context *tls; /* what a handshake begins with, until it names a service */
    struct front_service services[FRONT_SERVICES_MAX];
    size_t service_count;
    struct list visits; /* in handshake, oldest first */
    size_t visit_count;
    int64_t next_log_ms;
    int64_t next_pressure_ms;
    int64_t next_limit_ms;
    void (*on_pressure)(void *context, size_t missing_count);
    void *pressure_context;
};

/* A connection in its handshake. */
struct front_visit {
    struct list node;
    struct front *front; /* NULL: freed meanwhile */
    struct conn *conn;
    const struct front_service *service; /* NULL: not named yet */
};

/* ---- handshakes ---- */

static bool is_scarce(void) {
    struct descriptor_budget budget = descriptor_budget_now();
    return descriptor_budget_missing(&budget) > 0;
}

static struct tls_context *choose_service(void *context, const struct tls_hello *tls_hello) {
    struct front_visit *visit = context;
    struct front_hello hello = {tls_hello};
    struct str name = tls_hello_name(tls_hello);
    if (visit->front == NULL || name.len == 0) {
        return NULL;
    }
    for (size_t i = 0; i < visit->front->service_count; i++) {
        const struct front_service *service = &visit->front->services[i];
        if (service->wants(service->context, name, &hello)) {
            visit->service = service;
            if (service->is_sheddable && is_scarce()) {
                visit->conn->tls.refusal_alert = SSL_AD_INTERNAL_ERROR;
                return NULL;
            }
            conn_set_timeouts(visit->conn, &service->timeouts);
            return service->tls(service->context);
        }
    }
    return NULL;
}

static void end_visit(struct front_visit *visit) {
    if (visit->front != NULL) {
        list_remove(&visit->node);
        visit->front->visit_count--;
    }
    memory_free(visit);
}

static void on_visit_established(void *owner, struct conn *conn) {
    struct front_visit *visit = owner;
    const struct front_service *service = visit->front != NULL ? visit->service : NULL;
    conn_set_events(conn, &conn_no_events, NULL); /* until the service has set its own */
    end_visit(visit);
    if (service == NULL) {
        conn_abort(conn);
        return;
    }
    service->accept(service->context, conn);
}

/* Strangers may fail as often as they like: the log gets one line a second. */
static void log_failure(const struct front_visit *visit, struct str name, const struct why *why) {
    struct front *front = visit->front;
    int64_t now_ms = loop_now_ms(front->loop);
    if (now_ms < front->next_log_ms) {
        return;
    }
    front->next_log_ms = now_ms + LOG_INTERVAL_MS;
    log_info("front.handshake_failed", "service=%s name=%.*s code=%s reason=\"%s\"",
             visit->service != NULL ? visit->service->name : "none", STR_ARG(name), why->slug,
             why->text);
}

static void on_visit_closed(void *owner, struct conn *conn, const struct why *why) {
    struct front_visit *visit = owner;
    if (visit->front != NULL) {
        log_failure(visit, conn_server_name(conn), why);
    }
    end_visit(visit);
}

static const struct conn_events visit_events = {on_visit_established, on_visit_closed};

/* ---- accepting ---- */

static void begin_visit(struct front *front, int fd, size_t handshakes_max) {
    static const struct conn_timeouts default_timeouts = {0};
    while (front->visit_count >= handshakes_max) {
        struct front_visit *oldest = CONTAINER_OF(front->visits.next, struct front_visit, node);
        conn_abort(oldest->conn);
        list_remove(&oldest->node);
        front->visit_count--;
        oldest->front = NULL;
    }
    struct front_visit *visit = MEMORY_NEW(struct front_visit);
    visit->front = front;
    list_init(&visit->node);
    list_append(&front->visits, &visit->node);
    front->visit_count++;
    visit->conn = conn_accept(front->loop, fd, front->tls, &default_timeouts, &visit_events, visit);
    conn_set_choose(visit->conn, choose_service, visit);
}

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void watch(struct front *front) {
    front->is_alone_woken = false;
    uv_poll_start(&front->poll, UV_READABLE, on_acceptable);
}

/* How many handshakes may go on: half-open ones must not use up the reserve. Says so to whom it concerns. */
static size_t look_at_descriptors(struct front *front) {
    int64_t now_ms = loop_now_ms(front->loop);
    if (now_ms >= front->next_limit_ms) {
        front->next_limit_ms = now_ms + LIMIT_INTERVAL_MS;
        descriptor_budget_read_limit();
    }
    struct descriptor_budget budget = descriptor_budget_now();
    size_t missing_count = descriptor_budget_missing(&budget);
    if (missing_count == 0) {
        front->is_shedding = false;
        return FRONT_HANDSHAKES_MAX;
    }
    if (!front->is_shedding) {
        front->is_shedding = true;
        log_warn("front.shedding", "open=%zu limit=%zu hint=\"raise the limit of open files\"",
                 budget.used, budget.limit);
    }
    if (front->on_pressure != NULL && now_ms >= front->next_pressure_ms) {
        front->next_pressure_ms = now_ms + FRONT_PRESSURE_MS;
        front->on_pressure(front->pressure_context, missing_count);
    }
    size_t handshakes_max = budget.reserve / 2;
    return handshakes_max < FRONT_HANDSHAKES_MAX ? handshakes_max + 1 : FRONT_HANDSHAKES_MAX;
}

static void pause_accepting(struct front *front, int error) {
    if (!front->is_short_of_descriptors) {
        front->is_short_of_descriptors = true;
        log_warn("front.paused", "reason=\"%s\" hint=\"raise the limit of open files\"",
                 strerror(error));
    }
    uv_poll_stop(&front->poll);
    loop_timer_set(&front->pause, PAUSE_MS);
}

static void on_pause_over(struct loop_timer *timer) {
    struct front *front = timer->context;
    if (front->fd >= 0) {
        watch(front);
    }
}

static void on_acceptable(uv_poll_t *poll, int status, int events) {
    struct front *front = poll->data;
    (void)events;
    if (status < 0) {
        pause_accepting(front, EBADF);
        return;
    }
    if (!front->is_alone_woken) {
        front->is_alone_woken = true;
        socket_wake_one(front->loop, front->fd);
    }
    size_t handshakes_max = look_at_descriptors(front);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = socket_accept(front->fd);
        if (fd >= 0) {
            begin_visit(front, fd, handshakes_max);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            front->is_short_of_descriptors = false;
            return;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(front, errno);
            return;
        }
        /* Else it is that connection's own misfortune (ECONNABORTED, EPROTO, EPERM …). */
    }
}

/* ---- life ---- */

/* A handshake's first context, with which its tickets are sealed. */
static struct tls_context *make_first_context(struct loop *loop) {
    struct tls_context *context = tls_context_new(TLS_VISITOR_SERVER);
    struct tls_ticket_ring *ring = tls_ticket_ring_new(loop_clock(loop), loop_random(loop));
    tls_context_set_tickets(context, ring);
    tls_ticket_ring_unref(&ring);
    return context;
}

static enum status open_front(struct loop *loop, int fd, struct front **out, struct why *why) {
    struct front *front = MEMORY_NEW(struct front);
    front->loop = loop;
    front->fd = fd;
    list_init(&front->visits);
    int error = uv_poll_init(loop_uv(loop), &front->poll, fd);
    if (error != 0) {
        memory_free(front);
        return why_set(why, STATUS_FAILED, "listen_failed", "cannot watch the socket: %s",
                       uv_strerror(error));
    }
    front->poll.data = front;
    loop_timer_init(&front->pause, loop, on_pause_over, front);
    front->handle_count = 2;
    front->tls = make_first_context(loop);
    descriptor_budget_count_others();
    watch(front);
    *out = front;
    return STATUS_OK;
}

enum status front_adopt(struct loop *loop, int fd, struct front **front, struct why *why) {
    enum status status = socket_adopt_listener(fd, why);
    return status == STATUS_OK ? open_front(loop, fd, front, why) : status;
}

void front_add(struct front *front, const struct front_service *service) {
    if (front->service_count == FRONT_SERVICES_MAX) {
        log_error("front.services_full", "service=%s", service->name);
        abort();
    }
    front->services[front->service_count++] = *service;
}

void front_set_on_pressure(struct front *front,
                           void (*on_pressure)(void *context, size_t missing_count),
                           void *context) {
    front->on_pressure = on_pressure;
    front->pressure_context = context;
}

static void release_when_closed(struct front *front) {
    if (front->is_freed && front->handle_count == 0) {
        memory_free(front);
    }
}

static void on_poll_closed(uv_handle_t *handle) {
    struct front *front = handle->data;
    front->handle_count--;
    release_when_closed(front);
}

static void on_pause_closed(struct loop_timer *timer) {
    struct front *front = timer->context;
    front->handle_count--;
    release_when_closed(front);
}

void front_close(struct front *front) {
    if (front->fd < 0) {
        return;
    }
    uv_close((uv_handle_t *)&front->poll, on_poll_closed);
    loop_timer_close(&front->pause, on_pause_closed);
    close(front->fd);
    front->fd = -1;
}

void front_free(struct front **at) {
    struct front *front = *at;
    *at = NULL;
    if (front == NULL) {
        return;
    }
    front_close(front);
    while (!list_is_empty(&front->visits)) {
        struct front_visit *visit = CONTAINER_OF(front->visits.next, struct front_visit, node);
        list_remove(&visit->node);
        visit->front = NULL;
        visit->service = NULL;
        conn_abort(visit->conn);
    }
    tls_context_unref(&front->tls);
    front->is_freed = true;
    release_when_closed(front);
}

void front_set_tickets(struct front *front, struct tls_ticket_ring *tickets) {
    tls_context_set_tickets(front->tls, tickets);
}

size_t front_handshake_count(const struct front *front) {
    return front->visit_count;
}

bool front_hello_offers(const struct front_hello *hello, struct str protocol) {
    return tls_hello_offers(hello->tls, protocol);
}
