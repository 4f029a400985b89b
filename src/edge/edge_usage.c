#include "edge/edge_usage.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "edge/edge_answer.h"
#include "edge/edge_environment.h"

#define MINUTE_MS 60000
#define HOUR_MS (60 * MINUTE_MS)

/* What was swept in one minute, or, when there are too many minutes, since. */
struct minute {
    int64_t at_ms;
    struct edge_meter_table table;
};

/* The one record that waits for its answer. */
struct sending {
    json_t *counts; /* NULL: there is none */
    json_t *requests;
    int64_t at_ms;
    int64_t sent_at_ms; /* monotonic; 0: not on a feed that is still there */
};

/* What calls that come from workers hold on to: the usage may be gone by then. */
struct gate {
    atomic_uint refs;
    struct edge_usage *usage; /* the main loop's; NULL once it is freed */
};

struct edge_usage {
    struct edge *edge;
    void (*send)(struct edge_feed *feed, const struct feed_message *message);
    struct gate *gate;
    struct loop_timer timer;
    int64_t pace_ms;
    char process[33];
    uint64_t sequence; /* of the record that is being sent, or was last */
    struct sending sending;
    struct minute minutes[EDGE_USAGE_MINUTES_MAX]; /* in the order in which they began */
    size_t minute_count;
    json_t *requests; /* an array, oldest first */
    struct edge_feed *feeds[EDGE_USAGE_FEEDS_MAX];
    size_t feed_count;
    unsigned awaited; /* workers that have been asked and have not answered yet */
    bool is_final;    /* no worker counts any more */
    int64_t finish_by_ms;
    void (*on_done)(void *context);
    void *done_context;
};

/* Keeping */

static void drop_minute(struct edge_usage *usage, size_t index) {
    edge_meter_table_clear(&usage->minutes[index].table);
    usage->minute_count--;
    for (size_t i = index; i < usage->minute_count; i++) {
        usage->minutes[i] = usage->minutes[i + 1];
    }
    usage->minutes[usage->minute_count] = (struct minute){0};
}

/* The oldest two of one hour become one; if there are none, the oldest two. */
static void join_minutes(struct edge_usage *usage) {
    size_t into = 0;
    for (size_t i = 0; i + 1 < usage->minute_count; i++) {
        if (usage->minutes[i].at_ms / HOUR_MS == usage->minutes[i + 1].at_ms / HOUR_MS) {
            into = i;
            break;
        }
    }
    edge_meter_table_merge(&usage->minutes[into].table, &usage->minutes[into + 1].table);
    drop_minute(usage, into + 1);
}

static size_t count_rows(const struct edge_usage *usage) {
    size_t count = 0;
    for (size_t i = 0; i < usage->minute_count; i++) {
        count += usage->minutes[i].table.row_count;
    }
    return count;
}

static struct minute *this_minute(struct edge_usage *usage) {
    int64_t now_ms = clock_wall_ms(loop_clock(usage->edge->loop));
    int64_t at_ms = now_ms - now_ms % MINUTE_MS;
    for (size_t i = 0; i < usage->minute_count; i++) {
        if (usage->minutes[i].at_ms == at_ms) {
            return &usage->minutes[i];
        }
    }
    if (usage->minute_count == EDGE_USAGE_MINUTES_MAX) {
        join_minutes(usage);
    }
    struct minute *minute = &usage->minutes[usage->minute_count++];
    *minute = (struct minute){.at_ms = at_ms};
    return minute;
}

/* One that nobody will see is counted as such, with its environment. */
static void drop_request(struct edge_usage *usage, struct minute *minute, const json_t *object) {
    struct id id;
    struct str text = str_from(json_string_value(json_object_get(object, "environment")));
    const struct edge_environment *environment = NULL;
    if (id_parse(ID_ENVIRONMENT, text, &id) == STATUS_OK) {
        environment = edge_environment_find(usage->edge->workers[0], &id);
    }
    if (environment == NULL || environment->bundle == NULL) {
        return;
    }
    const struct usage_record_key key = {.environment = id,
                                         .project = environment->bundle->project,
                                         .organization = environment->bundle->organization};
    edge_meter_table_find(&minute->table, &key, NULL, 0)->count.unlogged++;
}

static void add_requests(struct edge_usage *usage, struct minute *minute, json_t *requests) {
    if (requests == NULL) {
        return;
    }
    (void)json_array_extend(usage->requests, requests);
    while (json_array_size(usage->requests) > EDGE_USAGE_REQUESTS_MAX) {
        drop_request(usage, minute, json_array_get(usage->requests, 0));
        (void)json_array_remove(usage->requests, 0);
    }
}

/* Rows may be there for what is left to be logged alone. */
static bool has_counts(const struct edge_meter_table *table) {
    size_t at = 0;
    const struct edge_meter_row *row = edge_meter_table_next(table, &at);
    while (row != NULL && !edge_meter_row_counts(row)) {
        row = edge_meter_table_next(table, &at);
    }
    return row != NULL;
}

void edge_usage_add(struct edge_usage *usage, struct edge_meter_table *table) {
    if (has_counts(table)) {
        struct minute *minute = this_minute(usage);
        edge_meter_table_merge(&minute->table, table);
        add_requests(usage, minute, table->requests);
    }
    while (usage->minute_count > 1 && count_rows(usage) > EDGE_USAGE_ROWS_MAX) {
        join_minutes(usage);
    }
    edge_meter_table_clear(table);
}

/* Sending */

static const char *name_code(unsigned code) {
    return edge_answer_slug((enum edge_code)code);
}

static json_t *cut_counts(struct minute *minute) {
    json_t *counts = json_array();
    struct edge_meter_table rest = {0};
    size_t at = 0;
    for (struct edge_meter_row *row = edge_meter_table_next(&minute->table, &at); row != NULL;
         row = edge_meter_table_next(&minute->table, &at)) {
        if (!edge_meter_row_counts(row)) {
            continue;
        }
        if (json_array_size(counts) < USAGE_RECORD_COUNTS_MAX) {
            json_array_append_new(counts,
                                  usage_record_write_count(&row->key, &row->count, name_code));
        } else {
            edge_meter_table_find(&rest, &row->key, NULL, 0)->count = row->count;
        }
    }
    edge_meter_table_clear(&minute->table);
    minute->table = rest;
    return counts;
}

static json_t *cut_requests(struct edge_usage *usage) {
    json_t *cut = json_array();
    while (json_array_size(usage->requests) > 0 &&
           json_array_size(cut) < USAGE_RECORD_REQUESTS_MAX) {
        json_array_append(cut, json_array_get(usage->requests, 0));
        (void)json_array_remove(usage->requests, 0);
    }
    return cut;
}

/* The oldest of what there is becomes the record that is sent. False: there is nothing. */
static bool cut_record(struct edge_usage *usage) {
    if (usage->minute_count == 0) {
        return false; /* a logged request is counted, too: so there are none */
    }
    struct minute *minute = &usage->minutes[0];
    usage->sending = (struct sending){
        .counts = cut_counts(minute),
        .requests = cut_requests(usage),
        .at_ms = minute->at_ms,
    };
    usage->sequence++;
    if (minute->table.row_count == 0 &&
        (usage->minute_count > 1 || json_array_size(usage->requests) == 0)) {
        drop_minute(usage, 0);
    }
    return true;
}

static bool is_pending(const struct edge_usage *usage) {
    return usage->sending.counts != NULL || usage->minute_count > 0;
}

static void send_record(struct edge_usage *usage) {
    const struct feed_message message = {
        .type = FEED_MESSAGE_USAGE,
        .process = str_from(usage->process),
        .sequence = usage->sequence,
        .at_ms = (uint64_t)usage->sending.at_ms,
        .counts = usage->sending.counts,
        .requests = usage->sending.requests,
    };
    usage->sending.sent_at_ms = loop_now_ms(usage->edge->loop);
    usage->send(usage->feeds[0], &message);
}

static void push(struct edge_usage *usage) {
    int64_t now_ms = loop_now_ms(usage->edge->loop);
    if (usage->feed_count == 0) {
        return;
    }
    bool is_sent = usage->sending.counts != NULL && usage->sending.sent_at_ms != 0 &&
                   now_ms - usage->sending.sent_at_ms < EDGE_USAGE_AGAIN_MS;
    if (!is_sent && (usage->sending.counts != NULL || cut_record(usage))) {
        send_record(usage);
    }
}

static void forget_sending(struct edge_usage *usage) {
    json_decref(usage->sending.counts);
    json_decref(usage->sending.requests);
    usage->sending = (struct sending){0};
}

static void check_done(struct edge_usage *usage) {
    void (*on_done)(void *context) = usage->on_done;
    bool is_late = usage->is_final && loop_now_ms(usage->edge->loop) >= usage->finish_by_ms;
    if (!usage->is_final || usage->awaited > 0 || on_done == NULL ||
        (is_pending(usage) && !is_late)) {
        return;
    }
    if (is_pending(usage)) {
        log_warn("edge.usage_lost",
                 "the control plane has not taken what was counted last: rows=%zu requests=%zu",
                 count_rows(usage) + json_array_size(usage->sending.counts),
                 json_array_size(usage->requests));
    }
    usage->on_done = NULL;
    loop_timer_clear(&usage->timer);
    on_done(usage->done_context);
}

void edge_usage_taken(struct edge_usage *usage, const struct feed_message *message) {
    if (usage == NULL || usage->sending.counts == NULL || message->sequence != usage->sequence ||
        !str_eq(message->process, str_from(usage->process))) {
        return; /* an answer to what was sent twice */
    }
    forget_sending(usage);
    push(usage);
    check_done(usage);
}

void edge_usage_feed_live(struct edge_usage *usage, struct edge_feed *feed) {
    if (usage == NULL || usage->feed_count == EDGE_USAGE_FEEDS_MAX) {
        return;
    }
    usage->feeds[usage->feed_count++] = feed;
    push(usage);
}

void edge_usage_feed_lost(struct edge_usage *usage, struct edge_feed *feed) {
    size_t kept = 0;
    if (usage == NULL || usage->feed_count == 0) {
        return;
    }
    bool is_ours = usage->feeds[0] == feed;
    for (size_t i = 0; i < usage->feed_count; i++) {
        if (usage->feeds[i] != feed) {
            usage->feeds[kept++] = usage->feeds[i];
        }
    }
    usage->feed_count = kept;
    if (is_ours) {
        usage->sending.sent_at_ms = 0;
        usage->pace_ms =
            usage->is_final ? usage->pace_ms : FEED_PACE_MS; /* until another is wanted */
        push(usage);
    }
}

/* Asking the workers: there and back by their mailboxes. */

struct asking {
    struct gate *gate;
    struct edge_worker *worker;
    struct loop_mailbox *back;
    struct edge_meter_table *table;
};

static void unref_gate(struct gate *gate) {
    if (atomic_fetch_sub(&gate->refs, 1) == 1) {
        memory_free(gate);
    }
}

static void end_asking(void *context) {
    struct asking *asking = context;
    edge_meter_table_free(&asking->table);
    loop_mailbox_unref(&asking->back);
    unref_gate(asking->gate);
    memory_free(asking);
}

static void take_answer(void *context) {
    struct asking *asking = context;
    struct edge_usage *usage = asking->gate->usage;
    if (usage != NULL) {
        edge_usage_add(usage, asking->table);
        usage->awaited--;
        if (usage->awaited == 0) {
            push(usage);
            check_done(usage);
        }
    }
    end_asking(asking);
}

static void answer(void *context) {
    struct asking *asking = context;
    struct edge_worker *worker = asking->worker;
    asking->table = edge_meter_take(&worker->meter, loop_now_ms(worker->loop));
    loop_mailbox_post(asking->back, take_answer, end_asking, asking);
}

static void ask_workers(struct edge_usage *usage) {
    struct edge *edge = usage->edge;
    for (unsigned i = 0; i < edge->worker_count; i++) {
        struct asking *asking = MEMORY_NEW(struct asking);
        atomic_fetch_add(&usage->gate->refs, 1);
        *asking = (struct asking){
            .gate = usage->gate, .worker = edge->workers[i], .back = loop_mailbox_ref(edge->loop)};
        usage->awaited++;
        loop_mailbox_post(edge->workers[i]->mailbox, answer, end_asking, asking);
    }
}

static void on_timer(struct loop_timer *timer) {
    struct edge_usage *usage = timer->context;
    if (!usage->is_final && usage->awaited == 0) {
        ask_workers(usage);
    }
    loop_timer_set(timer, usage->pace_ms);
    push(usage); /* perhaps once more */
    check_done(usage);
}

void edge_usage_pace(struct edge_usage *usage, const struct feed_message *message) {
    if (usage == NULL || usage->is_final) {
        return;
    }
    usage->pace_ms =
        message->report_ms < FEED_PACE_MS_MIN ? FEED_PACE_MS_MIN : (int64_t)message->report_ms;
    loop_timer_set(&usage->timer, usage->pace_ms);
}

void edge_usage_finish(struct edge_usage *usage, void (*on_done)(void *context), void *context) {
    if (usage == NULL) {
        on_done(context);
        return;
    }
    usage->on_done = on_done;
    usage->done_context = context;
    usage->is_final = true;
    usage->finish_by_ms = loop_now_ms(usage->edge->loop) + EDGE_USAGE_FLUSH_MS;
    usage->pace_ms = EDGE_USAGE_FLUSH_MS;
    ask_workers(usage);
    loop_timer_set(&usage->timer, EDGE_USAGE_FLUSH_MS);
}

/* Life */

struct edge_usage *edge_usage_new(struct edge *edge,
                                  void (*send)(struct edge_feed *feed,
                                               const struct feed_message *message)) {
    struct edge_usage *usage = MEMORY_NEW(struct edge_usage);
    usage->edge = edge;
    usage->send = send;
    usage->gate = MEMORY_NEW(struct gate);
    usage->gate->usage = usage;
    atomic_init(&usage->gate->refs, 1);
    usage->requests = json_array();
    usage->pace_ms = FEED_PACE_MS;
    (void)snprintf(usage->process, sizeof usage->process, "%016" PRIx64 "%016" PRIx64,
                   random_u64(loop_random(edge->loop)), random_u64(loop_random(edge->loop)));
    loop_timer_init(&usage->timer, edge->loop, on_timer, usage);
    loop_timer_set(&usage->timer, usage->pace_ms);
    return usage;
}

static void on_timer_closed(struct loop_timer *timer) {
    memory_free(timer->context);
}

void edge_usage_free(struct edge_usage **at) {
    struct edge_usage *usage = *at;
    *at = NULL;
    if (usage == NULL) {
        return;
    }
    usage->gate->usage = NULL;
    unref_gate(usage->gate);
    forget_sending(usage);
    json_decref(usage->requests);
    while (usage->minute_count > 0) {
        drop_minute(usage, usage->minute_count - 1);
    }
    loop_timer_close(&usage->timer, on_timer_closed);
}
