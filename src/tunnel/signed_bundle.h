/* signed_bundle.h: from the text that travels to the policy that is applied: signature, environment, revision, payload, in this order.
 *
 * Where configuration enters an edge (edge_environment.c) and a warpgate (warpgate_policy.c): the one place that makes a bundle out of a peer's
 * bytes, so that nobody between the control plane and here can forge one, move it to another environment or bring an old one back.
 * Pure: no state, any thread. The text and the keys are borrowed for the call; the bundle is the caller's (bundle.h), and there
 * is none unless all four hold. Limits: those of jws.h for the text, of bundle.h for what is in it.
 */
#ifndef TUNNEL_SIGNED_BUNDLE_H
#define TUNNEL_SIGNED_BUNDLE_H

#include "base/id.h"
#include "base/status.h"
#include "base/str.h"
#include "pki/jws.h"
#include "policy/bundle.h"

#define SIGNED_BUNDLE_TYPE "mezusphere-bundle"

/* Verifies and parses. `environment`: the only one accepted, or NULL for any. `newer_than`: only a greater revision is accepted
 * (the same revision gives STATUS_CONFLICT bundle_not_newer, an older one STATUS_CONFLICT bundle_rollback).
 * Otherwise what jws_verify and bundle_parse return, or STATUS_DENIED bundle_foreign. */
enum status signed_bundle_open(const struct jws_keys *keys, struct str jws,
                               const struct id *environment, uint64_t newer_than,
                               struct bundle **bundle, struct why *why) MUST_USE;

#endif
