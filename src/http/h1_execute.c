#include "http/h1_execute.h"

int h1_execute_run(llhttp_t *parser, const char *at, const char *end) {
    return __builtin_cpu_supports("sse4.2") ? h1_execute_sse42(parser, at, end)
                                            : h1_execute_plain(parser, at, end);
}
