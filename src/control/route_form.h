/* route_form.h: a route between a request's body, the store's row, answers and bundles.
 *
 * Bodies have passed their schema. Faults are told in the call, with pointers into the request. Any thread.
 */
#ifndef CONTROL_ROUTE_FORM_H
#define CONTROL_ROUTE_FORM_H

#include "control/api_call.h"
#include "store/store_route.h"

/* Takes what `body`, which stands at `pointer` in the request, says of a route's match, path, upstream and settings, and judges the whole:
 * on a new row what is not said is the standard, otherwise what is there. With faults the row is without meaning. */
void route_form_take(struct api_call *call, const json_t *body, const char *pointer,
                     struct store_route *row);
/* Whether two rows say the same, place and manager included. */
bool route_form_is_same(const struct store_route *a, const struct store_route *b);
/* As the API shows it. */
json_t *route_form_write(const struct store_route *row);
/* As it stands in a bundle. */
json_t *route_form_deliver(const struct store_route *row);

#endif
