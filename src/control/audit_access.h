/* audit_access.h: who was refused: failed sign-ins, keys that are no longer good. Noted by any thread, written to the audit events by the upkeep.
 *
 * Not in the call itself: a stranger never gets to the one writing transaction, and an answer must not take longer for an address that is
 * somebody's. The same again (action, whom it is about, address) within one batch is one event with a count. Bounded:
 * AUDIT_ACCESS_MAX a batch; what is over that is counted and told in an event of the installation. A batch that waits is lost with the process.
 */
#ifndef CONTROL_AUDIT_ACCESS_H
#define CONTROL_AUDIT_ACCESS_H

#include "control/audit.h"

#define AUDIT_ACCESS_MAX 64
#define AUDIT_ACCESS_EMAIL_SIZE 321

struct audit_access;

struct audit_access_note {
    const char *action;     /* "session.refused", "key.refused": literals */
    struct id key;          /* of an organization: the event is there; or none */
    struct id organization; /* the key's */
    char email
        [AUDIT_ACCESS_EMAIL_SIZE]; /* that was tried; or empty. Of a member: an event in each organization of theirs */
    char code[48]; /* why it was refused */
    char ip_address[ADDRESS_TEXT_SIZE];
    struct id request; /* the first of them */
    uint64_t count;    /* set by this module */
};

struct audit_access *audit_access_new(void);
void audit_access_free(struct audit_access **access);
/* `note` is copied. */
void audit_access_add(struct audit_access *access, const struct audit_access_note *note);
/* Writes what was noted since, in one transaction; blocks. What cannot be written is logged and dropped. */
void audit_access_write(struct audit_access *access, struct store *store);

#endif
