#include "control/api_idempotency.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "pki/digest.h"
#include "store/store_idempotency.h"

struct api_idempotency {
    pthread_mutex_t lock;
    struct list running; /* struct api_attempt.node */
};

struct api_idempotency *api_idempotency_new(void) {
    struct api_idempotency *idempotency = MEMORY_NEW(struct api_idempotency);
    pthread_mutex_init(&idempotency->lock, NULL);
    list_init(&idempotency->running);
    return idempotency;
}

void api_idempotency_free(struct api_idempotency **at) {
    struct api_idempotency *idempotency = *at;
    *at = NULL;
    if (idempotency != NULL) {
        pthread_mutex_destroy(&idempotency->lock);
        memory_free(idempotency);
    }
}

bool api_idempotency_is_for(const struct api_operation *operation) {
    return strcmp(operation->method, "POST") == 0 && operation->tx == API_TX_WRITE &&
           operation->permission != PERMISSION_OPEN;
}

/* The key */

static bool is_key(struct str key) {
    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] <= ' ' || key.at[i] > '~') {
            return false;
        }
    }
    return key.len >= 1 && key.len <= API_IDEMPOTENCY_KEY_MAX;
}

/* Who, what for, and the key; none of the three can hold a line feed. */
static void digest_attempt(struct api_call *call, struct str key) {
    struct str text = arena_printf(&call->arena, "%s\n%.*s\n%.*s", call->actor.text,
                                   STR_ARG(call->head.path), STR_ARG(key));
    digest_sha256(text, call->attempt.sha256);
}

static bool find_running(const struct api_idempotency *idempotency,
                         const struct api_attempt *wanted) {
    const struct list *node = idempotency->running.next;
    for (; node != &idempotency->running; node = node->next) {
        const struct api_attempt *other = CONTAINER_OF(node, struct api_attempt, node);
        if (memcmp(other->sha256, wanted->sha256, sizeof(other->sha256)) == 0) {
            return true;
        }
    }
    return false;
}

enum status api_idempotency_begin(struct api_call *call) {
    struct api_idempotency *idempotency = call->control->idempotency;
    struct str key = api_call_field(call, STR("idempotency-key"));
    if (!api_idempotency_is_for(call->operation) || id_is_none(&call->actor) ||
        http_fields_get(&call->head.fields, STR("idempotency-key")) == NULL) {
        return STATUS_OK;
    }
    if (!is_key(key)) {
        return why_set(&call->why, STATUS_INVALID, "idempotency_key_invalid",
                       "Idempotency-Key has to be 1 to %d visible ASCII characters",
                       API_IDEMPOTENCY_KEY_MAX);
    }
    digest_attempt(call, key);
    pthread_mutex_lock(&idempotency->lock);
    bool is_running = find_running(idempotency, &call->attempt);
    if (!is_running) {
        list_append(&idempotency->running, &call->attempt.node);
        call->attempt.has_begun = true;
    }
    pthread_mutex_unlock(&idempotency->lock);
    return is_running ? why_set(&call->why, STATUS_CONFLICT, "idempotency_running",
                                "a request with this Idempotency-Key is being worked on")
                      : STATUS_OK;
}

void api_idempotency_end(struct api_call *call) {
    struct api_idempotency *idempotency = call->control->idempotency;
    if (call->attempt.has_begun) {
        pthread_mutex_lock(&idempotency->lock);
        list_remove(&call->attempt.node);
        pthread_mutex_unlock(&idempotency->lock);
        call->attempt.has_begun = false;
    }
}

/* What is kept: {"request": hash of the body, "status", "etag", "body"} */

static json_t *hash_body(const struct api_call *call) {
    uint8_t sha256[DIGEST_BYTES];
    char hex[2 * DIGEST_BYTES + 1];
    digest_sha256(buf_str(&call->body), sha256);
    for (size_t i = 0; i < sizeof(sha256); i++) {
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
    }
    return json_string(hex);
}

static enum status take_kept(struct api_call *call, const json_t *kept) {
    json_t *hash = hash_body(call);
    bool is_same = json_equal(hash, json_object_get(kept, "request"));
    json_decref(hash);
    if (!is_same) {
        return why_set(&call->why, STATUS_INVALID, "idempotency_key_reused",
                       "this Idempotency-Key came with another body before");
    }
    const char *etag = json_string_value(json_object_get(kept, "etag"));
    call->answer.status = (unsigned)json_integer_value(json_object_get(kept, "status"));
    call->answer.body = json_incref(json_object_get(kept, "body"));
    snprintf(call->answer.etag, sizeof(call->answer.etag), "%s", etag == NULL ? "" : etag);
    call->is_replayed = true;
    return STATUS_OK;
}

enum status api_idempotency_replay(struct api_call *call) {
    struct store_idempotency row;
    json_t *kept = NULL;
    if (!call->attempt.has_begun) {
        return STATUS_OK;
    }
    call->attempt.organization = call->organization; /* a handler may yet make one */
    enum status status =
        store_idempotency_find(call->tx, &call->organization, call->attempt.sha256,
                               store_tx_now_ms(call->tx) - API_IDEMPOTENCY_MS, &call->arena, &row);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = json_parse(row.answer, &kept, &call->why);
    }
    if (status == STATUS_OK) {
        status = take_kept(call, kept);
    }
    json_decref(kept);
    return status;
}

static json_t *write_body(const struct api_call *call) {
    const char *secret = call->operation->secret;
    if (call->answer.body == NULL || secret == NULL) {
        return json_incref(call->answer.body);
    }
    json_t *body = json_copy(call->answer.body);
    json_object_set_new(body, secret, json_null());
    json_object_set_new(body, "secret_withheld", json_true());
    return body;
}

static enum status write_kept(const struct api_call *call, struct buf *out) {
    const struct api_answer *answer = &call->answer;
    json_t *kept = json_object();
    json_object_set_new(kept, "request", hash_body(call));
    json_object_set_new(
        kept, "status",
        json_integer(answer->status != 0 ? answer->status : call->operation->status));
    json_object_set_new(kept, "etag", json_string(answer->etag));
    json_t *body = write_body(call);
    if (body != NULL) {
        json_object_set_new(kept, "body", body);
    }
    enum status status = json_write(kept, out);
    json_decref(kept);
    return status;
}

enum status api_idempotency_keep(struct api_call *call) {
    struct buf text;
    if (!call->attempt.has_begun || call->is_replayed) {
        return STATUS_OK;
    }
    buf_init(&text, STORE_IDEMPOTENCY_ANSWER_MAX);
    enum status status = write_kept(call, &text);
    if (status == STATUS_OK) {
        struct store_idempotency row = {
            .object = {.id = call->request_id, .organization = call->attempt.organization},
            .principal = call->actor,
            .answer = buf_str(&text),
        };
        status = store_idempotency_insert(call->tx, &row, call->attempt.sha256);
    }
    buf_fini_wiped(&text);
    return status;
}
