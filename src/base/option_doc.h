/* option_doc.h: pages and shell completions from the same option tables that the parser reads. */
#ifndef BASE_OPTION_DOC_H
#define BASE_OPTION_DOC_H

#include <stdio.h>

#include "base/option.h"

struct option_doc_command {
    const char *name; /* NULL: the program itself takes these options */
    const char *help;
    const struct option_set *set; /* NULL: no options */
};

struct option_doc {
    const char *program;
    const char *version;
    const char *summary; /* one line, without a full stop */
    const struct option_doc_command *commands;
    size_t count;
};

/* A man page, section 1 (man(7)). */
void option_doc_man(const struct option_doc *doc, FILE *out);
/* `shell`: bash, zsh or fish. STATUS_INVALID (shell_unknown). */
enum status option_doc_completion(const struct option_doc *doc, const char *shell, FILE *out,
                                  struct why *why) MUST_USE;

#endif
