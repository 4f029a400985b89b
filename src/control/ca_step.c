#include "control/ca_step.h"

#include <stdio.h>

#include "control/control_keys.h"
#include "store/store_setting.h"

#define REVISION_SETTING "ca_revision"
#define REVISION_BYTES_MAX 24

const char *const ca_step_names[] = {
    [CA_STEP_ANNOUNCE] = "announce",
    [CA_STEP_ISSUE] = "issue",
    [CA_STEP_FINISH] = "finish",
    [CA_STEP_BACK] = "back",
    [CA_STEP_RENEW_INTERMEDIATES] = "renew_intermediates",
    NULL,
};

enum ca_step ca_step_of(struct str name) {
    unsigned step = 0;
    while (ca_step_names[step + 1] != NULL && !str_eq(name, str_from(ca_step_names[step]))) {
        step++;
    }
    return (enum ca_step)step;
}

static enum status open_buf(struct buf *text) {
    uint8_t *room;
    buf_init(text, CA_ROTATION_TEXT_BYTES_MAX);
    return buf_reserve(text, CA_ROTATION_TEXT_BYTES_MAX, &room); /* secrets are not moved about */
}

/* None before the first step. */
static enum status read_revision(struct store_tx *tx, uint64_t *revision) {
    struct buf text;
    buf_init(&text, REVISION_BYTES_MAX);
    *revision = 0;
    enum status status = store_setting_get(tx, STR(REVISION_SETTING), &text);
    if (status == STATUS_OK) {
        status = str_to_u64(buf_str(&text), INT64_MAX, revision);
    }
    buf_fini(&text);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status ca_step_read(struct store_tx *tx, struct ca_rotation **rotation, uint64_t *revision,
                         struct why *why) {
    struct buf text;
    enum status status = open_buf(&text);
    if (status == STATUS_OK) {
        status = store_setting_get(tx, STR(CONTROL_KEYS_CA), &text);
    }
    if (status == STATUS_OK) {
        status = read_revision(tx, revision);
    }
    if (status == STATUS_OK) {
        status = ca_rotation_import(buf_str(&text), rotation, why);
    }
    buf_fini_wiped(&text);
    return status;
}

static void add_change(struct ca_rotation *rotation, uint64_t revision,
                       struct change_list *changes) {
    struct change *change = change_list_add(changes, CHANGE_CA);
    change->ca = rotation;
    change->revision = revision;
}

enum status ca_step_read_change(struct store_tx *tx, struct change_list *changes, struct why *why) {
    struct ca_rotation *rotation = NULL;
    uint64_t revision;
    enum status status = ca_step_read(tx, &rotation, &revision, why);
    if (status == STATUS_OK) {
        add_change(rotation, revision, changes);
    }
    return status;
}

static enum status make(const struct ca_rotation *rotation, enum ca_step step,
                        const struct clock *clock, struct ca_rotation **next, struct why *why) {
    switch (step) {
    case CA_STEP_ANNOUNCE:
        return ca_rotation_announce(rotation, clock, next, why);
    case CA_STEP_ISSUE:
        return ca_rotation_issue(rotation, next, why);
    case CA_STEP_FINISH:
        return ca_rotation_finish(rotation, next, why);
    case CA_STEP_BACK:
        return ca_rotation_back(rotation, next, why);
    case CA_STEP_RENEW_INTERMEDIATES:
        return ca_rotation_renew_intermediates(rotation, clock, next, why);
    }
    return why_set(why, STATUS_INVALID, "ca_phase", "there is no such step");
}

static enum status keep(struct store_tx *tx, const struct ca_rotation *rotation,
                        uint64_t revision) {
    struct buf text;
    char number[REVISION_BYTES_MAX];
    int len = snprintf(number, sizeof(number), "%llu", (unsigned long long)revision);
    enum status status = open_buf(&text);
    if (status == STATUS_OK) {
        status = ca_rotation_export(rotation, &text);
    }
    if (status == STATUS_OK) {
        status = store_setting_set(tx, STR(CONTROL_KEYS_CA), buf_str(&text));
    }
    buf_fini_wiped(&text);
    return status == STATUS_OK
               ? store_setting_set(tx, STR(REVISION_SETTING), str_make(number, (size_t)len))
               : status;
}

enum status ca_step_take(struct store_tx *tx, const struct ca_rotation *rotation, uint64_t revision,
                         enum ca_step step, const struct clock *clock, struct change_list *changes,
                         struct why *why) {
    struct ca_rotation *next = NULL;
    enum status status = make(rotation, step, clock, &next, why);
    if (status == STATUS_OK) {
        status = keep(tx, next, revision + 1);
    }
    if (status != STATUS_OK) {
        ca_rotation_free(&next);
        return status;
    }
    add_change(next, revision + 1, changes);
    return STATUS_OK;
}

bool ca_step_is_renewal_due(const struct ca_rotation *rotation, int64_t now_ms) {
    return ca_rotation_phase(rotation) == CA_STABLE &&
           ca_intermediates_until_ms(ca_rotation_issuer(rotation)) - now_ms <
               CA_STEP_RENEW_BEFORE_MS;
}
