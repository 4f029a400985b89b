#include "pki/ca_rotation.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "pki/digest.h"
#include "pki/pem.h"

#define ANCHORS_MAX 4

struct ca_rotation {
    enum ca_phase phase;
    struct ca *ca;   /* the first */
    struct ca *next; /* the second; NULL when stable */
    struct buf anchors;
};

static const char *const phase_names[] = {
    [CA_STABLE] = "stable",
    [CA_ANNOUNCED] = "announced",
    [CA_ISSUING] = "issuing",
};
#define PHASE_COUNT (sizeof(phase_names) / sizeof(phase_names[0]))

const char *ca_rotation_phase_name(enum ca_phase phase) {
    return phase_names[phase];
}

void ca_rotation_free(struct ca_rotation **rotation) {
    if (*rotation == NULL) {
        return;
    }
    ca_free(&(*rotation)->ca);
    ca_free(&(*rotation)->next);
    buf_fini(&(*rotation)->anchors);
    memory_free(*rotation);
    *rotation = NULL;
}

const struct ca *ca_rotation_issuer(const struct ca_rotation *rotation) {
    return rotation->phase == CA_ISSUING ? rotation->next : rotation->ca;
}

const struct ca *ca_rotation_other(const struct ca_rotation *rotation) {
    return rotation->phase == CA_ISSUING ? rotation->ca : rotation->next;
}

enum ca_phase ca_rotation_phase(const struct ca_rotation *rotation) {
    return rotation->phase;
}

struct str ca_rotation_anchors(const struct ca_rotation *rotation) {
    return buf_str(&rotation->anchors);
}

static enum status write_anchors(struct ca_rotation *rotation) {
    const struct ca *issuer = ca_rotation_issuer(rotation);
    const struct ca *other = ca_rotation_other(rotation);
    enum status status = buf_append_str(&rotation->anchors, ca_root_pem(issuer));
    return status == STATUS_OK && other != NULL
               ? buf_append_str(&rotation->anchors, ca_root_pem(other))
               : status;
}

/* Takes over both authorities, also when it fails. */
static enum status make(enum ca_phase phase, struct ca *ca, struct ca *next,
                        struct ca_rotation **rotation, struct why *why) {
    struct ca_rotation *made = MEMORY_NEW(struct ca_rotation);
    made->phase = phase;
    made->ca = ca;
    made->next = next;
    buf_init(&made->anchors, PEM_BYTES_MAX);
    if (write_anchors(made) != STATUS_OK) {
        ca_rotation_free(&made);
        return why_set(why, STATUS_TOO_LARGE, "ca_anchors", "the root certificates are too large");
    }
    *rotation = made;
    return STATUS_OK;
}

enum status ca_rotation_new(struct str trust_domain, const struct clock *clock,
                            struct ca_rotation **rotation, struct why *why) {
    struct ca *ca = NULL;
    enum status status = ca_new(trust_domain, clock, &ca, why);
    return status == STATUS_OK ? make(CA_STABLE, ca, NULL, rotation, why) : status;
}

/* A copy by way of its document. */
static enum status copy(const struct ca *ca, struct ca **copied, struct why *why) {
    struct buf text;
    uint8_t *room;
    *copied = NULL;
    if (ca == NULL) {
        return STATUS_OK;
    }
    buf_init(&text, CA_TEXT_BYTES_MAX);
    enum status status = buf_reserve(&text, CA_TEXT_BYTES_MAX, &room);
    if (status == STATUS_OK) {
        status = ca_export(ca, &text);
    }
    if (status == STATUS_OK) {
        status = ca_import(buf_str(&text), copied, why);
    }
    buf_fini_wiped(&text);
    return status;
}

static enum status make_copy(enum ca_phase phase, const struct ca *ca, const struct ca *next,
                             struct ca_rotation **rotation, struct why *why) {
    struct ca *first = NULL;
    struct ca *second = NULL;
    enum status status = copy(ca, &first, why);
    if (status == STATUS_OK) {
        status = copy(next, &second, why);
    }
    if (status != STATUS_OK) {
        ca_free(&first);
        return status;
    }
    return make(phase, first, second, rotation, why);
}

static enum status refuse_phase(const struct ca_rotation *rotation, struct why *why) {
    return why_set(why, STATUS_CONFLICT, "ca_phase", "the CA is %s: this step does not follow",
                   ca_rotation_phase_name(rotation->phase));
}

enum status ca_rotation_announce(const struct ca_rotation *rotation, const struct clock *clock,
                                 struct ca_rotation **next, struct why *why) {
    struct ca *first = NULL;
    struct ca *second = NULL;
    if (rotation->phase != CA_STABLE) {
        return refuse_phase(rotation, why);
    }
    enum status status = ca_new(ca_trust_domain(rotation->ca), clock, &second, why);
    if (status == STATUS_OK) {
        status = copy(rotation->ca, &first, why);
    }
    if (status != STATUS_OK) {
        ca_free(&second);
        return status;
    }
    return make(CA_ANNOUNCED, first, second, next, why);
}

enum status ca_rotation_issue(const struct ca_rotation *rotation, struct ca_rotation **next,
                              struct why *why) {
    return rotation->phase == CA_ANNOUNCED
               ? make_copy(CA_ISSUING, rotation->ca, rotation->next, next, why)
               : refuse_phase(rotation, why);
}

enum status ca_rotation_finish(const struct ca_rotation *rotation, struct ca_rotation **next,
                               struct why *why) {
    return rotation->phase == CA_ISSUING ? make_copy(CA_STABLE, rotation->next, NULL, next, why)
                                         : refuse_phase(rotation, why);
}

enum status ca_rotation_back(const struct ca_rotation *rotation, struct ca_rotation **next,
                             struct why *why) {
    switch (rotation->phase) {
    case CA_ANNOUNCED:
        return make_copy(CA_STABLE, rotation->ca, NULL, next, why);
    case CA_ISSUING:
        return make_copy(CA_ANNOUNCED, rotation->ca, rotation->next, next, why);
    case CA_STABLE:
        break;
    }
    return refuse_phase(rotation, why);
}

enum status ca_rotation_renew_intermediates(const struct ca_rotation *rotation,
                                            const struct clock *clock, struct ca_rotation **next,
                                            struct why *why) {
    struct ca *renewed = NULL;
    if (rotation->phase != CA_STABLE) {
        return refuse_phase(rotation, why);
    }
    enum status status = copy(rotation->ca, &renewed, why);
    if (status == STATUS_OK) {
        status = ca_renew_intermediates(renewed, clock, why);
    }
    if (status != STATUS_OK) {
        ca_free(&renewed);
        return status;
    }
    return make(CA_STABLE, renewed, NULL, next, why);
}

/* The document is put together by hand, as ca_export's is. */

static enum status write_document(const struct ca_rotation *rotation, struct buf *out) {
    enum status status =
        buf_printf(out, "{\"phase\":\"%s\",\"ca\":", ca_rotation_phase_name(rotation->phase));
    if (status == STATUS_OK) {
        status = ca_export(rotation->ca, out);
    }
    if (status == STATUS_OK && rotation->next != NULL) {
        status = buf_append_str(out, STR(",\"next\":"));
        if (status == STATUS_OK) {
            status = ca_export(rotation->next, out);
        }
    }
    return status == STATUS_OK ? buf_append_str(out, STR("}")) : status;
}

enum status ca_rotation_export(const struct ca_rotation *rotation, struct buf *out) {
    struct buf text;
    uint8_t *room;
    /* ca_export asks for room beyond what is there already. */
    size_t most = CA_ROTATION_TEXT_BYTES_MAX + CA_TEXT_BYTES_MAX;
    buf_init(&text, most);
    enum status status = buf_reserve(&text, most, &room);
    if (status == STATUS_OK) {
        status = write_document(rotation, &text);
    }
    if (status == STATUS_OK) {
        status = buf_append_str(out, buf_str(&text));
    }
    buf_fini_wiped(&text);
    return status;
}

static enum status import_member(const json_t *tree, const char *name, struct ca **ca,
                                 struct why *why) {
    const json_t *object = json_object_get(tree, name);
    *ca = NULL;
    if (object == NULL) {
        return STATUS_OK;
    }
    char *text = json_dumps(object, JSON_COMPACT);
    enum status status = ca_import(str_from(text), ca, why);
    secret_wipe(text, strlen(text));
    free(text);
    return status;
}

static enum status read_phase(const json_t *tree, enum ca_phase *phase, struct why *why) {
    struct str name;
    enum status status = json_get_str(tree, "phase", &name, why);
    for (size_t i = 0; status == STATUS_OK && i < PHASE_COUNT; i++) {
        if (str_eq(name, str_from(phase_names[i]))) {
            *phase = (enum ca_phase)i;
            return STATUS_OK;
        }
    }
    return why_set(why, STATUS_INVALID, "ca_malformed", "the phase is unknown");
}

static bool fit(enum ca_phase phase, const struct ca *ca, const struct ca *next) {
    if (ca == NULL || (next != NULL) != (phase != CA_STABLE)) {
        return false;
    }
    return next == NULL || (str_eq(ca_trust_domain(ca), ca_trust_domain(next)) &&
                            !str_eq(ca_root_pem(ca), ca_root_pem(next)));
}

static enum status import_tree(const json_t *tree, struct ca_rotation **rotation, struct why *why) {
    static const char *const names[] = {"phase", "ca", "next"};
    enum ca_phase phase = CA_STABLE;
    struct ca *ca = NULL;
    struct ca *next = NULL;
    enum status status = json_object_check(tree, names, 3, why);
    if (status == STATUS_OK) {
        status = read_phase(tree, &phase, why);
    }
    if (status == STATUS_OK) {
        status = import_member(tree, "ca", &ca, why);
    }
    if (status == STATUS_OK) {
        status = import_member(tree, "next", &next, why);
    }
    if (status == STATUS_OK && !fit(phase, ca, next)) {
        status = why_set(why, STATUS_INVALID, "ca_mismatch",
                         "the two authorities do not fit the phase or each other");
    }
    if (status != STATUS_OK) {
        ca_free(&ca);
        ca_free(&next);
        return status;
    }
    return make(phase, ca, next, rotation, why);
}

enum status ca_rotation_import(struct str text, struct ca_rotation **rotation, struct why *why) {
    json_t *tree;
    if (text.len > CA_ROTATION_TEXT_BYTES_MAX) {
        return why_set(why, STATUS_INVALID, "ca_malformed", "the document is too large");
    }
    enum status status = json_parse(text, &tree, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (json_object_get(tree, "phase") != NULL) {
        status = import_tree(tree, rotation, why);
    } else {
        struct ca *ca = NULL;
        status = ca_import(text, &ca, why);
        if (status == STATUS_OK) {
            status = make(CA_STABLE, ca, NULL, rotation, why);
        }
    }
    json_decref(tree);
    return status;
}

/* The digests of the certificates in order, digested again. */

static int compare(const void *a, const void *b) {
    return memcmp(a, b, DIGEST_BYTES);
}

void ca_rotation_anchors_name(struct str anchors_pem, char name[CA_ANCHORS_SIZE]) {
    static const struct str end = STR_INIT("-----END CERTIFICATE-----");
    uint8_t digests[ANCHORS_MAX][DIGEST_BYTES];
    uint8_t digest[DIGEST_BYTES];
    size_t count = 0;
    size_t from = 0;
    for (size_t at = 0; at + end.len <= anchors_pem.len && count < ANCHORS_MAX; at++) {
        if (str_eq(str_sub(anchors_pem, at, end.len), end)) {
            struct str block = str_trim(str_sub(anchors_pem, from, at + end.len - from));
            while (block.len > 0 && (block.at[0] == '\n' || block.at[0] == '\r')) {
                block = str_sub(block, 1, block.len);
            }
            digest_sha256(block, digests[count++]);
            from = at + end.len;
        }
    }
    qsort(digests, count, DIGEST_BYTES, compare);
    digest_sha256(str_make(digests, count * DIGEST_BYTES), digest);
    text_hex(digest, sizeof(digest), name);
}
