/* audit_diff.h: what an audit event shows of a change: only the members that differ, and no secret, whoever forgot to leave one out.
 *
 * Secrets are known by the name of their member (password, token, …_secret) and by their looks (API keys, whatever they are in).
 * A masked member that was changed is there on both sides, so that the change shows. Members that change with everything (revision,
 * updated_at) are left out. Pure; depth is that of the trees, which come from ourselves.
 */
#ifndef CONTROL_AUDIT_DIFF_H
#define CONTROL_AUDIT_DIFF_H

#include <stdbool.h>

#include <jansson.h>

#define AUDIT_DIFF_MASK "[masked]"

/* Fills new trees; NULL for a side that is NULL. False where both sides are given and nothing differs: both are NULL then. */
bool audit_diff_make(const json_t *before, const json_t *after, json_t **was, json_t **is);

#endif
