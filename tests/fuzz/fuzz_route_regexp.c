/* fuzz_route_regexp.c: a pattern, a newline, a path. What our parser accepts PCRE2 accepts, with the same answer. */
#include <stdlib.h>

#include "policy/route_program.h"
#include "policy/route_regexp_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct route_pattern pattern = {ROUTE_MATCH_REGEXP, STR_EMPTY};
    struct route_program *program;
    struct str path;
    size_t faulty;
    bool too_large;
    (void)str_cut(str_make(bytes, len), '\n', &pattern.path, &path);
    if (route_program_new(&pattern, 1, &program, &faulty, NULL) != STATUS_OK) {
        return 0;
    }
    struct route_matcher *matcher = route_matcher_new(program);
    bool is_covered = route_matcher_match(matcher, path) == 0;
    pcre2_code *code = route_regexp_oracle_new(pattern.path, &too_large);
    if (code != NULL && !route_matcher_gave_up(matcher)) {
        enum route_regexp_oracle_answer answer = route_regexp_oracle_match(code, path);
        if (answer == (is_covered ? ORACLE_DIFFERS : ORACLE_COVERS)) {
            abort();
        }
    } else if (code == NULL && !too_large) {
        abort();
    }
    pcre2_code_free(code);
    route_matcher_free(&matcher);
    route_program_unref(&program);
    return 0;
}
