#include "control/audit_access.h"

#include <pthread.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/store_member.h"

struct audit_access {
    pthread_mutex_t lock;
    struct audit_access_note notes[AUDIT_ACCESS_MAX];
    size_t count;
    uint64_t dropped;
};

struct audit_access *audit_access_new(void) {
    struct audit_access *access = MEMORY_NEW(struct audit_access);
    pthread_mutex_init(&access->lock, NULL);
    return access;
}

void audit_access_free(struct audit_access **at) {
    struct audit_access *access = *at;
    *at = NULL;
    if (access != NULL) {
        pthread_mutex_destroy(&access->lock);
        memory_free(access);
    }
}

static bool is_same(const struct audit_access_note *a, const struct audit_access_note *b) {
    return strcmp(a->action, b->action) == 0 && id_eq(&a->key, &b->key) &&
           strcmp(a->email, b->email) == 0 && strcmp(a->ip_address, b->ip_address) == 0 &&
           strcmp(a->code, b->code) == 0;
}

static void add(struct audit_access *access, const struct audit_access_note *note) {
    for (size_t i = 0; i < access->count; i++) {
        if (is_same(&access->notes[i], note)) {
            access->notes[i].count++;
            return;
        }
    }
    if (access->count == AUDIT_ACCESS_MAX) {
        access->dropped++;
        return;
    }
    access->notes[access->count] = *note;
    access->notes[access->count++].count = 1;
}

void audit_access_add(struct audit_access *access, const struct audit_access_note *note) {
    pthread_mutex_lock(&access->lock);
    add(access, note);
    pthread_mutex_unlock(&access->lock);
}

/* Writing */

static json_t *write_after(const struct audit_access_note *note) {
    json_t *after = json_object();
    json_object_set_new(after, "code", json_string(note->code));
    json_object_set_new(after, "count", json_integer((json_int_t)note->count));
    if (note->email[0] != '\0') {
        json_object_set_new(after, "email", json_from_str(str_from(note->email)));
    }
    return after;
}

static enum status write_one(struct store_tx *tx, const struct audit_access_note *note,
                             const struct id *organization, const struct id *target) {
    struct audit_fact fact = {
        .action = note->action,
        .organization = *organization,
        .target = *target,
        .request = note->request,
        .ip_address = str_from(note->ip_address),
        .after = write_after(note),
    };
    return audit_record_system(tx, &fact);
}

/* Nobody's address: the installation's. A member's: each organization of theirs has to know. */
static enum status write_email(struct store_tx *tx, const struct audit_access_note *note,
                               struct arena *arena) {
    static const struct id none = {.text = ""};
    struct store_member member;
    struct store_membership *rows = NULL;
    size_t count = 0;
    enum status status = store_member_find_any(tx, str_from(note->email), arena, &member);
    if (status == STATUS_OK) {
        status = store_member_roles(tx, &member.object.id, arena, &rows, &count);
    }
    if (status == STATUS_NOT_FOUND) {
        return write_one(tx, note, &none, &none);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = write_one(tx, note, &rows[i].organization, &member.object.id);
    }
    return status;
}

static enum status write_note(struct store_tx *tx, const struct audit_access_note *note) {
    if (!id_is_none(&note->organization)) {
        return write_one(tx, note, &note->organization, &note->key);
    }
    struct arena arena;
    arena_init(&arena);
    enum status status = write_email(tx, note, &arena);
    arena_fini(&arena);
    return status;
}

static enum status write_dropped(struct store_tx *tx, uint64_t dropped) {
    json_t *after = json_object();
    json_object_set_new(after, "count", json_integer((json_int_t)dropped));
    struct audit_fact fact = {.action = "refusals.not_recorded", .after = after};
    return audit_record_system(tx, &fact);
}

static enum status write_all(struct store *store, const struct audit_access_note *notes,
                             size_t count, uint64_t dropped, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(store, STORE_WRITE, why, &tx);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = write_note(tx, &notes[i]);
    }
    if (status == STATUS_OK && dropped > 0) {
        status = write_dropped(tx, dropped);
    }
    return status == STATUS_OK ? store_tx_commit(&tx) : status;
}

void audit_access_write(struct audit_access *access, struct store *store) {
    struct why why = {0};
    pthread_mutex_lock(&access->lock);
    size_t count = access->count;
    uint64_t dropped = access->dropped;
    struct audit_access_note *notes = count > 0 ? memory_new_array(count, sizeof(notes[0])) : NULL;
    if (count > 0) {
        memcpy(notes, access->notes, count * sizeof(notes[0]));
    }
    access->count = 0;
    access->dropped = 0;
    pthread_mutex_unlock(&access->lock);
    if (count > 0 && write_all(store, notes, count, dropped, &why) != STATUS_OK) {
        log_warn("control.refusals_not_recorded", "count=%zu code=%s detail=%s", count, why.slug,
                 why.text);
    }
    memory_free(notes);
}
