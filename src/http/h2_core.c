#include "http/h2_core.h"

#include <string.h>

static const uint8_t drain_payload[8] = {'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'};

void h2_core_wake(struct h2_session *session) {
    if (!session->is_notified && session->busy != H2_BUSY_SENDING) {
        session->is_notified = true;
        engine_notify(&session->engine);
    }
}

void h2_core_end_if_due(struct h2_session *session) {
    if (!session->has_end_error || session->busy != H2_BUSY_NOT ||
        session->state >= H2_SESSION_ENDED) {
        return;
    }
    session->state = H2_SESSION_ENDED;
    if (nghttp2_session_terminate_session(session->ng, session->end_error) != 0) {
        session->state = H2_SESSION_BROKEN;
    }
    h2_core_wake(session);
}

void h2_core_end(struct h2_session *session, uint32_t h2_error) {
    if (!session->has_end_error && session->state < H2_SESSION_ENDED) {
        session->has_end_error = true;
        session->end_error = h2_error;
    }
    h2_core_end_if_due(session);
}

void h2_core_charge(struct h2_session *session, unsigned points) {
    if (session->config.profile != H2_TUNNEL && !h2_budget_charge(&session->budget, points)) {
        h2_core_end(session, NGHTTP2_ENHANCE_YOUR_CALM);
    }
}

static void submit_final_goaway(struct h2_session *session) {
    session->state = H2_SESSION_FINAL;
    nghttp2_submit_goaway(session->ng, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session->ng), NGHTTP2_NO_ERROR,
                          NULL, 0);
    h2_core_wake(session);
}

void h2_core_take_ping_ack(struct h2_session *session, const uint8_t payload[8]) {
    if (memcmp(payload, drain_payload, sizeof drain_payload) == 0) {
        if (session->state == H2_SESSION_NOTICED) {
            submit_final_goaway(session);
        }
        return;
    }
    if (!h2_window_take_ping_ack(session, payload) && session->config.on_ping_ack != NULL) {
        session->config.on_ping_ack(session->config.context, payload);
    }
}

void h2_core_drain(struct h2_session *session) {
    if (session->state != H2_SESSION_OPEN) {
        return;
    }
    if (session->config.role == H2_CLIENT) {
        submit_final_goaway(session); /* a server opens no streams: there is nothing to wait for */
        return;
    }
    session->state = H2_SESSION_NOTICED;
    nghttp2_submit_shutdown_notice(session->ng);
    nghttp2_submit_ping(session->ng, NGHTTP2_FLAG_NONE, drain_payload);
    h2_core_wake(session);
}
