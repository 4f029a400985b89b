#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static int64_t fixed_now(void *context) {
    return *(int64_t *)context;
}

static void fill_ones(void *context, void *out, size_t len) {
    (void)context;
    memset(out, 0xff, len);
}

static void makes_uuid7(void **state) {
    int64_t now = 0x0123456789ab;
    struct clock clock = {fixed_now, fixed_now, &now};
    struct random random = {fill_ones, NULL};
    (void)state;
    struct id id = id_new(ID_ENVIRONMENT, &clock, &random);
    /* 01234567-89ab-7fff-bfff-ffffffffffff, computed by hand in another language. */
    assert_string_equal(id.text, "env_014d2pf2dbfzzvzzzzzzzzzzzz");
}

static void sequences_sort(void **state) {
    int64_t now = 1000;
    struct clock clock = {fixed_now, fixed_now, &now};
    struct id_sequence sequence = {0};
    struct id last = id_next(ID_EVENT, &clock, random_system(), &sequence);
    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct id parsed;
        now -= i == 5000 ? 500 : 0; /* set back */
        struct id next = id_next(ID_EVENT, &clock, random_system(), &sequence);
        assert_true(strcmp(last.text, next.text) < 0);
        assert_int_equal(id_parse(ID_EVENT, id_str(&next), &parsed), STATUS_OK);
        last = next;
    }
    assert_int_equal(sequence.wall_ms, 1002);
}

static void floors_are_between(void **state) {
    int64_t now = 0x0123456789ab;
    struct clock clock = {fixed_now, fixed_now, &now};
    (void)state;
    struct id before = id_new(ID_EVENT, &clock, random_system());
    struct id floor = id_floor(ID_EVENT, now + 1);
    now++;
    struct id after = id_new(ID_EVENT, &clock, random_system());
    assert_true(strcmp(before.text, floor.text) < 0);
    assert_true(strcmp(floor.text, after.text) < 0);
}

static void round_trips_every_kind(void **state) {
    (void)state;
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        struct id id = id_new((enum id_kind)kind, clock_system(), random_system());
        struct id back;
        assert_int_equal(id_parse((enum id_kind)kind, id_str(&id), &back), STATUS_OK);
        assert_true(id_eq(&id, &back));
        assert_false(id_is_none(&id));
        assert_int_equal(strncmp(id.text, id_prefix((enum id_kind)kind), 2), 0);
        for (int other = 0; other < ID_KIND_COUNT; other++) {
            if (other != kind) {
                assert_int_equal(id_parse((enum id_kind)other, id_str(&id), &back), STATUS_INVALID);
            }
        }
    }
}

static void sorts_by_time(void **state) {
    int64_t now = 1795177074123;
    struct clock clock = {fixed_now, fixed_now, &now};
    struct id former = id_new(ID_ROUTE, &clock, random_system());
    (void)state;
    for (int i = 0; i < 2000; i++) {
        now += 1 + (i % 7) * 1000;
        struct id id = id_new(ID_ROUTE, &clock, random_system());
        assert_true(strcmp(former.text, id.text) < 0);
        assert_false(id_eq(&former, &id));
        former = id;
    }
}

static void refuses_other_text(void **state) {
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("env_"),
        STR_INIT("env"),
        STR_INIT("_01jd3m8k6vq2x7r9t4w5y6z8ab"),
        STR_INIT("env_01jd3m8k6vq2x7r9t4w5y6z8a"),
        STR_INIT("env_01jd3m8k6vq2x7r9t4w5y6z8abc"),
        STR_INIT("env_01JD3M8K6VQ2X7R9T4W5Y6Z8AB"),
        STR_INIT("env_01jd3m8k6vq2x7r9t4w5y6z8ai"),
        STR_INIT("env_01jd3m8k6vq2x7r9t4w5y6z8al"),
        STR_INIT("env_01jd3m8k6vq2x7r9t4w5y6z8ao"),
        STR_INIT("env_01jd3m8k6vq2x7r9t4w5y6z8au"),
        STR_INIT("env_81jd3m8k6vq2x7r9t4w5y6z8ab"),
        STR_INIT("env_01jd3m8k6vq2x7r9t4w5y6z8a\0"),
        STR_INIT("ENV_01jd3m8k6vq2x7r9t4w5y6z8ab"),
        STR_INIT("en_01jd3m8k6vq2x7r9t4w5y6z8ab"),
        STR_INIT("env__1jd3m8k6vq2x7r9t4w5y6z8ab"),
        STR_INIT(" env_01jd3m8k6vq2x7r9t4w5y6z8ab"),
        STR_INIT("env_01jd3m8k6vq2x7r9t4w5y6z8ab "),
    };
    struct id id;
    (void)state;
    assert_int_equal(id_parse(ID_ENVIRONMENT, STR("env_01jd3m8k6vq2x7r9t4w5y6z8ab"), &id),
                     STATUS_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(id_parse(ID_ENVIRONMENT, bad[i], &id), STATUS_INVALID);
    }
    assert_string_equal(id.text, "env_01jd3m8k6vq2x7r9t4w5y6z8ab");
}

static void knows_none(void **state) {
    struct id none = {0};
    (void)state;
    assert_true(id_is_none(&none));
    assert_true(str_is_empty(id_str(&none)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_uuid7),    cmocka_unit_test(floors_are_between),
        cmocka_unit_test(sequences_sort), cmocka_unit_test(round_trips_every_kind),
        cmocka_unit_test(sorts_by_time),  cmocka_unit_test(refuses_other_text),
        cmocka_unit_test(knows_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
