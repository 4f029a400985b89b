#include "control/control_reload.h"

#include "base/log.h"
#include "base/memory.h"
#include "control/bundle_builder.h"
#include "control/change_reader.h"
#include "control/feed_hub.h"
#include "pki/digest.h"
#include "store/store_generation.h"
#include "store/store_setting.h"

#define SETTING_BYTES_MAX CA_TEXT_BYTES_MAX

struct control_reload {
    struct control *control;
    bool is_looking;
    bool is_foreign; /* a successor was asked for */
    int64_t restored;
    uint8_t keys[DIGEST_BYTES]; /* which CA and which bundle key */

    /* of the look under way */
    enum status status;
    int64_t found;
    uint8_t found_keys[DIGEST_BYTES];
    struct feed_hub_walk known; /* what edges were told before it was read what there is */
    struct change_list changes;
    struct why why;
};

static enum status add_setting(struct store_tx *tx, struct str name, struct digest_stream *digest) {
    struct buf text;
    uint8_t *room;
    buf_init(&text, SETTING_BYTES_MAX);
    enum status status = buf_reserve(&text, SETTING_BYTES_MAX, &room);
    if (status == STATUS_OK) {
        status = store_setting_get(tx, name, &text);
    }
    if (status == STATUS_OK) {
        digest_stream_add(digest, buf_str(&text));
    }
    buf_fini_wiped(&text);
    return status;
}

static enum status look(struct control *control, int64_t *restored, uint8_t keys[DIGEST_BYTES],
                        struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct digest_stream *digest = digest_stream_new();
    enum status status = store_tx_begin(control->store, STORE_READ, why, &tx);
    if (status == STATUS_OK) {
        status = store_generation_restored(tx, restored);
    }
    if (status == STATUS_OK) {
        status = add_setting(tx, STR("ca"), digest);
    }
    if (status == STATUS_OK) {
        status = add_setting(tx, STR("bundle_key"), digest);
    }
    digest_stream_result(digest, keys);
    digest_stream_free(&digest);
    return status;
}

enum status control_reload_start(struct control *control, struct why *why) {
    struct control_reload *reload = MEMORY_NEW(struct control_reload);
    reload->control = control;
    control->reload = reload;
    return look(control, &reload->restored, reload->keys, why);
}

/* Reading it all, where it was replaced */

static void run_build(void *context) {
    struct control_reload *reload = context;
    struct control *control = reload->control;
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    reload->status = bundle_builder_make_all(control->bundle_key, control->store, &reload->changes,
                                             &reload->why);
    if (reload->status == STATUS_OK) {
        reload->status = store_tx_begin(control->store, STORE_READ, &reload->why, &tx);
    }
    if (reload->status == STATUS_OK) {
        reload->status = change_reader_edges(tx, &reload->changes);
    }
    if (reload->status == STATUS_OK) {
        reload->status = change_reader_revocations(tx, "revoked", &reload->changes);
    }
}

static bool is_built(const struct change_list *changes, const struct id *environment) {
    for (const struct change *change = changes->first; change != NULL; change = change->next) {
        if (change->kind == CHANGE_ENVIRONMENT && id_eq(&change->environment, environment)) {
            return true;
        }
    }
    return false;
}

/* Only what edges had been told before the look: what came since is newer than it. */
static void add_removals(struct control_reload *reload) {
    struct change_list removals;
    change_list_init(&removals);
    for (size_t i = 0; i < reload->known.count; i++) {
        if (!is_built(&reload->changes, &reload->known.environments[i])) {
            change_list_add(&removals, CHANGE_ENVIRONMENT_REMOVED)->environment =
                reload->known.environments[i];
        }
    }
    feed_hub_apply(reload->control->hub, &removals);
}

static void end_look(struct control_reload *reload) {
    struct control *control = reload->control;
    feed_hub_walk_fini(&reload->known);
    change_list_fini(&reload->changes);
    reload->is_looking = false;
    control->work_count--;
    control_state_check_ended(control);
}

static void finish_build(void *context) {
    struct control_reload *reload = context;
    if (reload->status == STATUS_OK && reload->control->phase == CONTROL_RUNNING) {
        reload->restored = reload->found;
        add_removals(reload);
        feed_hub_apply(reload->control->hub, &reload->changes);
        log_info("control.restored", "the database was replaced: all configuration is read again");
    } else if (reload->status != STATUS_OK) {
        log_warn("control.restored_not_read", "code=%s detail=%s", reload->why.slug,
                 reload->why.text);
    }
    end_look(reload);
}

/* Looking */

static void run_look(void *context) {
    struct control_reload *reload = context;
    reload->status = look(reload->control, &reload->found, reload->found_keys, &reload->why);
}

static void ask_for_successor(struct control_reload *reload) {
    struct control *control = reload->control;
    log_warn("control.replaced",
             "the database was replaced by another installation's, with keys of its own: %s",
             control->on_replaced != NULL ? "a successor takes over" : "restart this process");
    reload->is_foreign = true;
    if (control->on_replaced != NULL) {
        control->on_replaced(control->replaced_context);
    }
}

static void finish_look(void *context) {
    struct control_reload *reload = context;
    struct control *control = reload->control;
    bool is_running = control->phase == CONTROL_RUNNING;
    if (reload->status != STATUS_OK || reload->found == reload->restored || !is_running) {
        end_look(reload);
        return;
    }
    if (!str_eq(str_make(reload->keys, DIGEST_BYTES), str_make(reload->found_keys, DIGEST_BYTES))) {
        ask_for_successor(reload);
        end_look(reload);
        return;
    }
    feed_hub_walk_init(&reload->known, control->hub);
    loop_work(control->loop, run_build, finish_build, reload);
}

void control_reload_check(struct control *control) {
    struct control_reload *reload = control->reload;
    if (reload == NULL || reload->is_looking || reload->is_foreign) {
        return;
    }
    reload->is_looking = true;
    control->work_count++;
    loop_work(control->loop, run_look, finish_look, reload);
}

void control_reload_free(struct control *control) {
    memory_free(control->reload);
    control->reload = NULL;
}
