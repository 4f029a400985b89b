#include "control/bundle_builder.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/environment_form.h"
#include "control/health_option.h"
#include "control/route_form.h"
#include "control/setting_document.h"
#include "pki/jws.h"
#include "policy/bundle.h"
#include "store/store_organization.h"
#include "tunnel/record.h"
#include "tunnel/signed_bundle.h"

#define PARTS_MAX 3 /* one of the store's readers is left for others */

/* What differs from the standard, which the bundle's readers know. */
static json_t *write_settings(const struct store_environment *environment) {
    json_t *document = setting_document_parse(environment->settings);
    json_t *settings = setting_document_deliver(&environment_settings_shape, document);
    json_decref(document);
    return settings;
}

static json_t *write_payload(const struct store_environment *environment,
                             const struct store_route *routes, size_t count, int64_t now_ms) {
    char issued_at[CLOCK_RFC3339_SIZE];
    json_t *settings = write_settings(environment);
    json_t *list = json_array();
    clock_format_rfc3339(now_ms, issued_at);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, route_form_deliver(&routes[i]));
    }
    json_t *checks = health_option_write(environment->health_checks);
    json_t *payload = json_object();
    json_object_set_new(payload, "format", json_integer(BUNDLE_FORMAT));
    json_object_set_new(payload, "environment", json_string(environment->object.id.text));
    json_object_set_new(payload, "project", json_string(environment->project.text));
    json_object_set_new(payload, "organization",
                        json_string(environment->object.organization.text));
    json_object_set_new(payload, "revision",
                        json_integer((json_int_t)environment->bundle_revision));
    json_object_set_new(payload, "issued_at", json_string(issued_at));
    json_object_set_new(payload, "enabled", json_boolean(environment->is_enabled));
    json_object_set_new(payload, "hostnames", environment_form_hostnames(environment));
    json_object_set_new(payload, "routes", list);
    if (json_array_size(checks) > 0) {
        json_object_set(payload, "health_checks", checks);
    }
    if (json_object_size(settings) > 0) {
        json_object_set(payload, "settings", settings);
    }
    json_decref(settings);
    json_decref(checks);
    return payload;
}

/* Slugs of the bundle's reader name members of the bundle; the caller knows
 * routes. */
static enum status judge_payload(struct str payload, struct why *why) {
    struct bundle *bundle = NULL;
    struct why reason = {0};
    enum status status = bundle_parse(payload, &bundle, &reason);
    bundle_unref(&bundle);
    if (status == STATUS_TOO_LARGE || status == STATUS_INVALID || status == STATUS_UNSUPPORTED) {
        return why_set(why, STATUS_INVALID, "bundle_too_large",
                       "with this change the environment's routes are refused: %s", reason.text);
    }
    return status;
}

static enum status sign_payload(EVP_PKEY *key, const struct store_environment *environment,
                                struct str payload, struct change_list *changes, struct why *why) {
    struct buf jws;
    buf_init(&jws, RECORD_BYTES_MAX - 1024);
    enum status status = jws_sign(key, STR(SIGNED_BUNDLE_TYPE), payload, &jws);
    if (status != STATUS_OK) {
        buf_fini(&jws);
        return why_set(why, STATUS_FAILED, "internal_error", "the bundle could not be signed");
    }
    struct change *change = change_list_add(changes, CHANGE_ENVIRONMENT);
    change->environment = environment->object.id;
    change->revision = environment->bundle_revision;
    snprintf(change->hostname, sizeof(change->hostname), "%.*s", STR_ARG(environment->hostname));
    change->bundle = memory_dup(buf_bytes(&jws), buf_len(&jws));
    change->bundle_len = buf_len(&jws);
    buf_fini(&jws);
    return STATUS_OK;
}

static enum status make_live_bundle(EVP_PKEY *key, struct store_tx *tx,
                                    const struct store_environment *environment,
                                    struct arena *arena, struct change_list *changes,
                                    struct why *why) {
    struct store_route *routes = NULL;
    size_t count = 0;
    struct buf payload;
    enum status status = store_route_list_all(tx, &environment->object.organization,
                                              &environment->object.id, arena, &routes, &count);
    if (status != STATUS_OK) {
        return status;
    }
    json_t *tree = write_payload(environment, routes, count, store_tx_now_ms(tx));
    buf_init(&payload, BUNDLE_BYTES_MAX);
    status = json_write(tree, &payload);
    json_decref(tree);
    if (status == STATUS_TOO_LARGE) {
        status = why_set(why, STATUS_INVALID, "bundle_too_large",
                         "with this change the environment's routes are over %u bytes",
                         BUNDLE_BYTES_MAX);
    }
    if (status == STATUS_OK) {
        status = judge_payload(buf_str(&payload), why);
    }
    if (status == STATUS_OK) {
        status = sign_payload(key, environment, buf_str(&payload), changes, why);
    }
    buf_fini(&payload);
    return status;
}

/* What is being deleted is on no edge. */
static enum status make_bundle(EVP_PKEY *key, struct store_tx *tx,
                               const struct store_environment *environment, struct arena *arena,
                               struct change_list *changes, struct why *why) {
    int64_t delete_at_ms = 0;
    enum status status =
        store_organization_delete_at(tx, &environment->object.organization, &delete_at_ms);
    if (status == STATUS_OK && delete_at_ms != 0) {
        change_list_add(changes, CHANGE_ENVIRONMENT_REMOVED)->environment = environment->object.id;
        return STATUS_OK;
    }
    return status == STATUS_OK ? make_live_bundle(key, tx, environment, arena, changes, why)
                               : status;
}

enum status bundle_builder_make(EVP_PKEY *key, struct store_tx *tx, const struct id *organization,
                                const struct id *environment, struct change_list *changes,
                                struct why *why) {
    struct arena arena;
    struct store_environment row;
    arena_init(&arena);
    enum status status = store_environment_get(tx, organization, environment, &arena, &row);
    if (status == STATUS_OK) {
        status = make_bundle(key, tx, &row, &arena, changes, why);
    }
    arena_fini(&arena);
    return status;
}

/* All of them, by several threads: each goes through all pages, and makes the
 * bundles of every so-manieth. */

struct part {
    EVP_PKEY *key;
    struct store *store;
    size_t number; /* of `count` parts */
    size_t count;
    struct change_list changes;
    enum status status;
    struct why why;
};

static enum status make_rows(struct part *part, struct store_tx *tx,
                             const struct store_environment *rows, size_t count,
                             struct arena *arena) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = make_bundle(part->key, tx, &rows[i], arena, &part->changes, &part->why);
        if (status == STATUS_INVALID) {
            log_error("control.bundle_refused", "environment=%s code=%s detail=%s",
                      rows[i].object.id.text, part->why.slug, part->why.text);
            status = STATUS_OK;
        }
    }
    return status;
}

static enum status make_page(struct part *part, struct store_tx *tx, struct store_page *page,
                             bool is_mine) {
    struct store_environment *rows = NULL;
    size_t count = 0;
    struct arena arena;
    arena_init(&arena);
    enum status status = store_environment_list_any(tx, page, &arena, &rows, &count);
    if (status == STATUS_OK && count > 0) {
        page->after = rows[count - 1].object.id;
    }
    page->has_cursor = count > 0;
    if (status == STATUS_OK && is_mine) {
        status = make_rows(part, tx, rows, count, &arena);
    }
    arena_fini(&arena);
    return status;
}

static void *make_part(void *context) {
    struct part *part = context;
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    struct store_page page = {.limit = 100, .order = STORE_ASCENDING};
    part->status = store_tx_begin(part->store, STORE_READ, &part->why, &tx);
    bool has_more = true;
    for (size_t i = 0; part->status == STATUS_OK && has_more; i++) {
        part->status = make_page(part, tx, &page, i % part->count == part->number);
        has_more = page.has_more && page.has_cursor;
    }
    return NULL;
}

static size_t count_parts(void) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > PARTS_MAX ? PARTS_MAX : (size_t)processors;
}

enum status bundle_builder_make_all(EVP_PKEY *key, struct store *store, struct change_list *changes,
                                    struct why *why) {
    struct part parts[PARTS_MAX];
    pthread_t threads[PARTS_MAX];
    bool has_thread[PARTS_MAX] = {false};
    size_t count = count_parts();
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct part){.key = key, .store = store, .number = i, .count = count};
        has_thread[i] = i > 0 && pthread_create(&threads[i], NULL, make_part, &parts[i]) == 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!has_thread[i]) {
            make_part(&parts[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (has_thread[i]) {
            pthread_join(threads[i], NULL);
        }
        if (status == STATUS_OK && parts[i].status != STATUS_OK) {
            status = parts[i].status;
            *why = parts[i].why;
        }
        change_list_append(changes, &parts[i].changes);
    }
    return status;
}
