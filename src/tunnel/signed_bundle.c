#include "tunnel/signed_bundle.h"

#include <inttypes.h>

#include "base/buf.h"

static enum status judge_bundle(const struct bundle *bundle, const struct id *environment,
                                uint64_t newer_than, struct why *why) {
    if (environment != NULL && !id_eq(&bundle->environment, environment)) {
        return why_set(why, STATUS_DENIED, "bundle_foreign", "the bundle is for %s, not for %s",
                       bundle->environment.text, environment->text);
    }
    if (bundle->revision == newer_than) {
        return why_set(why, STATUS_CONFLICT, "bundle_not_newer",
                       "revision %" PRIu64 " is here already", bundle->revision);
    }
    if (bundle->revision < newer_than) {
        return why_set(why, STATUS_CONFLICT, "bundle_rollback",
                       "revision %" PRIu64 " is older than %" PRIu64, bundle->revision, newer_than);
    }
    return STATUS_OK;
}

enum status signed_bundle_open(const struct jws_keys *keys, struct str jws,
                               const struct id *environment, uint64_t newer_than,
                               struct bundle **bundle, struct why *why) {
    struct buf payload;
    struct bundle *parsed = NULL;
    buf_init(&payload, BUNDLE_BYTES_MAX);
    enum status status = jws_verify(keys, STR(SIGNED_BUNDLE_TYPE), jws, &payload, why);
    if (status == STATUS_OK) {
        status = bundle_parse(buf_str(&payload), &parsed, why);
    }
    buf_fini(&payload);
    if (status != STATUS_OK) {
        return status;
    }
    status = judge_bundle(parsed, environment, newer_than, why);
    if (status != STATUS_OK) {
        bundle_unref(&parsed);
        return status;
    }
    *bundle = parsed;
    return STATUS_OK;
}
