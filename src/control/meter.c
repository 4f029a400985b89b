#include "control/meter.h"

#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/environment_form.h"
#include "control/event_hub.h"
#include "control/feed_hub.h"
#include "store/store_metric.h"
#include "store/store_request.h"
#include "store/store_tenant.h"
#include "store/store_usage.h"
#include "tunnel/usage_record.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct job {
    struct control *control;
    struct id edge;
    char process[STORE_USAGE_PROCESS_MAX + 1];
    uint64_t sequence;
    int64_t at_ms;
    json_t *counts; /* references */
    json_t *requests;
    json_t *shown;                /* environment -> what its watchers are told */
    struct id logs_of;            /* the environment that was asked last, */
    struct environment_logs logs; /* what it says of logs, */
    struct id tenant;             /* and whose it is */
    enum status status;
};

/* Whom something belongs to */

struct owner {
    struct id organization;
    struct id project;
    bool is_there; /* the environment */
};

/* STATUS_NOT_FOUND: nobody. */
static enum status find_owner(struct store_tx *tx, const struct usage_record_key *key,
                              struct owner *owner) {
    struct store_tenant tenant;
    enum status status = store_tenant_find_any(tx, &key->environment, &tenant);
    *owner = (struct owner){tenant.organization, tenant.project, true};
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    status = store_tenant_find_any(tx, &key->organization, &tenant);
    *owner = (struct owner){tenant.organization, key->project, false};
    return status;
}

/* Counts */

static uint64_t count_requests(const struct usage_record_count *count) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < USAGE_RECORD_CLASSES; i++) {
        sum += count->status[i];
    }
    return sum;
}

static enum status add_usage(struct store_tx *tx, const struct job *job, const struct owner *owner,
                             const struct usage_record_key *key,
                             const struct usage_record_count *count) {
    const struct store_usage usage = {
        .organization = owner->organization,
        .project = owner->project,
        .environment = key->environment,
        .at_ms = store_usage_booked_ms(job->at_ms, store_tx_now_ms(tx)),
        .requests = count_requests(count),
        .bytes_in = count->bytes_in,
        .bytes_out = count->bytes_out,
    };
    return store_usage_add(tx, &usage);
}

static enum status add_metric(struct store_tx *tx, const struct job *job, const struct owner *owner,
                              const struct usage_record_key *key,
                              const struct usage_record_count *count, const json_t *codes) {
    int64_t now_ms = store_tx_now_ms(tx);
    struct store_metric metric = {
        .organization = owner->organization,
        .environment = key->environment,
        .route = key->route,
        .at_ms = job->at_ms < now_ms ? job->at_ms : now_ms,
        .bytes_in = count->bytes_in,
        .bytes_out = count->bytes_out,
        .unlogged = count->unlogged,
        .latency = count->latency,
        .codes = (json_t *)(uintptr_t)codes,
    };
    for (unsigned i = 0; i < STORE_METRIC_CLASSES; i++) {
        metric.status[i] = count->status[i];
    }
    return store_metric_add(tx, &metric);
}

static void say_skipped(const struct job *job, const struct why *why) {
    log_warn("control.usage_skipped", "edge=%s code=%s detail=%s", job->edge.text, why->slug,
             why->text);
}

static enum status take_count(struct store_tx *tx, const struct job *job, const json_t *object) {
    struct usage_record_key key;
    struct usage_record_count count;
    const json_t *codes;
    struct owner owner;
    struct why why = {0};
    if (usage_record_read_count(object, &key, &count, &codes, &why) != STATUS_OK) {
        say_skipped(job, &why);
        return STATUS_OK;
    }
    enum status status = find_owner(tx, &key, &owner);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK; /* the organization is gone, and all that was to be billed */
    }
    if (status == STATUS_OK) {
        status = add_usage(tx, job, &owner, &key, &count);
    }
    if (status == STATUS_OK && owner.is_there) {
        status = add_metric(tx, job, &owner, &key, &count, codes);
    }
    return status;
}

/* Requests */

/* Every 32nd on average, so that an environment never has many more than it may. */
static bool is_time_to_trim(const struct id *request) {
    return str_ends_with(id_str(request), STR("0"));
}

static void show(struct job *job, const struct id *environment, struct str entry) {
    json_t *list = json_object_get(job->shown, environment->text);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(job->shown, environment->text, list);
    }
    json_array_append_new(list, meter_show_request(entry));
}

static int64_t kept_since_ms(const struct environment_logs *logs, int64_t now_ms) {
    return logs->enabled ? now_ms - (int64_t)logs->retention_days * DAY_MS : now_ms + 1;
}

/* STATUS_NOT_FOUND: it is gone. */
static enum status find_logs(struct store_tx *tx, struct job *job, const struct id *environment) {
    struct store_tenant tenant;
    struct store_environment row;
    struct arena arena;
    if (id_eq(&job->logs_of, environment)) {
        return STATUS_OK;
    }
    enum status status = store_tenant_find_any(tx, environment, &tenant);
    if (status != STATUS_OK) {
        return status;
    }
    arena_init(&arena);
    status = store_environment_get(tx, &tenant.organization, environment, &arena, &row);
    if (status == STATUS_OK) {
        job->logs = environment_form_logs(&row);
        job->tenant = tenant.organization;
        job->logs_of = *environment;
    }
    arena_fini(&arena);
    return status;
}

static enum status insert_request(struct store_tx *tx, struct job *job,
                                  const struct usage_record_request *request, json_t *entry) {
    struct buf text;
    buf_init(&text, STORE_REQUEST_ENTRY_MAX);
    struct store_request row = {
        .object = {.id = request->id, .organization = job->tenant},
        .environment = request->environment,
    };
    if (json_write(entry, &text) != STATUS_OK) {
        buf_fini(&text);
        return STATUS_OK; /* cannot be: every member has its limit */
    }
    row.entry = buf_str(&text);
    enum status status = store_request_insert(tx, &row);
    if (status == STATUS_OK) {
        show(job, &request->environment, row.entry);
    }
    buf_fini(&text);
    if (status == STATUS_OK && is_time_to_trim(&request->id)) {
        status = store_request_trim(tx, &job->tenant, &request->environment,
                                    kept_since_ms(&job->logs, store_tx_now_ms(tx)));
    }
    return status;
}

static enum status take_request(struct store_tx *tx, struct job *job, const json_t *object) {
    struct usage_record_request request;
    struct why why = {0};
    if (usage_record_read_request(object, &request, &why) != STATUS_OK) {
        say_skipped(job, &why);
        return STATUS_OK;
    }
    enum status status = find_logs(tx, job, &request.environment);
    if (status != STATUS_OK || !job->logs.enabled) { /* it may be that it was switched off since */
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    json_t *entry = json_copy((json_t *)(uintptr_t)object);
    json_object_set_new(entry, "edge", json_string(job->edge.text));
    status = insert_request(tx, job, &request, entry);
    json_decref(entry);
    return status;
}

/* The record */

static enum status take_all(struct store_tx *tx, struct job *job) {
    size_t i;
    json_t *object;
    enum status status = store_usage_claim(tx, &job->edge, str_from(job->process), job->sequence);
    if (status != STATUS_OK) {
        return status;
    }
    json_array_foreach(job->counts, i, object) {
        status = status == STATUS_OK ? take_count(tx, job, object) : status;
    }
    json_array_foreach(job->requests, i, object) {
        status = status == STATUS_OK ? take_request(tx, job, object) : status;
    }
    return status;
}

static void run_job(void *context) {
    struct job *job = context;
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct why why = {0};
    job->status = store_tx_begin(job->control->store, STORE_WRITE, &why, &tx);
    if (job->status == STATUS_OK) {
        job->status = take_all(tx, job);
    }
    if (job->status == STATUS_OK) {
        job->status = store_tx_commit(&tx);
    }
    if (job->status != STATUS_OK && job->status != STATUS_END) {
        log_warn("control.usage_not_taken", "edge=%s code=%s detail=%s: it is sent again",
                 job->edge.text, why.slug, why.text);
    }
}

/* Watchers */

static void publish(struct control *control, const struct id *environment, const json_t *list) {
    json_t *batch = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_array_append(batch, json_array_get(list, i));
        if (json_array_size(batch) == METER_BATCH_MAX || i + 1 == json_array_size(list)) {
            json_t *data = json_object();
            json_object_set_new(data, "requests", batch);
            event_hub_publish(control->events, METER_TRAFFIC, environment, "requests", data);
            batch = json_array();
        }
    }
    json_decref(batch);
}

static void publish_all(const struct job *job) {
    const char *name;
    json_t *list;
    json_object_foreach(job->shown, name, list) {
        struct id environment;
        if (id_parse(ID_ENVIRONMENT, str_from(name), &environment) == STATUS_OK &&
            event_hub_has(job->control->events, METER_TRAFFIC, &environment)) {
            publish(job->control, &environment, list);
        }
    }
}

static void finish_job(void *context) {
    struct job *job = context;
    struct control *control = job->control;
    if (job->status == STATUS_OK || job->status == STATUS_END) {
        const struct feed_message answer = {.type = FEED_MESSAGE_USAGE_TAKEN,
                                            .process = str_from(job->process),
                                            .sequence = job->sequence};
        feed_hub_tell(control->hub, &job->edge, &answer);
    }
    if (job->status == STATUS_OK) {
        publish_all(job);
    }
    json_decref(job->counts);
    json_decref(job->requests);
    json_decref(job->shown);
    memory_free(job);
    control->work_count--;
    control_state_check_ended(control);
}

void meter_take(struct control *control, const struct id *edge,
                const struct feed_message *message) {
    struct job *job = MEMORY_NEW(struct job);
    *job = (struct job){
        .control = control,
        .edge = *edge,
        .sequence = message->sequence,
        .at_ms = (int64_t)message->at_ms,
        .counts = json_incref((json_t *)(uintptr_t)message->counts),
        .requests = json_incref((json_t *)(uintptr_t)message->requests),
        .shown = json_object(),
    };
    snprintf(job->process, sizeof(job->process), "%.*s", STR_ARG(message->process));
    control->work_count++;
    loop_work(control->loop, run_job, finish_job, job);
}

struct feed_message meter_pace(const struct control *control) {
    return (struct feed_message){.type = FEED_MESSAGE_PACE,
                                 .report_ms =
                                     control->is_traffic_watched ? METER_WATCHED_MS : FEED_PACE_MS};
}

static bool is_watched(const struct control *control) {
    size_t walk = 0;
    for (const struct event_topic *topic = event_hub_next(control->events, &walk); topic != NULL;
         topic = event_hub_next(control->events, &walk)) {
        if (str_eq(str_from(topic->scope), STR(METER_TRAFFIC)) &&
            !list_is_empty(&topic->listeners)) {
            return true;
        }
    }
    return false;
}

void meter_tick(struct control *control) {
    bool is_now = is_watched(control);
    if (is_now != control->is_traffic_watched) {
        control->is_traffic_watched = is_now;
        const struct feed_message pace = meter_pace(control);
        feed_hub_tell(control->hub, NULL, &pace);
    }
}

enum status meter_prune(struct store_tx *tx) {
    struct store_page page = {.limit = STORE_PAGE_MAX, .has_more = true};
    int64_t now_ms = store_tx_now_ms(tx);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && page.has_more) {
        struct store_environment *rows = NULL;
        struct arena arena;
        size_t count = 0;
        arena_init(&arena);
        status = store_environment_list_any(tx, &page, &arena, &rows, &count);
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            const struct environment_logs logs = environment_form_logs(&rows[i]);
            page.after = rows[i].object.id;
            status = store_request_trim(tx, &rows[i].object.organization, &rows[i].object.id,
                                        kept_since_ms(&logs, now_ms));
        }
        page.has_cursor = true;
        arena_fini(&arena);
    }
    return status;
}

json_t *meter_show_request(struct str entry) {
    json_t *object = NULL;
    struct why why;
    char text[CLOCK_RFC3339_SIZE];
    if (json_parse(entry, &object, &why) != STATUS_OK) {
        return NULL;
    }
    clock_format_rfc3339(json_integer_value(json_object_get(object, "at")), text);
    json_object_set_new(object, "at", json_string(text));
    return object;
}
