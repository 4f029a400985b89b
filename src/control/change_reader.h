/* change_reader.h: changes that are read from the store. Blocks. */
#ifndef CONTROL_CHANGE_READER_H
#define CONTROL_CHANGE_READER_H

#include "control/change.h"
#include "store/store_tx.h"

/* A CHANGE_REVOKED for every warpgate whose certificates are void and have not expired, as this transaction sees it. The hub drops
 * those that it knows, so `reason` is told of the new ones alone. */
enum status change_reader_revocations(struct store_tx *tx, const char *reason,
                                      struct change_list *changes) MUST_USE;

/* A CHANGE_EDGE for every edge, revoked ones too. */
enum status change_reader_edges(struct store_tx *tx, struct change_list *changes) MUST_USE;

#endif
