#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "edge/edge_offence.h"

static struct edge_offences *offences;

static int start(void **state) {
    (void)state;
    offences = calloc(1, sizeof(*offences));
    edge_offence_init(offences, 7);
    return 0;
}

static int stop(void **state) {
    (void)state;
    free(offences);
    return 0;
}

static unsigned charge(const char *address, unsigned count, int64_t now_ms) {
    unsigned allowed = 0;
    for (unsigned i = 0; i < count; i++) {
        allowed += edge_offence_charge(offences, address, now_ms) ? 1 : 0;
    }
    return allowed;
}

static void a_burst_is_let_pass_and_no_more(void **state) {
    (void)state;
    assert_int_equal(charge("192.0.2.1", 3 * EDGE_OFFENCE_BURST, 5000), EDGE_OFFENCE_BURST);
    assert_int_equal(charge("192.0.2.2", 1, 5000), 1);
}

static void it_is_earned_back(void **state) {
    (void)state;
    (void)charge("192.0.2.1", EDGE_OFFENCE_BURST, 5000);
    assert_int_equal(charge("192.0.2.1", 1000, 6000), EDGE_OFFENCE_PER_SECOND);
    assert_int_equal(charge("192.0.2.1", 3 * EDGE_OFFENCE_BURST, 1000000), EDGE_OFFENCE_BURST);
}

/* A rate below the limit goes on for ever, however it is spread. */
static void a_modest_rate_is_never_refused(void **state) {
    (void)state;
    int64_t now_ms = 1000;
    for (unsigned i = 0; i < 5 * EDGE_OFFENCE_BURST;
         i++, now_ms += 1000 / EDGE_OFFENCE_PER_SECOND) {
        assert_int_equal(charge("192.0.2.1", 1, now_ms), 1);
    }
    (void)charge("192.0.2.1", 2 * EDGE_OFFENCE_BURST, now_ms);
    unsigned allowed = 0;
    for (unsigned i = 0; i < 10000; i++) {
        allowed += charge("192.0.2.1", 1, ++now_ms);
    }
    assert_in_range(allowed, 10 * EDGE_OFFENCE_PER_SECOND - 1, 10 * EDGE_OFFENCE_PER_SECOND + 1);
}

static void a_subscriber_has_one_account(void **state) {
    (void)state;
    (void)charge("2001:db8:1:2::1", EDGE_OFFENCE_BURST, 5000);
    assert_int_equal(charge("2001:db8:1:2:ffff::2", 1, 5000), 0);
    assert_int_equal(charge("2001:db8:1:3::1", 1, 5000), 1);
}

static void many_addresses_do_not_drive_out_an_offender(void **state) {
    (void)state;
    char address[32];
    (void)charge("192.0.2.1", EDGE_OFFENCE_BURST, 5000);
    for (unsigned i = 0; i < 100000; i++) {
        (void)snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255,
                       i & 255);
        assert_int_equal(charge(address, 1, 5000), 1);
    }
    assert_int_equal(charge("192.0.2.1", 1, 5000), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_burst_is_let_pass_and_no_more),
        TEST(it_is_earned_back),
        TEST(a_modest_rate_is_never_refused),
        TEST(a_subscriber_has_one_account),
        TEST(many_addresses_do_not_drive_out_an_offender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
