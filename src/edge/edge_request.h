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
#include "edge/edge_meter.h"
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

/* The request's body, and how far it has come. */
struct edge_body {
    struct block_queue held; /* arrived before there was a tunnel stream to take it */
    uint8_t *replay; /* the beginning of a short body, to send again what was not processed */
    size_t replay_len;
    bool is_forwarded;                  /* any byte of it, or its end, has left for a warpgate */
    bool is_gone;                       /* and is not in `replay` */
    bool is_ended;                      /* the whole request has arrived */
    const struct http_fields *trailers; /* cleaned; NULL: none */
    uint64_t received_bytes;
    uint64_t consumed_bytes; /* the most that any try has handed on: the visitor knows of these */
};

/* Where it waits for a tunnel (edge_park.h). */
struct edge_parking {
    struct edge_environment *at; /* NULL: does not wait */
    struct list node;
    int64_t until_ms; /* 0: has not waited for this try */
};

/* Sent to a warpgate, once; zeroed: not yet. */
struct edge_try {
    struct edge_tunnel *tunnel;        /* set while its stream is */
    struct http_stream *tunnel_stream; /* NULL before, and once it is gone */
    enum http_close closed;            /* how it went, when it has */
    bool is_sent;
    bool is_end_sent;    /* the end of the request, too */
    bool is_expecting;   /* counted by the tunnel as waiting for a response head */
    uint64_t body_bytes; /* that this try has handed to the tunnel */
    const struct http_head *response;
    bool is_response_bodiless; /* the response head was all of it */
};

/* Of the answer, as far as the visitor has not read it (edge_relay.h). */
struct edge_unread {
    struct list node;  /* worker->unread while there is any */
    int64_t since_ms;  /* or since the visitor last read */
    size_t bytes;      /* given to the visitor's stream and not sent yet */
    size_t read_bytes; /* since since_ms */
};

/* The one that it has at a time (edge_deadline.h). */
struct edge_deadline {
    struct wheel_entry entry;
    enum edge_deadline_kind kind;
    int64_t limit_ms;    /* of silence */
    int64_t progress_ms; /* when there was none, last */
};

struct edge_request {
    struct edge_worker *worker;
    struct edge_visitor *visitor;
    struct arena *arena;
    size_t step; /* index into the list */
    struct id id;
    int64_t started_ms; /* monotonic */

    /* what is counted (edge_meter.h) */
    struct list live_node;
    struct edge_metered metered;
    int64_t started_us;    /* monotonic, for measuring alone */
    int64_t first_byte_us; /* likewise: the response head; 0: there was none */
    struct id warpgate;    /* that it was sent to last; none */

    /* what was asked */
    struct http_stream *visitor_stream; /* NULL once it is gone */
    const struct http_head *head;
    bool is_upgrade; /* asks to become a WebSocket: what comes before the 101 is held */
    struct edge_body body;

    /* what policy said */
    /* only from admit to forward: it may go away while the request waits */
    struct edge_environment *environment;
    struct id environment_id;
    struct bundle *bundle; /* a reference, to the end */
    const struct bundle_route *route;

    /* the tunnel's side */
    const struct http_head
        *tunnel_head;    /* the head as it goes to a warpgate; NULL until the first try */
    struct str affinity; /* the warpgate that a cookie names; empty: none */
    struct edge_parking parking;
    unsigned tries;
    struct edge_try try; /* the present one */

    /* the answer */
    enum edge_code code;    /* EDGE_CODE_NONE: the workload's own answer */
    const struct why *why;  /* more about the code; may be NULL */
    const char *decided_by; /* the step that found the code; NULL: none */
    unsigned status;
    bool is_response_begun;
    bool is_response_ended;
    struct edge_switch
        *switched;           /* both directions are a WebSocket's bytes now; NULL: they are not */
    uint64_t response_bytes; /* of its body */
    struct edge_unread unread;

    struct edge_deadline deadline;
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
