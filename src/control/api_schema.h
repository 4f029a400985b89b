/* api_schema.h: what the body of each request may hold, as tables; the same shapes stand in openapi.json, and a test
 * proves that the two agree.
 *
 * A body is judged as a whole: every fault is told with its RFC 6901 pointer, up to API_FAULTS_MAX. Members that a table
 * does not name are refused, also in objects and lists of objects inside. Rules that need more than the member itself (route patterns, host names) are the handlers'.
 */
#ifndef CONTROL_API_SCHEMA_H
#define CONTROL_API_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/status.h"
#include "base/str.h"
#include "policy/setting.h"

#define API_FAULTS_MAX 16
#define API_POINTER_SIZE 160

enum api_kind {
    API_TEXT,    /* UTF-8 of `min` to `max` bytes without control characters */
    API_OPAQUE,  /* UTF-8 of `min` to `max` bytes, whatever they are: passwords, patterns */
    API_SLUG,    /* a name that becomes part of a host name */
    API_WORD,    /* one of `words` */
    API_BOOLEAN, /* true or false */
    API_INTEGER, /* from `min` to `max` */
    API_TIME,    /* RFC 3339 */
    API_WORDS,   /* a list of `words`, each at most once */
    API_OBJECT,  /* as `schema` says */
    API_LIST,    /* at most `max` objects, each as `schema` says */
};

struct api_member {
    const char *name;
    enum api_kind kind;
    bool is_required;
    size_t min;
    size_t max;
    const char *const *words; /* ends with NULL */
    const struct api_schema *schema;
    bool may_be_null; /* for what holds without it (RFC 7396) */
    bool may_be_zero; /* INTEGER: whatever `min` says */
};

struct api_schema {
    const char *name; /* in openapi.json: components/schemas */
    const struct api_member *members;
    size_t count;
    const struct setting_shape
        *settings; /* further members, which the handlers judge; NULL: none */
};

extern const struct api_schema api_schema_session_new;
extern const struct api_schema api_schema_project_new;
extern const struct api_schema api_schema_project_patch;
extern const struct api_schema api_schema_environment_new;
extern const struct api_schema api_schema_environment_patch;
extern const struct api_schema api_schema_health_check;
extern const struct api_schema api_schema_managed_query; /* managed.c */
extern const struct api_schema api_schema_manifest;      /* api_schema_manifest.c */
extern const struct api_schema api_schema_manifest_query;
extern const struct api_schema api_schema_route_order; /* handle_route_order.c */
extern const struct api_schema api_schema_route_new;
extern const struct api_schema api_schema_route_patch;
/* api_schema_member.c */
extern const struct api_schema api_schema_organization_new;
extern const struct api_schema api_schema_organization_patch;
extern const struct api_schema api_schema_member_patch;
extern const struct api_schema api_schema_me_patch;
extern const struct api_schema api_schema_invitation_new;
extern const struct api_schema api_schema_organization_end;
extern const struct api_schema api_schema_operation_result;
extern const struct api_schema api_schema_acceptance_new;
extern const struct api_schema api_schema_warpgate_filters; /* api_schema_warpgate.c */
/* api_schema_account.c */
extern const struct api_schema api_schema_account_new;
extern const struct api_schema api_schema_account_patch;
extern const struct api_schema api_schema_account_filters;
extern const struct api_schema api_schema_account_key_new;
extern const struct api_schema api_schema_account_key_filters;
extern const struct api_schema api_schema_ca_step_new; /* api_schema_ca.c */
/* api_schema_edge.c */
extern const struct api_schema api_schema_edge_patch;
extern const struct api_schema api_schema_join_token_new;

/* One thing that is wrong with a body. */
struct api_fault {
    char pointer[API_POINTER_SIZE];
    const char *code; /* stable slug, borrowed */
    char detail[256];
    int64_t position; /* byte offset of the fault inside the member, or -1 */
};

struct api_faults {
    struct api_fault at[API_FAULTS_MAX];
    size_t count;
    char base[API_POINTER_SIZE]; /* of what is being judged: members are below it */
};

/* Goes down to a member of the body; "" goes back to the body itself. */
void api_schema_enter(struct api_faults *faults, const char *format, ...) PRINTF_LIKE(2, 3);
/* Adds one; beyond API_FAULTS_MAX it is dropped. `member` NULL: what was entered, or the body itself. `code` has to
 * live as long as the faults. */
void api_schema_add_fault(struct api_faults *faults, const char *member, const char *code,
                          int64_t position, const char *format, ...) PRINTF_LIKE(5, 6);
/* Adds what is wrong with `body`, which is what was entered, to `faults`. */
void api_schema_check(const struct api_schema *schema, const json_t *body,
                      struct api_faults *faults);
/* True when nothing is required: a request may come without a body. */
bool api_schema_may_be_absent(const struct api_schema *schema);

#endif
