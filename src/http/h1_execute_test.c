#include "http/h1_execute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX (64 * 1024)
#define MUTATIONS_PER_FILE 24

typedef int (*execute_fn)(llhttp_t *parser, const char *at, const char *end);

/* All that an owner of a parser can see. */
struct outcome {
    uint64_t events; /* hash over what was called with what */
    size_t event_count;
    int error;
    size_t error_at;
    char reason[96];
    uint64_t content_length;
    unsigned method, status, major, minor, flags, upgrade, finish;
};

static struct outcome *recorded; /* the callbacks have no context of their own */

static void record(char kind, const char *at, size_t len) {
    recorded->event_count++;
    recorded->events = (recorded->events ^ (uint8_t)kind ^ (len << 8)) * 0x100000001b3u;
    for (size_t i = 0; i < len; i++) {
        recorded->events = (recorded->events ^ (uint8_t)at[i]) * 0x100000001b3u;
    }
}

#define ON_SPAN(name, kind)                                                                        \
    static int name(llhttp_t *parser, const char *at, size_t len) {                                \
        (void)parser;                                                                              \
        record(kind, at, len);                                                                     \
        return 0;                                                                                  \
    }
#define ON_EVENT(name, kind)                                                                       \
    static int name(llhttp_t *parser) {                                                            \
        (void)parser;                                                                              \
        record(kind, NULL, 0);                                                                     \
        return 0;                                                                                  \
    }
ON_SPAN(on_url, 'u')
ON_SPAN(on_status, 's')
ON_SPAN(on_method, 'm')
ON_SPAN(on_version, 'v')
ON_SPAN(on_name, 'n')
ON_SPAN(on_value, 'w')
ON_SPAN(on_extension, 'x')
ON_SPAN(on_extension_value, 'y')
ON_SPAN(on_body, 'b')
ON_EVENT(on_begin, 'B')
ON_EVENT(on_value_complete, 'W')
ON_EVENT(on_fields, 'H')
ON_EVENT(on_chunk, 'C')
ON_EVENT(on_chunk_end, 'D')
ON_EVENT(on_end, 'E')

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_status = on_status,
    .on_method = on_method,
    .on_version = on_version,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension_value,
    .on_headers_complete = on_fields,
    .on_body = on_body,
    .on_message_complete = on_end,
    .on_header_value_complete = on_value_complete,
    .on_chunk_header = on_chunk,
    .on_chunk_complete = on_chunk_end,
};

/* In parts of at most `step` bytes, each an exact copy: a load of 16 bytes past its end is seen. */
static struct outcome run(execute_fn execute, llhttp_type_t type, const char *bytes, size_t len,
                          size_t step) {
    struct outcome outcome = {0};
    llhttp_t parser;
    recorded = &outcome;
    llhttp_init(&parser, type, &settings);
    for (size_t at = 0; at < len && outcome.error == HPE_OK;) {
        size_t part = step < len - at ? step : len - at;
        char *copy = malloc(part);
        assert_non_null(copy);
        memcpy(copy, bytes + at, part);
        outcome.error = execute(&parser, copy, copy + part);
        if (outcome.error != HPE_OK && parser.error_pos != NULL) {
            outcome.error_at = at + (size_t)(parser.error_pos - copy);
        }
        free(copy);
        at += part;
    }
    if (outcome.error == HPE_OK) {
        outcome.error = (int)llhttp_finish(&parser);
    }
    (void)snprintf(outcome.reason, sizeof outcome.reason, "%s",
                   parser.reason == NULL ? "" : parser.reason);
    outcome.content_length = parser.content_length;
    outcome.method = parser.method;
    outcome.status = parser.status_code;
    outcome.major = parser.http_major;
    outcome.minor = parser.http_minor;
    outcome.flags = parser.flags;
    outcome.upgrade = parser.upgrade;
    outcome.finish = parser.finish;
    return outcome;
}

static bool is_same(const struct outcome *a, const struct outcome *b) {
    return a->events == b->events && a->event_count == b->event_count && a->error == b->error &&
           a->error_at == b->error_at && strcmp(a->reason, b->reason) == 0 &&
           a->content_length == b->content_length && a->method == b->method &&
           a->status == b->status && a->major == b->major && a->minor == b->minor &&
           a->flags == b->flags && a->upgrade == b->upgrade && a->finish == b->finish;
}

static bool has_sse42(void) {
    return __builtin_cpu_supports("sse4.2") != 0;
}

/* `name` and `seed` say which input it was. */
static void compare_split(const char *name, unsigned seed, const char *bytes, size_t len,
                          size_t step) {
    static const llhttp_type_t types[] = {HTTP_REQUEST, HTTP_RESPONSE};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct outcome plain = run(h1_execute_plain, types[i], bytes, len, step);
        struct outcome chosen = run(h1_execute_run, types[i], bytes, len, step);
        struct outcome other =
            has_sse42() ? run(h1_execute_sse42, types[i], bytes, len, step) : chosen;
        if (!is_same(&plain, &chosen) || !is_same(&plain, &other)) {
            fail_msg("%s, seed %u, parts of %zu, type %d: error %d at %zu (%zu events) and %d at "
                     "%zu (%zu events)",
                     name, seed, step, (int)types[i], plain.error, plain.error_at,
                     plain.event_count, other.error, other.error_at, other.event_count);
        }
    }
}

static void compare(const char *name, unsigned seed, const char *bytes, size_t len) {
    static const size_t steps[] = {1, 7, 16, 17, INPUT_BYTES_MAX};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        compare_split(name, seed, bytes, len, steps[i]);
    }
}

static unsigned next_random(uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

/* One to four times: a byte set, a byte taken out, or a run put in, so that fields get as long as two loads. */
static size_t mutate(uint32_t *random, char *bytes, size_t len) {
    static const char hostile[] = {'\0', '\t', '\n',   '\r',   ' ',          ':',
                                   ',',  ';',  '\x1f', '\x7f', (char)'\x80', (char)'\xff'};
    for (unsigned count = 1 + next_random(random) % 4; count > 0 && len > 0; count--) {
        size_t at = next_random(random) % len;
        char byte = hostile[next_random(random) % sizeof hostile];
        unsigned kind = next_random(random) % 3;
        size_t run_len = 1 + next_random(random) % 40;
        if (kind == 0) {
            bytes[at] = byte;
        } else if (kind == 1) {
            memmove(bytes + at, bytes + at + 1, len - at - 1);
            len--;
        } else if (len + run_len <= INPUT_BYTES_MAX) {
            memmove(bytes + at + run_len, bytes + at, len - at);
            memset(bytes + at, next_random(random) % 2 == 0 ? byte : 'a', run_len);
            len += run_len;
        }
    }
    return len;
}

static size_t compare_file(const char *folder, const char *name) {
    static char original[INPUT_BYTES_MAX];
    static char bytes[INPUT_BYTES_MAX];
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(original, 1, sizeof original, file);
    assert_int_equal(fclose(file), 0);
    assert_true(len < sizeof original);
    compare(name, 0, original, len);
    for (unsigned seed = 1; seed <= MUTATIONS_PER_FILE; seed++) {
        uint32_t random = seed;
        memcpy(bytes, original, len);
        compare(name, seed, bytes, mutate(&random, bytes, len));
    }
    return 1;
}

static void agrees_on_the_corpus(void **state) {
    static const char *folders[] = {FUZZ_CORPUS "/h1_request", FUZZ_CORPUS "/h1_response"};
    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        size_t count = 0;
        DIR *folder = opendir(folders[i]);
        assert_non_null(folder);
        for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
            count += entry->d_name[0] == '.' ? 0 : compare_file(folders[i], entry->d_name);
        }
        assert_int_equal(closedir(folder), 0);
        assert_true(count > 0);
    }
}

/* Around the sixteen bytes that are looked at together, every byte at every place. */
static void agrees_on_every_byte_of_a_field_value(void **state) {
    static const size_t lens[] = {1, 15, 16, 17, 31, 32, 33};
    (void)state;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        for (size_t j = 0; j < lens[i] * 256; j++) {
            char bytes[128];
            size_t start = (size_t)snprintf(bytes, sizeof bytes, "GET / HTTP/1.1\r\nx: ");
            memset(bytes + start, 'v', lens[i]);
            bytes[start + j / 256] = (char)(j % 256);
            memcpy(bytes + start + lens[i], "\r\n\r\n", 4);
            compare_split("value", (unsigned)j, bytes, start + lens[i] + 4, sizeof bytes);
        }
    }
}

/* The comparison itself: it tells a value that is taken from one that is not. */
static void tells_outcomes_apart(void **state) {
    static const char taken[] = "GET / HTTP/1.1\r\nx: aaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n";
    static const char other[] = "GET / HTTP/1.1\r\nx: aaaaaaaaaaaaaaaaaaaaaaab\r\n\r\n";
    static const char refused[] = "GET / HTTP/1.1\r\nx: aaaaaaaaaaaaaaaaaaaaaa\x7f\x61\r\n\r\n";
    (void)state;
    struct outcome a = run(h1_execute_run, HTTP_REQUEST, taken, sizeof taken - 1, 100);
    struct outcome b = run(h1_execute_run, HTTP_REQUEST, other, sizeof other - 1, 100);
    struct outcome c = run(h1_execute_run, HTTP_REQUEST, refused, sizeof refused - 1, 100);
    assert_int_equal(a.error, HPE_OK);
    assert_int_equal(c.error, HPE_INVALID_HEADER_TOKEN);
    assert_true(is_same(&a, &a));
    assert_false(is_same(&a, &b));
    assert_false(is_same(&a, &c));
}

static void has_the_faster_build(void **state) {
    (void)state;
    if (!has_sse42()) {
        print_message("This processor lacks SSE4.2: only the plain build was run.\n");
        skip();
    }
    static const char input[] = "GET / HTTP/1.1\r\n\r\n";
    struct outcome outcome =
        run(h1_execute_sse42, HTTP_REQUEST, input, sizeof input - 1, sizeof input);
    assert_int_equal(outcome.error, HPE_OK);
    assert_true(outcome.event_count > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_faster_build),
        cmocka_unit_test(tells_outcomes_apart),
        cmocka_unit_test(agrees_on_the_corpus),
        cmocka_unit_test(agrees_on_every_byte_of_a_field_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
