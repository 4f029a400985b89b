/* handle_edge_test.c: join tokens, joining, and what operators do with edges. */
#include "control/control_test_kit.h"

#include <string.h>

#include "control/control_ca.h"
#include "control/edge_registry.h"
#include "pki/cert_chain.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "tunnel/edge_enrolment.h"
#include "tunnel/join_token.h"

static char csr_text[4096]; /* escaped for JSON */

static void make_csr(void) {
    struct buf pem;
    EVP_PKEY *key = key_new();
    size_t at = 0;
    buf_init(&pem, CSR_PEM_BYTES_MAX);
    assert_int_equal(csr_write(key, &pem), STATUS_OK);
    struct str text = buf_str(&pem);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n') {
            csr_text[at++] = '\\';
            csr_text[at++] = 'n';
        } else {
            csr_text[at++] = text.at[i];
        }
    }
    csr_text[at] = '\0';
    buf_fini(&pem);
    EVP_PKEY_free(key);
}

static int set_up(void **state) {
    make_csr();
    return kit_setup(state);
}

/* A token: its secret in `secret`; its id. */
static struct id make_token(struct kit *kit, const char *body,
                            char secret[JOIN_TOKEN_SECRET_SIZE]) {
    struct kit_call call = {.token = kit->token, .body = body};
    struct join_token token;
    struct id id = {.text = ""};
    kit_run(kit, "POST", "/v1/edges/join-tokens", &call);
    assert_int_equal(call.status, 201);
    snprintf(id.text, sizeof(id.text), "%s", kit_text(&call, "id"));
    assert_int_equal(join_token_read(str_from(kit_text(&call, "token")), &token, NULL), STATUS_OK);
    assert_string_equal(token.server_name, "api." KIT_DOMAIN);
    assert_true(token.control_count == 1);
    uint8_t root_sha256[DIGEST_BYTES];
    control_ca_root_sha256(kit->control, root_sha256);
    assert_memory_equal(token.root_sha256, root_sha256, DIGEST_BYTES);
    join_token_secret_text(&token, secret);
    kit_done(&call);
    return id;
}

static void join(struct kit *kit, const char *secret, const char *address, struct kit_call *call) {
    static char body[8192];
    snprintf(body, sizeof(body), "{\"csr\":\"%s\",\"name\":\"one\",\"version\":\"1\"%s%s%s}",
             csr_text, address[0] != '\0' ? ",\"address\":\"" : "", address,
             address[0] != '\0' ? "\"" : "");
    call->token = secret;
    call->body = body;
    call->table = &api_router_machines;
    kit_run(kit, "POST", EDGE_ENROLMENT_PATH, call);
}

static struct id join_one(struct kit *kit, const char *address) {
    char secret[JOIN_TOKEN_SECRET_SIZE];
    struct kit_call call = {.token = NULL};
    struct id id = {.text = ""};
    (void)make_token(kit, NULL, secret);
    join(kit, secret, address, &call);
    assert_int_equal(call.status, 201);
    assert_int_equal(call.change_kind, CHANGE_EDGE);
    snprintf(id.text, sizeof(id.text), "%s", kit_text(&call, "edge"));
    kit_done(&call);
    return id;
}

static void test_joining(void **state) {
    struct kit *kit = *state;
    struct edge_enrolment_answer answer;
    struct cert_identity identity;
    struct kit_call call = {.token = NULL};
    char secret[JOIN_TOKEN_SECRET_SIZE];
    struct why why = {0};
    (void)make_token(kit, "{\"name\":\"frankfurt\"}", secret);
    join(kit, secret, "one.example.net:443", &call);
    assert_int_equal(call.status, 201);
    assert_int_equal(edge_enrolment_answer_read(call.answer, &answer, &why), STATUS_OK);
    assert_int_equal(
        cert_chain_identity(answer.certificate, CERT_EDGE, answer.trust_domain, &identity, &why),
        STATUS_OK);
    assert_true(id_eq(&identity.subject, &answer.edge));
    int64_t left_ms = identity.not_after_ms - clock_wall_ms(clock_system());
    assert_true(left_ms <= INT64_C(7) * 24 * 3600 * 1000);
    assert_true(str_eq(answer.tunnel_server_name, STR("edge." KIT_DOMAIN)));
    assert_int_equal(edge_registry_judge(kit->control->edges, &answer.edge, &why), STATUS_OK);
    struct id id = answer.edge;
    kit_done(&call);
    /* the token's name goes before the edge's own */
    call = (struct kit_call){.token = kit->token};
    kit_run(kit, "GET", kit_path("edges", &id, ""), &call);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "name"), "frankfurt");
    assert_string_equal(kit_text(&call, "address"), "one.example.net:443");
    assert_string_equal(kit_text(&call, "status"), "disconnected");
    kit_done(&call);
}

static void expect_refused(struct kit *kit, const char *secret, const char *code) {
    struct kit_call call = {.token = NULL};
    join(kit, secret, "", &call);
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, code);
    kit_done(&call);
}

static void test_a_token_is_good_for_one(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    char secret[JOIN_TOKEN_SECRET_SIZE];
    expect_refused(kit, NULL, "join_token_unknown");
    expect_refused(kit, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "join_token_unknown");
    (void)make_token(kit, NULL, secret);
    join(kit, secret, "", &call);
    assert_int_equal(call.status, 201);
    expect_refused(kit, secret, "join_token_used");
    kit_done(&call);
    struct id id = make_token(kit, NULL, secret);
    call = (struct kit_call){.token = kit->token};
    kit_run(kit, "DELETE", kit_path("edges/join-tokens", &id, ""), &call);
    assert_int_equal(call.status, 204);
    expect_refused(kit, secret, "join_token_revoked");
    kit_run(kit, "DELETE", kit_path("edges/join-tokens", &id, ""), &call);
    assert_int_equal(call.status, 404);
    (void)make_token(kit, "{\"expires_in_seconds\":60}", secret);
    kit_wall_skew_ms += 61000;
    expect_refused(kit, secret, "join_token_expired");
    kit_wall_skew_ms -= 61000;
    kit_done(&call);
}

/* A request that is refused costs no token. */
static void test_a_slip_costs_no_token(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    char secret[JOIN_TOKEN_SECRET_SIZE];
    (void)make_token(kit, NULL, secret);
    join(kit, secret, "nowhere", &call);
    assert_int_equal(call.status, 422);
    join(kit, secret, "one.example.net:443", &call);
    assert_int_equal(call.status, 201);
    kit_done(&call);
}

static void test_change_and_delete(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    struct why why = {0};
    struct id id = join_one(kit, "two.example.net:443");
    call.body = "{\"address\":\"three.example.net:8443\",\"enabled\":false,\"name\":\"three\"}";
    kit_run(kit, "PATCH", kit_path("edges", &id, ""), &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.change_kind, CHANGE_EDGE);
    assert_string_equal(kit_text(&call, "address"), "three.example.net:8443");
    assert_true(json_is_false(json_object_get(call.answer, "enabled")));
    call.body = "{\"address\":\"nowhere\"}";
    kit_run(kit, "PATCH", kit_path("edges", &id, ""), &call);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.pointer, "/address");
    call.body = "{}";
    kit_run(kit, "PATCH", kit_path("edges", &id, ""), &call);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.change_count, 0);
    call.body = NULL;
    kit_run(kit, "DELETE", kit_path("edges", &id, ""), &call);
    assert_int_equal(call.status, 428);
    call.if_match = "*";
    kit_run(kit, "DELETE", kit_path("edges", &id, ""), &call);
    assert_int_equal(call.status, 204);
    assert_int_equal(edge_registry_judge(kit->control->edges, &id, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "edge_revoked");
    kit_run(kit, "GET", kit_path("edges", &id, ""), &call);
    assert_int_equal(call.status, 404);
    kit_run(kit, "DELETE", kit_path("edges", &id, ""), &call);
    assert_int_equal(call.status, 404);
    kit_done(&call);
}

static void test_lists(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    struct id id = join_one(kit, "four.example.net:443");
    kit_run(kit, "GET", "/v1/edges?limit=1", &call);
    assert_int_equal(call.status, 200);
    const json_t *item = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "id")), id.text);
    assert_true(json_is_string(json_object_get(call.answer, "next_cursor")));
    kit_run(kit, "GET", "/v1/edges/join-tokens?limit=1", &call);
    item = json_array_get(json_object_get(call.answer, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "edge")), id.text);
    assert_null(json_object_get(item, "token"));
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joining),
        cmocka_unit_test(test_a_token_is_good_for_one),
        cmocka_unit_test(test_a_slip_costs_no_token),
        cmocka_unit_test(test_change_and_delete),
        cmocka_unit_test(test_lists),
    };
    return store_test_database_run_group(tests, set_up, kit_teardown);
}
