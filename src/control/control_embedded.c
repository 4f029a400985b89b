/* control_embedded.c: the edge of a process that is control plane and edge in one: an edge like any other, that joins without a token.
 *
 * Which one it is stands in the data folder (edge.id), since its name and address may change. Where that file is missing, or names an edge that the
 * database does not know (a restored one), it is the one with the machine's name at the same address, or a new one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "control/audit.h"
#include "control/change_reader.h"
#include "control/control_ca.h"
#include "control/control_watch.h"
#include "control/edge_view.h"
#include "control/feed_hub.h"
#include "pki/key.h"

#define HOST_NAME_SIZE (STORE_EDGE_NAME_MAX + 1)
#define FILE_NAME "edge.id"
#define PATH_SIZE 4200

struct embedding {
    struct control *control;
    struct store_tx *tx;
    struct arena arena;
    struct store_edge edge;
    struct change_list changes;
    char name[HOST_NAME_SIZE]; /* the machine's: several may share one database */
    struct why *why;
};

static enum status find_in_page(struct embedding *embedding, struct store_page *page) {
    struct store_edge *rows = NULL;
    size_t count = 0;
    enum status status = store_edge_list(embedding->tx, page, &embedding->arena, &rows, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        page->after = rows[i].object.id;
        if (rows[i].is_embedded && str_eq(rows[i].name, str_from(embedding->name)) &&
            str_eq(rows[i].address, str_from(embedding->control->public_address))) {
            embedding->edge = rows[i];
            return STATUS_OK;
        }
    }
    page->has_cursor = count > 0;
    return status == STATUS_OK ? STATUS_NOT_FOUND : status;
}

static void write_path(const struct embedding *embedding, char out[PATH_SIZE]) {
    (void)snprintf(out, PATH_SIZE, "%s/" FILE_NAME, embedding->control->data_folder);
}

/* STATUS_NOT_FOUND also for what is no edge's name, or of one that was revoked. */
static enum status find_kept(struct embedding *embedding) {
    char path[PATH_SIZE];
    char text[2 * ID_SIZE];
    struct id id;
    write_path(embedding, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    len -= len > 0 && text[len - 1] == '\n' ? 1 : 0;
    if (len <= 0 || id_parse(ID_EDGE, str_make(text, (size_t)len), &id) != STATUS_OK) {
        return STATUS_NOT_FOUND;
    }
    enum status status = store_edge_get(embedding->tx, &id, &embedding->arena, &embedding->edge);
    bool is_ours = embedding->edge.is_embedded && embedding->edge.revoked_at_ms == 0;
    return status == STATUS_OK && !is_ours ? STATUS_NOT_FOUND : status;
}

/* Without it the next start goes by the name: no reason not to serve. */
static void keep(const struct embedding *embedding) {
    char path[PATH_SIZE];
    char text[ID_SIZE + 2];
    write_path(embedding, path);
    int len = snprintf(text, sizeof(text), "%s\n", embedding->edge.object.id.text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, text, (size_t)len) != len || fsync(fd) != 0) {
        log_warn("control.edge_not_kept", "cannot write %s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static enum status find(struct embedding *embedding) {
    enum status kept = find_kept(embedding);
    if (kept != STATUS_NOT_FOUND) {
        return kept;
    }
    struct store_page page = {.limit = STORE_PAGE_MAX, .order = STORE_ASCENDING};
    enum status status = find_in_page(embedding, &page);
    while (status == STATUS_NOT_FOUND && page.has_more && page.has_cursor) {
        status = find_in_page(embedding, &page);
    }
    return status;
}

static enum status insert(struct embedding *embedding) {
    embedding->edge = (struct store_edge){
        .is_enabled = true,
        .is_embedded = true,
        .name = str_from(embedding->name),
        .address = str_from(embedding->control->public_address),
    };
    enum status status = store_edge_insert(embedding->tx, &embedding->edge);
    if (status != STATUS_OK) {
        return status;
    }
    struct audit_fact fact = {
        .action = "edge.joined",
        .target = embedding->edge.object.id,
        .after = edge_view_write_kept(&embedding->edge),
    };
    return audit_record_system(embedding->tx, &fact);
}

/* The command line says where it is: that may have changed since. */
static enum status place(struct embedding *embedding) {
    struct str address = str_from(embedding->control->public_address);
    if (str_eq(embedding->edge.address, address)) {
        return STATUS_OK;
    }
    embedding->edge.address = address;
    return store_edge_update(embedding->tx, &embedding->edge);
}

static enum status join(struct embedding *embedding) {
    enum status status = find(embedding);
    if (status == STATUS_NOT_FOUND) {
        status = insert(embedding);
    } else if (status == STATUS_OK) {
        status = place(embedding);
    }
    if (status == STATUS_OK) {
        edge_view_change(&embedding->edge, &embedding->changes);
        status = control_watch_announce(embedding->tx, &embedding->changes);
    }
    if (status == STATUS_OK) {
        status = store_tx_commit(&embedding->tx);
    }
    return status;
}

/* The loop does not run yet, or nobody waits for it: this thread may wait for the store. */
static enum status embed(struct control *control, struct id *id, struct why *why) {
    struct embedding embedding = {.control = control, .why = why};
    if (gethostname(embedding.name, sizeof(embedding.name)) != 0) {
        snprintf(embedding.name, sizeof(embedding.name), "edge");
    }
    embedding.name[sizeof(embedding.name) - 1] = '\0';
    arena_init(&embedding.arena);
    change_list_init(&embedding.changes);
    enum status status = store_tx_begin(control->store, STORE_WRITE, why, &embedding.tx);
    if (status == STATUS_OK) {
        status = join(&embedding);
    }
    store_tx_rollback(&embedding.tx);
    if (status == STATUS_OK) {
        *id = embedding.edge.object.id;
        keep(&embedding);
        feed_hub_apply(control->hub, &embedding.changes);
    }
    change_list_fini(&embedding.changes);
    arena_fini(&embedding.arena);
    return status;
}

static enum status issue(struct control *control, const struct id *id,
                         struct control_edge_identity *identity, struct why *why) {
    EVP_PKEY *key = key_new();
    const struct ca_leaf leaf = {
        .role = CERT_EDGE,
        .subject = *id,
        .dns_names = {str_from(control->edge_name)},
        .dns_name_count = 1,
        .lifetime_seconds = CONTROL_EDGE_LIFETIME_SECONDS,
    };
    buf_init(&identity->certificate_pem, CONTROL_PEM_BYTES_MAX);
    buf_init(&identity->key_pem, CONTROL_PEM_BYTES_MAX);
    enum status status = ca_issue(control_ca_issuer(control), &leaf, key, loop_clock(control->loop),
                                  &identity->certificate_pem, NULL, why);
    if (status == STATUS_OK && key_private_pem(key, &identity->key_pem) != STATUS_OK) {
        status = why_set(why, STATUS_FAILED, "internal_error", "the edge's key cannot be written");
    }
    EVP_PKEY_free(key);
    if (status != STATUS_OK) {
        buf_fini(&identity->certificate_pem);
        buf_fini_wiped(&identity->key_pem);
    }
    return status;
}

enum status control_issue_edge(struct control *control, struct control_edge_identity *identity,
                               struct why *why) {
    struct id id;
    enum status status = embed(control, &id, why);
    return status == STATUS_OK ? issue(control, &id, identity, why) : status;
}
