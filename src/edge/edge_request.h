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

struct edge_switch;
struct edge_tunnel;

enum edge_step_result {
    EDGE_STEP_NEXT, /* go on with the next step */
    EDGE_STEP_WAIT, /* something was started; its callback resumes this same step */
    EDGE_STEP_DONE, /* the answer is decided: go on with respond */
};

/* What a request waits for (edge_deadline.h). */
enum edge_deadline_kind {
    EDGE_DEADLINE_NONE,
    EDGE_DEADLINE_PARKED,     /* a tunnel */
    EDGE_DEADLINE_FIRST_BYTE, /* the response head */
    EDGE_DEADLINE_IDLE,       /* any byte, either way */
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
    const struct http_head
        *tunnel_head;    /* the head as it goes to a warpgate; NULL until the first try */
    bool is_upgrade;     /* asks to become a WebSocket: what comes before the 101 is held */
    struct str affinity; /* the warpgate that a cookie names; empty: none */

    /* what policy said */
    /* only from admit to forward: it may go away while the request waits */
    struct edge_environment *environment;
    struct id environment_id;
    struct bundle *bundle; /* a reference, to the end */
    const struct bundle_route *route;

    /* the tunnel's side */
    struct edge_environment *parked_at; /* waits there for a tunnel; NULL: does not */
    struct list parked_node;
    int64_t parked_until_ms;         /* 0: has not waited for this try */
    struct edge_tunnel *tunnel;      /* set while its stream is */
    bool is_expecting;               /* counted by the tunnel as waiting for a response head */
    struct http_stream *exchange;    /* NULL before, and once it is gone */
    enum http_close exchange_closed; /* how it went, when it has */
    unsigned tries;
    bool is_sent;           /* the present try */
    bool is_end_sent;       /* the end of the request, too */
    bool is_body_forwarded; /* any byte of the body, or the end of one, has left for a warpgate */
    bool is_body_gone;      /* and is not in `replay` */
    uint8_t *replay; /* the beginning of a short body, to send again what was not processed */
    size_t replay_len;
    uint64_t body_sent;     /* bytes that this try has handed to the tunnel */
    uint64_t body_consumed; /* the most that any try has: the visitor knows of these */
    const struct http_head *response;
    bool is_response_bodiless; /* the response head was all of it */

    /* the answer */
    enum edge_code code;   /* EDGE_CODE_NONE: the workload's own answer */
    const struct why *why; /* more about the code; may be NULL */
    unsigned status;
    bool is_response_begun;
    bool is_response_ended;
    struct edge_switch
        *switched; /* both directions are a WebSocket's bytes now; NULL: they are not */
    uint64_t request_bytes, response_bytes; /* of bodies */
    struct list unread_node;
    int64_t unread_since_ms; /* or since the visitor last read */
    size_t unread_bytes;     /* given to the visitor's stream and not sent yet */
    size_t read_bytes;       /* since unread_since_ms */

    struct wheel_entry deadline;
    enum edge_deadline_kind deadline_kind;
    int64_t limit_ms;    /* of silence */
    int64_t progress_ms; /* when there was none, last */
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
void edge_request_stop_expecting(struct edge_request *request);
/* The exchange has closed by itself. */
void edge_request_forget_exchange(struct edge_request *request);
/* Lets go of the tunnel's side, whatever its state. */
void edge_request_drop_exchange(struct edge_request *request);

/* The steps, one file each. */
enum edge_step_result edge_admit(struct edge_request *request);
enum edge_step_result edge_route(struct edge_request *request);
enum edge_step_result edge_forward(struct edge_request *request);
enum edge_step_result edge_respond(struct edge_request *request);
enum edge_step_result edge_record(struct edge_request *request);

#endif
