/* store_request.h: recent requests of an environment, as its edges log them (tunnel/usage_record.h): sealed, bounded, and soon gone.
 *
 * What is known of a request is one sealed JSON text: only ids and times can be read without the organization's key. At most
 * STORE_REQUEST_ROWS_MAX of an environment are kept, for as long as its retention says. Rows go with their environment.
 * Threads and failures: store_tx.h.
 */
#ifndef STORE_STORE_REQUEST_H
#define STORE_STORE_REQUEST_H

#include "base/arena.h"
#include "store/store_tx.h"

#define STORE_REQUEST_ROWS_MAX 10000
#define STORE_REQUEST_ENTRY_MAX 8192

struct store_request {
    struct store_object object; /* created_at is when it was taken; the id tells when it began */
    struct id environment;
    struct str entry; /* JSON */
};

/* A row that is there already stays as it is. STATUS_NOT_FOUND (parent_not_found): no such environment. */
enum status store_request_insert(struct store_tx *tx, struct store_request *request) MUST_USE;
enum status store_request_list(struct store_tx *tx, const struct id *organization,
                               const struct id *environment, struct store_page *page,
                               struct arena *arena, struct store_request **rows,
                               size_t *count) MUST_USE;
/* Those of an environment that are too many, and those taken before `before_ms`. */
enum status store_request_trim(struct store_tx *tx, const struct id *organization,
                               const struct id *environment, int64_t before_ms) MUST_USE;

#endif
