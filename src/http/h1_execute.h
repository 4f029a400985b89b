/* h1_execute.h: which build of llhttp's state machine runs.
 *
 * llhttp has a faster way through field values for processors with SSE4.2, chosen when it is compiled. Where that may be, it is
 * compiled both ways, and the processor decides (meson.build gives the builds these names, and api.c the one in front of
 * them): 2,000 instructions less for a browser's request.
 */
#ifndef HTTP_H1_EXECUTE_H
#define HTTP_H1_EXECUTE_H

#include <llhttp.h>

int h1_execute_run(llhttp_t *parser, const char *at, const char *end);
int h1_execute_plain(llhttp_t *parser, const char *at, const char *end);
int h1_execute_sse42(llhttp_t *parser, const char *at, const char *end);

#endif
