#include "control/control_ca.h"

#include "base/memory.h"
#include "pki/pem.h"

struct control_ca {
    struct ca_rotation *rotation;
    uint64_t revision;
    struct control_ca *former; /* somebody may be using it */
};

static const struct control_ca *present(const struct control *control) {
    return atomic_load(&control->ca);
}

const struct ca_rotation *control_ca(const struct control *control) {
    return present(control)->rotation;
}

const struct ca *control_ca_issuer(const struct control *control) {
    return ca_rotation_issuer(control_ca(control));
}

struct str control_ca_anchors(const struct control *control) {
    return ca_rotation_anchors(control_ca(control));
}

struct str control_ca_trust_domain(const struct control *control) {
    return ca_trust_domain(control_ca_issuer(control));
}

void control_ca_root_sha256(const struct control *control, uint8_t sha256[DIGEST_BYTES]) {
    uint8_t der[PEM_BYTES_MAX];
    size_t len = 0;
    /* It was read when it was made: only then it is here. */
    enum status status =
        pem_read(ca_root_pem(control_ca_issuer(control)), PEM_CERTIFICATE, der, &len);
    digest_sha256(str_make(der, status == STATUS_OK ? len : 0), sha256);
}

bool control_ca_put(struct control *control, struct ca_rotation **rotation, uint64_t revision) {
    struct control_ca *former = atomic_load(&control->ca);
    if (former != NULL && former->revision > revision) {
        ca_rotation_free(rotation);
        return false;
    }
    struct control_ca *next = MEMORY_NEW(struct control_ca);
    *next = (struct control_ca){*rotation, revision, former};
    *rotation = NULL;
    atomic_store(&control->ca, next);
    return true;
}

void control_ca_close(struct control *control) {
    struct control_ca *at = atomic_exchange(&control->ca, NULL);
    while (at != NULL) {
        struct control_ca *former = at->former;
        ca_rotation_free(&at->rotation);
        memory_free(at);
        at = former;
    }
}
