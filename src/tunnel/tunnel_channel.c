#include "tunnel/tunnel_channel.h"

#include "base/memory.h"
#include "tunnel/record.h"

#define UNSENT_BYTES_MAX ((size_t)16 << 20)

struct tunnel_channel {
    const struct tunnel_channel_events *events;
    void *owner;
    struct http_stream *stream; /* NULL before it is attached and once it is gone */
    struct record_reader reader;
    int64_t waiting_since_ms; /* for the peer to take something; 0: not looked at yet */
    bool has_sent;            /* since that was looked at */
    unsigned depth;           /* events being handed out: the memory stays until they return */
    bool is_overflown;        /* too much unsent: closes at the stream's next event */
    bool is_closed;           /* on_closed was called */
    bool is_freed;            /* by the owner: no more events */
};

struct tunnel_channel *tunnel_channel_new(const struct tunnel_channel_events *events, void *owner) {
    struct tunnel_channel *channel = MEMORY_NEW(struct tunnel_channel);
    channel->events = events;
    channel->owner = owner;
    record_reader_init(&channel->reader);
    return channel;
}

void tunnel_channel_limit(struct tunnel_channel *channel, size_t record_bytes_max) {
    channel->reader.bytes_max = record_bytes_max;
}

void tunnel_channel_attach(struct tunnel_channel *channel, struct http_stream *stream) {
    channel->stream = stream;
    http_stream_attach(stream, tunnel_channel_stream_events(), channel);
}

static void enter(struct tunnel_channel *channel) {
    channel->depth++;
}

static void leave(struct tunnel_channel *channel) {
    channel->depth--;
    if (channel->depth == 0 && channel->is_freed) {
        record_reader_fini(&channel->reader);
        memory_free(channel);
    }
}

static bool is_over(const struct tunnel_channel *channel) {
    return channel->is_closed || channel->is_freed;
}

static void close_channel(struct tunnel_channel *channel, const struct why *why) {
    if (is_over(channel)) {
        return;
    }
    channel->is_closed = true;
    if (channel->stream != NULL) {
        http_stream_release(channel->stream);
        channel->stream = NULL;
    }
    channel->events->on_closed(channel->owner, why);
}

static void close_with(struct tunnel_channel *channel, const char *slug, const char *text) {
    struct why why;
    (void)why_set(&why, STATUS_CLOSED, slug, "%s", text);
    close_channel(channel, &why);
}

/* True when the channel is closed because its output piled up. */
static bool closes_overflown(struct tunnel_channel *channel) {
    if (channel->is_overflown) {
        close_with(channel, "channel_overflow", "the peer does not read its records");
    }
    return channel->is_overflown;
}

static void hand_out_records(struct tunnel_channel *channel) {
    struct why why;
    while (!is_over(channel)) {
        json_t *object;
        enum status status = record_reader_next(&channel->reader, &object, &why);
        if (status == STATUS_AGAIN) {
            return;
        }
        if (status != STATUS_OK) {
            close_channel(channel, &why);
            return;
        }
        channel->events->on_record(channel->owner, object);
        json_decref(object);
    }
}

static void take_head(void *owner, const struct http_head *head, bool is_end) {
    struct tunnel_channel *channel = owner;
    (void)is_end; /* the end is an event of its own */
    if (head->status < 200) {
        return;
    }
    enter(channel);
    if (channel->events->on_head != NULL) {
        channel->events->on_head(channel->owner, head);
    }
    if (head->status != 200) {
        struct why why;
        (void)why_set(&why, STATUS_CLOSED, "channel_refused", "the peer answered with status %u",
                      head->status);
        close_channel(channel, &why);
    }
    leave(channel);
}

static void take_data(void *owner, const uint8_t *bytes, size_t len) {
    struct tunnel_channel *channel = owner;
    struct why why;
    if (is_over(channel)) {
        return;
    }
    enter(channel);
    enum status status = record_reader_feed(&channel->reader, bytes, len, &why);
    http_stream_consumed(channel->stream, len);
    if (status != STATUS_OK) {
        close_channel(channel, &why);
    } else if (!closes_overflown(channel)) {
        hand_out_records(channel);
    }
    leave(channel);
}

static void take_end(void *owner, const struct http_fields *trailers) {
    struct tunnel_channel *channel = owner;
    (void)trailers;
    enter(channel);
    close_with(channel, "channel_ended", "the peer ended the exchange");
    leave(channel);
}

static void take_sent(void *owner, size_t len) {
    struct tunnel_channel *channel = owner;
    (void)len;
    channel->has_sent = true;
    enter(channel);
    (void)closes_overflown(channel);
    leave(channel);
}

static void take_closed(void *owner, enum http_close reason) {
    struct tunnel_channel *channel = owner;
    static const char *const texts[] = {
        [HTTP_CLOSE_DONE] = "the exchange is over",
        [HTTP_CLOSE_CANCELLED] = "the peer gave the exchange up",
        [HTTP_CLOSE_REFUSED] = "the peer refused the exchange",
        [HTTP_CLOSE_MALFORMED] = "the peer broke the protocol",
        [HTTP_CLOSE_LOST] = "the connection is gone",
    };
    enter(channel);
    channel->stream = NULL;
    close_with(channel, "channel_lost", texts[reason]);
    leave(channel);
}

const struct http_stream_events *tunnel_channel_stream_events(void) {
    static const struct http_stream_events events = {
        .on_head = take_head,
        .on_data = take_data,
        .on_end = take_end,
        .on_sent = take_sent,
        .on_closed = take_closed,
    };
    return &events;
}

void tunnel_channel_send(struct tunnel_channel *channel, const json_t *object) {
    if (is_over(channel) || channel->is_overflown || channel->stream == NULL) {
        return;
    }
    struct buf record;
    buf_init(&record, UNSENT_BYTES_MAX);
    if (record_write(object, &record) != STATUS_OK ||
        channel->stream->unsent + buf_len(&record) > UNSENT_BYTES_MAX) {
        channel->is_overflown = true;
    } else {
        http_stream_send(channel->stream, buf_bytes(&record), buf_len(&record));
    }
    buf_fini(&record);
}

bool tunnel_channel_is_stuck(struct tunnel_channel *channel, int64_t now_ms) {
    bool is_waiting = channel->stream != NULL && channel->stream->unsent > 0;
    if (!is_waiting || channel->has_sent || channel->waiting_since_ms == 0) {
        channel->has_sent = false;
        channel->waiting_since_ms = now_ms;
    }
    return channel->is_overflown || now_ms - channel->waiting_since_ms >= TUNNEL_CHANNEL_STUCK_MS;
}

void tunnel_channel_free(struct tunnel_channel **at) {
    struct tunnel_channel *channel = *at;
    *at = NULL;
    if (channel == NULL) {
        return;
    }
    channel->is_freed = true;
    if (channel->stream != NULL) {
        http_stream_end(channel->stream, NULL);
        http_stream_release(channel->stream);
        channel->stream = NULL;
    }
    enter(channel);
    leave(channel);
}
