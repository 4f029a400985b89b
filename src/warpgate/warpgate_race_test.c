#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/socket.h"
#include "warpgate/warpgate_race.h"

#define FILL_COUNT 8

static struct loop *loop;
static struct warpgate_parts parts;
static struct {
    int fd;
    struct address address;
    struct why why;
    unsigned count;
} outcome;

static void ignore(void *context) {
    (void)context;
}

static const struct warpgate_parts_events events = {.on_settled = ignore};

static void on_raced(void *context, int fd, const struct address *address, const struct why *why) {
    (void)context;
    outcome.count++;
    outcome.fd = fd;
    if (fd >= 0) {
        outcome.address = *address;
    } else {
        outcome.why = *why;
    }
}

static int begin(void **state) {
    (void)state;
    loop = loop_new(clock_system(), random_system());
    parts = (struct warpgate_parts){.loop = loop, .events = &events};
    memset(&outcome, 0, sizeof(outcome));
    outcome.fd = -1;
    return 0;
}

static int end(void **state) {
    (void)state;
    for (int i = 0; i < 100 && parts.open_count > 0; i++) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
    assert_int_equal(parts.open_count, 0);
    if (outcome.fd >= 0) {
        (void)close(outcome.fd);
    }
    loop_free(&loop);
    return 0;
}

/* How long it took. */
static int64_t run(const struct address *addresses, size_t count, int64_t timeout_ms) {
    int64_t from_ms = clock_mono_ms(clock_system());
    struct warpgate_race *race =
        warpgate_race_start(&parts, addresses, count, timeout_ms, on_raced, NULL);
    assert_non_null(race);
    assert_int_equal(outcome.count, 0); /* never from inside */
    while (outcome.count == 0 && clock_mono_ms(clock_system()) - from_ms < 5000) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        usleep(500);
    }
    assert_int_equal(outcome.count, 1);
    return clock_mono_ms(clock_system()) - from_ms;
}

static int listen_at(const char *ip, struct address *address) {
    int fd = socket(strchr(ip, ':') != NULL ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct address any;
    assert_int_equal(address_from_ip(str_from(ip), 0, &any), STATUS_OK);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any.storage, any.len), 0);
    assert_int_equal(listen(fd, 0), 0);
    socket_local_address(fd, address);
    return fd;
}

static struct address refusing(void) {
    struct address address;
    (void)close(listen_at("127.0.0.1", &address));
    return address;
}

/* A listener whose queue is full: the system drops what knocks, as a black hole does. */
static struct {
    int listener;
    int fill[FILL_COUNT];
} hole;

static struct address open_hole(void) {
    struct address address;
    hole.listener = listen_at("127.0.0.1", &address);
    for (int i = 0; i < FILL_COUNT; i++) {
        (void)socket_connect(&address, &hole.fill[i]);
    }
    usleep(20000);
    return address;
}

static void close_hole(void) {
    for (int i = 0; i < FILL_COUNT; i++) {
        (void)close(hole.fill[i]);
    }
    (void)close(hole.listener);
}

static void test_the_next_when_one_is_refused(void **state) {
    (void)state;
    struct address addresses[3] = {refusing(), refusing()};
    int listener = listen_at("127.0.0.1", &addresses[2]);
    assert_true(run(addresses, 3, 3000) < 300);
    assert_true(outcome.fd >= 0);
    assert_int_equal(address_port(&outcome.address), address_port(&addresses[2]));
    (void)close(listener);
}

static void test_the_next_beside_one_that_is_silent(void **state) {
    (void)state;
    struct address addresses[2] = {open_hole()};
    int listener = listen_at("127.0.0.1", &addresses[1]);
    assert_in_range(run(addresses, 2, 3000), 290, 900);
    assert_int_equal(address_port(&outcome.address), address_port(&addresses[1]));
    (void)close(listener);
    close_hole();
}

static void test_nobody_answers(void **state) {
    (void)state;
    struct address addresses[2] = {open_hole()};
    addresses[1] = addresses[0];
    assert_in_range(run(addresses, 2, 700), 650, 1500);
    assert_int_equal(outcome.fd, -1);
    assert_string_equal(outcome.why.slug, "timeout_connect");
    close_hole();
}

static void test_all_refuse(void **state) {
    (void)state;
    struct address addresses[2] = {refusing(), refusing()};
    assert_true(run(addresses, 2, 3000) < 300);
    assert_string_equal(outcome.why.slug, "tcp_connect");
    assert_non_null(strstr(outcome.why.text, "refused"));
}

static void note_over(struct loop_timer *timer) {
    *(bool *)timer->context = true;
}

static void test_cancelled(void **state) {
    (void)state;
    struct address address = open_hole();
    struct loop_timer after;
    bool is_over = false;
    struct warpgate_race *race = warpgate_race_start(&parts, &address, 1, 20, on_raced, NULL);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    warpgate_race_cancel(&race);
    assert_null(race);
    /* A timer that is due later than the race's would be. */
    loop_timer_init(&after, loop, note_over, &is_over);
    loop_timer_set(&after, 25);
    while (!is_over) {
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
    loop_timer_close(&after, NULL);
    assert_int_equal(outcome.count, 0);
    race = warpgate_race_start(&parts, &address, 1, 200, on_raced, NULL);
    warpgate_race_cancel(&race); /* before its first turn */
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(outcome.count, 0);
    close_hole();
}

static void test_families_take_turns(void **state) {
    (void)state;
    static const struct {
        const char *given;
        const char *wanted;
    } cases[] = {
        {"666444", "646464"}, {"4", "4"},         {"66", "66"},
        {"4466", "4646"},     {"46666", "46666"}, {"664", "646"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address addresses[ADDRESS_RESULTS_MAX];
        size_t count = strlen(cases[i].given);
        for (size_t at = 0; at < count; at++) {
            const char *ip = cases[i].given[at] == '4' ? "192.0.2.1" : "2001:db8::1";
            assert_int_equal(address_from_ip(str_from(ip), (uint16_t)(at + 1), &addresses[at]),
                             STATUS_OK);
        }
        warpgate_race_order(addresses, count);
        unsigned ports = 0;
        for (size_t at = 0; at < count; at++) {
            bool is_v4 = addresses[at].storage.ss_family == AF_INET;
            assert_int_equal(is_v4 ? '4' : '6', cases[i].wanted[at]);
            ports |= 1u << address_port(&addresses[at]);
        }
        assert_int_equal(ports, ((1u << count) - 1) << 1); /* each once */
        assert_int_equal(address_port(&addresses[0]), 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_next_when_one_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_the_next_beside_one_that_is_silent, begin, end),
        cmocka_unit_test_setup_teardown(test_nobody_answers, begin, end),
        cmocka_unit_test_setup_teardown(test_all_refuse, begin, end),
        cmocka_unit_test_setup_teardown(test_cancelled, begin, end),
        cmocka_unit_test(test_families_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
