/* store_environment.h: environments: named targets of a project, each with its own host name, isolated from one another.
 *
 * bundle_revision is the revision of the environment's bundle. It only grows: every change here and in store_route.h that shows
 * in the bundle raises it in the same transaction. object.revision is that of this object alone; changing a route leaves it.
 * Host names are unique over the whole installation, and held for a while after (store_hostname.h).
 */
#ifndef STORE_STORE_ENVIRONMENT_H
#define STORE_STORE_ENVIRONMENT_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_HOSTNAME_MAX 253
#define STORE_HEALTH_CHECKS_MAX 98304 /* bytes: 32 of them, with paths that have to be escaped */
#define STORE_ENVIRONMENT_SETTINGS_MAX 32768 /* bytes */
#define STORE_HOSTNAMES_MAX 17408            /* bytes: 63 of them, with what separates them */
#define STORE_MANAGER_MAX 64

struct store_environment {
    struct store_object object;
    struct id project;
    bool is_enabled;
    uint64_t bundle_revision; /* from 1; the store's alone to set */
    struct str name;          /* a slug (store_project_is_slug), unique in the project */
    struct str hostname;      /* canonical (policy/canonical_host.h): lower case, no port */
    struct str health_checks; /* as control/health_option.h writes them; empty: none */
    struct str
        settings; /* what differs from the standard (control/setting_document.h); may be empty */
    struct str hostnames;  /* further ones, canonical, with a space between; may be empty */
    struct str managed_by; /* the manifest that it comes from; empty: none */
};

/* STATUS_CONFLICT (name_taken, hostname_taken, hostname_held), STATUS_INVALID (name_invalid), STATUS_NOT_FOUND (no such project
 * in object.organization). */
enum status store_environment_insert(struct store_tx *tx,
                                     struct store_environment *environment) MUST_USE;
enum status
store_environment_get(struct store_tx *tx, const struct id *organization, const struct id *id,
                      struct arena *arena,
                      struct store_environment *environment) MUST_USE; /* STATUS_NOT_FOUND */
/* By name within a project. STATUS_NOT_FOUND. */
enum status store_environment_find(struct store_tx *tx, const struct id *organization,
                                   const struct id *project, struct str name, struct arena *arena,
                                   struct store_environment *environment) MUST_USE;
enum status store_environment_list(struct store_tx *tx, const struct id *organization,
                                   const struct id *project, struct store_page *page,
                                   struct arena *arena, struct store_environment **rows,
                                   size_t *count) MUST_USE;
/* Over all tenants: by host name, and all of them, for building bundles at start. STATUS_NOT_FOUND. */
enum status store_environment_find_any(struct store_tx *tx, struct str hostname,
                                       struct arena *arena,
                                       struct store_environment *environment) MUST_USE;
enum status store_environment_list_any(struct store_tx *tx, struct store_page *page,
                                       struct arena *arena, struct store_environment **rows,
                                       size_t *count) MUST_USE;

/* Writes name, is_enabled, hostname, health_checks, settings, hostnames and managed_by, and raises bundle_revision (in the row given, too). STATUS_NOT_FOUND, STATUS_CONFLICT
 * (revision_mismatch, name_taken, hostname_taken, hostname_held), STATUS_INVALID (name_invalid). */
enum status store_environment_update(struct store_tx *tx,
                                     struct store_environment *environment) MUST_USE;
/* With its routes and warpgates; each warpgate's certificate is revoked (store_revocation.h) until `certificates_end_at_ms`.
 * STATUS_NOT_FOUND; STATUS_CONFLICT (revision_mismatch) unless `revision` is the current one. */
enum status store_environment_delete(struct store_tx *tx, const struct id *organization,
                                     const struct id *id, uint64_t revision,
                                     int64_t certificates_end_at_ms) MUST_USE;
/* Raises bundle_revision for a change that is made elsewhere, and tells it. STATUS_NOT_FOUND. */
enum status store_environment_touch_bundle(struct store_tx *tx, const struct id *organization,
                                           const struct id *id, uint64_t *bundle_revision) MUST_USE;

#endif
