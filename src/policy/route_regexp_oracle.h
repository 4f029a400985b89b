/* route_regexp_oracle.h: PCRE2 as the second opinion on regexps, for tests and fuzzing alone. */
#ifndef POLICY_ROUTE_REGEXP_ORACLE_H
#define POLICY_ROUTE_REGEXP_ORACLE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/str.h"

enum route_regexp_oracle_answer {
    ORACLE_COVERS,
    ORACLE_DIFFERS,
    ORACLE_UNDECIDED, /* it ran into its own limits: it backtracks */
};

/* NULL if PCRE2 refuses the pattern. *too_large: by its own limits on size. Free with pcre2_code_free. */
static inline pcre2_code *route_regexp_oracle_new(struct str pattern, bool *too_large) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len,
                                     PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY,
                                     &error, &offset, context);
    pcre2_compile_context_free(context);
    *too_large = code == NULL && (error == PCRE2_ERROR_PATTERN_TOO_LARGE ||
                                  error == PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP ||
                                  error == PCRE2_ERROR_PATTERN_TOO_COMPLICATED);
    return code;
}

/* Whether the whole path is in the pattern's language. */
static inline enum route_regexp_oracle_answer route_regexp_oracle_match(const pcre2_code *code,
                                                                        struct str path) {
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_set_match_limit(context, 200000);
    pcre2_set_heap_limit(context, 20000); /* KiB */
    int found = pcre2_match(code, (PCRE2_SPTR)path.at, path.len, 0, 0, data, context);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    if (found >= 0) {
        return ORACLE_COVERS;
    }
    return found == PCRE2_ERROR_NOMATCH ? ORACLE_DIFFERS : ORACLE_UNDECIDED;
}

#endif
