/* api_cursor.h: pages of a list: what the query asks for, and the cursor that leads to the next page.
 *
 * A cursor is opaque: base64url of the last row's id and position with an HMAC over them, the list and its order. One that was
 * made for another list, or by anybody else, is refused.
 */
#ifndef CONTROL_API_CURSOR_H
#define CONTROL_API_CURSOR_H

#include "control/api_call.h"

#define API_CURSOR_LIMIT_DEFAULT 50
#define API_CURSOR_LIMIT_MAX 200
#define API_CURSOR_SIZE 128

/* Where a list is: `list` names it (its path, so also whose it is, and its filters). */
struct api_cursor {
    struct str list;
    enum store_order order;
    struct id id;
    int64_t position;
};

void api_cursor_write(const uint8_t key[CONTROL_CURSOR_KEY_BYTES], const struct api_cursor *cursor,
                      char out[API_CURSOR_SIZE]);
/* `cursor` has its list and order; id and position are filled. STATUS_INVALID. */
enum status api_cursor_read(const uint8_t key[CONTROL_CURSOR_KEY_BYTES], struct str text,
                            struct api_cursor *cursor) MUST_USE;

/* The page that the call's query (api_query.h) asks for. STATUS_INVALID (query_invalid, cursor_invalid). */
enum status api_cursor_page(struct api_call *call, struct store_page *page) MUST_USE;
/* Makes the answer {"items", "next_cursor"}, with "total" where it was asked for; takes `items`. `last` and `position` are of the last row shown. */
/* The value of one of the query's filters; empty when it is not in the query. */
struct str api_cursor_filter(struct api_call *call, const char *name);
void api_cursor_answer(struct api_call *call, const struct store_page *page, json_t *items,
                       const struct id *last, int64_t position);

#endif
