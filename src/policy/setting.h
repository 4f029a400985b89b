/* setting.h: settings of routes and environments: what they may be, as tables, and the one reader of them.
 *
 * A *shape* lists the members of an object with their bounds and standards. The API judges what it is given by the same shapes, with the
 * same reader, as edges and warpgates read bundles by: what the one accepts the others accept. The reader makes immutable structs in the
 * caller's arena; nothing is borrowed from the tree. Members that are missing have their standard; unknown ones are refused. Any thread.
 * Rules that need more than one member are a shape's `judge`. What each setting means stands in its row (`about`), and from there
 * comes into the API's description.
 */
#ifndef POLICY_SETTING_H
#define POLICY_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

#define SETTING_POINTER_SIZE 160
#define SETTING_DETAIL_SIZE 224

enum setting_kind {
    SETTING_BOOLEAN, /* bool */
    SETTING_INTEGER, /* uint64_t from min to max */
    SETTING_WORD,    /* unsigned: the index of one of `words` */
    SETTING_WORDS,   /* unsigned: a bit for each of `words` that the list names */
    SETTING_TEXT,    /* struct str of min to max bytes that `check` accepts */
    SETTING_TEXTS, /* struct setting_list of struct str, each as SETTING_TEXT; at most `count_max`, none twice */
    SETTING_NUMBERS, /* struct setting_list of uint64_t, from min to max; at most `count_max`, none twice */
    SETTING_CIDRS, /* struct setting_list of struct setting_cidr; at most `count_max` */
    SETTING_OBJECT, /* a pointer to the struct of `shape`; NULL where it is missing, unless `is_always` */
    SETTING_OBJECTS, /* struct setting_list of the structs of `shape`; at most `count_max` */
};

struct setting_list {
    const void *at;
    size_t count;
};

/* A block of addresses: IPv4 as ::ffff:a.b.c.d, with 96 bits more. */
struct setting_cidr {
    uint8_t address[16];
    uint8_t bits;
};

struct setting_shape;

/* Whether a text is acceptable: NULL, or what it has to be, in words that follow the member's name. */
typedef const char *(*setting_check_fn)(struct str text);

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset; /* in the shape's struct */
    uint64_t min;
    uint64_t max;
    size_t count_max;
    uint64_t standard;        /* BOOLEAN, INTEGER, WORD, WORDS; lists and texts are empty */
    const char *const *words; /* ends with NULL */
    setting_check_fn check;   /* NULL: any text without control characters */
    const struct setting_shape *shape;
    const char *about;
    bool is_required;
    bool may_be_zero;    /* INTEGER: whatever `min` says */
    bool is_always;      /* OBJECT: made of its standards where it is missing */
    bool is_for_people;  /* shown by the API, never in a bundle */
    bool may_have_lines; /* TEXT: line feeds are allowed */
};

struct setting_reader;

struct setting_shape {
    const char *name; /* in openapi.json: components/schemas */
    size_t bytes;     /* sizeof the struct */
    const struct setting *members;
    size_t count;
    /* Adds what is wrong between members (setting_fault); NULL: nothing can be. */
    void (*judge)(struct setting_reader *reader, const void *value);
};

/* `code` is a literal; the others are borrowed for the call. */
typedef void (*setting_fault_fn)(void *context, const char *pointer, const char *code,
                                 const char *detail);

struct setting_reader {
    struct arena *arena;
    setting_fault_fn on_fault;
    void *context;
    bool is_bundle;                     /* members for people are unknown */
    char pointer[SETTING_POINTER_SIZE]; /* of the object being read */
    size_t fault_count;
};

/* `pointer`: of the object that is read first. */
void setting_reader_init(struct setting_reader *reader, struct arena *arena, const char *pointer,
                         setting_fault_fn on_fault, void *context);
/* Reads the members of `object`, those in `others` (ends with NULL; may be NULL) aside, into `value` (zeroed, shape->bytes). Every fault is
 * told; false if there was one. Codes: unknown_member, member_missing, member_type, member_value, too_short, too_long, repeated,
 * control_character, and those of judges. */
bool setting_read(struct setting_reader *reader, const struct setting_shape *shape,
                  const json_t *object, const char *const *others, void *value);
/* For judges: at a member of the object being read, or at the object itself (NULL). */
void setting_fault(struct setting_reader *reader, const char *member, const char *code,
                   const char *format, ...) PRINTF_LIKE(4, 5);

/* "192.0.2.0/24", "2001:db8::/32", or one address; without bits set behind the prefix. NULL, or what it has to be. */
const char *setting_cidr_parse(struct str text, struct setting_cidr *cidr);
/* Whether the text is an address, zone id aside. */
bool setting_is_address(struct str text);
/* Whether one of a list of struct setting_cidr holds `address`, such a text. What is no address is in none. */
bool setting_cidrs_hold(struct setting_list cidrs, struct str address);

#endif
