#include "warpgate/warpgate_anchors.h"

#include <string.h>

#include "base/log.h"
#include "pki/ca_anchors.h"
#include "warpgate/warpgate_parts.h"

#define PEM_BYTES_MAX 65536

void warpgate_anchors_init(struct warpgate_anchors *anchors) {
    *anchors = (struct warpgate_anchors){.name = ""};
    buf_init(&anchors->pem, PEM_BYTES_MAX);
    buf_init(&anchors->chain, PEM_BYTES_MAX);
}

void warpgate_anchors_fini(struct warpgate_anchors *anchors) {
    buf_fini(&anchors->pem);
    buf_fini(&anchors->chain);
}

static enum status replace(struct buf *text, struct str by) {
    buf_clear(text);
    return buf_append_str(text, by);
}

enum status warpgate_anchors_enrolled(struct warpgate_anchors *anchors,
                                      const struct enrolment_answer *answer) {
    enum status status = replace(&anchors->pem, answer->trust_anchors);
    if (status == STATUS_OK) {
        status = replace(&anchors->chain, answer->certificate);
    }
    ca_rotation_anchors_name(answer->trust_anchors, anchors->name);
    if (status == STATUS_OK && ca_anchors_root_of(answer->certificate, answer->trust_anchors,
                                                  anchors->root) != STATUS_OK) {
        anchors->root[0] = '\0'; /* and so it is told */
    }
    return status;
}

static bool is_known(const struct warpgate_anchors *anchors, const struct signed_edges *list) {
    return str_eq(buf_str(&anchors->pem), list->anchors) &&
           str_eq(str_from(anchors->issuer), list->issuer);
}

bool warpgate_anchors_follow(struct warpgate_parts *parts, const struct signed_edges *list) {
    struct warpgate_anchors *anchors = &parts->anchors;
    struct why why = {0};
    char root[CA_ANCHORS_SIZE];
    if (str_is_empty(list->anchors) || parts->tunnel_tls == NULL || is_known(anchors, list)) {
        return false;
    }
    if (ca_anchors_root_of(buf_str(&anchors->chain), list->anchors, root) != STATUS_OK) {
        log_warn("warpgate.anchors_old", "the list does not know our certificate's root");
        return false;
    }
    enum status status = tls_context_set_trust(parts->tunnel_tls, list->anchors, &why);
    if (status == STATUS_OK) {
        status = str_to_cstr(list->issuer, anchors->issuer, sizeof(anchors->issuer));
    }
    if (status == STATUS_OK) {
        status = replace(&anchors->pem, list->anchors);
    }
    if (status != STATUS_OK) {
        log_warn("warpgate.anchors_refused", "code=%s detail=\"%s\"", why.slug, why.text);
        return false;
    }
    memcpy(anchors->root, root, sizeof(root));
    ca_rotation_anchors_name(list->anchors, anchors->name);
    log_info("warpgate.anchors", "anchors=%.16s issuer=%.16s own=%.16s", anchors->name,
             anchors->issuer, anchors->root);
    return true;
}

bool warpgate_anchors_is_renewal_due(const struct warpgate_anchors *anchors) {
    return anchors->issuer[0] != '\0' && strcmp(anchors->issuer, anchors->root) != 0;
}
