/* fuzz_route_program.c: lines of patterns ("~" regexp, "=" exact, else prefix), then a path: however little memory a matcher
 * has, and whether or not it has seen the path before, it finds the same route. */
#include <stdlib.h>

#include "policy/route_matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct route_pattern patterns[16];
    struct str path, rest = str_make(bytes, len);
    struct route_program *program;
    size_t faulty, count = 0;
    while (count < 16 && str_cut(rest, '\n', &path, &rest)) {
        char kind = path.len > 0 ? path.at[0] : '/';
        patterns[count].match = kind == '~'   ? ROUTE_MATCH_REGEXP
                                : kind == '=' ? ROUTE_MATCH_EXACT
                                              : ROUTE_MATCH_PREFIX;
        patterns[count++].path = str_sub(path, kind == '~' || kind == '=', path.len);
    }
    if (route_program_new(patterns, count, &program, &faulty, NULL) != STATUS_OK) {
        return 0;
    }
    struct route_matcher *roomy = route_matcher_new(program);
    size_t route = route_matcher_match(roomy, rest);
    bool gave_up = route_matcher_gave_up(roomy);
    for (size_t size = 0; size <= 65536 && !gave_up; size = size * 16 + 4096) {
        struct route_matcher *narrow = route_matcher_new_sized(program, size);
        if (route_matcher_match(narrow, rest) != route && !route_matcher_gave_up(narrow)) {
            abort();
        }
        route_matcher_free(&narrow);
    }
    if (!gave_up &&
        (route_matcher_match(roomy, rest) != route || (route != ROUTE_NONE && route >= count))) {
        abort();
    }
    route_matcher_free(&roomy);
    route_program_unref(&program);
    return 0;
}
