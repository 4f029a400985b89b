/* edge_request.h: one request, from its head to its record.
 *
 * Lives in the arena of the visitor's stream. Steps (edge_request.c) decide, one after another; a callback stores its result
 * and resumes the list. Body bytes do not pass through the steps: edge_relay.c hands them across as they come.
 */
#ifndef EDGE_EDGE_REQUEST_H
#define EDGE_EDGE_REQUEST_H

#include "base/block.h"
#include "edge/edge_answer.h"
#include "edge/edge_environment.h"
#include "edge/edge_visitor.h"
#include "http/http_stream.h"

struct edge_tunnel;

enum edge_step_result {
    EDGE_STEP_NEXT, /* go on with the next step */
    EDGE_STEP_WAIT, /* something was started; its callback resumes this same step */
    EDGE_STEP_DONE, /* the answer is decided: go on with respond */
};

struct edge_request {
    struct edge_worker *worker;
    struct edge_visitor *visitor;
    struct arena *arena;
    size_t step; /* index into the list */
    struct id id;
    int64_t started_ms; /* monotonic */

    /* the visitor's side; stream NULL once it is gone */
    struct http_stream *stream;
    const struct http_head *head;
    bool is_request_ended; /* the whole request has arrived */
    const struct http_fields *request_trailers;
    struct block_queue held; /* body that arrived before there was a tunnel stream to take it */

    /* what policy said */
    /* only from admit to route: it may go away while the request waits */
    struct edge_environment *environment;
    struct id environment_id;
    struct bundle *bundle; /* a reference, to the end */
    const struct bundle_route *route;

    /* the tunnel's side */
    struct list waiting_node;
    int64_t waiting_since_ms;        /* or since the last progress */
    struct edge_tunnel *tunnel;      /* set while its stream is */
    struct http_stream *exchange;    /* NULL before, and once it is gone */
    enum http_close exchange_closed; /* how it went, when it has */
    unsigned tries;
    bool is_body_forwarded; /* any byte of the body, or the end of one, has left for a warpgate */
    const struct http_head *response;
    bool is_response_bodiless; /* the response head was all of it */

    /* the answer */
    enum edge_code code;   /* EDGE_CODE_NONE: the workload's own answer */
    const struct why *why; /* more about the code; may be NULL */
    unsigned status;
    bool is_response_begun;
    bool is_response_ended;
    uint64_t request_bytes, response_bytes; /* of bodies */
    struct list unread_node;
    int64_t unread_since_ms; /* or since the visitor last read */
    size_t unread_bytes;     /* given to the visitor's stream and not sent yet */
};

/* http_server.on_request, with a struct edge_visitor as context. */
void edge_request_begin(void *visitor, struct http_stream *stream, const struct http_head *head,
                        bool is_end);
/* Runs steps until one waits or the list ends. The request may be gone when it returns. */
void edge_request_resume(struct edge_request *request);
/* Decides an answer that is not the workload's, and returns EDGE_STEP_DONE. */
enum edge_step_result edge_request_refuse(struct edge_request *request, enum edge_code code,
                                          const struct why *why);
/* The visitor's stream is gone or about to go: only the record is left to do. The request is no more when it returns. */
void edge_request_finish(struct edge_request *request);
/* It waits for a response head no longer: there is one, or none will come. */
void edge_request_stop_waiting(struct edge_request *request);
/* Lets go of the tunnel's side, whatever its state. */
void edge_request_drop_exchange(struct edge_request *request);

/* The steps, one file each. */
enum edge_step_result edge_admit(struct edge_request *request);
enum edge_step_result edge_route(struct edge_request *request);
enum edge_step_result edge_forward(struct edge_request *request);
enum edge_step_result edge_respond(struct edge_request *request);
enum edge_step_result edge_record(struct edge_request *request);

#endif
