#include "edge/edge_retry.h"

#include "edge/edge_request.h"

#define TENTHS 10
#define LEAST_TENTHS (EDGE_RETRY_LEAST * TENTHS)

static void begin_window(struct edge_retry_budget *budget, int64_t now_ms) {
    bool is_first = budget->window_at_ms == 0;
    bool was_idle = now_ms - budget->window_at_ms >= 2 * EDGE_RETRY_WINDOW_MS;
    uint32_t earned = is_first || was_idle ? 0 : budget->request_count;
    budget->previous_request_count = was_idle ? 0 : budget->request_count;
    budget->request_count = 0;
    budget->window_at_ms = now_ms;
    /* What the requests did not earn is made up to the least. */
    if (earned < LEAST_TENTHS && budget->tenths < LEAST_TENTHS) {
        budget->tenths += LEAST_TENTHS - earned;
        if (budget->tenths > LEAST_TENTHS) {
            budget->tenths = LEAST_TENTHS;
        }
    }
}

static void look(struct edge_retry_budget *budget, int64_t now_ms) {
    if (budget->window_at_ms == 0 || now_ms - budget->window_at_ms >= EDGE_RETRY_WINDOW_MS) {
        begin_window(budget, now_ms);
    }
    uint32_t most = budget->request_count + budget->previous_request_count;
    if (most < LEAST_TENTHS) {
        most = LEAST_TENTHS;
    }
    if (budget->tenths > most) {
        budget->tenths = most;
    }
}

void edge_retry_earn(struct edge_retry_budget *budget, int64_t now_ms) {
    budget->request_count++;
    budget->tenths++;
    look(budget, now_ms);
}

bool edge_retry_spend(struct edge_retry_budget *budget, int64_t now_ms) {
    look(budget, now_ms);
    if (budget->tenths < TENTHS) {
        return false;
    }
    budget->tenths -= TENTHS;
    return true;
}

bool edge_retry_may(const struct edge_request *request, bool is_unprocessed) {
    if (request->tries >= EDGE_RETRY_TRIES_MAX) {
        return false;
    }
    if (is_unprocessed) {
        return !request->body.is_gone;
    }
    /* What asks to become a WebSocket has no body, and no end either. */
    bool is_complete = request->body.is_ended || request->is_upgrade;
    return is_complete && !request->body.is_forwarded &&
           http_method_is_idempotent(request->head->method);
}
