#include "pki/jws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/digest.h"
#include "pki/es256.h"
#include "pki/ossl.h"

#define TYPE STR("mezusphere-test")
#define PAYLOAD_MAX 4096

struct fixture {
    EVP_PKEY *key;
    struct jws_keys keys;
    char kid[KEY_ID_SIZE];
    struct buf jws;
    struct buf payload;
};

static int set_up(void **state) {
    static struct fixture fixture;
    fixture.key = key_new();
    jws_keys_init(&fixture.keys);
    assert_int_equal(jws_keys_add(&fixture.keys, fixture.key), STATUS_OK);
    key_id(fixture.key, fixture.kid);
    buf_init(&fixture.jws, 65536);
    buf_init(&fixture.payload, PAYLOAD_MAX);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    EVP_PKEY_free(fixture->key);
    jws_keys_fini(&fixture->keys);
    buf_fini(&fixture->jws);
    buf_fini(&fixture->payload);
    return 0;
}

static void sign(struct fixture *fixture, struct str payload) {
    buf_clear(&fixture->jws);
    assert_int_equal(jws_sign(fixture->key, TYPE, payload, &fixture->jws), STATUS_OK);
}

static void expect(struct fixture *fixture, struct str jws, enum status status, const char *slug) {
    struct why why = {0};
    buf_clear(&fixture->payload);
    enum status got = jws_verify(&fixture->keys, TYPE, jws, &fixture->payload, &why);
    if (got != status || strcmp(why.slug, slug) != 0) {
        fail_msg("%.*s: %s %s, not %s %s", STR_ARG(jws), status_name(got), why.slug,
                 status_name(status), slug);
    }
    assert_true(status == STATUS_OK || buf_len(&fixture->payload) == 0);
    assert_int_equal(ERR_peek_error(), 0);
}

/* A JWS over any header, rightly signed with the fixture's key. */
static void forge(struct fixture *fixture, struct str header, struct str payload) {
    char text[8192];
    uint8_t signature[ES256_BYTES];
    size_t len = text_base64url(header.at, header.len, text);
    text[len++] = '.';
    len += text_base64url(payload.at, payload.len, text + len);
    assert_int_equal(es256_sign(fixture->key, str_make(text, len), signature), STATUS_OK);
    text[len++] = '.';
    len += text_base64url(signature, sizeof(signature), text + len);
    buf_clear(&fixture->jws);
    assert_int_equal(buf_append(&fixture->jws, text, len), STATUS_OK);
}

static void round_trips(void **state) {
    static const char *const payloads[] = {"", "a", "ab", "abc", "{\"format\":1}", "\x01\xff"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        struct str payload = str_from(payloads[i]);
        sign(fixture, payload);
        expect(fixture, buf_str(&fixture->jws), STATUS_OK, "");
        assert_true(str_eq(buf_str(&fixture->payload), payload));
    }
}

static void bounds_what_it_writes(void **state) {
    static char large[PAYLOAD_MAX + 1];
    struct fixture *fixture = *state;
    struct buf small;
    sign(fixture, str_make(large, PAYLOAD_MAX));
    expect(fixture, buf_str(&fixture->jws), STATUS_OK, "");
    sign(fixture, str_make(large, PAYLOAD_MAX + 1));
    expect(fixture, buf_str(&fixture->jws), STATUS_TOO_LARGE, "jws_too_large");
    buf_init(&small, 100);
    assert_int_equal(jws_sign(fixture->key, TYPE, STR("x"), &small), STATUS_TOO_LARGE);
    assert_int_equal(jws_sign(fixture->key, TYPE, str_make(large, sizeof(large)), &small),
                     STATUS_TOO_LARGE);
    assert_int_equal(buf_len(&small), 0);
    buf_fini(&small);
}

static void signs_plain_types_only(void **state) {
    struct fixture *fixture = *state;
    static const char *const types[] = {"",
                                        "a\"b",
                                        "a b",
                                        "a\\b",
                                        "\x80",
                                        "0123456789012345678901234567890123456789"
                                        "0123456789012345678901234"};
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *other = EVP_EC_gen("P-384");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_int_equal(jws_sign(fixture->key, str_from(types[i]), STR("x"), &fixture->jws),
                         STATUS_INVALID);
    }
    assert_int_equal(jws_sign(other, TYPE, STR("x"), &fixture->jws), STATUS_INVALID);
    assert_int_equal(
        jws_sign(fixture->keys.at[0].key, STR("warpgate-identity+jwt"), STR("x"), &fixture->jws),
        STATUS_OK);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *public_key = NULL;
    uint8_t spki[KEY_SPKI_BYTES];
    assert_int_equal(key_spki(fixture->key, spki), STATUS_OK);
    assert_int_equal(key_from_spki(str_make(spki, sizeof(spki)), &public_key), STATUS_OK);
    assert_int_equal(jws_sign(public_key, TYPE, STR("x"), &fixture->jws), STATUS_FAILED);
}

/* "%s" is the key id. Each is rightly signed: the header alone decides. */
static const struct {
    const char *format;
    enum status status;
    const char *slug;
} header_cases[] = {
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_OK, ""},
    {"{\"kid\":\"%s\", \"typ\":\"mezusphere-test\", \"alg\":\"ES256\"}", STATUS_OK, ""},
    {"{\"alg\":\"none\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"None\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"HS256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"RS256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"ES384\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"es256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":[\"ES256\"],\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":null,\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_header"},
    {"{\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":1,\"kid\":\"%s\"}", STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\"}", STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":[\"%s\"]}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-tes\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_type"},
    {"{\"alg\":\"ES256\",\"typ\":\"Mezusphere-Test\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_type"},
    {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_type"},
    {"{\"alg\":\"ES256\",\"typ\":\"\",\"kid\":\"%s\"}", STATUS_INVALID, "jws_type"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%sx\"}", STATUS_DENIED,
     "jws_unknown_key"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"\"}", STATUS_DENIED,
     "jws_unknown_key"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"../../dev/null\"}", STATUS_DENIED,
     "jws_unknown_key"},
    /* Duplicates, also of the same value or written with escapes. */
    {"{\"alg\":\"none\",\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}",
     STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}",
     STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"\\u0061lg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}",
     STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"x\",\"kid\":\"%s\"}", STATUS_INVALID,
     "jws_header"},
    /* Members that would have a say. */
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\",\"crit\":[\"exp\"]}",
     STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\",\"crit\":[]}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\",\"b64\":false}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\",\"jku\":\"https://"
     "a.example\"}",
     STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\",\"x5u\":\"https://"
     "a.example\"}",
     STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\",\"x5c\":[]}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\",\"jwk\":{}}", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\",\"cty\":\"JWT\"}",
     STATUS_INVALID, "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"} x", STATUS_INVALID,
     "jws_header"},
    {"{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"", STATUS_INVALID, "jws_header"},
    {"[\"%s\"]", STATUS_INVALID, "jws_header"},
    {"\"%s\"", STATUS_INVALID, "jws_header"},
    {"{}", STATUS_INVALID, "jws_header"},
};

static void judges_headers(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(header_cases) / sizeof(header_cases[0]); i++) {
        struct buf header;
        buf_init(&header, 1024);
        struct str format = str_from(header_cases[i].format);
        const char *mark = strstr(header_cases[i].format, "%s");
        size_t at = mark == NULL ? format.len : (size_t)(mark - format.at);
        assert_int_equal(buf_append_str(&header, str_sub(format, 0, at)), STATUS_OK);
        if (mark != NULL) {
            assert_int_equal(buf_append_str(&header, str_from(fixture->kid)), STATUS_OK);
        }
        assert_int_equal(buf_append_str(&header, str_sub(format, at + 2, format.len)), STATUS_OK);
        forge(fixture, buf_str(&header), STR("payload"));
        expect(fixture, buf_str(&fixture->jws), header_cases[i].status, header_cases[i].slug);
        buf_fini(&header);
    }
}

static void bounds_headers(void **state) {
    struct fixture *fixture = *state;
    char header[1024];
    memset(header, ' ', sizeof(header));
    int len =
        snprintf(header, sizeof(header),
                 "{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", fixture->kid);
    header[len] = ' ';
    forge(fixture, str_make(header, JWS_HEADER_BYTES_MAX), STR("x"));
    expect(fixture, buf_str(&fixture->jws), STATUS_OK, "");
    forge(fixture, str_make(header, JWS_HEADER_BYTES_MAX + 1), STR("x"));
    expect(fixture, buf_str(&fixture->jws), STATUS_TOO_LARGE, "jws_too_large");
}

/* HS256 with what everybody knows, the public key, as the secret. */
static void is_not_confused_into_hmac(void **state) {
    struct fixture *fixture = *state;
    uint8_t spki[KEY_SPKI_BYTES];
    uint8_t mac[DIGEST_BYTES];
    char header[256];
    char text[1024];
    int header_len =
        snprintf(header, sizeof(header),
                 "{\"alg\":\"HS256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", fixture->kid);
    size_t len = text_base64url(header, (size_t)header_len, text);
    text[len++] = '.';
    len += text_base64url("x", 1, text + len);
    assert_int_equal(key_spki(fixture->key, spki), STATUS_OK);
    digest_hmac_sha256(str_make(spki, sizeof(spki)), str_make(text, len), mac);
    text[len++] = '.';
    len += text_base64url(mac, sizeof(mac), text + len);
    expect(fixture, str_make(text, len), STATUS_INVALID, "jws_malformed");
    uint8_t doubled[ES256_BYTES];
    memcpy(doubled, mac, sizeof(mac));
    memcpy(doubled + 32, mac, sizeof(mac));
    len -= 43;
    len += text_base64url(doubled, sizeof(doubled), text + len);
    expect(fixture, str_make(text, len), STATUS_INVALID, "jws_header");
}

static void refuses_other_shapes(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    sign(fixture, STR("payload"));
    struct str good = buf_str(&fixture->jws);
    struct str header, payload, signature, rest;
    assert_true(str_cut(good, '.', &header, &rest));
    assert_true(str_cut(rest, '.', &payload, &signature));
#define WITH(...) str_make(text, (size_t)snprintf(text, sizeof(text), __VA_ARGS__))
    const struct str shapes[] = {STR_EMPTY, STR("."), STR(".."), STR("..."),
                                 header,    payload,  signature};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        expect(fixture, shapes[i], STATUS_INVALID, "jws_malformed");
    }
    for (size_t len = 0; len < good.len; len++) {
        expect(fixture, str_sub(good, 0, len), STATUS_INVALID, "jws_malformed");
    }
    expect(fixture, WITH("%.*s.%.*s.", STR_ARG(header), STR_ARG(payload)), STATUS_INVALID,
           "jws_malformed");
    expect(fixture, WITH("%.*s.", STR_ARG(good)), STATUS_INVALID, "jws_malformed");
    expect(fixture, WITH("%.*s.x", STR_ARG(good)), STATUS_INVALID, "jws_malformed");
    expect(fixture, WITH(" %.*s", STR_ARG(good)), STATUS_INVALID, "jws_malformed");
    expect(fixture, WITH("%.*s\n", STR_ARG(good)), STATUS_INVALID, "jws_malformed");
    expect(fixture, WITH("%.*s==", STR_ARG(good)), STATUS_INVALID, "jws_malformed");
    expect(fixture, WITH("%.*s=.%.*s", STR_ARG(header), STR_ARG(rest)), STATUS_INVALID,
           "jws_malformed");
    expect(fixture, WITH("%.*s.%.*s=.%.*s", STR_ARG(header), STR_ARG(payload), STR_ARG(signature)),
           STATUS_INVALID, "jws_malformed");
    expect(fixture, WITH(".%.*s", STR_ARG(rest)), STATUS_INVALID, "jws_malformed");
    expect(fixture, WITH("%.*s..%.*s", STR_ARG(header), STR_ARG(signature)), STATUS_DENIED,
           "jws_signature");
#undef WITH
}

/* No other text than the one that was signed: every character counts, spare bits too. */
static void refuses_every_other_character(void **state) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n";
    struct fixture *fixture = *state;
    char text[512];
    sign(fixture, STR("payload!"));
    struct str good = buf_str(&fixture->jws);
    memcpy(text, good.at, good.len);
    for (size_t at = 0; at < good.len; at++) {
        /* All digits where bits are to spare, and a few elsewhere. */
        bool is_end = at + 1 == good.len || text[at + 1] == '.';
        for (size_t i = is_end ? 0 : at % 16; i < sizeof(digits); i += is_end ? 1 : 16) {
            if (digits[i] == good.at[at]) {
                continue;
            }
            text[at] = digits[i];
            buf_clear(&fixture->payload);
            enum status status =
                jws_verify(&fixture->keys, TYPE, str_make(text, good.len), &fixture->payload, NULL);
            assert_true(status == STATUS_INVALID || status == STATUS_DENIED);
            assert_int_equal(buf_len(&fixture->payload), 0);
        }
        text[at] = good.at[at];
    }
}

static void refuses_other_signatures(void **state) {
    struct fixture *fixture = *state;
    char text[1024];
    uint8_t der[80];
    size_t der_len = sizeof(der);
    sign(fixture, STR("payload"));
    struct str good = buf_str(&fixture->jws);
    size_t signed_len = good.len - 87;
    memcpy(text, good.at, good.len);
    text[signed_len] = '.';
    /* The DER form, as it is and cut to 64 bytes. */
    OSSL_AUTO(EVP_MD_CTX_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, fixture->key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &der_len, (const uint8_t *)good.at, signed_len),
                     1);
    size_t len = signed_len + 1 + text_base64url(der, der_len, text + signed_len + 1);
    expect(fixture, str_make(text, len), STATUS_INVALID, "jws_malformed");
    len = signed_len + 1 + text_base64url(der, ES256_BYTES, text + signed_len + 1);
    expect(fixture, str_make(text, len), STATUS_DENIED, "jws_signature");
    /* 63 and 65 bytes, and zeros. */
    static const uint8_t zeros[65];
    len = signed_len + 1 + text_base64url(zeros, 63, text + signed_len + 1);
    expect(fixture, str_make(text, len), STATUS_INVALID, "jws_malformed");
    len = signed_len + 1 + text_base64url(zeros, 65, text + signed_len + 1);
    expect(fixture, str_make(text, len), STATUS_INVALID, "jws_malformed");
    len = signed_len + 1 + text_base64url(zeros, 64, text + signed_len + 1);
    expect(fixture, str_make(text, len), STATUS_DENIED, "jws_signature");
}

/* A stranger's signature under the key id of one who may sign. */
static void refuses_strangers(void **state) {
    struct fixture *fixture = *state;
    struct fixture stranger = *fixture;
    char header[256];
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
    stranger.key = key;
    sign(fixture, STR_EMPTY); /* so that both see the same buffer */
    stranger.jws = fixture->jws;
    int len =
        snprintf(header, sizeof(header),
                 "{\"alg\":\"ES256\",\"typ\":\"mezusphere-test\",\"kid\":\"%s\"}", fixture->kid);
    forge(&stranger, str_make(header, (size_t)len), STR("x"));
    fixture->jws = stranger.jws;
    expect(fixture, buf_str(&fixture->jws), STATUS_DENIED, "jws_signature");
    buf_clear(&fixture->jws);
    assert_int_equal(jws_sign(key, TYPE, STR("x"), &fixture->jws), STATUS_OK);
    expect(fixture, buf_str(&fixture->jws), STATUS_DENIED, "jws_unknown_key");
}

static void holds_a_few_keys(void **state) {
    struct jws_keys keys;
    (void)state;
    jws_keys_init(&keys);
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *wrong = EVP_EC_gen("P-384");
    assert_int_equal(jws_keys_add(&keys, wrong), STATUS_INVALID);
    for (size_t i = 0; i <= JWS_KEYS_MAX; i++) {
        OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
        assert_int_equal(jws_keys_add(&keys, key), i < JWS_KEYS_MAX ? STATUS_OK : STATUS_TOO_LARGE);
    }
    assert_int_equal(keys.count, JWS_KEYS_MAX);
    assert_int_equal(jws_keys_add(&keys, keys.at[3].key), STATUS_OK);
    assert_int_equal(keys.count, JWS_KEYS_MAX);
    jws_keys_fini(&keys);
    assert_int_equal(keys.count, 0);
}

static void writes_and_reads_key_sets(void **state) {
    struct fixture *fixture = *state;
    struct jws_keys read;
    struct buf text, again;
    buf_init(&text, JWS_KEYS_TEXT_MAX);
    buf_init(&again, JWS_KEYS_TEXT_MAX);
    jws_keys_init(&read);
    for (size_t i = 1; i <= JWS_KEYS_MAX; i++) {
        buf_clear(&text);
        buf_clear(&again);
        assert_int_equal(jws_keys_write(&fixture->keys, &text), STATUS_OK);
        assert_int_equal(jws_keys_parse(buf_str(&text), &read, NULL), STATUS_OK);
        assert_int_equal(read.count, i);
        assert_int_equal(jws_keys_write(&read, &again), STATUS_OK);
        assert_true(str_eq(buf_str(&text), buf_str(&again)));
        OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = key_new();
        assert_int_equal(jws_keys_add(&fixture->keys, key),
                         i < JWS_KEYS_MAX ? STATUS_OK : STATUS_TOO_LARGE);
    }
    buf_fini(&again);
    buf_init(&again, 100);
    assert_int_equal(jws_keys_write(&read, &again), STATUS_TOO_LARGE);
    assert_int_equal(buf_len(&again), 0);
    assert_int_equal(jws_keys_parse(STR("{\"keys\":[]}"), &read, NULL), STATUS_OK);
    assert_int_equal(read.count, 0);
    jws_keys_fini(&read);
    buf_fini(&text);
    buf_fini(&again);
}

#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ID "KEYID"
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\""
#define POINT "\"x\":\"" X "\",\"y\":\"" Y "\""
#define KEY "{" EC ",\"kid\":\"" ID "\"," POINT "}"

static void refuses_other_key_sets(void **state) {
    static const struct {
        const char *text;
        const char *slug;
    } cases[] = {
        {"", "json_invalid"},
        {"[]", "unknown_member"},
        {"{}", "member_missing"},
        {"{\"keys\":{}}", "member_type"},
        {"{\"keys\":[],\"more\":1}", "unknown_member"},
        {"{\"keys\":[],\"keys\":[]}", "json_invalid"},
        {"{\"keys\":[1]}", "unknown_member"},
        {"{\"keys\":[" KEY "," KEY "]}", "jwks_invalid"},
        {"{\"keys\":[{" EC "," POINT "}]}", "member_missing"},
        {"{\"keys\":[{" EC ",\"kid\":\"x\"," POINT "}]}", "jwks_invalid"},
        {"{\"keys\":[{\"kty\":\"EC\",\"kid\":\"" ID "\"," POINT "}]}", "jwks_invalid"},
        {"{\"keys\":[{\"crv\":\"P-256\",\"kid\":\"" ID "\"," POINT "}]}", "jwks_invalid"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"" ID "\"," POINT "}]}",
         "jwks_invalid"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"\",\"kid\":\"" ID "\"}]}", "unknown_member"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"\",\"kid\":\"" ID "\"}]}",
         "unknown_member"},
        {"{\"keys\":[{" EC ",\"use\":\"enc\",\"kid\":\"" ID "\"," POINT "}]}", "jwks_invalid"},
        {"{\"keys\":[{" EC ",\"alg\":\"HS256\",\"kid\":\"" ID "\"," POINT "}]}", "jwks_invalid"},
        {"{\"keys\":[{" EC ",\"alg\":null,\"kid\":\"" ID "\"," POINT "}]}", "jwks_invalid"},
        {"{\"keys\":[{" EC ",\"d\":\"AA\",\"kid\":\"" ID "\"," POINT "}]}", "unknown_member"},
        {"{\"keys\":[{" EC ",\"kid\":\"" ID "\",\"x\":\"" X "\"}]}", "member_missing"},
        {"{\"keys\":[{" EC ",\"kid\":\"" ID "\",\"x\":\"" X "\",\"y\":\"" X "\"}]}",
         "jwks_invalid"},
        {"{\"keys\":[{" EC ",\"kid\":\"" ID "\",\"x\":\"" X "=\",\"y\":\"" Y "\"}]}",
         "jwks_invalid"},
        {"{\"keys\":[{" EC ",\"kid\":\"" ID "\",\"x\":\"AA\",\"y\":\"" Y "\"}]}", "jwks_invalid"},
        {"{\"keys\":[{" EC ",\"kid\":\"" ID "\",\"x\":\"AA" X "\",\"y\":\"" Y "\"}]}",
         "jwks_invalid"},
        {"{\"keys\":[{" EC ",\"kid\":\"" ID "\",\"x\":1,\"y\":\"" Y "\"}]}", "member_type"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct why why = {0};
        struct buf text;
        char kid[KEY_ID_SIZE] = "";
        uint8_t xy[KEY_COORDINATES_BYTES];
        size_t len = 32;
        assert_int_equal(text_base64url_decode(STR(X), xy, &len), STATUS_OK);
        assert_int_equal(text_base64url_decode(STR(Y), xy + 32, &len), STATUS_OK);
        OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = NULL;
        assert_int_equal(key_from_coordinates(xy, &key), STATUS_OK);
        key_id(key, kid);
        buf_init(&text, 4096);
        for (const char *at = cases[i].text; *at != '\0'; at++) {
            bool is_mark = strncmp(at, ID, strlen(ID)) == 0;
            assert_int_equal(is_mark ? buf_append_str(&text, str_from(kid))
                                     : buf_append(&text, at, 1),
                             STATUS_OK);
            at += is_mark ? strlen(ID) - 1 : 0;
        }
        enum status status = jws_keys_parse(buf_str(&text), &fixture->keys, &why);
        if (status != STATUS_INVALID || strcmp(why.slug, cases[i].slug) != 0) {
            fail_msg("%s: %s %s", cases[i].text, status_name(status), why.slug);
        }
        assert_string_equal(fixture->keys.at[0].kid, fixture->kid); /* as it was */
        buf_fini(&text);
    }
    static char large[JWS_KEYS_TEXT_MAX + 1];
    assert_int_equal(jws_keys_parse(str_make(large, sizeof(large)), &fixture->keys, NULL),
                     STATUS_INVALID);
}

int main(void) {
#define WITH_KEY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_KEY(round_trips),
        WITH_KEY(bounds_what_it_writes),
        WITH_KEY(signs_plain_types_only),
        WITH_KEY(judges_headers),
        WITH_KEY(bounds_headers),
        WITH_KEY(is_not_confused_into_hmac),
        WITH_KEY(refuses_other_shapes),
        WITH_KEY(refuses_every_other_character),
        WITH_KEY(refuses_other_signatures),
        WITH_KEY(refuses_strangers),
        WITH_KEY(holds_a_few_keys),
        WITH_KEY(writes_and_reads_key_sets),
        WITH_KEY(refuses_other_key_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
