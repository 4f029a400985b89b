#include "control/api_stream.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "control/api_dispatch.h"
#include "control/event_hub.h"
#include "control/event_watch.h"

#define RETRY_MS 2000 /* what clients wait before they come back */
#define HEAD_SIZE (EVENT_HUB_ID_SIZE + EVENT_RING_NAME_SIZE + 32)

enum stream_state {
    STREAM_LIVE,   /* events go out */
    STREAM_BEHIND, /* its queue is full: events are dropped until it is not */
    STREAM_ENDING, /* the end is written: its bytes are leaving */
    STREAM_GONE,   /* the exchange is over; a check may still run */
};

struct api_stream {
    struct list node; /* in streams->list */
    struct event_listener listener;
    struct api_streams *streams;
    struct event_topic *topic; /* NULL once left */
    struct http_stream *stream;
    struct api_call *call;
    enum stream_state state;
    uint64_t dropped;       /* since it is behind */
    int64_t sent_at_ms;     /* mono, as the rest */
    int64_t progress_at_ms; /* bytes left, or there were none to leave */
    int64_t ended_at_ms;
    bool is_checking; /* a pool thread reads `call` */
    enum status checked;
    struct why why;
    void (*on_over)(void *context);
    void *context;
};

struct api_streams {
    struct control *control;
    struct list list;
    size_t count;
    uint64_t dropped;
    int64_t checked_at_ms;
    bool is_checking;
};

enum status api_stream_answer(struct api_call *call, const char *scope, const struct id *object) {
    call->answer.topic_scope = scope;
    call->answer.topic = *object;
    return STATUS_OK;
}

struct api_streams *api_stream_new(struct control *control) {
    struct api_streams *streams = MEMORY_NEW(struct api_streams);
    streams->control = control;
    list_init(&streams->list);
    return streams;
}

void api_stream_free(struct api_streams **streams) {
    memory_free(*streams);
    *streams = NULL;
}

size_t api_stream_count(const struct api_streams *streams) {
    return streams->count;
}

uint64_t api_stream_dropped(const struct api_streams *streams) {
    return streams->dropped;
}

static int64_t now_ms(const struct api_stream *stream) {
    return loop_now_ms(stream->streams->control->loop);
}

/* Writing */

static void send_text(struct api_stream *stream, struct str text) {
    if (stream->stream->unsent == 0) {
        stream->progress_at_ms = now_ms(stream);
    }
    stream->sent_at_ms = now_ms(stream);
    http_stream_send(stream->stream, (const uint8_t *)text.at, text.len);
}

static void send_event(struct api_stream *stream, uint64_t number, const char *name,
                       struct str data) {
    char id[EVENT_HUB_ID_SIZE];
    char head[HEAD_SIZE];
    event_hub_format_id(stream->streams->control->events, number, id);
    int len = snprintf(head, sizeof(head), "id: %s\nevent: %s\ndata: ", id, name);
    send_text(stream, str_make(head, (size_t)len));
    send_text(stream, data);
    send_text(stream, STR("\n\n"));
}

/* From here on events follow each other again; before, some are missing. */
static void send_reset(struct api_stream *stream, const char *reason) {
    char data[96];
    snprintf(data, sizeof(data), "{\"reason\":\"%s\",\"dropped\":%" PRIu64 "}", reason,
             stream->dropped);
    stream->dropped = 0;
    send_event(stream, stream->topic->ring.last_number, "reset", str_from(data));
}

static void drop_event(struct api_stream *stream) {
    stream->state = STREAM_BEHIND;
    stream->dropped++;
    stream->streams->dropped++;
}

static void on_event(struct event_listener *listener, const struct event_ring_item *item) {
    struct api_stream *stream = CONTAINER_OF(listener, struct api_stream, listener);
    if (stream->state == STREAM_BEHIND ||
        stream->stream->unsent + item->data_len + HEAD_SIZE > API_STREAM_UNSENT_MAX) {
        drop_event(stream);
        return;
    }
    send_event(stream, item->number, item->name, str_make(item->data, item->data_len));
}

static void catch_up(struct api_stream *stream) {
    if (stream->state == STREAM_BEHIND && stream->stream->unsent <= API_STREAM_UNSENT_MAX / 4) {
        stream->state = STREAM_LIVE;
        send_reset(stream, "behind");
    }
}

static void on_gap(struct event_listener *listener) {
    drop_event(CONTAINER_OF(listener, struct api_stream, listener));
}

/* The end */

static void leave_topic(struct api_stream *stream) {
    if (stream->topic != NULL) {
        event_hub_leave(stream->streams->control->events, stream->topic, &stream->listener);
        stream->topic = NULL;
    }
}

static void free_stream(struct api_stream *stream) {
    void (*on_over)(void *context) = stream->on_over;
    void *context = stream->context;
    list_remove(&stream->node);
    stream->streams->count--;
    memory_free(stream);
    on_over(context);
}

static void finish(struct api_stream *stream) {
    leave_topic(stream);
    stream->stream = NULL;
    stream->state = STREAM_GONE;
    if (!stream->is_checking) {
        free_stream(stream);
    }
}

static void end(struct api_stream *stream, const char *code) {
    char text[96];
    if (stream->state != STREAM_LIVE && stream->state != STREAM_BEHIND) {
        return;
    }
    int len = snprintf(text, sizeof(text), "event: end\ndata: {\"code\":\"%s\"}\n\n", code);
    leave_topic(stream);
    stream->state = STREAM_ENDING;
    stream->ended_at_ms = now_ms(stream);
    log_debug("api.stream_ended", "request=%s actor=%s code=%s", stream->call->request_id.text,
              stream->call->actor.text, code);
    send_text(stream, str_make(text, (size_t)len));
    http_stream_end(stream->stream, NULL);
}

void api_stream_end_all(struct api_streams *streams, const char *code) {
    for (struct list *node = streams->list.next, *next; node != &streams->list; node = next) {
        next = node->next;
        end(CONTAINER_OF(node, struct api_stream, node), code);
    }
}

/* What the exchange brings */

static void on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct api_stream *stream = owner;
    (void)bytes;
    http_stream_consumed(stream->stream, len);
}

static void on_end(void *owner, const struct http_fields *trailers) {
    (void)owner;
    (void)trailers;
}

static void on_sent(void *owner, size_t len) {
    struct api_stream *stream = owner;
    (void)len;
    stream->progress_at_ms = now_ms(stream);
    catch_up(stream);
}

static void on_closed(void *owner, enum http_close reason) {
    (void)reason;
    finish(owner);
}

static const struct http_stream_events stream_events = {
    .on_data = on_data,
    .on_end = on_end,
    .on_sent = on_sent,
    .on_closed = on_closed,
};

/* The beginning */

static void add_fields(struct api_call *call, struct http_head *head) {
    struct http_fields *fields = &head->fields;
    struct arena *arena = &call->arena;
    http_fields_add(fields, arena, STR("content-type"), STR("text/event-stream"));
    http_fields_add(fields, arena, STR("cache-control"), STR("no-store"));
    http_fields_add(fields, arena, STR("x-content-type-options"), STR("nosniff"));
    http_fields_add(fields, arena, STR("x-accel-buffering"), STR("no"));
    http_fields_add(fields, arena, STR("request-id"), id_str(&call->request_id));
}

static void replay(struct api_stream *stream, uint64_t number) {
    const struct event_ring *ring = &stream->topic->ring;
    const struct event_ring_item *item = event_ring_after(ring, number);
    for (; item != NULL; item = event_ring_after(ring, item->number)) {
        send_event(stream, item->number, item->name, str_make(item->data, item->data_len));
    }
}

/* What the client has seen is known, is no longer, or is nothing yet. */
static void greet(struct api_stream *stream) {
    const struct event_hub *hub = stream->streams->control->events;
    struct str last = api_call_field(stream->call, STR("last-event-id"));
    char retry[32];
    uint64_t number = 0;
    int len = snprintf(retry, sizeof(retry), "retry: %d\n\n", RETRY_MS);
    send_text(stream, str_make(retry, (size_t)len));
    if (str_is_empty(last)) {
        send_event(stream, stream->topic->ring.last_number, "ready", STR("{}"));
    } else if (event_hub_parse_id(hub, last, &number) != STATUS_OK) {
        send_reset(stream, "unknown");
    } else if (!event_ring_reaches(&stream->topic->ring, number)) {
        send_reset(stream, "too_old");
    } else {
        replay(stream, number);
    }
}

static size_t count_of_actor(const struct api_streams *streams, const struct id *actor) {
    size_t count = 0;
    for (struct list *node = streams->list.next; node != &streams->list; node = node->next) {
        const struct api_stream *stream = CONTAINER_OF(node, struct api_stream, node);
        count += id_eq(&stream->call->actor, actor) ? 1 : 0;
    }
    return count;
}

static enum status judge(const struct api_streams *streams, struct api_call *call) {
    if (streams->control->phase != CONTROL_RUNNING) {
        return why_set(&call->why, STATUS_UNAVAILABLE, "stopping", "the control plane is stopping");
    }
    if (count_of_actor(streams, &call->actor) >= API_STREAM_OF_ONE_MAX) {
        return why_set(&call->why, STATUS_UNAVAILABLE, "streams_too_many",
                       "there are %d open streams of this caller already: close one",
                       API_STREAM_OF_ONE_MAX);
    }
    if (streams->count >= API_STREAM_MAX) {
        return why_set(&call->why, STATUS_UNAVAILABLE, "overloaded", "there are too many streams");
    }
    return STATUS_OK;
}

enum status api_stream_begin(struct api_streams *streams, struct api_call *call,
                             struct http_stream *http, void (*on_over)(void *context),
                             void *context) {
    enum status status = judge(streams, call);
    if (status != STATUS_OK) {
        return status;
    }
    struct api_stream *stream = MEMORY_NEW(struct api_stream);
    stream->listener = (struct event_listener){.on_event = on_event, .on_gap = on_gap};
    list_init(&stream->listener.node);
    stream->topic = event_hub_join(streams->control->events, call->answer.topic_scope,
                                   &call->answer.topic, &stream->listener);
    if (stream->topic == NULL) {
        memory_free(stream);
        return why_set(&call->why, STATUS_UNAVAILABLE, "overloaded", "there are too many streams");
    }
    event_watch_begin(streams->control->watch, stream->topic, &call->organization);
    stream->streams = streams;
    stream->stream = http;
    stream->call = call;
    stream->on_over = on_over;
    stream->context = context;
    list_append(&streams->list, &stream->node);
    streams->count++;
    http_stream_attach(http, &stream_events, stream);
    struct http_head head = {.status = 200};
    add_fields(call, &head);
    http_stream_send_head(http, &head, false);
    greet(stream);
    return STATUS_OK;
}

/* Whether they still may */

struct check {
    struct api_streams *streams;
    struct api_stream **checked; /* none goes before the check is over */
    size_t count;
};

static void run_check(void *context) {
    struct check *check = context;
    for (size_t i = 0; i < check->count; i++) {
        struct api_stream *stream = check->checked[i];
        stream->checked = api_dispatch_recheck(stream->call, &stream->why);
    }
}

/* A store that cannot be asked at the moment takes nobody's permission. */
static bool is_refusal(enum status status) {
    return status == STATUS_DENIED || status == STATUS_NOT_FOUND;
}

static void take_check(struct api_stream *stream) {
    stream->is_checking = false;
    if (stream->state == STREAM_GONE) {
        free_stream(stream);
    } else if (is_refusal(stream->checked)) {
        end(stream, stream->why.slug);
    }
}

static void finish_check(void *context) {
    struct check *check = context;
    struct api_streams *streams = check->streams;
    struct control *control = streams->control;
    for (size_t i = 0; i < check->count; i++) {
        take_check(check->checked[i]);
    }
    streams->is_checking = false;
    memory_free(check->checked);
    memory_free(check);
    control->work_count--;
    control_state_check_ended(control);
}

static void start_check(struct api_streams *streams) {
    struct control *control = streams->control;
    struct check *check = MEMORY_NEW(struct check);
    check->streams = streams;
    check->checked = memory_new_array(streams->count, sizeof(check->checked[0]));
    for (struct list *node = streams->list.next; node != &streams->list; node = node->next) {
        struct api_stream *stream = CONTAINER_OF(node, struct api_stream, node);
        if (stream->state == STREAM_LIVE || stream->state == STREAM_BEHIND) {
            stream->is_checking = true;
            check->checked[check->count++] = stream;
        }
    }
    streams->is_checking = true;
    streams->checked_at_ms = loop_now_ms(control->loop);
    control->work_count++;
    loop_work(control->loop, run_check, finish_check, check);
}

/* The clock */

static void cut(struct api_stream *stream, const char *reason) {
    log_info("api.stream_cut", "request=%s actor=%s reason=%s", stream->call->request_id.text,
             stream->call->actor.text, reason);
    http_stream_release(stream->stream);
    finish(stream);
}

static void tick(struct api_stream *stream) {
    int64_t now = now_ms(stream);
    if (stream->state == STREAM_GONE) {
        return;
    }
    if (stream->state == STREAM_ENDING) {
        if (now - stream->ended_at_ms >= API_STREAM_END_MS) {
            cut(stream, "slow_end");
        }
        return;
    }
    if (stream->stream->unsent > 0 && now - stream->progress_at_ms >= API_STREAM_STALL_MS) {
        cut(stream, "stalled");
        return;
    }
    catch_up(stream);
    if (stream->state == STREAM_LIVE && now - stream->sent_at_ms >= API_STREAM_HEARTBEAT_MS) {
        send_text(stream, STR(": heartbeat\n\n"));
    }
}

void api_stream_tick(struct api_streams *streams) {
    for (struct list *node = streams->list.next, *next; node != &streams->list; node = next) {
        next = node->next;
        tick(CONTAINER_OF(node, struct api_stream, node));
    }
    if (streams->count > 0 && !streams->is_checking &&
        loop_now_ms(streams->control->loop) - streams->checked_at_ms >= API_STREAM_CHECK_MS) {
        start_check(streams);
    }
}
