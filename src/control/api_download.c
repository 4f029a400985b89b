#include "control/api_download.h"

#include "base/log.h"
#include "base/memory.h"
#include "control/api_dispatch.h"

struct download {
    struct list node;
    struct api_downloads *downloads;
    struct http_stream *stream; /* NULL once it is gone */
    struct api_call *call;
    struct buf part;
    enum status status; /* of the last part */
    struct why why;
    bool is_working; /* a pool thread makes the next part */
    bool is_ended;
    int64_t progress_at_ms; /* mono */
    void (*on_over)(void *context);
    void *context;
};

struct api_downloads {
    struct control *control;
    struct list list;
    size_t count;
};

enum status api_download_answer(struct api_call *call, const struct api_download *download) {
    struct api_download *copy = (struct api_download *)arena_alloc(&call->arena, sizeof(*download));
    *copy = *download;
    call->answer.download = copy;
    return STATUS_OK;
}

struct api_downloads *api_download_new(struct control *control) {
    struct api_downloads *downloads = MEMORY_NEW(struct api_downloads);
    downloads->control = control;
    list_init(&downloads->list);
    return downloads;
}

void api_download_free(struct api_downloads **downloads) {
    memory_free(*downloads);
    *downloads = NULL;
}

static void free_download(struct download *download) {
    void (*on_over)(void *context) = download->on_over;
    void *context = download->context;
    list_remove(&download->node);
    download->downloads->count--;
    buf_fini(&download->part);
    memory_free(download);
    on_over(context);
}

static void cut(struct download *download, const char *code) {
    log_warn("api.download_cut", "request=%s actor=%s code=%s", download->call->request_id.text,
             download->call->actor.text, code);
    http_stream_release(download->stream);
    download->stream = NULL;
    if (!download->is_working) {
        free_download(download);
    }
}

/* Parts */

static void run_part(void *context) {
    struct download *download = context;
    const struct api_download *answer = download->call->answer.download;
    download->status = api_dispatch_recheck(download->call, &download->why);
    if (download->status == STATUS_OK) {
        download->status =
            answer->next(download->call, answer->state, &download->part, &download->why);
    }
}

static void start_part(struct download *download);

static void send_part(struct download *download) {
    struct str part = buf_str(&download->part);
    bool is_empty = str_is_empty(part);
    download->progress_at_ms = loop_now_ms(download->downloads->control->loop);
    if (!is_empty) {
        http_stream_send(download->stream, (const uint8_t *)part.at, part.len);
        buf_clear(&download->part);
    }
    if (download->status == STATUS_END) {
        download->is_ended = true;
        http_stream_end(download->stream, NULL);
    } else if (is_empty) {
        start_part(download); /* nothing will be sent that could wake us */
    }
}

static void finish_part(void *context) {
    struct download *download = context;
    struct control *control = download->downloads->control;
    control->work_count--;
    download->is_working = false;
    if (download->stream == NULL) {
        free_download(download);
    } else if (download->status != STATUS_OK && download->status != STATUS_END) {
        cut(download, download->why.slug);
    } else {
        send_part(download);
    }
    control_state_check_ended(control);
}

static void start_part(struct download *download) {
    struct control *control = download->downloads->control;
    download->is_working = true;
    control->work_count++;
    loop_work(control->loop, run_part, finish_part, download);
}

/* What the exchange brings */

static void on_data(void *owner, const uint8_t *bytes, size_t len) {
    struct download *download = owner;
    (void)bytes;
    http_stream_consumed(download->stream, len);
}

static void on_end(void *owner, const struct http_fields *trailers) {
    (void)owner;
    (void)trailers;
}

static void on_sent(void *owner, size_t len) {
    struct download *download = owner;
    (void)len;
    download->progress_at_ms = loop_now_ms(download->downloads->control->loop);
    if (download->stream->unsent == 0 && !download->is_working && !download->is_ended) {
        start_part(download);
    }
}

static void on_closed(void *owner, enum http_close reason) {
    struct download *download = owner;
    (void)reason;
    download->stream = NULL;
    if (!download->is_working) {
        free_download(download);
    }
}

static const struct http_stream_events download_events = {
    .on_data = on_data,
    .on_end = on_end,
    .on_sent = on_sent,
    .on_closed = on_closed,
};

/* The beginning */

static void send_head(struct api_call *call, struct http_stream *stream) {
    const struct api_download *answer = call->answer.download;
    struct arena *arena = &call->arena;
    struct http_head head = {.status = 200};
    struct http_fields *fields = &head.fields;
    http_fields_add(fields, arena, STR("content-type"), str_from(answer->content_type));
    http_fields_add(fields, arena, STR("content-disposition"),
                    arena_printf(arena, "attachment; filename=\"%s\"", answer->filename));
    http_fields_add(fields, arena, STR("cache-control"), STR("no-store"));
    http_fields_add(fields, arena, STR("x-content-type-options"), STR("nosniff"));
    http_fields_add(fields, arena, STR("request-id"), id_str(&call->request_id));
    http_stream_send_head(stream, &head, false);
}

static size_t count_of_actor(const struct api_downloads *downloads, const struct id *actor) {
    size_t count = 0;
    for (struct list *node = downloads->list.next; node != &downloads->list; node = node->next) {
        count += id_eq(&CONTAINER_OF(node, struct download, node)->call->actor, actor) ? 1 : 0;
    }
    return count;
}

enum status api_download_begin(struct api_downloads *downloads, struct api_call *call,
                               struct http_stream *stream, void (*on_over)(void *context),
                               void *context) {
    if (downloads->count >= API_DOWNLOAD_MAX) {
        return why_set(&call->why, STATUS_UNAVAILABLE, "overloaded",
                       "there are too many downloads at a time");
    }
    if (count_of_actor(downloads, &call->actor) >= API_DOWNLOAD_OF_ONE_MAX) {
        return why_set(&call->why, STATUS_UNAVAILABLE, "downloads_too_many",
                       "there are %d downloads of this caller under way: wait for one to end",
                       API_DOWNLOAD_OF_ONE_MAX);
    }
    struct download *download = MEMORY_NEW(struct download);
    download->downloads = downloads;
    download->stream = stream;
    download->call = call;
    download->on_over = on_over;
    download->context = context;
    download->progress_at_ms = loop_now_ms(downloads->control->loop);
    buf_init(&download->part, API_DOWNLOAD_PART_MAX);
    list_append(&downloads->list, &download->node);
    downloads->count++;
    http_stream_attach(stream, &download_events, download);
    send_head(call, stream);
    start_part(download);
    return STATUS_OK;
}

void api_download_tick(struct api_downloads *downloads) {
    int64_t now_ms = loop_now_ms(downloads->control->loop);
    for (struct list *node = downloads->list.next, *next; node != &downloads->list; node = next) {
        struct download *download = CONTAINER_OF(node, struct download, node);
        next = node->next;
        if (!download->is_working && download->stream != NULL &&
            now_ms - download->progress_at_ms >= API_DOWNLOAD_STALL_MS) {
            cut(download, "stalled");
        }
    }
}
