#include "pki/cert_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <openssl/x509v3.h>

#include "pki/cert_write.h"
#include "pki/key.h"
#include "pki/ossl.h"

#define DOMAIN STR("mesh.example")
#define ENV "env_01jd3m8k6vq2x7r9t4w5y6z8ab"
#define WG "wg_01jd3m8k6vq2x7r9t4w5y6z8ac"
#define EDG "edg_01jd3m8k6vq2x7r9t4w5y6z8ad"
#define CTL "ctl_01jd3m8k6vq2x7r9t4w5y6z8ae"
#define BASE "spiffe://mesh.example"
#define WG_URI BASE "/environment/" ENV "/warpgate/" WG
#define EDG_URI BASE "/edge/" EDG
#define CTL_URI BASE "/control/" CTL
#define END_MS ((int64_t)1900000000000)

/* NULL: the role has DNS names alone. */
static const char *const uris[CERT_ROLE_COUNT] = {WG_URI, EDG_URI, CTL_URI, NULL};

struct hierarchy {
    EVP_PKEY *key; /* one for all: who signed is for the TLS stack to check */
    X509 *root;
    X509 *intermediates[CERT_ROLE_COUNT];
};

static struct hierarchy tree;

static X509 *make_cert(struct cert_write record, X509 *issuer) {
    record.not_after_ms = END_MS;
    X509 *cert = cert_write(&record, tree.key, issuer, tree.key);
    assert_non_null(cert);
    return cert;
}

static X509 *make_intermediate(enum cert_role name, enum cert_role usage) {
    return make_cert((struct cert_write){.common_name = cert_role_rule(name)->issuer_name,
                                         .is_ca = true,
                                         .is_server = cert_role_rule(usage)->is_server,
                                         .is_client = cert_role_rule(usage)->is_client},
                     tree.root);
}

static int set_up(void **state) {
    (void)state;
    tree.key = key_new();
    tree.root = make_cert(
        (struct cert_write){.common_name = "Mezusphere root CA", .is_ca = true, .path_length = 1},
        NULL);
    for (int role = 0; role < CERT_ROLE_COUNT; role++) {
        tree.intermediates[role] = make_intermediate((enum cert_role)role, (enum cert_role)role);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int role = 0; role < CERT_ROLE_COUNT; role++) {
        X509_free(tree.intermediates[role]);
    }
    X509_free(tree.root);
    EVP_PKEY_free(tree.key);
    return 0;
}

static enum status check(X509 *leaf, X509 *issuer, enum cert_role expected,
                         struct cert_identity *identity, struct why *why) {
    STACK_OF(X509) *chain = sk_X509_new_null();
    assert_true(sk_X509_push(chain, leaf) > 0);
    if (issuer != NULL) {
        assert_true(sk_X509_push(chain, issuer) > 0);
        assert_true(sk_X509_push(chain, tree.root) > 0);
    }
    enum status status = cert_identity_check(chain, expected, DOMAIN, identity, why);
    sk_X509_free(chain);
    assert_int_equal(ERR_peek_error(), 0);
    return status;
}

/* Frees the leaf. */
static void expect(X509 *leaf, X509 *issuer, enum cert_role expected, const char *slug) {
    static const struct cert_identity none;
    struct cert_identity identity;
    struct why why = {0};
    enum status status = check(leaf, issuer, expected, &identity, &why);
    if ((status == STATUS_OK) != (slug[0] == '\0') || strcmp(why.slug, slug) != 0) {
        fail_msg("%s %s, not %s", status_name(status), why.slug, slug);
    }
    assert_true(status == STATUS_OK || status == STATUS_DENIED);
    assert_true(status == STATUS_OK || memcmp(&identity, &none, sizeof(none)) == 0);
    X509_free(leaf);
}

static X509 *make_leaf(enum cert_role role, enum cert_role usage, X509 *issuer) {
    struct cert_write record = {.is_server = cert_role_rule(usage)->is_server,
                                .is_client = cert_role_rule(usage)->is_client};
    if (uris[role] != NULL) {
        record.names[record.name_count++] = (struct cert_write_name){GEN_URI, str_from(uris[role])};
    }
    if (role != CERT_WARPGATE) {
        record.names[record.name_count++] = (struct cert_write_name){GEN_DNS, STR("a.example")};
    }
    return make_cert(record, issuer);
}

static void reads_each_role(void **state) {
    static const char *const subjects[CERT_ROLE_COUNT] = {WG, EDG, CTL, ""};
    (void)state;
    for (int i = 0; i < CERT_ROLE_COUNT; i++) {
        enum cert_role role = (enum cert_role)i;
        struct cert_identity identity;
        struct why why;
        char uri[CERT_URI_SIZE];
        OSSL_AUTO(X509_free) X509 *leaf = make_leaf(role, role, tree.intermediates[role]);
        assert_int_equal(check(leaf, tree.intermediates[role], role, &identity, &why), STATUS_OK);
        assert_int_equal(identity.role, role);
        assert_string_equal(identity.subject.text, subjects[role]);
        assert_string_equal(identity.environment.text, role == CERT_WARPGATE ? ENV : "");
        assert_string_equal(identity.trust_domain, role == CERT_SERVICE ? "" : "mesh.example");
        assert_true(identity.not_after_ms == END_MS);
        OSSL_AUTO(BN_free) BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
        char *hex = BN_bn2hex(serial);
        assert_true(str_eq_nocase(str_from(hex), str_from(identity.serial)));
        OPENSSL_free(hex);
        assert_int_equal(cert_identity_uri(&identity, uri),
                         role == CERT_SERVICE ? STATUS_INVALID : STATUS_OK);
        assert_true(role == CERT_SERVICE || strcmp(uri, uris[role]) == 0);
    }
}

/* Names, usages and issuer of any role in any mixture: only what agrees in all of them is taken, for its role. */
static void takes_the_diagonal_only(void **state) {
    size_t taken = 0;
    (void)state;
    for (unsigned i = 0; i < 4 * 4 * 4 * 4; i++) {
        enum cert_role name = i & 3, usage = i >> 2 & 3, issuer = i >> 4 & 3, expected = i >> 6 & 3;
        struct cert_identity identity;
        struct why why;
        OSSL_AUTO(X509_free) X509 *leaf = make_leaf(name, usage, tree.intermediates[issuer]);
        bool is_same_usage =
            cert_role_rule(usage)->is_server == cert_role_rule(expected)->is_server &&
            cert_role_rule(usage)->is_client == cert_role_rule(expected)->is_client;
        bool is_right = name == expected && issuer == expected && is_same_usage;
        assert_int_equal(check(leaf, tree.intermediates[issuer], expected, &identity, &why),
                         is_right ? STATUS_OK : STATUS_DENIED);
        taken += is_right;
    }
    assert_int_equal(taken, 6); /* edge and control have the same usages */
}

static void judges_the_issuer(void **state) {
    (void)state;
    for (int name = 0; name < CERT_ROLE_COUNT; name++) {
        for (int usage = 0; usage < CERT_ROLE_COUNT; usage++) {
            OSSL_AUTO(X509_free)
            X509 *issuer = make_intermediate((enum cert_role)name, (enum cert_role)usage);
            bool is_right = name == CERT_WARPGATE && usage == CERT_WARPGATE;
            expect(make_leaf(CERT_WARPGATE, CERT_WARPGATE, issuer), issuer, CERT_WARPGATE,
                   is_right ? "" : "role_issuer");
        }
    }
    const char *name = cert_role_rule(CERT_EDGE)->issuer_name;
    const struct cert_write wrong[] = {
        {.common_name = name, .is_ca = false, .is_server = true, .is_client = true},
        {.common_name = name,
         .is_ca = true,
         .path_length = 1,
         .is_server = true,
         .is_client = true},
        {.common_name = name, .is_ca = true},
        {.common_name = name, .is_ca = true, .is_server = true},
        {.common_name = "Mezusphere Edge CA", .is_ca = true, .is_server = true, .is_client = true},
        {.common_name = "Mezusphere edge CA ", .is_ca = true, .is_server = true, .is_client = true},
        {.is_ca = true, .is_server = true, .is_client = true},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        OSSL_AUTO(X509_free) X509 *issuer = make_cert(wrong[i], tree.root);
        expect(make_leaf(CERT_EDGE, CERT_EDGE, issuer), issuer, CERT_EDGE, "role_issuer");
    }
    /* None, the root, and one that did not issue the leaf. */
    X509 *edge = tree.intermediates[CERT_EDGE];
    expect(make_leaf(CERT_EDGE, CERT_EDGE, edge), NULL, CERT_EDGE, "role_issuer");
    expect(make_leaf(CERT_EDGE, CERT_EDGE, tree.root), tree.root, CERT_EDGE, "role_issuer");
    expect(make_leaf(CERT_EDGE, CERT_EDGE, tree.intermediates[CERT_CONTROL]), edge, CERT_EDGE,
           "role_issuer");
}

static void needs_a_certificate(void **state) {
    struct cert_identity identity;
    struct why why;
    (void)state;
    STACK_OF(X509) *empty = sk_X509_new_null();
    assert_int_equal(cert_identity_check(NULL, CERT_EDGE, DOMAIN, &identity, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "role_missing");
    assert_int_equal(cert_identity_check(empty, CERT_EDGE, DOMAIN, &identity, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "role_missing");
    sk_X509_free(empty);
}

static X509 *make_warpgate(struct str uri) {
    return make_cert(
        (struct cert_write){.is_client = true, .names = {{GEN_URI, uri}}, .name_count = 1},
        tree.intermediates[CERT_WARPGATE]);
}

static void reads_the_strict_grammar_only(void **state) {
    static const struct {
        struct str uri;
        const char *slug;
    } cases[] = {
        {STR_INIT(WG_URI), ""},
        {STR_INIT(EDG_URI), "role_missing"},
        {STR_INIT(CTL_URI), "role_missing"},
        {STR_INIT("spiffe://other.example/environment/" ENV "/warpgate/" WG), "role_trust_domain"},
        {STR_INIT("spiffe://mesh.example.evil/environment/" ENV "/warpgate/" WG),
         "role_trust_domain"},
        {STR_INIT("spiffe://a.mesh.example/environment/" ENV "/warpgate/" WG), "role_trust_domain"},
        {STR_INIT(""), "role_malformed"},
        {STR_INIT("spiffe://"), "role_malformed"},
        {STR_INIT(BASE), "role_malformed"},
        {STR_INIT(BASE "/"), "role_malformed"},
        {STR_INIT(BASE "/environment"), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/warpgate"), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/warpgate/"), "role_malformed"},
        {STR_INIT(WG_URI "/"), "role_malformed"},
        {STR_INIT(WG_URI "/x"), "role_malformed"},
        {STR_INIT(WG_URI " "), "role_malformed"},
        {STR_INIT(WG_URI "\0"), "role_malformed"},
        {STR_INIT(WG_URI "\n"), "role_malformed"},
        {STR_INIT(WG_URI "?a=b"), "role_malformed"},
        {STR_INIT(WG_URI "#a"), "role_malformed"},
        {STR_INIT(" " WG_URI), "role_malformed"},
        {STR_INIT("SPIFFE://mesh.example/environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT("https://mesh.example/environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT("spiffe:///environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT("spiffe://MESH.example/environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT("spiffe://mesh.example:443/environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT("spiffe://u@mesh.example/environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT("spiffe://mesh.example\0/environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT("spiffe://mesh%2eexample/environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "//environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/environment//" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/./environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/../" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/Environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/Warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/warpgate/" WG "/environment/" ENV), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/edge/" EDG), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/service/" WG), "role_malformed"},
        {STR_INIT(BASE "/service/" WG), "role_malformed"},
        {STR_INIT(BASE "/environment/" WG "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/warpgate/" EDG), "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/warpgate/WG_01jd3m8k6vq2x7r9t4w5y6z8ac"),
         "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/warpgate/wg_01jd3m8k6vq2x7r9t4w5y6z8a"),
         "role_malformed"},
        {STR_INIT(BASE "/environment/" ENV "/environment/" ENV "/warpgate/" WG), "role_malformed"},
        {STR_INIT(BASE "/edge/" WG), "role_malformed"},
        {STR_INIT(BASE "/edge/" EDG "/x"), "role_malformed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(make_warpgate(cases[i].uri), tree.intermediates[CERT_WARPGATE], CERT_WARPGATE,
               cases[i].slug);
    }
    /* A trust domain far over the limit. */
    char text[2048];
    memset(text, 'a', sizeof(text));
    memcpy(text, "spiffe://", 9);
    const char *rest = "/environment/" ENV "/warpgate/" WG;
    for (size_t len = 250; len < 1500; len += 250) {
        memcpy(text + 9 + len, rest, strlen(rest));
        expect(make_warpgate(str_make(text, 9 + len + strlen(rest))),
               tree.intermediates[CERT_WARPGATE], CERT_WARPGATE,
               len < 256 ? "role_trust_domain" : "role_malformed");
        memset(text + 9, 'a', sizeof(text) - 9);
    }
}

static void judges_the_other_names(void **state) {
    static const struct {
        enum cert_role role;
        struct cert_write_name names[3];
        size_t count;
        const char *slug;
    } cases[] = {
        {CERT_WARPGATE, {{0}}, 0, "role_missing"},
        {CERT_WARPGATE, {{GEN_DNS, STR_INIT("a.example")}}, 1, "role_missing"},
        {CERT_WARPGATE, {{GEN_DNS, STR_INIT(WG_URI)}}, 1, "role_missing"},
        {CERT_WARPGATE,
         {{GEN_URI, STR_INIT(WG_URI)}, {GEN_URI, STR_INIT(WG_URI)}},
         2,
         "role_malformed"},
        {CERT_WARPGATE,
         {{GEN_URI, STR_INIT(WG_URI)}, {GEN_URI, STR_INIT(EDG_URI)}},
         2,
         "role_malformed"},
        {CERT_WARPGATE,
         {{GEN_URI, STR_INIT("https://a")}, {GEN_URI, STR_INIT(WG_URI)}},
         2,
         "role_malformed"},
        {CERT_WARPGATE,
         {{GEN_URI, STR_INIT(WG_URI)}, {GEN_DNS, STR_INIT("a.example")}},
         2,
         "role_malformed"},
        {CERT_WARPGATE,
         {{GEN_URI, STR_INIT(WG_URI)}, {GEN_EMAIL, STR_INIT("a@b.example")}},
         2,
         "role_malformed"},
        {CERT_EDGE, {{GEN_URI, STR_INIT(EDG_URI)}}, 1, ""},
        {CERT_EDGE,
         {{GEN_DNS, STR_INIT("a.example")},
          {GEN_URI, STR_INIT(EDG_URI)},
          {GEN_DNS, STR_INIT("b.example")}},
         3,
         ""},
        {CERT_CONTROL, {{GEN_URI, STR_INIT(CTL_URI)}}, 1, ""},
        {CERT_SERVICE, {{0}}, 0, "role_missing"},
        {CERT_SERVICE, {{GEN_DNS, STR_INIT("a.example")}, {GEN_DNS, STR_INIT("b.example")}}, 2, ""},
        {CERT_SERVICE,
         {{GEN_DNS, STR_INIT("a.example")}, {GEN_URI, STR_INIT(EDG_URI)}},
         2,
         "role_missing"},
        {CERT_SERVICE, {{GEN_EMAIL, STR_INIT("a@b.example")}}, 1, "role_malformed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cert_write record = {.is_server = cert_role_rule(cases[i].role)->is_server,
                                    .is_client = cert_role_rule(cases[i].role)->is_client,
                                    .name_count = cases[i].count};
        memcpy(record.names, cases[i].names, sizeof(cases[i].names));
        X509 *issuer = tree.intermediates[cases[i].role];
        expect(make_cert(record, issuer), issuer, cases[i].role, cases[i].slug);
    }
}

static X509 *make_edge(void) {
    return make_leaf(CERT_EDGE, CERT_EDGE, tree.intermediates[CERT_EDGE]);
}

/* Signs again after a change, and parses again: what was read of a certificate before is kept with it. */
static X509 *settle(X509 *leaf) {
    uint8_t *der = NULL;
    assert_true(X509_sign(leaf, tree.key, EVP_sha256()) > 0);
    int len = i2d_X509(leaf, &der);
    const uint8_t *at = der;
    X509 *again = d2i_X509(NULL, &at, len);
    assert_non_null(again);
    OPENSSL_free(der);
    X509_free(leaf);
    return again;
}

static X509 *add_extension(X509 *leaf, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(leaf, extension, -1), 1);
    X509_EXTENSION_free(extension);
    return settle(leaf);
}

static X509 *with_extension(int nid, const char *value) {
    X509 *leaf = make_edge();
    int at = X509_get_ext_by_NID(leaf, nid, -1);
    if (at >= 0) {
        X509_EXTENSION_free(X509_delete_ext(leaf, at));
    }
    return add_extension(leaf, nid, value);
}

static X509 *with_key(EVP_PKEY *key) {
    X509 *leaf = make_edge();
    assert_int_equal(X509_set_pubkey(leaf, key), 1);
    EVP_PKEY_free(key);
    return settle(leaf);
}

static EVP_PKEY *make_explicit(void) {
    EVP_PKEY *key = NULL;
    OSSL_AUTO(EVP_PKEY_CTX_free) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    return key;
}

static void judges_the_leaf(void **state) {
    X509 *issuer = tree.intermediates[CERT_EDGE];
    (void)state;
    expect(settle(make_edge()), issuer, CERT_EDGE, "");
    expect(with_extension(NID_ext_key_usage, "serverAuth,clientAuth"), issuer, CERT_EDGE, "");
    static const char *const usages[] = {"serverAuth",
                                         "clientAuth",
                                         "anyExtendedKeyUsage",
                                         "serverAuth,clientAuth,anyExtendedKeyUsage",
                                         "serverAuth,clientAuth,codeSigning",
                                         "serverAuth,clientAuth,1.2.3.4",
                                         "serverAuth,clientAuth,clientAuth"};
    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        expect(with_extension(NID_ext_key_usage, usages[i]), issuer, CERT_EDGE, "role_eku");
    }
    expect(with_extension(NID_basic_constraints, "critical,CA:TRUE"), issuer, CERT_EDGE,
           "role_malformed");
    expect(with_extension(NID_subject_alt_name, "URI:" EDG_URI ",IP:127.0.0.1"), issuer, CERT_EDGE,
           "role_malformed");
    expect(with_extension(NID_subject_alt_name, "URI:" EDG_URI ",otherName:1.2.3.4;UTF8:x"), issuer,
           CERT_EDGE, "role_malformed");
    expect(with_extension(NID_subject_alt_name, "URI:" EDG_URI ",RID:1.2.3.4"), issuer, CERT_EDGE,
           "role_malformed");
    /* Extensions that are there twice, or do not parse. */
    expect(add_extension(make_edge(), NID_subject_alt_name, "URI:" EDG_URI), issuer, CERT_EDGE,
           "role_malformed");
    expect(add_extension(make_edge(), NID_ext_key_usage, "serverAuth,clientAuth"), issuer,
           CERT_EDGE, "role_malformed");
    expect(with_extension(NID_subject_alt_name, "DER:30:03:86:05:61"), issuer, CERT_EDGE,
           "role_malformed");
    expect(with_key(EVP_EC_gen("P-384")), issuer, CERT_EDGE, "role_malformed");
    expect(with_key(EVP_RSA_gen(1024)), issuer, CERT_EDGE, "role_malformed");
    expect(with_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), issuer, CERT_EDGE, "role_malformed");
    expect(with_key(make_explicit()), issuer, CERT_EDGE, "role_malformed");
    /* Serials: negative, too long. */
    X509 *leaf = make_edge();
    assert_int_equal(ASN1_INTEGER_set_int64(X509_get_serialNumber(leaf), -5), 1);
    expect(settle(leaf), issuer, CERT_EDGE, "role_malformed");
    leaf = make_edge();
    uint8_t serial[21];
    memset(serial, 0x11, sizeof(serial));
    assert_int_equal(ASN1_STRING_set(X509_get_serialNumber(leaf), serial, sizeof(serial)), 1);
    expect(settle(leaf), issuer, CERT_EDGE, "role_malformed");
    leaf = make_edge();
    assert_int_equal(ASN1_STRING_set(X509_get_serialNumber(leaf), serial, 20), 1);
    expect(settle(leaf), issuer, CERT_EDGE, "");
    leaf = make_edge();
    assert_int_equal(X509_set_version(leaf, X509_VERSION_1), 1);
    expect(settle(leaf), issuer, CERT_EDGE, "role_malformed");
}

static void writes_whole_identities_only(void **state) {
    struct cert_identity identity = {.role = CERT_EDGE, .trust_domain = "mesh.example"};
    char uri[CERT_URI_SIZE];
    (void)state;
    assert_int_equal(cert_identity_uri(&identity, uri), STATUS_INVALID);
    assert_int_equal(id_parse(ID_EDGE, STR(EDG), &identity.subject), STATUS_OK);
    assert_int_equal(cert_identity_uri(&identity, uri), STATUS_OK);
    assert_string_equal(uri, EDG_URI);
    identity.role = CERT_CONTROL;
    assert_int_equal(cert_identity_uri(&identity, uri), STATUS_INVALID);
    identity.role = CERT_EDGE;
    assert_int_equal(id_parse(ID_ENVIRONMENT, STR(ENV), &identity.environment), STATUS_OK);
    assert_int_equal(cert_identity_uri(&identity, uri), STATUS_INVALID);
    identity.environment = (struct id){0};
    identity.trust_domain[0] = 'M';
    assert_int_equal(cert_identity_uri(&identity, uri), STATUS_INVALID);
    assert_true(cert_identity_is_trust_domain(STR("a-b_c.d0")));
    assert_false(cert_identity_is_trust_domain(STR_EMPTY));
    assert_false(cert_identity_is_trust_domain(STR("a/b")));
    assert_false(cert_identity_is_trust_domain(STR("a\0b")));
    assert_string_equal(cert_role_name(CERT_SERVICE), "service");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_role),
        cmocka_unit_test(takes_the_diagonal_only),
        cmocka_unit_test(judges_the_issuer),
        cmocka_unit_test(needs_a_certificate),
        cmocka_unit_test(reads_the_strict_grammar_only),
        cmocka_unit_test(judges_the_other_names),
        cmocka_unit_test(judges_the_leaf),
        cmocka_unit_test(writes_whole_identities_only),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
