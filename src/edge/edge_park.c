#include "edge/edge_park.h"

#include "base/memory.h"
#include "edge/edge_deadline.h"
#include "edge/edge_spread.h"

static bool is_expected(const struct edge_worker *worker,
                        const struct edge_environment *environment) {
    int64_t since_ms = loop_now_ms(worker->loop) - EDGE_PARK_RECENT_MS;
    if (edge_environment_is_served(environment)) {
        return true; /* by what is full, or has just been lost and does not know it yet */
    }
    return worker->started_ms > since_ms ||
           (environment->has_served && environment->served_until_ms > since_ms);
}

static int64_t choose_patience_ms(const struct edge_worker *worker,
                                  const struct edge_environment *environment) {
    bool is_first = environment != NULL && !environment->has_served &&
                    worker->started_ms > loop_now_ms(worker->loop) - EDGE_PARK_RECENT_MS;
    return is_first ? EDGE_PARK_BEGINNING_MS : EDGE_PARK_MS;
}

enum edge_step_result edge_park(struct edge_request *request,
                                struct edge_environment *environment) {
    struct edge_worker *worker = request->worker;
    int64_t now_ms = loop_now_ms(worker->loop);
    if (environment != NULL && !edge_environment_is_served(environment)) {
        edge_spread_again(request->visitor, &environment->id);
    }
    if (request->parking.until_ms == 0) {
        /* once for a try, however often it is woken */
        request->parking.until_ms = now_ms + choose_patience_ms(worker, environment);
    }
    if (environment == NULL || now_ms >= request->parking.until_ms ||
        worker->parked_count >= EDGE_PARK_WORKER_MAX ||
        environment->parked_count >= EDGE_PARK_ENVIRONMENT_MAX ||
        !is_expected(worker, environment)) {
        return edge_request_refuse(request, EDGE_CODE_NO_WARPGATE, NULL);
    }
    request->parking.at = environment;
    list_append(&environment->parked, &request->parking.node);
    environment->parked_count++;
    worker->parked_count++;
    edge_deadline_start(request, EDGE_DEADLINE_PARKED, request->parking.until_ms - now_ms);
    return EDGE_STEP_WAIT;
}

void edge_park_leave(struct edge_request *request) {
    if (request->parking.at == NULL) {
        return;
    }
    edge_deadline_clear(request);
    list_remove(&request->parking.node);
    request->parking.at->parked_count--;
    request->worker->parked_count--;
    request->parking.at = NULL;
}

void edge_park_wake(struct edge_environment *environment) {
    if (environment->parked_count > 0) {
        loop_task_schedule(environment->worker->loop, &environment->wake_task);
    }
}

/* The first that waits, which waits no longer. */
static struct edge_request *take_first(struct edge_environment *environment) {
    struct edge_request *request =
        CONTAINER_OF(environment->parked.next, struct edge_request, parking.node);
    edge_park_leave(request);
    return request;
}

void edge_park_run(struct loop_task *task) {
    struct edge_environment *environment = CONTAINER_OF(task, struct edge_environment, wake_task);
    /* As many as there are now, and for as long as there is room: what finds none after all waits again. */
    for (size_t left = environment->parked_count;
         left > 0 && environment->parked_count > 0 && edge_environment_has_room(environment);
         left--) {
        edge_request_resume(take_first(environment));
    }
}

void edge_park_dismiss(struct edge_environment *environment) {
    loop_task_cancel(&environment->wake_task);
    while (environment->parked_count > 0) {
        struct edge_request *request = take_first(environment);
        (void)edge_request_refuse(request, EDGE_CODE_NO_WARPGATE, NULL);
        edge_request_resume(request);
    }
}
