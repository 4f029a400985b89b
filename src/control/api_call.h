/* api_call.h: one call of the API as its handler sees it: who asks for what, and what is answered.
 *
 * Made on the loop's thread by api_exchange.h, worked on by one pool thread (api_dispatch.h), answered on the loop's thread.
 * All text of the request is a copy in the call's arena. A handler returns STATUS_OK with `answer` filled, or what went
 * wrong with `why` set, which api_problem.h makes an RFC 9457 document of.
 */
#ifndef CONTROL_API_CALL_H
#define CONTROL_API_CALL_H

#include "base/arena.h"
#include "base/list.h"
#include "control/api_account.h"
#include "control/api_limit.h"
#include "control/api_schema.h"
#include "control/change.h"
#include "control/control_state.h"
#include "control/permission.h"
#include "http/http_message.h"
#include "identity/identity_session.h"
#include "pki/cert_identity.h"
#include "store/store_environment.h"
#include "store/store_tenant.h"

struct api_call;
struct api_download;

enum api_tx {
    API_TX_NONE, /* the handler begins its own, or needs none */
    API_TX_READ,
    API_TX_WRITE,
};

enum api_list {
    API_LIST_NONE,  /* takes no query */
    API_LIST_TIME,  /* limit, cursor, order */
    API_LIST_PLACE, /* limit, cursor: the list has an order of its own */
};

struct api_operation {
    const char *method;
    const char *path; /* with {org}, {prj} …: at most two, the second within the first */
    enum permission permission; /* that the caller needs */
    enum api_tx tx;
    enum api_list list;
    unsigned status;                 /* of success */
    const struct api_schema *schema; /* of the body; NULL: none is looked at */
    enum status (*handler)(struct api_call *call);
    bool is_login; /* costs a password hash: few run at a time */
    const char *const
        *filters;       /* texts that the query may hold besides; ends with NULL; NULL: none */
    const char *secret; /* the member of the answer that is shown this once; NULL: none */
    bool is_machine;    /* one of enrolment: who succeeds is not counted as a stranger */
    const struct api_schema *query; /* what the query may hold besides a page; NULL: nothing */
};

/* What the query says (api_query.h). */
struct api_query {
    struct str limit;
    struct str cursor;
    struct str order;
    bool wants_total;
    json_t *filters; /* owned; judged by the operation's table; NULL: none */
};

/* An Idempotency-Key at work (api_idempotency.h). */
struct api_attempt {
    struct list node;
    bool has_begun;
    uint8_t sha256[DIGEST_BYTES];
    struct id organization;
};

struct api_answer {
    unsigned status;        /* 0: the operation's */
    json_t *body;           /* owned; NULL: none */
    struct str raw_body;    /* instead of `body`: borrowed for ever */
    struct buf bytes;       /* what is sent: written by api_dispatch, or by the handler with: */
    const char *media_type; /* of these bytes; NULL: JSON */
    /* Instead of a body, what goes on after the call; NULL: neither. */
    struct api_download *download; /* made part by part (api_download.h) */
    const char *topic_scope;       /* the events of this topic (api_stream.h) */
    struct id topic;
    bool is_problem;
    char etag[64];                /* with its quotes; empty: none */
    int64_t retry_after_seconds;  /* 0: none */
    struct api_limit_state limit; /* of the caller */
    const char *allow;            /* 405; NULL: none */
};

struct api_call {
    struct control *control;
    const struct api_operation *operation;
    struct arena arena;
    struct id request_id;
    int64_t begun_at_ms; /* mono */

    struct http_head head; /* copied to the arena */
    struct str query;      /* without the "?" */
    struct buf body;
    struct id object; /* from the path; none if it has none */
    struct id
        part; /* the second id in the path: to be looked up within `organization`; or a month as text */
    char ip_address[ADDRESS_TEXT_SIZE];
    bool has_peer;             /* the client showed a warpgate's certificate */
    struct cert_identity peer; /* its own */

    /* After authentication, one of the two: */
    struct identity_principal principal; /* a member */
    struct api_account account; /* a service account: account.account.object.id is not none */
    struct id actor;        /* who that is: the id of either; none where nobody has to be known */
    struct id organization; /* of `object` */
    struct store_tenant tenant; /* of `object`: its project and environment, too */
    uint32_t permissions;       /* PERMISSION_BITs of the caller in it */
    json_t *input;              /* owned; judged by the schema */
    struct api_query asked;     /* api_query.h */
    struct api_attempt attempt; /* api_idempotency.h */
    bool is_replayed;           /* the answer was given before */
    struct store_tx *tx;
    struct id *touched; /* environments whose bundle has to be built anew; in the arena */
    size_t touched_count;
    size_t touched_cap;
    bool is_dry_run; /* everything is done, and nothing is kept */
    bool is_audited; /* it has said what it changed, or that it changed nothing (audit.h) */
    struct change_list changes; /* applied when the transaction is committed */

    struct why why;
    struct api_faults faults;
    struct api_answer answer;
};

#define API_BODY_BYTES_MAX ((size_t)1 << 20)
/* of somebody who is not known yet, and where nobody needs to be */
#define API_BODY_OPEN_BYTES_MAX ((size_t)16 << 10)
#define API_ANSWER_BYTES_MAX ((size_t)16 << 20)

void api_call_init(struct api_call *call, struct control *control);
void api_call_fini(struct api_call *call);

/* A field of the request, "" if absent. */
struct str api_call_field(const struct api_call *call, struct str name);
/* What follows "Bearer " in Authorization. STATUS_DENIED (session_missing). */
enum status api_call_bearer(struct api_call *call, struct str *token) MUST_USE;

/* Where the call comes from. */
struct identity_origin api_call_origin(const struct api_call *call);

/* Members of the judged body. */
struct str api_call_text(const struct api_call *call, const char *name, struct str fallback);
bool api_call_boolean(const struct api_call *call, const char *name, bool fallback);
int64_t api_call_integer(const struct api_call *call, const char *name, int64_t fallback);

/* Filters of the query. */
struct str api_call_filter(const struct api_call *call, const char *name); /* "" if absent */
bool api_call_has_filter(const struct api_call *call, const char *name);
bool api_call_filter_boolean(const struct api_call *call, const char *name, bool fallback);
int64_t api_call_filter_integer(const struct api_call *call, const char *name, int64_t fallback);

/* For handlers that judge further: adds the fault and returns STATUS_INVALID (validation_failed). */
enum status api_call_refuse(struct api_call *call, const char *member, const char *code,
                            int64_t position, const char *detail) MUST_USE;

/* The member expires_at, if the body has it: null is 0, never. STATUS_INVALID (validation_failed): it is not in the future. */
enum status api_call_take_expiry(struct api_call *call, int64_t *expires_at_ms) MUST_USE;
/* STATUS_INVALID (validation_failed) if there are faults. */
enum status api_call_judged(struct api_call *call) MUST_USE;

/* Sets the ETag of the object at hand and judges If-Match by it: STATUS_CONFLICT (revision_mismatch); STATUS_INVALID
 * (precondition_required) without one when it is required. `bundle_revision` 0: it has none; if it has, it is part of the tag,
 * since it shows in the representation, but the revision alone is accepted, too. With 0, whatever else a tag says beside
 * the revision does not matter: what shows but is nobody's change (a last use) breaks no precondition. */
enum status api_call_precondition(struct api_call *call, uint64_t revision,
                                  uint64_t bundle_revision, bool is_required) MUST_USE;
/* The same by the tag that answer.etag holds. */
enum status api_call_precondition_tag(struct api_call *call, bool is_required) MUST_USE;
void api_call_set_etag(struct api_call *call, uint64_t revision, uint64_t bundle_revision);
/* Whether If-None-Match names the answer's ETag: a 304 then does. */
bool api_call_is_unmodified(const struct api_call *call);

/* The bundle of this environment will be built and pushed with the commit. */
void api_call_touch(struct api_call *call, const struct id *environment);
/* Parts of representations. */
json_t *api_call_time(int64_t wall_ms); /* RFC 3339, null for 0 */
json_t *api_call_id(const struct id *id);
json_t *api_call_words(struct str words); /* a list, of words with a space between */

#endif
