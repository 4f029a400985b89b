#include "control/control_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "control/bundle_builder.h"
#include "control/ca_step.h"
#include "control/change_reader.h"
#include "control/control_keys.h"
#include "control/feed_hub.h"
#include "store/store_tenant.h"
#include "store/store_watch.h"

/* More at once are told as one: read everything. */
#define EVENTS_MAX 2048
#define RETRY_MS 1000

struct news {
    struct store_watch_event *events; /* EVENTS_MAX */
    size_t count;
    bool is_all;
};

/* Apart from the control plane, since posted calls come after it has gone. */
struct control_watch {
    struct control *control; /* NULL: over */
    struct store_watch *watch;
    struct loop_mailbox *mailbox;
    struct loop_timer retry;
    unsigned handles; /* the timer, until it is closed, and a call that is posted */
    bool is_stopped;

    pthread_mutex_t lock; /* of what the watch's thread writes */
    struct news waiting;
    bool is_posted;

    bool is_reading; /* a pool thread has what is below */
    struct news reading;
    struct feed_hub_walk known; /* the environments before everything is read */
    struct change_list changes;
    enum status status;
    struct why why;
};

/* Announcing */

static struct store_watch_event describe(const struct change *change) {
    struct store_watch_event event = {.kind = STORE_WATCH_ENVIRONMENT,
                                      .object = change->environment};
    if (change->kind == CHANGE_REVOKED) {
        event = (struct store_watch_event){.kind = STORE_WATCH_REVOCATION};
        snprintf(event.text, sizeof(event.text), "%s", change->reason);
    } else if (change->kind == CHANGE_EDGE) {
        event = (struct store_watch_event){.kind = STORE_WATCH_EDGES};
    } else if (change->kind == CHANGE_CA) {
        event = (struct store_watch_event){.kind = STORE_WATCH_SETTING, .text = CONTROL_KEYS_CA};
    }
    return event;
}

/* Whoever revokes lists all that are revoked (change_reader.h): of what is read as a whole, once is enough. */
enum status control_watch_announce(struct store_tx *tx, const struct change_list *changes) {
    enum status status = STATUS_OK;
    bool is_told[STORE_WATCH_ALL + 1] = {false};
    for (const struct change *change = changes->first; change != NULL && status == STATUS_OK;
         change = change->next) {
        const struct store_watch_event event = describe(change);
        if (!is_told[event.kind]) {
            status = store_watch_announce(tx, &event);
        }
        is_told[event.kind] = event.kind != STORE_WATCH_ENVIRONMENT;
    }
    return status;
}

/* Reading, on a pool thread */

static enum status read_environment(struct control *control, struct store_tx *tx,
                                    const struct id *id, struct change_list *changes,
                                    struct why *why) {
    struct store_tenant tenant;
    enum status status = store_tenant_find_any(tx, id, &tenant);
    if (status == STATUS_OK) {
        status =
            bundle_builder_make(control->bundle_key, tx, &tenant.organization, id, changes, why);
    }
    if (status == STATUS_NOT_FOUND) {
        change_list_add(changes, CHANGE_ENVIRONMENT_REMOVED)->environment = *id;
        return STATUS_OK;
    }
    if (status == STATUS_INVALID) { /* whoever made it was told; the last good one stays */
        log_error("control.bundle_refused", "environment=%s code=%s detail=%s", id->text, why->slug,
                  why->text);
        return STATUS_OK;
    }
    return status;
}

/* The same again further on: once is enough. */
static bool comes_again(const struct news *news, size_t at) {
    for (size_t i = at + 1; i < news->count; i++) {
        if (news->events[i].kind == news->events[at].kind &&
            strcmp(news->events[i].text, news->events[at].text) == 0 &&
            id_eq(&news->events[i].object, &news->events[at].object)) {
            return true;
        }
    }
    return false;
}

static enum status read_events(struct control_watch *watch) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(watch->control->store, STORE_READ, &watch->why, &tx);
    for (size_t i = 0; i < watch->reading.count && status == STATUS_OK; i++) {
        const struct store_watch_event *event = &watch->reading.events[i];
        if (comes_again(&watch->reading, i)) {
            continue;
        }
        if (event->kind == STORE_WATCH_ENVIRONMENT) {
            status =
                read_environment(watch->control, tx, &event->object, &watch->changes, &watch->why);
        } else if (event->kind == STORE_WATCH_REVOCATION) {
            status = change_reader_revocations(tx, event->text, &watch->changes);
        } else if (event->kind == STORE_WATCH_EDGES) {
            status = change_reader_edges(tx, &watch->changes);
        } else if (event->kind == STORE_WATCH_SETTING &&
                   strcmp(event->text, CONTROL_KEYS_CA) == 0) {
            status = ca_step_read_change(tx, &watch->changes, &watch->why);
        }
    }
    return status;
}

/* What was known before everything was read, and is not there any more, has been deleted. A bundle that could not be built is none of
 * those that were read, either. */
static enum status add_removals(struct control_watch *watch, struct store_tx *tx) {
    enum status status = STATUS_OK;
    struct map seen;
    map_init(&seen);
    for (struct change *change = watch->changes.first; change != NULL; change = change->next) {
        (void)map_set(&seen, id_str(&change->environment), change);
    }
    for (size_t i = 0; i < watch->known.count && status == STATUS_OK; i++) {
        const struct id *id = &watch->known.environments[i];
        struct store_tenant tenant;
        if (map_get(&seen, id_str(id)) != NULL) {
            continue;
        }
        status = store_tenant_find_any(tx, id, &tenant);
        if (status == STATUS_NOT_FOUND) {
            change_list_add(&watch->changes, CHANGE_ENVIRONMENT_REMOVED)->environment = *id;
            status = STATUS_OK;
        }
    }
    map_fini(&seen);
    return status;
}

static enum status read_all(struct control_watch *watch) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct control *control = watch->control;
    enum status status =
        bundle_builder_make_all(control->bundle_key, control->store, &watch->changes, &watch->why);
    if (status == STATUS_OK) {
        status = store_tx_begin(control->store, STORE_READ, &watch->why, &tx);
    }
    if (status == STATUS_OK) {
        status = add_removals(watch, tx);
    }
    if (status == STATUS_OK) {
        status = change_reader_edges(tx, &watch->changes);
    }
    if (status == STATUS_OK) {
        status = ca_step_read_change(tx, &watch->changes, &watch->why);
    }
    return status == STATUS_OK ? change_reader_revocations(tx, "revoked", &watch->changes) : status;
}

static void read_news(void *context) {
    struct control_watch *watch = context;
    watch->status = watch->reading.is_all ? read_all(watch) : read_events(watch);
}

/* On the loop */

static void free_when_over(struct control_watch *watch) {
    if (watch->control != NULL || watch->handles > 0) {
        return;
    }
    memory_free(watch->waiting.events);
    memory_free(watch->reading.events);
    pthread_mutex_destroy(&watch->lock);
    memory_free(watch);
}

static void start_reading(struct control_watch *watch);

static void finish_reading(void *context) {
    struct control_watch *watch = context;
    struct control *control = watch->control;
    watch->is_reading = false;
    feed_hub_walk_fini(&watch->known);
    if (watch->status == STATUS_OK) {
        log_debug("control.changes_heard", "events=%zu all=%d", watch->reading.count,
                  watch->reading.is_all);
        feed_hub_apply(control->hub, &watch->changes);
    } else {
        log_warn("control.changes_not_read", "code=%s detail=%s", watch->why.slug, watch->why.text);
        pthread_mutex_lock(&watch->lock);
        watch->waiting.is_all = true; /* with what was not read */
        pthread_mutex_unlock(&watch->lock);
    }
    change_list_fini(&watch->changes);
    control->work_count--;
    if (watch->status == STATUS_OK) {
        start_reading(watch);
    } else if (!watch->is_stopped) {
        loop_timer_set(&watch->retry, RETRY_MS);
    }
    control_state_check_ended(control);
}

static void start_reading(struct control_watch *watch) {
    pthread_mutex_lock(&watch->lock);
    bool has_news = watch->waiting.count > 0 || watch->waiting.is_all;
    if (has_news && !watch->is_reading && !watch->is_stopped) {
        struct store_watch_event *room = watch->reading.events;
        watch->reading = watch->waiting;
        watch->waiting = (struct news){.events = room};
        watch->is_reading = true;
    } else {
        has_news = false;
    }
    pthread_mutex_unlock(&watch->lock);
    if (!has_news) {
        return;
    }
    if (watch->reading.is_all) {
        feed_hub_walk_init(&watch->known, watch->control->hub);
    }
    change_list_init(&watch->changes);
    watch->why = (struct why){0};
    watch->control->work_count++;
    loop_work(watch->control->loop, read_news, finish_reading, watch);
}

static void on_retry(struct loop_timer *timer) {
    start_reading(timer->context);
}

static void on_posted(void *context) {
    struct control_watch *watch = context;
    pthread_mutex_lock(&watch->lock);
    watch->is_posted = false;
    pthread_mutex_unlock(&watch->lock);
    if (watch->control != NULL) {
        start_reading(watch);
        return;
    }
    watch->handles--;
    free_when_over(watch);
}

/* The loop ends with it. */
static void on_dropped(void *context) {
    struct control_watch *watch = context;
    pthread_mutex_lock(&watch->lock);
    watch->is_posted = false;
    pthread_mutex_unlock(&watch->lock);
    if (watch->control == NULL) {
        watch->handles--;
        free_when_over(watch);
    }
}

/* On the watch's thread */
static void on_event(void *context, const struct store_watch_event *event) {
    struct control_watch *watch = context;
    pthread_mutex_lock(&watch->lock);
    if (event->kind == STORE_WATCH_ALL || watch->waiting.count == EVENTS_MAX) {
        watch->waiting.is_all = true;
        watch->waiting.count = 0;
    } else if (!watch->waiting.is_all) {
        watch->waiting.events[watch->waiting.count++] = *event;
    }
    if (!watch->is_posted) {
        watch->is_posted = true;
        loop_mailbox_post(watch->mailbox, on_posted, on_dropped, watch);
    }
    pthread_mutex_unlock(&watch->lock);
}

/* Beginning and end */

enum status control_watch_start(struct control *control, struct control_watch **out,
                                struct why *why) {
    struct control_watch *watch = MEMORY_NEW(struct control_watch);
    watch->control = control;
    pthread_mutex_init(&watch->lock, NULL);
    watch->waiting.events = memory_new_array(EVENTS_MAX, sizeof(struct store_watch_event));
    watch->reading.events = memory_new_array(EVENTS_MAX, sizeof(struct store_watch_event));
    loop_timer_init(&watch->retry, control->loop, on_retry, watch);
    watch->mailbox = loop_mailbox_ref(control->loop);
    watch->handles = 1;
    *out = watch;
    return store_watch_start(control->store, on_event, watch, &watch->watch, why);
}

void control_watch_stop(struct control_watch *watch) {
    watch->is_stopped = true;
    loop_timer_clear(&watch->retry);
    store_watch_stop(watch->watch);
}

static void on_timer_closed(struct loop_timer *timer) {
    struct control_watch *watch = timer->context;
    watch->handles--;
    free_when_over(watch);
}

void control_watch_free(struct control_watch **at) {
    struct control_watch *watch = *at;
    *at = NULL;
    if (watch == NULL) {
        return;
    }
    store_watch_free(&watch->watch);
    watch->handles += watch->is_posted ? 1 : 0;
    watch->control = NULL;
    loop_mailbox_unref(&watch->mailbox);
    loop_timer_close(&watch->retry, on_timer_closed);
}

int64_t control_watch_as_of_ms(const struct control_watch *watch, const struct clock *clock) {
    return watch == NULL ? clock_wall_ms(clock) : store_watch_as_of_ms(watch->watch);
}

bool control_watch_leads(const struct control_watch *watch) {
    return watch == NULL || store_watch_leads(watch->watch);
}
