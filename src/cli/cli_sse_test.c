#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli_sse.h"

static char told[1024];
static bool wants_more = true;

static bool tell(void *context, struct str event, struct str data) {
    (void)context;
    size_t len = strlen(told);
    snprintf(told + len, sizeof(told) - len, "[%.*s:%.*s]", STR_ARG(event), STR_ARG(data));
    return wants_more;
}

/* In one piece, and byte by byte. */
static void expect(const char *stream, const char *events, const char *last_id) {
    for (size_t step = 1; step < 4096; step += 4094) {
        struct cli_sse sse;
        struct str rest = str_from(stream);
        told[0] = '\0';
        cli_sse_init(&sse, tell, NULL);
        while (!str_is_empty(rest)) {
            size_t len = rest.len < step ? rest.len : step;
            assert_true(cli_sse_feed(&sse, str_sub(rest, 0, len)));
            rest = str_sub(rest, len, rest.len);
        }
        assert_string_equal(told, events);
        assert_string_equal(sse.last_id, last_id);
        cli_sse_fini(&sse);
    }
}

static void test_events(void **state) {
    (void)state;
    expect("data: one\n\n", "[message:one]", "");
    expect("id: 7\nevent: requests\ndata:{\"a\":1}\ndata: two\n\n", "[requests:{\"a\":1}\ntwo]",
           "7");
    expect(": heartbeat\n\ndata: a\r\n\r\ndata: b\r\rdata: c", "[message:a][message:b]", "");
    expect("event: empty\n\ndata: x\n\n", "[message:x]", "");
    expect("retry: 1000\nunknown\ndata\n\n", "", "");
}

static void test_ends_when_told(void **state) {
    struct cli_sse sse;
    (void)state;
    wants_more = false;
    cli_sse_init(&sse, tell, NULL);
    assert_false(cli_sse_feed(&sse, STR("data: x\n\ndata: y\n\n")));
    cli_sse_fini(&sse);
    wants_more = true;
}

/* What is too large is dropped, and the stream goes on. */
static void test_too_large(void **state) {
    struct cli_sse sse;
    size_t len = CLI_SSE_BYTES_MAX + 10;
    char *line = malloc(len);
    (void)state;
    memset(line, 'x', len);
    told[0] = '\0';
    cli_sse_init(&sse, tell, NULL);
    assert_true(cli_sse_feed(&sse, STR("data: ")));
    assert_true(cli_sse_feed(&sse, str_make(line, len)));
    assert_true(cli_sse_feed(&sse, STR("\n\ndata: small\n\n")));
    assert_string_equal(told, "[message:small]");
    cli_sse_fini(&sse);
    free(line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_ends_when_told),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
