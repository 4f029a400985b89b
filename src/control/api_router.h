/* api_router.h: from method and path to the operation: one table for the public API, one for machines.
 *
 * A path that is not exactly one of the table's is 404, also when an id in it is malformed or of another kind. HEAD is GET.
 */
#ifndef CONTROL_API_ROUTER_H
#define CONTROL_API_ROUTER_H

#include "control/api_call.h"

struct api_table {
    const struct api_operation *operations;
    size_t count;
};

/* The REST API under /v1: what openapi.json describes. */
extern const struct api_table api_router_public;
/* Enrolment and renewal (tunnel/enrolment.h). */
extern const struct api_table api_router_machines;

struct api_match {
    const struct api_operation *operation;
    struct id object;
    struct id part;    /* the second id of the path */
    const char *allow; /* for a 405: in the arena */
};

/* `path` without the query. STATUS_NOT_FOUND; STATUS_UNSUPPORTED: another method would do, see `allow`. */
enum status api_router_find(const struct api_table *table, struct str method, struct str path,
                            struct arena *arena, struct api_match *match) MUST_USE;

#endif
