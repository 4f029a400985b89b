#include "pki/ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/random.h"
#include "pki/csr.h"
#include "pki/key.h"
#include "pki/ossl.h"

#define DOMAIN STR("mesh.example")
#define NOW_MS ((int64_t)1800000000000)
#define DAY_SECONDS ((int64_t)24 * 3600)

/* Tests own the time. */
static int64_t now_ms = NOW_MS;

static int64_t read_now(void *context) {
    (void)context;
    return now_ms;
}

static const struct clock test_clock = {read_now, read_now, NULL};

static struct ca *ca;
static EVP_PKEY *key;

static int set_up(void **state) {
    (void)state;
    now_ms = NOW_MS;
    key = key_new();
    return ca_new(DOMAIN, &test_clock, &ca, NULL) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    now_ms = NOW_MS;
    EVP_PKEY_free(key);
    ca_free(&ca);
    return ca == NULL ? 0 : -1;
}

static const enum id_kind kinds[] = {ID_WARPGATE, ID_EDGE, ID_CONTROL};

static struct ca_leaf make_leaf(enum cert_role role) {
    struct ca_leaf leaf = {.role = role, .lifetime_seconds = DAY_SECONDS};
    if (role != CERT_SERVICE) {
        leaf.subject = id_new(kinds[role], &test_clock, random_system());
    }
    if (role == CERT_WARPGATE) {
        leaf.environment = id_new(ID_ENVIRONMENT, &test_clock, random_system());
    } else {
        leaf.dns_names[leaf.dns_name_count++] = STR("a.example");
    }
    return leaf;
}

/* The certificates of a PEM text, in order. */
static STACK_OF(X509) * read_chain(struct str pem) {
    STACK_OF(X509) *chain = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    for (X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL); cert != NULL;
         cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) {
        assert_true(sk_X509_push(chain, cert) > 0);
    }
    BIO_free(bio);
    ERR_clear_error();
    return chain;
}

static STACK_OF(X509) *
    issue(const struct ca *from, const struct ca_leaf *leaf, struct cert_identity *identity) {
    struct buf pem;
    struct why why;
    buf_init(&pem, 16384);
    if (ca_issue(from, leaf, key, &test_clock, &pem, identity, &why) != STATUS_OK) {
        fail_msg("%s: %s", why.slug, why.text);
    }
    STACK_OF(X509) *chain = read_chain(buf_str(&pem));
    assert_int_equal(sk_X509_num(chain), 2);
    buf_fini(&pem);
    return chain;
}

static void free_chain(STACK_OF(X509) * chain) {
    sk_X509_pop_free(chain, X509_free);
}

/* As a TLS stack does it: the first is the leaf, only the root is trusted. NULL, or the verified chain. */
static STACK_OF(X509) * verify(const struct ca *anchor, STACK_OF(X509) * sent, int purpose) {
    STACK_OF(X509) *verified = NULL;
    STACK_OF(X509) *roots = read_chain(ca_root_pem(anchor));
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    assert_int_equal(sk_X509_num(roots), 1);
    assert_int_equal(X509_STORE_add_cert(store, sk_X509_value(roots, 0)), 1);
    assert_int_equal(X509_STORE_CTX_init(context, store, sk_X509_value(sent, 0), sent), 1);
    assert_int_equal(X509_STORE_CTX_set_purpose(context, purpose), 1);
    X509_STORE_CTX_set_time(context, 0, now_ms / 1000);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
    if (X509_verify_cert(context) == 1) {
        verified = X509_STORE_CTX_get1_chain(context);
    }
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    free_chain(roots);
    ERR_clear_error();
    return verified;
}

/* Each role's certificate, judged as each role, as server and as client: the diagonal alone is taken. */
static void only_the_diagonal_works(void **state) {
    (void)state;
    for (int i = 0; i < CA_ROLE_COUNT; i++) {
        enum cert_role role = (enum cert_role)i;
        const struct cert_role_rule *rule = cert_role_rule(role);
        struct cert_identity issued, found;
        struct ca_leaf leaf = make_leaf(role);
        STACK_OF(X509) *sent = issue(ca, &leaf, &issued);
        STACK_OF(X509) *as_server = verify(ca, sent, X509_PURPOSE_SSL_SERVER);
        STACK_OF(X509) *as_client = verify(ca, sent, X509_PURPOSE_SSL_CLIENT);
        assert_int_equal(as_server != NULL, rule->is_server);
        assert_int_equal(as_client != NULL, rule->is_client);
        STACK_OF(X509) *verified = as_server != NULL ? as_server : as_client;
        assert_int_equal(sk_X509_num(verified), 3);
        for (int expected = 0; expected < CA_ROLE_COUNT; expected++) {
            assert_int_equal(
                cert_identity_check(verified, (enum cert_role)expected, DOMAIN, &found, NULL),
                expected == i ? STATUS_OK : STATUS_DENIED);
        }
        assert_int_equal(cert_identity_check(verified, role, DOMAIN, &found, NULL), STATUS_OK);
        assert_memory_equal(&found, &issued, sizeof(found));
        assert_true(id_eq(&found.subject, &leaf.subject));
        assert_true(id_eq(&found.environment, &leaf.environment));
        assert_true(found.not_after_ms == NOW_MS + DAY_SECONDS * 1000);
        assert_int_equal(cert_identity_check(verified, role, STR("other.example"), &found, NULL),
                         role == CERT_SERVICE ? STATUS_OK : STATUS_DENIED);
        free_chain(as_server);
        free_chain(as_client);
        free_chain(sent);
    }
}

static void another_authority_is_no_authority(void **state) {
    struct ca *other;
    (void)state;
    assert_int_equal(ca_new(DOMAIN, &test_clock, &other, NULL), STATUS_OK);
    struct ca_leaf leaf = make_leaf(CERT_EDGE);
    STACK_OF(X509) *sent = issue(other, &leaf, NULL);
    assert_null(verify(ca, sent, X509_PURPOSE_SSL_SERVER));
    STACK_OF(X509) *verified = verify(other, sent, X509_PURPOSE_SSL_SERVER);
    assert_non_null(verified);
    free_chain(verified);
    free_chain(sent);
    ca_free(&other);
}

/* A holder of a leaf signs one of its own: with CA:TRUE left out and pathlen 0 over it, nobody takes it. */
static void a_leaf_issues_nothing(void **state) {
    (void)state;
    struct ca_leaf leaf = make_leaf(CERT_EDGE);
    STACK_OF(X509) *sent = issue(ca, &leaf, NULL);
    X509 *forged = X509_dup(sk_X509_value(sent, 0));
    assert_int_equal(X509_set_issuer_name(forged, X509_get_subject_name(sk_X509_value(sent, 0))),
                     1);
    assert_true(X509_sign(forged, key, EVP_sha256()) > 0);
    assert_true(sk_X509_unshift(sent, forged) > 0);
    assert_null(verify(ca, sent, X509_PURPOSE_SSL_SERVER));
    free_chain(sent);
}

static void keeps_to_the_times(void **state) {
    (void)state;
    struct ca_leaf leaf = make_leaf(CERT_EDGE);
    STACK_OF(X509) *sent = issue(ca, &leaf, NULL);
    static const struct {
        int64_t offset_seconds;
        bool is_valid;
    } cases[] = {
        {-301, false}, {-299, true}, {0, true}, {24 * 3600 - 1, true}, {24 * 3600 + 1, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        now_ms = NOW_MS + cases[i].offset_seconds * 1000;
        STACK_OF(X509) *verified = verify(ca, sent, X509_PURPOSE_SSL_SERVER);
        assert_int_equal(verified != NULL, cases[i].is_valid);
        free_chain(verified);
    }
    free_chain(sent);
}

static void cuts_a_lifetime_at_the_intermediate(void **state) {
    struct cert_identity identity;
    struct why why;
    struct buf pem;
    (void)state;
    buf_init(&pem, 16384);
    struct ca_leaf leaf = make_leaf(CERT_EDGE);
    leaf.lifetime_seconds = CA_LIFETIME_SECONDS_MAX;
    int64_t end_ms = NOW_MS + 730 * DAY_SECONDS * 1000;
    now_ms = end_ms - 5000;
    free_chain(issue(ca, &leaf, &identity));
    assert_true(identity.not_after_ms == end_ms);
    now_ms = end_ms;
    assert_int_equal(ca_issue(ca, &leaf, key, &test_clock, &pem, NULL, &why), STATUS_FAILED);
    assert_string_equal(why.slug, "ca_expired");
    assert_int_equal(buf_len(&pem), 0);
    buf_fini(&pem);
}

static void expect_refusal(const struct ca_leaf *leaf, const char *slug) {
    struct cert_identity identity = {.serial = "kept"};
    struct buf pem;
    struct why why;
    buf_init(&pem, 16384);
    assert_int_equal(ca_issue(ca, leaf, key, &test_clock, &pem, &identity, &why), STATUS_INVALID);
    assert_string_equal(why.slug, slug);
    assert_int_equal(buf_len(&pem), 0);
    assert_string_equal(identity.serial, "kept");
    buf_fini(&pem);
}

static void refuses_records_that_do_not_fit(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct ca_leaf leaf = make_leaf((enum cert_role)i);
        leaf.subject = (struct id){0};
        expect_refusal(&leaf, "leaf_subject");
        leaf.subject = id_new(kinds[(i + 1) % 3], &test_clock, random_system());
        expect_refusal(&leaf, "leaf_subject");
        leaf = make_leaf((enum cert_role)i);
        leaf.environment =
            i == 0 ? (struct id){0} : id_new(ID_ENVIRONMENT, &test_clock, random_system());
        expect_refusal(&leaf, "leaf_subject");
        leaf = make_leaf((enum cert_role)i);
        leaf.environment = id_new(ID_PROJECT, &test_clock, random_system());
        expect_refusal(&leaf, "leaf_subject");
    }
    struct ca_leaf leaf = make_leaf(CERT_SERVICE);
    leaf.subject = id_new(ID_EDGE, &test_clock, random_system());
    expect_refusal(&leaf, "leaf_subject");
    leaf = make_leaf(CERT_SERVICE);
    leaf.dns_name_count = 0;
    expect_refusal(&leaf, "leaf_name");
    leaf.dns_name_count = CA_DNS_NAMES_MAX + 1;
    expect_refusal(&leaf, "leaf_name");
    leaf = make_leaf(CERT_WARPGATE);
    leaf.dns_names[leaf.dns_name_count++] = STR("a.example");
    expect_refusal(&leaf, "leaf_name");
    static const int64_t lifetimes[] = {0, -1, INT64_MIN, INT64_MAX, CA_LIFETIME_SECONDS_MAX + 1};
    for (size_t i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++) {
        leaf = make_leaf(CERT_EDGE);
        leaf.lifetime_seconds = lifetimes[i];
        expect_refusal(&leaf, "leaf_lifetime");
    }
}

#define LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void certifies_host_names_only(void **state) {
    static const struct {
        struct str name;
        bool is_service, is_edge; /* good for that role */
    } cases[] = {
        {STR_INIT("a.example"), true, true},
        {STR_INIT("localhost"), true, true},
        {STR_INIT("xn--bcher-kva.example"), true, true},
        {STR_INIT("1.2.3.4a"), true, true},
        {STR_INIT(LABEL63 "." LABEL63), true, true},
        {STR_INIT("*.demo.example"), true, false},
        {STR_INIT("*.example"), false, false},
        {STR_INIT("*"), false, false},
        {STR_INIT("*."), false, false},
        {STR_INIT("*.*.demo.example"), false, false},
        {STR_INIT("a.*.example"), false, false},
        {STR_INIT("a*.demo.example"), false, false},
        {STR_INIT(""), false, false},
        {STR_INIT("."), false, false},
        {STR_INIT("a.example."), false, false},
        {STR_INIT(".a.example"), false, false},
        {STR_INIT("a..example"), false, false},
        {STR_INIT("A.example"), false, false},
        {STR_INIT("-a.example"), false, false},
        {STR_INIT("a-.example"), false, false},
        {STR_INIT("a_b.example"), false, false},
        {STR_INIT("a b.example"), false, false},
        {STR_INIT("a.example\0.evil.example"), false, false},
        {STR_INIT("a.example,DNS:b.example"), false, false},
        {STR_INIT("a.example\n"), false, false},
        {STR_INIT("b\xc3\xbc"
                  "cher.example"),
         false, false},
        {STR_INIT("127.0.0.1"), false, false},
        {STR_INIT("::1"), false, false},
        {STR_INIT("1"), false, false},
        {STR_INIT("a" LABEL63 ".example"), false, false},
        {STR_INIT(LABEL63 "." LABEL63 "." LABEL63 "." LABEL63), false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ca_leaf leaf = make_leaf(CERT_SERVICE);
        leaf.dns_names[0] = cases[i].name;
        if (cases[i].is_service) {
            free_chain(issue(ca, &leaf, NULL));
        } else {
            expect_refusal(&leaf, "leaf_name");
        }
        leaf = make_leaf(CERT_EDGE);
        leaf.dns_names[0] = cases[i].name;
        if (cases[i].is_edge) {
            free_chain(issue(ca, &leaf, NULL));
        } else {
            expect_refusal(&leaf, "leaf_name");
        }
    }
}

static void certifies_p256_only(void **state) {
    struct buf pem;
    struct why why;
    (void)state;
    struct ca_leaf leaf = make_leaf(CERT_EDGE);
    EVP_PKEY *const keys[] = {EVP_EC_gen("P-384"), EVP_RSA_gen(1024),
                              EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    buf_init(&pem, 16384);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ca_issue(ca, &leaf, keys[i], &test_clock, &pem, NULL, &why),
                         STATUS_INVALID);
        assert_string_equal(why.slug, "leaf_key");
        EVP_PKEY_free(keys[i]);
    }
    buf_fini(&pem);
    buf_init(&pem, 1000); /* the leaf would fit, the chain does not */
    assert_int_equal(ca_issue(ca, &leaf, key, &test_clock, &pem, NULL, &why), STATUS_TOO_LARGE);
    assert_int_equal(buf_len(&pem), 0);
    buf_fini(&pem);
}

static void carries_names_as_they_are(void **state) {
    (void)state;
    struct ca_leaf leaf = make_leaf(CERT_SERVICE);
    leaf.dns_names[0] = STR("a.example");
    leaf.dns_names[1] = STR("*.b.example");
    leaf.dns_names[2] = STR("localhost");
    leaf.dns_names[3] = STR("d.example");
    leaf.dns_name_count = 4;
    STACK_OF(X509) *chain = issue(ca, &leaf, NULL);
    X509 *cert = sk_X509_value(chain, 0);
    static const char *const good[] = {"a.example", "x.b.example", "localhost", "d.example"};
    static const char *const bad[] = {"b.example", "x.a.example", "example", "x.y.b.example"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(X509_check_host(cert, good[i], 0, 0, NULL), 1);
        assert_int_equal(X509_check_host(cert, bad[i], 0, 0, NULL), 0);
    }
    free_chain(chain);
}

/* Hostile requests (T41): whatever they ask for, the identity is the record's, byte for byte. */

static const struct {
    int nid;
    const char *value;
} wishes[] = {
    {NID_subject_alt_name, "URI:spiffe://mesh.example/edge/edg_01jd3m8k6vq2x7r9t4w5y6z8ad"},
    {NID_subject_alt_name, "DNS:*.example,DNS:control.example,IP:127.0.0.1"},
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:5"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_ext_key_usage, "anyExtendedKeyUsage,serverAuth"},
    {NID_name_constraints, "permitted;DNS:evil.example"},
    {NID_subject_key_identifier, "00:11"},
};
#define WISH_COUNT (sizeof(wishes) / sizeof(wishes[0]))

static void write_hostile(const struct random *random, struct buf *pem) {
    static char huge[3000];
    uint64_t picks = random_u64(random);
    X509_REQ *request = X509_REQ_new();
    X509_NAME *name = X509_REQ_get_subject_name(request);
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    memset(huge, 'x', sizeof(huge));
    X509_REQ_set_pubkey(request, key);
    for (size_t i = 0; i < WISH_COUNT; i++) {
        if ((picks >> i & 1) != 0) {
            X509_EXTENSION *wish =
                X509V3_EXT_conf_nid(NULL, &context, wishes[i].nid, wishes[i].value);
            assert_non_null(wish);
            sk_X509_EXTENSION_push(extensions, wish);
        }
    }
    if (sk_X509_EXTENSION_num(extensions) > 0) {
        assert_int_equal(X509_REQ_add_extensions(request, extensions), 1);
    }
    if ((picks >> 32 & 1) != 0) {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"Mezusphere root CA",
                                   -1, -1, 0);
    }
    if ((picks >> 33 & 1) != 0) {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"a\0b", 3, -1, 0);
    }
    if ((picks >> 34 & 1) != 0) { /* far over the text's bound for this attribute */
        X509_NAME_add_entry_by_NID(name, NID_description, MBSTRING_ASC, (const uint8_t *)huge,
                                   (int)(picks >> 40) % 3000, -1, 0);
    }
    ERR_clear_error();
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;
    assert_int_equal(PEM_write_bio_X509_REQ(bio, request), 1);
    long len = BIO_get_mem_data(bio, &at);
    assert_int_equal(buf_append(pem, at, (size_t)len), STATUS_OK);
    BIO_free(bio);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(request);
}

/* Subject and extensions as DER. */
static size_t write_identity(const X509 *cert, uint8_t *out) {
    uint8_t *at = out;
    i2d_X509_NAME(X509_get_subject_name(cert), &at);
    i2d_X509_EXTENSIONS(X509_get0_extensions(cert), &at);
    return (size_t)(at - out);
}

static void hostile_requests_change_nothing(void **state) {
    struct random_seeded seeded;
    uint8_t expected[4096], got[4096];
    (void)state;
    random_seeded_init(&seeded, 41);
    struct ca_leaf leaf = make_leaf(CERT_WARPGATE);
    STACK_OF(X509) *plain = issue(ca, &leaf, NULL);
    size_t expected_len = write_identity(sk_X509_value(plain, 0), expected);
    for (int i = 0; i < 500; i++) {
        struct buf request, pem;
        OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *found = NULL;
        buf_init(&request, CSR_PEM_BYTES_MAX);
        buf_init(&pem, 16384);
        write_hostile(&seeded.random, &request);
        assert_int_equal(csr_public_key(buf_str(&request), &found, NULL), STATUS_OK);
        assert_int_equal(ca_issue(ca, &leaf, found, &test_clock, &pem, NULL, NULL), STATUS_OK);
        STACK_OF(X509) *chain = read_chain(buf_str(&pem));
        assert_int_equal(write_identity(sk_X509_value(chain, 0), got), expected_len);
        assert_memory_equal(got, expected, expected_len);
        free_chain(chain);
        buf_fini(&request);
        buf_fini(&pem);
    }
    free_chain(plain);
}

static void export_round_trips(void **state) {
    struct buf text, again;
    struct ca *copy;
    struct why why;
    (void)state;
    buf_init(&text, CA_TEXT_BYTES_MAX);
    buf_init(&again, CA_TEXT_BYTES_MAX);
    assert_int_equal(ca_export(ca, &text), STATUS_OK);
    assert_int_equal(ca_import(buf_str(&text), &copy, &why), STATUS_OK);
    assert_true(str_eq(ca_root_pem(copy), ca_root_pem(ca)));
    assert_true(str_eq(ca_trust_domain(copy), DOMAIN));
    assert_int_equal(ca_export(copy, &again), STATUS_OK);
    assert_true(str_eq(buf_str(&again), buf_str(&text)));
    /* What the copy issues, the original's root vouches for. */
    for (int role = 0; role < CA_ROLE_COUNT; role++) {
        struct ca_leaf leaf = make_leaf((enum cert_role)role);
        STACK_OF(X509) *sent = issue(copy, &leaf, NULL);
        STACK_OF(X509) *verified = verify(
            ca, sent, role == CERT_WARPGATE ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
        assert_non_null(verified);
        free_chain(verified);
        free_chain(sent);
    }
    ca_free(&copy);
    buf_fini_wiped(&again);
    buf_init(&again, 1000);
    assert_int_equal(ca_export(ca, &again), STATUS_TOO_LARGE);
    assert_int_equal(buf_len(&again), 0);
    buf_fini_wiped(&again);
    buf_fini_wiped(&text);
}

/* The n-th (from 0) quoted string after a member's name: where its value is in the text. */
static struct str find_value(struct str text, const char *name, size_t n) {
    char mark[64];
    snprintf(mark, sizeof(mark), "\"%s\":\"", name);
    const char *at = text.at;
    for (size_t i = 0; i <= n; i++) {
        at = strstr(at, mark);
        assert_non_null(at);
        at += strlen(mark);
    }
    return str_make(at, (size_t)(strchr(at, '"') - at));
}

/* Imports the text with one part put in the place of another. */
static void expect_spoilt(struct str text, struct str part, struct str by, const char *slug) {
    struct buf spoilt;
    struct why why = {0};
    struct ca *copy = NULL;
    size_t before = (size_t)(part.at - text.at);
    buf_init(&spoilt, CA_TEXT_BYTES_MAX);
    assert_int_equal(buf_append_str(&spoilt, str_sub(text, 0, before)), STATUS_OK);
    assert_int_equal(buf_append_str(&spoilt, by), STATUS_OK);
    assert_int_equal(buf_append_str(&spoilt, str_sub(text, before + part.len, text.len)),
                     STATUS_OK);
    assert_int_equal(ca_import(buf_str(&spoilt), &copy, &why), STATUS_INVALID);
    assert_string_equal(why.slug, slug);
    assert_null(copy);
    assert_int_equal(ERR_peek_error(), 0);
    buf_fini_wiped(&spoilt);
}

static void import_refuses_what_does_not_fit(void **state) {
    struct buf buf, other_buf;
    struct ca *other;
    struct why why;
    (void)state;
    buf_init(&buf, CA_TEXT_BYTES_MAX);
    buf_init(&other_buf, CA_TEXT_BYTES_MAX);
    assert_int_equal(ca_new(DOMAIN, &test_clock, &other, NULL), STATUS_OK);
    assert_int_equal(ca_export(ca, &buf), STATUS_OK);
    assert_int_equal(ca_export(other, &other_buf), STATUS_OK);
    assert_int_equal(buf_append(&buf, "", 1), STATUS_OK); /* terminated for strstr */
    assert_int_equal(buf_append(&other_buf, "", 1), STATUS_OK);
    struct str text = str_sub(buf_str(&buf), 0, buf_len(&buf) - 1);
    struct str foreign = str_sub(buf_str(&other_buf), 0, buf_len(&other_buf) - 1);
    assert_int_equal(ca_import(str_sub(text, 0, text.len - 1), &other, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "json_invalid");
    static char large[CA_TEXT_BYTES_MAX + 1];
    assert_int_equal(ca_import(str_make(large, sizeof(large)), &other, &why), STATUS_INVALID);
    expect_spoilt(text, find_value(text, "trust_domain", 0), STR("A"), "ca_trust_domain");
    for (size_t i = 0; i <= CA_ROLE_COUNT; i++) {
        struct str cert = find_value(text, "certificate", i);
        struct str private_key = find_value(text, "key", i);
        expect_spoilt(text, private_key, find_value(foreign, "key", i), "ca_mismatch");
        expect_spoilt(text, cert, find_value(foreign, "certificate", i), "ca_mismatch");
        expect_spoilt(text, private_key, cert, "key_malformed");
        expect_spoilt(text, cert, private_key, "ca_malformed");
        expect_spoilt(text, cert, STR_EMPTY, "ca_malformed");
    }
    /* One character of a signature, close to the end of its certificate. */
    for (size_t i = 0; i <= CA_ROLE_COUNT; i++) {
        struct str digit = find_value(text, "certificate", i);
        digit = str_sub(digit, digit.len - strlen("\\n-----END CERTIFICATE-----\\n") - 10, 1);
        expect_spoilt(text, digit, digit.at[0] == 'A' ? STR("B") : STR("A"), "ca_mismatch");
    }
    /* Roles: unknown, twice, exchanged. */
    expect_spoilt(text, find_value(text, "role", 0), STR("root"), "ca_malformed");
    expect_spoilt(text, find_value(text, "role", 1), STR("warpgate"), "ca_malformed");
    expect_spoilt(text, find_value(text, "role", 0), STR("edge"), "ca_mismatch");
    expect_spoilt(text, find_value(text, "role", 0), STR("edge\",\"more\":\""), "unknown_member");
    struct str intermediates = str_make(strstr(text.at, "\"intermediates\":["), 0);
    intermediates.len = (size_t)(text.at + text.len - 1 - intermediates.at);
    expect_spoilt(text, intermediates, STR("\"intermediates\":[]"), "ca_malformed");
    expect_spoilt(text, intermediates, STR("\"more\":[]"), "unknown_member");
    /* An authority put together from two. */
    struct str root = find_value(text, "certificate", 0);
    root.len = (size_t)(find_value(text, "key", 0).at + find_value(text, "key", 0).len - root.at);
    struct str its = find_value(foreign, "certificate", 0);
    its.len =
        (size_t)(find_value(foreign, "key", 0).at + find_value(foreign, "key", 0).len - its.at);
    expect_spoilt(text, root, its, "ca_mismatch");
    ca_free(&other);
    buf_fini_wiped(&buf);
    buf_fini_wiped(&other_buf);
}

static void needs_a_trust_domain(void **state) {
    static const char *const wrong[] = {"", "A.example", "a/b", "a:1", "spiffe://a", "a b"};
    struct why why;
    struct ca *made = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(ca_new(str_from(wrong[i]), &test_clock, &made, &why), STATUS_INVALID);
        assert_string_equal(why.slug, "ca_trust_domain");
        assert_null(made);
    }
    ca_free(&made);
    char longest[255];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(ca_new(str_make(longest, 255), &test_clock, &made, &why), STATUS_OK);
    struct ca_leaf leaf = make_leaf(CERT_WARPGATE);
    free_chain(issue(made, &leaf, NULL));
    ca_free(&made);
}

int main(void) {
#define WITH_CA(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_CA(only_the_diagonal_works),
        WITH_CA(another_authority_is_no_authority),
        WITH_CA(a_leaf_issues_nothing),
        WITH_CA(keeps_to_the_times),
        WITH_CA(cuts_a_lifetime_at_the_intermediate),
        WITH_CA(refuses_records_that_do_not_fit),
        WITH_CA(certifies_host_names_only),
        WITH_CA(certifies_p256_only),
        WITH_CA(carries_names_as_they_are),
        WITH_CA(hostile_requests_change_nothing),
        WITH_CA(export_round_trips),
        WITH_CA(import_refuses_what_does_not_fit),
        WITH_CA(needs_a_trust_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
