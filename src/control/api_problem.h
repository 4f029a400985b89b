/* api_problem.h: errors of the API as RFC 9457 documents. One table maps slugs to HTTP statuses; the slug is the `code`. */
#ifndef CONTROL_API_PROBLEM_H
#define CONTROL_API_PROBLEM_H

#include "control/api_call.h"

struct api_problem {
    const char *code;
    unsigned status; /* HTTP */
    const char *title;
    const char *member;          /* the member of the body at fault, or NULL */
    int64_t retry_after_seconds; /* 0: says nothing, unless the answer has one */
};

/* The row for a slug; one for the status when the slug is not in the table. Never NULL. */
const struct api_problem *api_problem_find(enum status status, const char *slug);
/* The table, for the test that compares it with openapi.json. */
const struct api_problem *api_problem_at(size_t index); /* NULL past the end */

/* Makes the call's answer a problem: from `status`, call->why and call->faults. What the system says of itself (statuses
 * of 500 and over) goes to the log, never to the caller. */
void api_problem_answer(struct api_call *call, enum status status);
/* The body of an error that the protocol engine found before there was a call. Borrowed until the next call on this thread. */
struct str api_problem_of_engine(unsigned http_status, const struct why *why);

#endif
