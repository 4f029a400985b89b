/* store_export.h: everything that the database has of one organization, opened, as JSON.
 *
 * Taken from the catalog (store_catalog.h), so what a later schema step brings is in it without anybody naming it: every table with the
 * organization's rows, every column of it but keyed hashes. Times are RFC 3339, sealed text is opened; text that is JSON itself is put in as
 * such. What is only on its way (mails, with the links in them; operations and their results) is left out. Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_EXPORT_H
#define STORE_STORE_EXPORT_H

#include "base/buf.h"
#include "store/store_tx.h"

/* Appends members of an object, without a comma before or after: "organization":[{…}],"membership":[…],… STATUS_TOO_LARGE
 * (export_too_large) where `out` ends. */
enum status store_export_write(struct store_tx *tx, const struct id *organization,
                               struct buf *out) MUST_USE;

#endif
