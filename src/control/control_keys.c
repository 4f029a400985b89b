#include "control/control_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "control/control_ca.h"
#include "pki/key.h"
#include "store/store_setting.h"
#include "store/store_tx.h"

#define SETTING_BYTES_MAX CA_ROTATION_TEXT_BYTES_MAX
#define CA_FILE "ca.pem"

/* One document of the store: read if it is there, else made and kept. */
struct key_document {
    const char *name;
    /* Writes a new one into `text`. */
    enum status (*make)(struct control *control, struct buf *text, struct why *why);
    enum status (*read)(struct control *control, struct str text, struct why *why);
};

static enum status make_ca(struct control *control, struct buf *text, struct why *why) {
    struct ca_rotation *ca = NULL;
    enum status status =
        ca_rotation_new(str_from(control->domain), loop_clock(control->loop), &ca, why);
    if (status == STATUS_OK) {
        status = ca_rotation_export(ca, text);
        log_info("control.ca_made", "trust_domain=%s", control->domain);
    }
    ca_rotation_free(&ca);
    return status;
}

static enum status read_ca(struct control *control, struct str text, struct why *why) {
    struct ca_rotation *ca = NULL;
    enum status status = ca_rotation_import(text, &ca, why);
    if (status != STATUS_OK) {
        return status;
    }
    (void)control_ca_put(control, &ca, 0);
    if (!str_eq(control_ca_trust_domain(control), str_from(control->domain))) {
        log_warn("control.domain_changed", "was=%.*s is=%s: environments keep their host names",
                 STR_ARG(control_ca_trust_domain(control)), control->domain);
    }
    return STATUS_OK;
}

static enum status make_bundle_key(struct control *control, struct buf *text, struct why *why) {
    (void)control;
    (void)why;
    EVP_PKEY *key = key_new();
    enum status status = key_private_pem(key, text);
    EVP_PKEY_free(key);
    return status;
}

static enum status read_bundle_key(struct control *control, struct str text, struct why *why) {
    struct jws_keys keys;
    enum status status = key_from_private_pem(text, &control->bundle_key, why);
    if (status != STATUS_OK) {
        return status;
    }
    jws_keys_init(&keys);
    status = jws_keys_add(&keys, control->bundle_key);
    if (status == STATUS_OK) {
        status = jws_keys_write(&keys, &control->bundle_jwks);
    }
    jws_keys_fini(&keys);
    return status;
}

static enum status make_cursor_key(struct control *control, struct buf *text, struct why *why) {
    uint8_t key[CONTROL_CURSOR_KEY_BYTES];
    (void)why;
    random_fill(loop_random(control->loop), key, sizeof(key));
    enum status status = buf_append(text, key, sizeof(key));
    secret_wipe(key, sizeof(key));
    return status;
}

static enum status read_cursor_key(struct control *control, struct str text, struct why *why) {
    if (text.len != CONTROL_CURSOR_KEY_BYTES) {
        return why_set(why, STATUS_INVALID, "data_corrupt",
                       "the key of cursors has a wrong length");
    }
    memcpy(control->cursor_key, text.at, text.len);
    return STATUS_OK;
}

static const struct key_document documents[] = {
    {CONTROL_KEYS_CA, make_ca, read_ca},
    {"bundle_key", make_bundle_key, read_bundle_key},
    {"cursor_key", make_cursor_key, read_cursor_key},
};

static enum status open_document(struct control *control, struct store_tx *tx,
                                 const struct key_document *document, struct why *why) {
    struct buf text;
    uint8_t *room;
    struct str name = str_from(document->name);
    buf_init(&text, SETTING_BYTES_MAX);
    enum status status = buf_reserve(&text, SETTING_BYTES_MAX, &room);
    if (status == STATUS_OK) {
        status = store_setting_get(tx, name, &text);
    }
    if (status == STATUS_NOT_FOUND) {
        status = document->make(control, &text, why);
        if (status == STATUS_OK) {
            status = store_setting_set(tx, name, buf_str(&text));
        }
    }
    if (status == STATUS_OK) {
        status = document->read(control, buf_str(&text), why);
    }
    buf_fini_wiped(&text);
    return status;
}

static bool holds(const char *path, struct str text) {
    char found[CONTROL_PEM_BYTES_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len = fd >= 0 ? read(fd, found, sizeof(found)) : -1;
    if (fd >= 0) {
        close(fd);
    }
    return len >= 0 && str_eq(str_make(found, (size_t)len), text);
}

/* Whole or not at all: a client may read it at any time. A start that has nothing new to write does not need room for it. */
enum status control_keys_write_anchors(const struct control *control, struct why *why) {
    char path[sizeof(control->data_folder) + 16];
    char temporary[sizeof(path) + 8];
    struct str pem = control_ca_anchors(control);
    snprintf(path, sizeof(path), "%s/%s", control->data_folder, CA_FILE);
    if (holds(path, pem)) {
        return STATUS_OK;
    }
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool is_written = fd >= 0 && write(fd, pem.at, pem.len) == (ssize_t)pem.len;
    int error = errno;
    if (fd >= 0 && close(fd) != 0) {
        is_written = false;
    }
    if (is_written && rename(temporary, path) == 0) {
        return STATUS_OK;
    }
    error = is_written ? errno : error;
    (void)unlink(temporary);
    return why_set(why, STATUS_DENIED, "data_not_writable", "%s cannot be written: %s", path,
                   strerror(error));
}

enum status control_keys_open(struct control *control, struct why *why) {
    struct store_tx *tx __attribute__((cleanup(store_tx_rollback))) = NULL;
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &tx);
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]) && status == STATUS_OK; i++) {
        status = open_document(control, tx, &documents[i], why);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&tx);
    }
    return status == STATUS_OK ? control_keys_write_anchors(control, why) : status;
}

void control_keys_close(struct control *control) {
    control_ca_close(control);
    EVP_PKEY_free(control->bundle_key);
    control->bundle_key = NULL;
    buf_fini(&control->bundle_jwks);
    secret_wipe(control->cursor_key, sizeof(control->cursor_key));
}
