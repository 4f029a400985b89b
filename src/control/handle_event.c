/* handle_event.c: what happens, as it happens: streams of an environment's and of an organization's events (event_watch.h). */
#include "control/api_stream.h"
#include "control/event_watch.h"
#include "control/handle.h"

enum status handle_event_environment(struct api_call *call) {
    return api_stream_answer(call, EVENT_WATCH_ENVIRONMENT, &call->object);
}

enum status handle_event_organization(struct api_call *call) {
    return api_stream_answer(call, EVENT_WATCH_ORGANIZATION, &call->object);
}
