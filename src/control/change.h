/* change.h: what edges must be told because of something that was committed.
 *
 * Made by handlers on pool threads inside their transaction, applied by the
 * feed hub on the loop's thread once it is committed, dropped when it is not.
 * Bundles are signed inside the transaction, so what was committed can be
 * pushed.
 */
#ifndef CONTROL_CHANGE_H
#define CONTROL_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/str.h"

enum change_kind {
    CHANGE_ENVIRONMENT,         /* a newer bundle */
    CHANGE_ENVIRONMENT_REMOVED, /* deleted */
    CHANGE_REVOKED,             /* a warpgate's certificates are void */
    CHANGE_EDGE,                /* an edge joined, was changed, or is void */
    CHANGE_CA,                  /* a step of the internal CA's rotation */
};

#define CHANGE_HOSTNAME_SIZE 256
#define CHANGE_REASON_SIZE 48
#define CHANGE_ADDRESS_SIZE 264

struct ca_rotation;

struct change {
    struct change *next;
    enum change_kind kind;
    struct id environment;
    struct id warpgate; /* REVOKED */
    struct id edge;     /* EDGE */
    uint64_t revision;  /* ENVIRONMENT; EDGE: of its row; CA: how many steps there were */
    char hostname[CHANGE_HOSTNAME_SIZE]; /* ENVIRONMENT */
    char *bundle;                        /* ENVIRONMENT: JWS, owned */
    size_t bundle_len;
    char reason[CHANGE_REASON_SIZE];   /* REVOKED */
    int64_t expires_at_ms;             /* REVOKED */
    char address[CHANGE_ADDRESS_SIZE]; /* EDGE */
    bool is_enabled;                   /* EDGE */
    bool is_revoked;                   /* EDGE */
    struct ca_rotation *ca;            /* CA: owned */
};

struct change_list {
    struct change *first;
    struct change *last;
};

void change_list_init(struct change_list *list);
void change_list_fini(struct change_list *list);
/* A zeroed change at the end. */
struct change *change_list_add(struct change_list *list, enum change_kind kind);
/* The first, which the caller frees with change_free; NULL when empty. */
struct change *change_list_take(struct change_list *list);
void change_free(struct change **change);
/* Moves all of `from` to the end. */
void change_list_append(struct change_list *list, struct change_list *from);

#endif
