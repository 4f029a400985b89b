#include "control/event_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/audit.h"
#include "control/presence.h"

#define RECENT_COUNT 1024 /* ids that were told: more than happen while events overlap */
#define PAGE_ROWS 200
#define READ_ROWS_MAX 2000 /* of one topic at a time */

struct event_watch {
    struct control *control;
    int64_t read_at_ms;
    bool is_reading;
};

/* What is known of one topic. */
struct watched {
    bool is_environment;
    struct id organization;
    int64_t since_ms;    /* wall: the time of the latest event that was told, or of the beginning */
    int64_t begun_at_ms; /* wall: what is older is not told */
    uint64_t generation; /* of the presence, when it was compared */
    struct presence_brief *warpgates; /* sorted by id */
    size_t warpgate_count;
    struct id recent[RECENT_COUNT];
    size_t recent_at;
};

struct event_watch *event_watch_new(struct control *control) {
    struct event_watch *watch = MEMORY_NEW(struct event_watch);
    watch->control = control;
    return watch;
}

void event_watch_free(struct event_watch **watch) {
    memory_free(*watch);
    *watch = NULL;
}

/* Warpgates */

static int compare_briefs(const void *a, const void *b) {
    return strcmp(((const struct presence_brief *)a)->id.text,
                  ((const struct presence_brief *)b)->id.text);
}

static struct presence_brief *read_warpgates(struct event_watch *watch,
                                             const struct event_topic *topic, size_t *count) {
    struct presence_brief *found = presence_list(watch->control->presence, &topic->object, count);
    if (*count > 0) {
        qsort(found, *count, sizeof(found[0]), compare_briefs);
    }
    return found;
}

static bool is_same(const struct presence_brief *a, const struct presence_brief *b) {
    return a->status == b->status && a->tunnel_count == b->tunnel_count &&
           a->applied_revision == b->applied_revision &&
           strcmp(a->refused_code, b->refused_code) == 0;
}

static void tell_warpgate(struct event_watch *watch, const struct event_topic *topic,
                          const struct presence_brief *brief) {
    json_t *data = json_object();
    json_object_set_new(data, "id", json_string(brief->id.text));
    json_object_set_new(data, "status", json_string(presence_status_name(brief->status)));
    json_object_set_new(data, "tunnels", json_integer(brief->tunnel_count));
    json_object_set_new(data, "applied_revision",
                        brief->applied_revision == 0
                            ? json_null()
                            : json_integer((json_int_t)brief->applied_revision));
    json_object_set_new(data, "refused_code",
                        brief->refused_code[0] == '\0'
                            ? json_null()
                            : json_from_str(str_from(brief->refused_code)));
    event_hub_publish(watch->control->events, topic->scope, &topic->object, "warpgate", data);
}

/* One that nothing is known of any more is as one that is not connected. */
static void tell_gone(struct event_watch *watch, const struct event_topic *topic,
                      const struct presence_brief *former) {
    struct presence_brief gone = *former;
    gone.status = PRESENCE_DISCONNECTED;
    gone.tunnel_count = 0;
    if (!is_same(&gone, former)) {
        tell_warpgate(watch, topic, &gone);
    }
}

/* Both lists are sorted. */
static void compare(struct event_watch *watch, const struct event_topic *topic,
                    const struct watched *watched, const struct presence_brief *now, size_t count) {
    size_t was = 0;
    for (size_t is = 0; is < count || was < watched->warpgate_count;) {
        const struct presence_brief *former = &watched->warpgates[was];
        const struct presence_brief *latter = &now[is];
        int order = was == watched->warpgate_count ? 1
                    : is == count                  ? -1
                                                   : compare_briefs(former, latter);
        if (order < 0) {
            tell_gone(watch, topic, former);
        } else if (order > 0 || !is_same(former, latter)) {
            tell_warpgate(watch, topic, latter);
        }
        was += order <= 0 ? 1 : 0;
        is += order >= 0 ? 1 : 0;
    }
}

static void look_at_warpgates(struct event_watch *watch, struct event_topic *topic,
                              struct watched *watched) {
    uint64_t generation = presence_generation(watch->control->presence);
    if (generation == watched->generation) {
        return;
    }
    size_t count = 0;
    struct presence_brief *now = read_warpgates(watch, topic, &count);
    compare(watch, topic, watched, now, count);
    memory_free(watched->warpgates);
    watched->warpgates = now;
    watched->warpgate_count = count;
    watched->generation = generation;
}

/* Audit events: one job reads for all topics. */

struct found {
    struct id id;
    int64_t created_at_ms;
    json_t *data;
};

struct want {
    char scope[EVENT_HUB_SCOPE_SIZE];
    struct id object;
    struct id organization;
    bool is_environment;
    int64_t since_ms;
    struct found *found;
    size_t count;
    bool is_too_much; /* more than could be read: whoever listens has to read anew */
};

struct reading {
    struct event_watch *watch;
    struct want *wants;
    size_t count;
};

static json_t *write_change(const struct store_audit *row) {
    json_t *data = json_object();
    json_object_set_new(data, "id", api_call_id(&row->object.id));
    json_object_set_new(data, "action", json_from_str(row->action));
    json_object_set_new(data, "target",
                        id_is_none(&row->target) ? json_null() : api_call_id(&row->target));
    json_object_set_new(data, "created_at", api_call_time(row->object.created_at_ms));
    return data;
}

static void keep_rows(struct want *want, const struct store_audit *rows, size_t count) {
    if (count == 0) {
        return;
    }
    want->found = memory_resize(want->found, want->count + count, sizeof(want->found[0]));
    for (size_t i = 0; i < count; i++) {
        want->found[want->count++] = (struct found){
            .id = rows[i].object.id,
            .created_at_ms = rows[i].object.created_at_ms,
            .data = want->is_environment ? write_change(&rows[i]) : audit_write(&rows[i]),
        };
    }
}

static enum status read_page(struct store_tx *tx, struct want *want, struct store_page *page) {
    struct store_audit_filter filter = {.since_ms = want->since_ms - EVENT_WATCH_OVERLAP_MS};
    struct store_audit *rows = NULL;
    size_t count = 0;
    struct arena arena;
    arena_init(&arena);
    if (want->is_environment) {
        filter.environment = want->object;
    }
    enum status status =
        store_audit_list(tx, &want->organization, &filter, page, &arena, &rows, &count);
    if (status == STATUS_OK) {
        keep_rows(want, rows, count);
        page->has_cursor = count > 0;
        page->after = count > 0 ? rows[count - 1].object.id : page->after;
    }
    arena_fini(&arena);
    return status;
}

static enum status read_want(struct store_tx *tx, struct want *want) {
    struct store_page page = {.limit = PAGE_ROWS, .order = STORE_ASCENDING, .has_more = true};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && page.has_more) {
        if (want->count >= READ_ROWS_MAX) {
            want->is_too_much = true;
            return STATUS_OK;
        }
        status = read_page(tx, want, &page);
    }
    return status;
}

static void run_reading(void *context) {
    struct reading *reading = context;
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct why why = {0};
    enum status status = store_tx_begin(reading->watch->control->store, STORE_READ, &why, &tx);
    for (size_t i = 0; i < reading->count && status == STATUS_OK; i++) {
        status = read_want(tx, &reading->wants[i]);
    }
    if (status != STATUS_OK) {
        log_warn("control.events_not_read", "code=%s detail=%s", why.slug, why.text);
    }
}

static bool take_new(struct watched *watched, const struct found *found) {
    for (size_t i = 0; i < RECENT_COUNT; i++) {
        if (id_eq(&watched->recent[i], &found->id)) {
            return false;
        }
    }
    watched->recent[watched->recent_at] = found->id;
    watched->recent_at = (watched->recent_at + 1) % RECENT_COUNT;
    return true;
}

static void tell_found(struct event_watch *watch, struct want *want, struct watched *watched) {
    const char *name = want->is_environment ? "change" : "audit_event";
    for (size_t i = 0; i < want->count && watched != NULL; i++) {
        struct found *found = &want->found[i];
        if (found->created_at_ms > watched->since_ms) {
            watched->since_ms = found->created_at_ms;
        }
        if (found->created_at_ms >= watched->begun_at_ms && take_new(watched, found)) {
            event_hub_publish(watch->control->events, want->scope, &want->object, name,
                              found->data);
            found->data = NULL;
        }
    }
    if (watched != NULL && want->is_too_much) {
        event_hub_publish_gap(watch->control->events, want->scope, &want->object);
        watched->since_ms = clock_wall_ms(loop_clock(watch->control->loop));
    }
}

static void finish_reading(void *context) {
    struct reading *reading = context;
    struct event_watch *watch = reading->watch;
    struct control *control = watch->control;
    for (size_t i = 0; i < reading->count; i++) {
        struct want *want = &reading->wants[i];
        struct event_topic *topic = event_hub_find(control->events, want->scope, &want->object);
        tell_found(watch, want, topic != NULL ? topic->watch : NULL);
        for (size_t k = 0; k < want->count; k++) {
            json_decref(want->found[k].data);
        }
        memory_free(want->found);
    }
    memory_free(reading->wants);
    memory_free(reading);
    watch->is_reading = false;
    control->work_count--;
    control_state_check_ended(control);
}

static struct reading *collect(struct event_watch *watch) {
    struct reading *reading = MEMORY_NEW(struct reading);
    struct event_topic *topic;
    reading->watch = watch;
    reading->wants = memory_new_array(EVENT_HUB_TOPICS_MAX, sizeof(reading->wants[0]));
    for (size_t walk = 0; (topic = event_hub_next(watch->control->events, &walk)) != NULL;) {
        const struct watched *watched = topic->watch;
        if (watched == NULL) {
            continue;
        }
        struct want *want = &reading->wants[reading->count++];
        *want = (struct want){
            .object = topic->object,
            .organization = watched->organization,
            .is_environment = watched->is_environment,
            .since_ms = watched->since_ms,
        };
        memcpy(want->scope, topic->scope, sizeof(want->scope));
    }
    return reading;
}

static void start_reading(struct event_watch *watch) {
    struct control *control = watch->control;
    struct reading *reading = collect(watch);
    if (reading->count == 0) {
        memory_free(reading->wants);
        memory_free(reading);
        return;
    }
    watch->is_reading = true;
    control->work_count++;
    loop_work(control->loop, run_reading, finish_reading, reading);
}

/* Topics */

static void free_watched(void *context) {
    struct watched *watched = context;
    memory_free(watched->warpgates);
    memory_free(watched);
}

void event_watch_begin(struct event_watch *watch, struct event_topic *topic,
                       const struct id *organization) {
    bool is_environment = strcmp(topic->scope, EVENT_WATCH_ENVIRONMENT) == 0;
    if (topic->watch != NULL ||
        (!is_environment && strcmp(topic->scope, EVENT_WATCH_ORGANIZATION) != 0)) {
        return;
    }
    struct watched *watched = MEMORY_NEW(struct watched);
    watched->is_environment = is_environment;
    watched->organization = *organization;
    watched->since_ms = clock_wall_ms(loop_clock(watch->control->loop));
    watched->begun_at_ms = watched->since_ms;
    topic->watch = watched;
    topic->free_watch = free_watched;
    if (is_environment) {
        watched->generation = presence_generation(watch->control->presence);
        watched->warpgates = read_warpgates(watch, topic, &watched->warpgate_count);
    }
}

void event_watch_tick(struct event_watch *watch) {
    struct control *control = watch->control;
    struct event_topic *topic;
    event_hub_sweep(control->events);
    for (size_t walk = 0; (topic = event_hub_next(control->events, &walk)) != NULL;) {
        struct watched *watched = topic->watch;
        if (watched != NULL && watched->is_environment) {
            look_at_warpgates(watch, topic, watched);
        }
    }
    int64_t now_ms = loop_now_ms(control->loop);
    if (!watch->is_reading && now_ms - watch->read_at_ms >= EVENT_WATCH_READ_MS) {
        watch->read_at_ms = now_ms;
        start_reading(watch);
    }
}

/* Bundles */

void event_watch_bundle(struct event_watch *watch, const struct id *environment, const char *state,
                        uint64_t revision, const struct id *edge, struct str code,
                        struct str detail) {
    if (watch == NULL ||
        !event_hub_has(watch->control->events, EVENT_WATCH_ENVIRONMENT, environment)) {
        return;
    }
    json_t *data = json_object();
    json_object_set_new(data, "state", json_string(state));
    json_object_set_new(data, "revision", json_integer((json_int_t)revision));
    json_object_set_new(data, "edge", edge == NULL ? json_null() : json_string(edge->text));
    json_object_set_new(data, "code", str_is_empty(code) ? json_null() : json_from_str(code));
    json_object_set_new(data, "detail", str_is_empty(detail) ? json_null() : json_from_str(detail));
    event_hub_publish(watch->control->events, EVENT_WATCH_ENVIRONMENT, environment, "bundle", data);
}
