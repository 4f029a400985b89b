#include "control/control_test_kit.h"

#include <string.h>

#include "control/presence.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "tunnel/enrolment.h"
#include "tunnel/signed_bundle.h"

struct fixture {
    struct kit *kit;
    struct id project, environment, account, key_id;
    char key[64];
    char csr[4096]; /* escaped for JSON */
};

static struct fixture fixture;

static void make_csr(char out[4096]) {
    struct buf pem;
    EVP_PKEY *key = key_new();
    size_t at = 0;
    buf_init(&pem, CSR_PEM_BYTES_MAX);
    assert_int_equal(csr_write(key, &pem), STATUS_OK);
    struct str text = buf_str(&pem);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n') {
            out[at++] = '\\';
            out[at++] = 'n';
        } else {
            out[at++] = text.at[i];
        }
    }
    out[at] = '\0';
    buf_fini(&pem);
    EVP_PKEY_free(key);
}

static void take_id(const struct kit_call *call, struct id *id) {
    *id = (struct id){.text = ""};
    snprintf(id->text, sizeof(id->text), "%s", kit_text(call, "id"));
}

static int set_up(void **state) {
    static unsigned count;
    char body[64];
    struct kit *kit = *state;
    struct kit_call call = {.token = kit->token};
    fixture.kit = kit;
    snprintf(body, sizeof(body), "{\"name\":\"enrol-%u\"}", count++);
    fixture.project =
        kit_make(kit, kit_path("organizations", &kit->organization, "/projects"), body);
    fixture.account = kit_make(kit, kit_path("projects", &fixture.project, "/service-accounts"),
                               "{\"name\":\"gate\"}");
    kit_run(kit, "GET", kit_path("projects", &fixture.project, "/environments"), &call);
    snprintf(fixture.environment.text, sizeof(fixture.environment.text), "%s",
             json_string_value(
                 json_object_get(json_array_get(json_object_get(call.answer, "items"), 0), "id")));
    kit_run(kit, "POST", kit_path("service-accounts", &fixture.account, "/keys"), &call);
    take_id(&call, &fixture.key_id);
    snprintf(fixture.key, sizeof(fixture.key), "%s", kit_text(&call, "key"));
    kit_done(&call);
    make_csr(fixture.csr);
    return 0;
}

static void enrol(struct kit_call *call, const char *key, const char *csr, const char *members) {
    static char body[8192];
    snprintf(
        body, sizeof(body),
        "{\"csr\":\"%s\",\"name\":\"box\",\"version\":\"1.0\",\"platform\":\"linux/x86_64\"%s}",
        csr, members);
    call->token = key;
    call->body = body;
    call->table = &api_router_machines;
    kit_run(fixture.kit, "POST", ENROLMENT_PATH, call);
}

static void test_enrolling(void **state) {
    struct kit_call call = {.token = NULL};
    struct enrolment_answer answer;
    struct jws_keys keys;
    struct bundle *bundle = NULL;
    struct buf jwks;
    struct why why = {0};
    (void)state;
    enrol(&call, fixture.key, fixture.csr, "");
    assert_int_equal(call.status, 201);
    assert_int_equal(enrolment_answer_read(call.answer, &answer, &why), STATUS_OK);
    assert_true(id_eq(&answer.environment, &fixture.environment));
    assert_true(str_eq(answer.trust_domain, STR(KIT_DOMAIN)));
    assert_true(str_eq(answer.trust_anchors, control_trust_anchors(fixture.kit->control)));
    assert_int_equal(answer.edge_count, 1);
    assert_true(str_eq(answer.edges[0].address, STR("edge." KIT_DOMAIN ":8443")));
    assert_true(str_eq(answer.edges[0].server_name, STR("edge." KIT_DOMAIN)));
    buf_init(&jwks, 8192);
    jws_keys_init(&keys);
    assert_int_equal(json_write(answer.bundle_keys, &jwks), STATUS_OK);
    assert_int_equal(jws_keys_parse(buf_str(&jwks), &keys, &why), STATUS_OK);
    assert_int_equal(
        signed_bundle_open(&keys, answer.bundle, &fixture.environment, 0, &bundle, &why),
        STATUS_OK);
    bundle_unref(&bundle);
    jws_keys_fini(&keys);
    buf_fini(&jwks);
    kit_done(&call);
}

static void test_keys_that_do_not_do(void **state) {
    struct kit_call call = {.token = NULL};
    char typo[64];
    (void)state;
    enrol(&call, NULL, fixture.csr, "");
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "key_unknown");
    snprintf(typo, sizeof(typo), "%s", fixture.key);
    typo[3] = typo[3] == 'a' ? 'b' : 'a';
    enrol(&call, typo, fixture.csr, "");
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "key_malformed");
    assert_null(strstr(kit_text(&call, "detail"), typo));
    enrol(&call, fixture.kit->token, fixture.csr, "");
    assert_int_equal(call.status, 401);
    struct kit_call end = {.token = fixture.kit->token};
    kit_run(fixture.kit, "DELETE", kit_path("keys", &fixture.key_id, ""), &end);
    assert_int_equal(end.status, 204);
    enrol(&call, fixture.key, fixture.csr, "");
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "key_revoked");
    kit_done(&end);
    kit_done(&call);
}

static void test_which_environment(void **state) {
    struct kit *kit = *state;
    struct kit_call call = {.token = NULL};
    char member[96];
    struct id staging = kit_make(kit, kit_path("projects", &fixture.project, "/environments"),
                                 "{\"name\":\"staging\"}");
    enrol(&call, fixture.key, fixture.csr, "");
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "environment"), fixture.environment.text);
    enrol(&call, fixture.key, fixture.csr, ",\"environment\":\"staging\"");
    assert_int_equal(call.status, 201);
    assert_string_equal(kit_text(&call, "environment"), staging.text);
    snprintf(member, sizeof(member), ",\"environment\":\"%s\"", staging.text);
    enrol(&call, fixture.key, fixture.csr, member);
    assert_int_equal(call.status, 201);
    enrol(&call, fixture.key, fixture.csr, ",\"environment\":\"nowhere\"");
    assert_int_equal(call.status, 422);
    assert_string_equal(call.code, "environment_unknown");
    /* Renamed, so that nothing is called production: then it has to be said which. */
    struct kit_call patch = {.token = kit->token, .body = "{\"name\":\"live\"}"};
    kit_run(kit, "PATCH", kit_path("environments", &fixture.environment, ""), &patch);
    assert_int_equal(patch.status, 200);
    enrol(&call, fixture.key, fixture.csr, "");
    assert_int_equal(call.status, 422);
    assert_string_equal(call.code, "environment_ambiguous");
    kit_done(&patch);
    kit_done(&call);
}

/* A key opens the environments of its own project alone, also by id. */
static void test_another_projects_environment(void **state) {
    struct kit_call call = {.token = NULL};
    struct fixture own = fixture;
    char member[96];
    (void)set_up(state);
    snprintf(member, sizeof(member), ",\"environment\":\"%s\"", own.environment.text);
    enrol(&call, fixture.key, fixture.csr, member);
    assert_int_equal(call.status, 422);
    assert_string_equal(call.code, "environment_unknown");
    kit_done(&call);
}

static void test_requests_that_do_not_do(void **state) {
    struct kit_call call = {.token = NULL};
    (void)state;
    enrol(&call, fixture.key, "nonsense", "");
    assert_int_equal(call.status, 422);
    assert_string_equal(call.code, "csr_invalid");
    assert_string_equal(call.pointer, "/csr");
    enrol(&call, fixture.key, fixture.csr, ",\"role\":\"edge\"");
    assert_int_equal(call.status, 422);
    assert_string_equal(call.code, "validation_failed");
    call.body = "{";
    kit_run(fixture.kit, "POST", ENROLMENT_PATH, &call);
    assert_int_equal(call.status, 400);
    call.body = NULL;
    kit_run(fixture.kit, "POST", ENROLMENT_PATH, &call);
    assert_int_equal(call.status, 400);
    assert_string_equal(call.code, "body_missing");
    kit_done(&call);
}

static void report_connected(const char *warpgate, unsigned tunnels) {
    static const struct id edge = {.text = "edg_00000000000000000000000001"};
    struct feed_message message = {
        .type = FEED_MESSAGE_WARPGATE, .tunnels = tunnels, .ip_address = STR_INIT("192.0.2.9")};
    snprintf(message.warpgate.text, sizeof(message.warpgate.text), "%s", warpgate);
    presence_edge_up(fixture.kit->control->presence, &edge);
    presence_report(fixture.kit->control->presence, &edge, &message);
}

static void test_one_that_comes_back_is_the_same(void **state) {
    struct kit_call call = {.token = NULL};
    char first[ID_SIZE];
    char second[ID_SIZE];
    (void)state;
    enrol(&call, fixture.key, fixture.csr, "");
    snprintf(first, sizeof(first), "%s", kit_text(&call, "warpgate"));
    report_connected(first, 1);
    enrol(&call, fixture.key, fixture.csr, "");
    snprintf(second, sizeof(second), "%s", kit_text(&call, "warpgate"));
    assert_string_not_equal(first, second); /* the first is there: this is another */
    report_connected(first, 0);
    report_connected(second, 1);
    enrol(&call, fixture.key, fixture.csr, "");
    assert_string_equal(kit_text(&call, "warpgate"), first);
    kit_done(&call);
}

/* Renewal */

static struct cert_identity make_peer(const char *warpgate, const struct id *environment) {
    struct cert_identity peer = {.role = CERT_WARPGATE, .environment = *environment};
    snprintf(peer.subject.text, sizeof(peer.subject.text), "%s", warpgate);
    return peer;
}

static void renew(struct kit_call *call, const struct cert_identity *peer) {
    static char body[8192];
    snprintf(body, sizeof(body), "{\"csr\":\"%s\"}", fixture.csr);
    call->token = NULL;
    call->body = body;
    call->peer = peer;
    call->table = &api_router_machines;
    kit_run(fixture.kit, "POST", ENROLMENT_RENEWAL_PATH, call);
    call->peer = NULL;
}

static void test_renewing(void **state) {
    struct kit_call call = {.token = NULL};
    static const struct id elsewhere = {.text = "env_00000000000000000000000000"};
    char warpgate[ID_SIZE];
    (void)state;
    enrol(&call, fixture.key, fixture.csr, "");
    snprintf(warpgate, sizeof(warpgate), "%s", kit_text(&call, "warpgate"));
    struct cert_identity peer = make_peer(warpgate, &fixture.environment);
    renew(&call, &peer);
    assert_int_equal(call.status, 200);
    assert_string_equal(kit_text(&call, "warpgate"), warpgate);
    renew(&call, NULL);
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "certificate_required");
    struct cert_identity foreign = make_peer(warpgate, &elsewhere);
    renew(&call, &foreign);
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "warpgate_unknown");
    struct cert_identity unknown = make_peer("wg_00000000000000000000000000", &fixture.environment);
    renew(&call, &unknown);
    assert_int_equal(call.status, 401);
    struct kit_call end = {.token = fixture.kit->token};
    kit_run(fixture.kit, "DELETE", kit_path("keys", &fixture.key_id, ""), &end);
    assert_int_equal(end.change_count, 1);
    assert_int_equal(end.change_kind, CHANGE_REVOKED);
    renew(&call, &peer);
    assert_int_equal(call.status, 401);
    assert_string_equal(call.code, "warpgate_revoked");
    kit_run(fixture.kit, "GET", kit_path("environments", &fixture.environment, "/warpgates"), &end);
    const json_t *item = json_array_get(json_object_get(end.answer, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(item, "status")), "disconnected");
    assert_true(json_is_string(json_object_get(item, "revoked_at")));
    kit_done(&end);
    kit_done(&call);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_enrolling, set_up),
        cmocka_unit_test_setup(test_keys_that_do_not_do, set_up),
        cmocka_unit_test_setup(test_which_environment, set_up),
        cmocka_unit_test_setup(test_another_projects_environment, set_up),
        cmocka_unit_test_setup(test_requests_that_do_not_do, set_up),
        cmocka_unit_test_setup(test_one_that_comes_back_is_the_same, set_up),
        cmocka_unit_test_setup(test_renewing, set_up),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}
