/* handle_ca_test.c: the steps of a rotation over the API: what follows what, who holds it up, and what changes here. */
#include "control/control_test_kit.h"

#include <string.h>

#include "control/ca_renewal.h"
#include "control/ca_report.h"
#include "control/ca_step.h"
#include "control/control_ca.h"

static unsigned take(struct kit *kit, const char *step, bool is_forced, char code[64]) {
    char body[96];
    struct kit_call call = {.token = kit->token, .body = body};
    snprintf(body, sizeof(body), "{\"step\":\"%s\",\"force\":%s}", step,
             is_forced ? "true" : "false");
    kit_run(kit, "POST", "/v1/ca/steps", &call);
    snprintf(code, 64, "%s", kit_text(&call, call.status == 200 ? "phase" : "code"));
    kit_done(&call);
    return call.status;
}

static void must(struct kit *kit, const char *step, const char *phase) {
    char code[64];
    unsigned status = take(kit, step, false, code);
    if (status != 200) {
        fail_msg("%s: %u %s", step, status, code);
    }
    assert_string_equal(code, phase);
}

static void refused(struct kit *kit, const char *step, const char *expected) {
    char code[64];
    assert_int_equal(take(kit, step, false, code), 409);
    assert_string_equal(code, expected);
}

/* As a peer would say it that trusts and has what is right at the moment. */
static void confirm(struct kit *kit, const struct id *peer) {
    char anchors[CA_ANCHORS_SIZE];
    char root[CA_ANCHORS_SIZE];
    ca_rotation_anchors_name(control_ca_anchors(kit->control), anchors);
    ca_rotation_anchors_name(ca_root_pem(control_ca_issuer(kit->control)), root);
    ca_report_take(kit->control->ca_reports, peer, str_from(anchors), str_from(root));
}

static size_t count_roots(struct kit *kit) {
    char path[128];
    char pem[16384];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/ca.pem", kit->folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(pem, 1, sizeof(pem) - 1, file);
    fclose(file);
    pem[len] = '\0';
    assert_true(str_eq(str_make(pem, len), control_ca_anchors(kit->control)));
    for (const char *at = strstr(pem, "BEGIN"); at != NULL; at = strstr(at + 1, "BEGIN")) {
        count++;
    }
    return count;
}

static void root_of(struct kit *kit, char root[CA_ANCHORS_SIZE]) {
    ca_rotation_anchors_name(ca_root_pem(control_ca_issuer(kit->control)), root);
}

static void test_a_whole_rotation(void **state) {
    struct kit *kit = *state;
    char first[CA_ANCHORS_SIZE];
    char second[CA_ANCHORS_SIZE];
    root_of(kit, first);
    assert_int_equal(count_roots(kit), 1);
    must(kit, "announce", "announced");
    assert_int_equal(count_roots(kit), 2);
    root_of(kit, second);
    assert_string_equal(first, second);
    must(kit, "issue", "issuing");
    assert_int_equal(count_roots(kit), 2);
    root_of(kit, second);
    assert_string_not_equal(first, second);
    must(kit, "finish", "stable");
    assert_int_equal(count_roots(kit), 1);
    /* And it is what the next start finds. */
    control_free(&kit->control);
    kit_open(kit);
    root_of(kit, first);
    assert_string_equal(first, second);
}

static void test_back_from_each_phase(void **state) {
    struct kit *kit = *state;
    char first[CA_ANCHORS_SIZE];
    char present[CA_ANCHORS_SIZE];
    root_of(kit, first);
    must(kit, "announce", "announced");
    must(kit, "back", "stable");
    root_of(kit, present);
    assert_string_equal(first, present);
    must(kit, "announce", "announced");
    must(kit, "issue", "issuing");
    must(kit, "back", "announced");
    must(kit, "back", "stable");
    root_of(kit, present);
    assert_string_equal(first, present);
    assert_int_equal(count_roots(kit), 1);
}

static void test_only_what_follows(void **state) {
    struct kit *kit = *state;
    refused(kit, "issue", "ca_phase");
    refused(kit, "finish", "ca_phase");
    refused(kit, "back", "ca_phase");
    must(kit, "renew_intermediates", "stable");
    must(kit, "announce", "announced");
    refused(kit, "announce", "ca_phase");
    refused(kit, "finish", "ca_phase");
    refused(kit, "renew_intermediates", "ca_phase");
}

static void test_laggards_hold_it_up(void **state) {
    struct kit *kit = *state;
    struct id environment;
    struct id project = kit_add_project(kit, "shop", &environment);
    struct id warpgate = kit_add_warpgate(kit, &project, &environment, "box");
    char code[64];
    confirm(kit, &warpgate);
    must(kit, "announce", "announced");
    refused(kit, "issue", "ca_laggards");
    struct kit_call call = {.token = kit->token};
    kit_run(kit, "GET", "/v1/ca", &call);
    assert_int_equal(call.status, 200);
    const json_t *seen = json_object_get(json_object_get(call.answer, "progress"), "warpgates");
    assert_int_equal(json_integer_value(json_object_get(seen, "total")), 1);
    assert_int_equal(json_integer_value(json_object_get(seen, "trusting_all")), 0);
    assert_int_equal(json_integer_value(json_object_get(seen, "on_issuer")), 1);
    const json_t *laggard = json_array_get(json_object_get(seen, "laggards"), 0);
    assert_string_equal(json_string_value(json_object_get(laggard, "id")), warpgate.text);
    kit_done(&call);
    confirm(kit, &warpgate);
    must(kit, "issue", "issuing");
    refused(kit, "finish", "ca_laggards");
    must(kit, "back", "announced"); /* nobody loses anything by that */
    must(kit, "issue", "issuing");
    confirm(kit, &warpgate);
    must(kit, "back", "announced");
    refused(kit, "back", "ca_laggards"); /* it has a certificate of the root that would go */
    must(kit, "issue", "issuing");
    must(kit, "finish", "stable");
    must(kit, "announce", "announced");
    assert_int_equal(take(kit, "issue", true, code), 200);
    assert_string_equal(code, "issuing");
    assert_int_equal(take(kit, "finish", true, code), 200);
}

static void test_only_operators(void **state) {
    struct kit *kit = *state;
    struct id organization = kit_add_organization(kit);
    char token[64];
    kit_add_member(kit, "other@example.net", &organization, STORE_ROLE_OWNER, token);
    struct kit_call call = {.token = token};
    kit_run(kit, "GET", "/v1/ca", &call);
    assert_int_equal(call.status, 403);
    kit_done(&call);
    call = (struct kit_call){.token = token, .body = "{\"step\":\"announce\"}"};
    kit_run(kit, "POST", "/v1/ca/steps", &call);
    assert_int_equal(call.status, 403);
    kit_done(&call);
}

static void wait_for_work(struct kit *kit) {
    for (int i = 0; i < 2000 && kit->control->work_count > 0; i++) {
        uv_run(loop_uv(kit->loop), UV_RUN_ONCE);
    }
    assert_int_equal(kit->control->work_count, 0);
}

/* By the clock alone, and not before it is time. */
static void test_intermediates_are_renewed(void **state) {
    struct kit *kit = *state;
    int64_t until_ms = ca_intermediates_until_ms(control_ca_issuer(kit->control));
    ca_renewal_check(kit->control);
    wait_for_work(kit);
    assert_int_equal(ca_intermediates_until_ms(control_ca_issuer(kit->control)), until_ms);
    kit_wall_skew_ms = INT64_C(600) * 24 * 3600 * 1000;
    ca_renewal_check(kit->control);
    wait_for_work(kit);
    kit_wall_skew_ms = 0;
    assert_true(ca_intermediates_until_ms(control_ca_issuer(kit->control)) >
                until_ms + INT64_C(500) * 24 * 3600 * 1000);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_whole_rotation),  TEST(test_back_from_each_phase),
        TEST(test_only_what_follows), TEST(test_laggards_hold_it_up),
        TEST(test_only_operators),    TEST(test_intermediates_are_renewed),
    };
    return store_test_database_run(tests);
}
