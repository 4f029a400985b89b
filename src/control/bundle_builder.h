/* bundle_builder.h: from what the store holds of an environment to its signed
 * bundle (policy/bundle.h). Blocks.
 *
 * What is signed has passed the same reader that edges and warpgates have:
 * nothing that they would refuse leaves here.
 */
#ifndef CONTROL_BUNDLE_BUILDER_H
#define CONTROL_BUNDLE_BUILDER_H

#include <openssl/evp.h>

#include "control/change.h"
#include "store/store_environment.h"

/* Adds a CHANGE_ENVIRONMENT with the bundle as this transaction sees it.
 * STATUS_NOT_FOUND (no such environment); STATUS_INVALID (bundle_too_large: its
 * routes together are more than the matcher takes); what the store says. */
enum status bundle_builder_make(EVP_PKEY *key, struct store_tx *tx, const struct id *organization,
                                const struct id *environment, struct change_list *changes,
                                struct why *why) MUST_USE;
/* The same for every environment of all tenants: what edges are told at first.
 * One that cannot be built is left out and logged. */
enum status bundle_builder_make_all(EVP_PKEY *key, struct store *store, struct change_list *changes,
                                    struct why *why) MUST_USE;

#endif
