/* store_warpgate.h: warpgates that have enrolled.
 *
 * One row for each enrolment, with the environment that it serves and the key that it came with. Whether it is connected is not kept
 * here: the feeds know (presence.h). Lists of the living, by key, environment or project, are for revoking. Texts of rows are borrowed from the
 * arena that is given; threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_WARPGATE_H
#define STORE_STORE_WARPGATE_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_WARPGATE_NAME_MAX 64
#define STORE_WARPGATE_VERSION_MAX 64
#define STORE_WARPGATE_PLATFORM_MAX 64
#define STORE_WARPGATE_IP_MAX 64
#define STORE_WARPGATE_REFUSED_CODE_MAX 48
#define STORE_WARPGATE_REFUSED_DETAIL_MAX 256

struct store_warpgate {
    struct store_object object; /* created_at_ms: enrolled */
    struct id environment;
    struct id key;                /* that it enrolled with */
    int64_t last_seen_at_ms;      /* 0: never connected */
    uint64_t applied_revision;    /* of the bundle; 0: none yet */
    int64_t revoked_at_ms;        /* 0: live */
    int64_t certificate_until_ms; /* the newest ends then; 0: not known */
    struct str name;
    struct str version;
    struct str platform;
    struct str ip_address;
    struct str refused_code; /* why it refused the newest bundle; empty: it did not */
    struct str refused_detail;
};

/* STATUS_NOT_FOUND (no such environment or key in object.organization). */
enum status store_warpgate_insert(struct store_tx *tx, struct store_warpgate *warpgate) MUST_USE;
enum status store_warpgate_get(struct store_tx *tx, const struct id *organization,
                               const struct id *id, struct arena *arena,
                               struct store_warpgate *warpgate) MUST_USE; /* STATUS_NOT_FOUND */
enum status store_warpgate_list(struct store_tx *tx, const struct id *organization,
                                const struct id *environment, struct store_page *page,
                                struct arena *arena, struct store_warpgate **rows,
                                size_t *count) MUST_USE;
/* What it reported, which is no change of the object: its revision stays. Writes last_seen_at_ms, applied_revision, version, platform, ip_address, refused_code and refused_detail. Last
 * report wins, but applied_revision never falls. STATUS_NOT_FOUND. */
enum status store_warpgate_report(struct store_tx *tx, struct store_warpgate *warpgate) MUST_USE;
/* Ends it: its certificates are revoked (store_revocation.h) until `certificates_end_at_ms`. Revoking again changes nothing.
 * STATUS_NOT_FOUND. */
enum status store_warpgate_revoke(struct store_tx *tx, const struct id *organization,
                                  const struct id *id, int64_t certificates_end_at_ms) MUST_USE;
/* It got a certificate that is good until then. STATUS_NOT_FOUND. */
enum status store_warpgate_certified(struct store_tx *tx, const struct id *organization,
                                     const struct id *id, int64_t until_ms) MUST_USE;
/* Revokes it, and deletes the row: nothing is left of it but the revocation. STATUS_NOT_FOUND. */
enum status store_warpgate_delete(struct store_tx *tx, const struct id *organization,
                                  const struct id *id, int64_t certificates_end_at_ms) MUST_USE;
/* Deletes those of all tenants that were last seen (or enrolled) before `before_ms`. */
enum status store_warpgate_prune_any(struct store_tx *tx, int64_t before_ms) MUST_USE;
/* Of all tenants: those that are not revoked, and were seen or enrolled since. */
enum status store_warpgate_seen_since_any(struct store_tx *tx, int64_t since_ms,
                                          struct arena *arena, struct id **ids,
                                          size_t *count) MUST_USE;

#endif
