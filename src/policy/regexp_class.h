/* regexp_class.h: character classes of a route's regular expression: [a-z], [[:alpha:]], \d. For route_regexp.c alone. */
#ifndef POLICY_REGEXP_CLASS_H
#define POLICY_REGEXP_CLASS_H

#include "policy/regexp_reader.h"
#include "policy/route_regexp_node.h"

/* A whole class, at its "[": afterwards the reader stands behind its "]". STATUS_INVALID, STATUS_UNSUPPORTED with why and
 * fault: regexp_class, regexp_escape, regexp_escape_unsupported, regexp_class_not_ascii. */
enum status regexp_class_parse(struct regexp_reader *p, struct route_regexp_set *set) MUST_USE;
/* \d \w \s and their negations, in a class and outside. False, and nothing added, for every other letter. */
bool regexp_class_add_escape(struct route_regexp_set *set, char letter);

#endif
