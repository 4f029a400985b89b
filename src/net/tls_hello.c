#include "net/tls_hello.h"

#include <openssl/tls1.h>

/* A 16-bit length that covers exactly the rest. */
static bool has_exact_length(const uint8_t *bytes, size_t len) {
    return len >= 2 && ((size_t)bytes[0] << 8 | bytes[1]) == len - 2;
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

enum status tls_hello_parse_name(const uint8_t *bytes, size_t len, struct tls_hello *hello) {
    hello->name_len = 0;
    hello->name_text[0] = '\0';
    /* list length, type 0, name length, name: exactly one name leaves no other reading */
    if (!has_exact_length(bytes, len) || len < 6 || bytes[2] != TLSEXT_NAMETYPE_host_name ||
        !has_exact_length(bytes + 3, len - 3) || len - 5 > TLS_HELLO_NAME_MAX) {
        return STATUS_INVALID;
    }
    struct str name = str_make(bytes + 5, len - 5);
    str_lower(name, hello->name_text);
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_char(hello->name_text[i])) {
            return STATUS_INVALID;
        }
    }
    if (hello->name_text[name.len - 1] == '.') {
        return STATUS_INVALID;
    }
    hello->name_text[name.len] = '\0';
    hello->name_len = name.len;
    return STATUS_OK;
}

enum status tls_hello_parse_protocols(const uint8_t *bytes, size_t len, struct tls_hello *hello) {
    hello->protocols = NULL;
    hello->protocols_len = 0;
    if (!has_exact_length(bytes, len) || len < 4) {
        return STATUS_INVALID;
    }
    for (size_t at = 2; at < len; at += (size_t)1 + bytes[at]) {
        if (bytes[at] == 0 || bytes[at] > len - at - 1) {
            return STATUS_INVALID;
        }
    }
    hello->protocols = bytes + 2;
    hello->protocols_len = len - 2;
    return STATUS_OK;
}

enum status tls_hello_read(SSL *ssl, struct tls_hello *hello) {
    const uint8_t *bytes;
    size_t len;
    *hello = (struct tls_hello){0};
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &len) == 1 &&
        tls_hello_parse_name(bytes, len, hello) != STATUS_OK) {
        return STATUS_INVALID;
    }
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &bytes,
                                  &len) == 1 &&
        tls_hello_parse_protocols(bytes, len, hello) != STATUS_OK) {
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

struct str tls_hello_name(const struct tls_hello *hello) {
    return str_make(hello->name_text, hello->name_len);
}

bool tls_hello_offers(const struct tls_hello *hello, struct str protocol) {
    for (size_t at = 0; at < hello->protocols_len; at += (size_t)1 + hello->protocols[at]) {
        if (str_eq(str_make(hello->protocols + at + 1, hello->protocols[at]), protocol)) {
            return true;
        }
    }
    return false;
}
