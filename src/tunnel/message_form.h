/* message_form.h: JSON messages as tables: which members a message has, of what kind, and where they are kept.
 *
 * From one table come the strict reader and the writer of every message on the control stream, the feed and in enrolment, so
 * that the two cannot disagree. Members that the table does not name are refused. Pure; text is borrowed from the tree read.
 */
#ifndef TUNNEL_MESSAGE_FORM_H
#define TUNNEL_MESSAGE_FORM_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/id.h"
#include "base/status.h"
#include "base/str.h"

#define MESSAGE_FORM_MEMBERS_MAX 24

enum message_kind {
    MESSAGE_TEXT,     /* struct str: at most `max` bytes of UTF-8, may be empty */
    MESSAGE_TOKEN,    /* struct str: at most `max` bytes of 0x21-0x7e, may be empty */
    MESSAGE_WORD,     /* struct str: a token that is not empty */
    MESSAGE_NAME,     /* struct str: at most `max` bytes of [A-Za-z0-9._-], may be empty */
    MESSAGE_REVISION, /* uint64_t up to `max` */
    MESSAGE_COUNT,    /* unsigned up to `max` */
    MESSAGE_ID,       /* struct id of id_kind */
    MESSAGE_MAYBE_ID, /* struct id of id_kind, or none, written as "" */
    MESSAGE_OBJECT,   /* const json_t *: a JSON object, borrowed */
    MESSAGE_CUSTOM,   /* what `read` and `write` do */
};

struct message_member {
    const char *name;
    enum message_kind kind;
    size_t offset; /* of the C member in the message's struct */
    uint64_t max;
    enum id_kind id_kind;
    /* Texts: absent is empty, and empty is not written. CUSTOM: absent is read as NULL. */
    bool is_optional;
    enum status (*read)(const json_t *value, void *message, struct why *why);
    json_t *(*write)(const void *message); /* NULL: it is not written */
};

struct message_form {
    const char *type; /* of the member "type", or NULL: the message has none */
    const struct message_member *members;
    size_t count; /* at most MESSAGE_FORM_MEMBERS_MAX */
};

#define MESSAGE_FORM(type_name, members_at)                                                        \
    { type_name, members_at, sizeof(members_at) / sizeof((members_at)[0]) }
#define MESSAGE_REVISION_MAX ((uint64_t)1 << 53) /* what every JSON reader can hold exactly */

/* The member "type" of a message. STATUS_INVALID with why: not an object, none, or over 32 bytes. */
enum status message_form_type(const json_t *object, struct str *type, struct why *why) MUST_USE;
/* The index in `forms` of this type, or `count`. */
size_t message_form_find(const struct message_form *forms, size_t count, struct str type);
/* Fills the members of `message` that the form names. STATUS_INVALID with why. */
enum status message_form_read(const struct message_form *form, const json_t *object, void *message,
                              struct why *why) MUST_USE;
/* A new object; json_decref it. */
json_t *message_form_write(const struct message_form *form, const void *message);

#endif
