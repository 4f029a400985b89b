#include "pki/jws.h"

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "pki/es256.h"
#include "pki/ossl.h"

#define SIGNATURE_LEN (TEXT_BASE64_SIZE(ES256_BYTES) - 3) /* unpadded: 86 */

void jws_keys_init(struct jws_keys *keys) {
    *keys = (struct jws_keys){0};
}

void jws_keys_fini(struct jws_keys *keys) {
    for (size_t i = 0; i < keys->count; i++) {
        EVP_PKEY_free(keys->at[i].key);
    }
    jws_keys_init(keys);
}

static EVP_PKEY *find_key(const struct jws_keys *keys, struct str kid) {
    for (size_t i = 0; i < keys->count; i++) {
        if (str_eq(str_from(keys->at[i].kid), kid)) {
            return keys->at[i].key;
        }
    }
    return NULL;
}

enum status jws_keys_add(struct jws_keys *keys, EVP_PKEY *key) {
    char kid[KEY_ID_SIZE];
    uint8_t spki[KEY_SPKI_BYTES];
    if (key_spki(key, spki) != STATUS_OK) {
        return STATUS_INVALID;
    }
    key_id(key, kid);
    if (find_key(keys, str_from(kid)) != NULL) {
        return STATUS_OK;
    }
    if (keys->count == JWS_KEYS_MAX) {
        return STATUS_TOO_LARGE;
    }
    EVP_PKEY_up_ref(key);
    memcpy(keys->at[keys->count].kid, kid, KEY_ID_SIZE);
    keys->at[keys->count++].key = key;
    return STATUS_OK;
}

static enum status refuse_key(struct why *why, const char *text) {
    return why_set(why, STATUS_INVALID, "jwks_invalid", "%s", text);
}

/* The member is this text, or missing where it may be. */
static bool is_text(const json_t *object, const char *name, const char *text, bool is_required) {
    const json_t *member = json_object_get(object, name);
    if (member == NULL) {
        return !is_required;
    }
    return json_is_string(member) && str_eq(str_from(json_string_value(member)), str_from(text));
}

static enum status read_coordinate(const json_t *object, const char *name,
                                   uint8_t out[KEY_COORDINATE_BYTES], struct why *why) {
    struct str text;
    size_t len = KEY_COORDINATE_BYTES;
    enum status status = json_get_str(object, name, &text, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (text_base64url_decode(text, out, &len) != STATUS_OK || len != KEY_COORDINATE_BYTES) {
        return refuse_key(why, "a coordinate is not 32 bytes of base64url");
    }
    return STATUS_OK;
}

/* Reads one member of "keys" and adds it. */
static enum status parse_key(const json_t *object, struct jws_keys *keys, struct why *why) {
    static const char *const names[] = {"kty", "crv", "kid", "x", "y", "use", "alg"};
    uint8_t xy[KEY_COORDINATES_BYTES];
    char expected[KEY_ID_SIZE];
    struct str kid;
    enum status status = json_object_check(object, names, sizeof(names) / sizeof(names[0]), why);
    if (status == STATUS_OK) {
        status = json_get_str(object, "kid", &kid, why);
    }
    if (status == STATUS_OK) {
        status = read_coordinate(object, "x", xy, why);
    }
    if (status == STATUS_OK) {
        status = read_coordinate(object, "y", xy + KEY_COORDINATE_BYTES, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!is_text(object, "kty", "EC", true) || !is_text(object, "crv", "P-256", true) ||
        !is_text(object, "use", "sig", false) || !is_text(object, "alg", "ES256", false)) {
        return refuse_key(why, "a key is not for ES256 signatures");
    }
    OSSL_AUTO(EVP_PKEY_free) EVP_PKEY *key = NULL;
    if (key_from_coordinates(xy, &key) != STATUS_OK) {
        return refuse_key(why, "a point is not on the curve P-256");
    }
    key_id(key, expected);
    if (!str_eq(kid, str_from(expected)) || find_key(keys, kid) != NULL) {
        return refuse_key(why, "a key id is not that of the key, or there twice");
    }
    if (jws_keys_add(keys, key) != STATUS_OK) {
        return refuse_key(why, "there are too many keys");
    }
    return STATUS_OK;
}

static enum status parse_keys(const json_t *tree, struct jws_keys *keys, struct why *why) {
    static const char *const names[] = {"keys"};
    json_t *list;
    enum status status = json_object_check(tree, names, 1, why);
    if (status == STATUS_OK) {
        status = json_get_array(tree, "keys", &list, why);
    }
    for (size_t i = 0; status == STATUS_OK && i < json_array_size(list); i++) {
        status = parse_key(json_array_get(list, i), keys, why);
    }
    return status;
}

enum status jws_keys_parse(struct str jwks, struct jws_keys *keys, struct why *why) {
    struct jws_keys read;
    json_t *tree;
    if (jwks.len > JWS_KEYS_TEXT_MAX) {
        return refuse_key(why, "the document is too large");
    }
    enum status status = json_parse(jwks, &tree, why);
    if (status != STATUS_OK) {
        return status;
    }
    jws_keys_init(&read);
    status = parse_keys(tree, &read, why);
    json_decref(tree);
    if (status != STATUS_OK) {
        jws_keys_fini(&read);
        return status;
    }
    jws_keys_fini(keys);
    *keys = read;
    return STATUS_OK;
}

static enum status write_key(const char *kid, const EVP_PKEY *key, bool is_first, struct buf *out) {
    uint8_t spki[KEY_SPKI_BYTES];
    char x[TEXT_BASE64_SIZE(KEY_COORDINATE_BYTES)];
    char y[TEXT_BASE64_SIZE(KEY_COORDINATE_BYTES)];
    enum status status = key_spki(key, spki);
    if (status != STATUS_OK) {
        return status;
    }
    text_base64url(spki + KEY_SPKI_X, KEY_COORDINATE_BYTES, x);
    text_base64url(spki + KEY_SPKI_Y, KEY_COORDINATE_BYTES, y);
    return buf_printf(out,
                      "%s{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256\","
                      "\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}",
                      is_first ? "" : ",", kid, x, y);
}

enum status jws_keys_write(const struct jws_keys *keys, struct buf *out) {
    struct buf text;
    buf_init(&text, JWS_KEYS_TEXT_MAX);
    enum status status = buf_append_str(&text, STR("{\"keys\":["));
    for (size_t i = 0; status == STATUS_OK && i < keys->count; i++) {
        status = write_key(keys->at[i].kid, keys->at[i].key, i == 0, &text);
    }
    if (status == STATUS_OK) {
        status = buf_append_str(&text, STR("]}"));
    }
    if (status == STATUS_OK) {
        status = buf_append_str(out, buf_str(&text));
    }
    buf_fini(&text);
    return status;
}

/* Text that needs no escaping in the header. */
static bool is_type(struct str typ) {
    for (size_t i = 0; i < typ.len; i++) {
        char c = str_lower_char(typ.at[i]);
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_plain && c != '+' && c != '-' && c != '.' && c != '/') {
            return false;
        }
    }
    return typ.len > 0 && typ.len <= JWS_TYPE_LENGTH_MAX;
}

enum status jws_sign(EVP_PKEY *key, struct str typ, struct str payload, struct buf *out) {
    char kid[KEY_ID_SIZE];
    char header[JWS_HEADER_BYTES_MAX];
    uint8_t signature[ES256_BYTES];
    uint8_t *room;
    if (key_spki(key, (uint8_t[KEY_SPKI_BYTES]){0}) != STATUS_OK || !is_type(typ)) {
        return STATUS_INVALID;
    }
    key_id(key, kid);
    int header_len =
        snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"typ\":\"%.*s\",\"kid\":\"%s\"}",
                 STR_ARG(typ), kid);
    if (payload.len > out->max) {
        return STATUS_TOO_LARGE; /* and the sum below does not overflow */
    }
    /* The terminators that the encoders write take the places of the dots. */
    enum status status =
        buf_reserve(out,
                    TEXT_BASE64_SIZE((size_t)header_len) + TEXT_BASE64_SIZE(payload.len) +
                        TEXT_BASE64_SIZE(ES256_BYTES),
                    &room);
    if (status != STATUS_OK) {
        return status;
    }
    char *text = (char *)room;
    size_t len = text_base64url(header, (size_t)header_len, text);
    text[len++] = '.';
    len += text_base64url(payload.at, payload.len, text + len);
    status = es256_sign(key, str_make(text, len), signature);
    if (status != STATUS_OK) {
        return status;
    }
    text[len++] = '.';
    len += text_base64url(signature, sizeof(signature), text + len);
    buf_commit(out, len);
    return STATUS_OK;
}

struct parts {
    struct str header;
    struct str payload;
    struct str signature;
    struct str signed_text; /* header, dot, payload */
};

static enum status split(struct str jws, struct parts *parts, struct why *why) {
    struct str rest;
    bool has_three = str_cut(jws, '.', &parts->header, &rest) &&
                     str_cut(rest, '.', &parts->payload, &parts->signature);
    /* Two dots at most; a third one is refused as it is no digit. */
    if (!has_three || parts->signature.len != SIGNATURE_LEN || str_is_empty(parts->header)) {
        return why_set(why, STATUS_INVALID, "jws_malformed",
                       "not a header, a payload and an ES256 signature");
    }
    parts->signed_text = str_make(jws.at, parts->header.len + 1 + parts->payload.len);
    return STATUS_OK;
}

/* Judges the three members and finds the key. */
static enum status judge_header(const json_t *tree, const struct jws_keys *keys, struct str typ,
                                EVP_PKEY **key, struct why *why) {
    static const char *const names[] = {"alg", "typ", "kid"};
    struct str kid;
    struct str found;
    if (json_object_check(tree, names, 3, NULL) != STATUS_OK ||
        !is_text(tree, "alg", "ES256", true) ||
        json_get_str(tree, "typ", &found, NULL) != STATUS_OK ||
        json_get_str(tree, "kid", &kid, NULL) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "jws_header",
                       "the header is not alg ES256, typ and kid alone");
    }
    if (!str_eq(found, typ)) {
        return why_set(why, STATUS_INVALID, "jws_type", "the typ is not %.*s", STR_ARG(typ));
    }
    *key = find_key(keys, kid);
    if (*key == NULL) {
        return why_set(why, STATUS_DENIED, "jws_unknown_key", "the key is not one that may sign");
    }
    return STATUS_OK;
}

static enum status read_header(const struct parts *parts, const struct jws_keys *keys,
                               struct str typ, EVP_PKEY **key, struct why *why) {
    uint8_t header[JWS_HEADER_BYTES_MAX];
    size_t len = sizeof(header);
    json_t *tree;
    enum status status = text_base64url_decode(parts->header, header, &len);
    if (status == STATUS_TOO_LARGE) {
        return why_set(why, status, "jws_too_large", "the header has more than %d bytes",
                       JWS_HEADER_BYTES_MAX);
    }
    if (status != STATUS_OK) {
        return why_set(why, status, "jws_malformed", "the header is not base64url");
    }
    if (json_parse(str_make(header, len), &tree, NULL) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "jws_header", "the header is not a JSON object");
    }
    status = judge_header(tree, keys, typ, key, why);
    json_decref(tree);
    return status;
}

enum status jws_verify(const struct jws_keys *keys, struct str typ, struct str jws,
                       struct buf *payload, struct why *why) {
    struct parts parts;
    EVP_PKEY *key;
    uint8_t signature[ES256_BYTES];
    size_t signature_len = sizeof(signature);
    uint8_t *room;
    enum status status = split(jws, &parts, why);
    if (status == STATUS_OK) {
        status = read_header(&parts, keys, typ, &key, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    size_t len = parts.payload.len / 4 * 3 + parts.payload.len % 4 * 3 / 4;
    status = buf_reserve(payload, len, &room);
    if (status != STATUS_OK) {
        return why_set(why, status, "jws_too_large", "the payload has more than %zu bytes",
                       payload->max);
    }
    /* Decoded into room that counts as unwritten until the signature holds. */
    if (text_base64url_decode(parts.payload, room, &len) != STATUS_OK ||
        text_base64url_decode(parts.signature, signature, &signature_len) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "jws_malformed",
                       "the payload or the signature is not base64url");
    }
    if (es256_verify(key, parts.signed_text, signature) != STATUS_OK) {
        return why_set(why, STATUS_DENIED, "jws_signature", "the signature does not hold");
    }
    buf_commit(payload, len);
    return STATUS_OK;
}
