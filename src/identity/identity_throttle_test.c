#include "identity/identity_throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

struct world {
    struct clock clock;
    int64_t now_ms;
    struct identity_throttle *throttle;
};

static int64_t now(void *context) {
    return ((struct world *)context)->now_ms;
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    w->now_ms = 1000000;
    w->clock = (struct clock){now, now, w};
    w->throttle = identity_throttle_new(&w->clock);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    identity_throttle_free(&w->throttle);
    assert_null(w->throttle);
    free(w);
    return 0;
}

static enum status begin(struct world *w, const char *account, const char *ip, int64_t *wait) {
    struct why why = {"", ""};
    enum status status =
        identity_throttle_begin(w->throttle, str_from(account), str_from(ip), wait, &why);
    if (status != STATUS_OK) {
        assert_int_equal(status, STATUS_UNAVAILABLE);
        assert_string_equal(why.slug, "too_many_attempts");
        assert_true(*wait > 0);
    }
    return status;
}

static void test_pair_doubles(void **state) {
    struct world *w = *state;
    int64_t wait = 0;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(begin(w, "ada@x.test", "192.0.2.1", &wait), STATUS_OK);
        assert_int_equal(wait, 0);
    }
    /* Case, and another address of the network, are no way around. */
    for (int64_t expected = 1; expected <= 512; expected *= 2) {
        assert_int_equal(begin(w, "ADA@x.test", "192.0.2.99", &wait), STATUS_UNAVAILABLE);
        assert_int_equal(wait, expected);
        w->now_ms += expected * 1000 - 1;
        assert_int_equal(begin(w, "ada@x.test", "192.0.2.1", &wait), STATUS_UNAVAILABLE);
        w->now_ms += 1;
        assert_int_equal(begin(w, "ada@x.test", "::ffff:192.0.2.7", &wait), STATUS_OK);
    }
    assert_int_equal(begin(w, "ada@x.test", "192.0.2.1", &wait), STATUS_UNAVAILABLE);
    assert_true(wait <= 900);
    /* From elsewhere the door is open. */
    w->now_ms += 10000;
    assert_int_equal(begin(w, "ada@x.test", "198.51.100.1", &wait), STATUS_OK);
}

static void test_success_forgets(void **state) {
    struct world *w = *state;
    int64_t wait = 0;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 5; i++) {
            assert_int_equal(begin(w, "ada@x.test", "2001:db8::1", &wait), STATUS_OK);
            if (round > 0) {
                identity_throttle_cancel(w->throttle, STR("ada@x.test"), STR("2001:db8::2"));
            }
        }
        assert_int_equal(begin(w, "ada@x.test", "2001:db8::1", &wait), STATUS_OK);
        identity_throttle_succeeded(w->throttle, STR("Ada@x.test"), STR("2001:db8::3"));
    }
}

static void test_account_is_slowed_softly(void **state) {
    struct world *w = *state;
    char ip[32];
    int64_t wait = 0;
    int refused = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(ip, sizeof(ip), "10.%d.0.1", i);
        refused += begin(w, "ada@x.test", ip, &wait) != STATUS_OK;
    }
    assert_true(refused >= 175);
    assert_true(wait <= 10);
    w->now_ms += 10000;
    assert_int_equal(begin(w, "ada@x.test", "203.0.113.5", &wait), STATUS_OK);
}

static void test_spraying_from_one_network(void **state) {
    struct world *w = *state;
    char account[32];
    int64_t wait = 0;
    int evaluated = 0;
    for (int i = 0; i < 3000; i++) {
        snprintf(account, sizeof(account), "user%d@x.test", i % 1000);
        evaluated += begin(w, account, "192.0.2.1", &wait) == STATUS_OK;
        w->now_ms += 10;
    }
    assert_true(evaluated <= 30);
}

static void test_time_heals(void **state) {
    struct world *w = *state;
    int64_t wait = 0;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(begin(w, "ada@x.test", "192.0.2.1", &wait), STATUS_OK);
    }
    w->now_ms += INT64_C(3600) * 1000;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(begin(w, "ada@x.test", "192.0.2.1", &wait), STATUS_OK);
    }
}

static void test_memory_is_bounded(void **state) {
    struct world *w = *state;
    char account[300];
    char ip[32];
    int64_t wait = 0;
    memset(account, 'x', sizeof(account));
    account[sizeof(account) - 1] = '\0';
    for (int i = 0; i < 30000; i++) {
        snprintf(account, 12, "%d", i);
        account[strlen(account)] = 'x';
        snprintf(ip, sizeof(ip), "%d.%d.%d.1", i >> 16, (i >> 8) & 255, i & 255);
        assert_int_equal(begin(w, account, i % 3 == 0 ? "not an address" : ip, &wait) ==
                             STATUS_UNAVAILABLE,
                         i % 3 == 0 && i >= 63);
    }
    identity_throttle_cancel(w->throttle, STR("never seen"), STR("192.0.2.1"));
    identity_throttle_succeeded(w->throttle, STR("never seen"), STR("192.0.2.1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pair_doubles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_success_forgets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_account_is_slowed_softly, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spraying_from_one_network, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_heals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_is_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
