/* tls_hello.h: what a ClientHello asks for: the server name and the protocols offered (ALPN).
 *
 * Read from OpenSSL's parse inside its callback, never peeked at on the wire, so that no fragmentation can hide a name.
 * Strict (RFC 6066 §3, RFC 7301 §3.1): exactly one name of type host_name, of letters, digits, '-', '_' and '.', without a
 * final dot; a protocol list without empty entries. Lives only inside the callback.
 */
#ifndef NET_TLS_HELLO_H
#define NET_TLS_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/status.h"
#include "base/str.h"

#define TLS_HELLO_NAME_MAX 253

struct tls_hello {
    char name_text[TLS_HELLO_NAME_MAX + 1]; /* lower case, terminated */
    size_t name_len;                        /* 0: none was sent */
    const uint8_t *protocols;               /* entries of one length byte and the name; borrowed */
    size_t protocols_len;
};

/* In the client hello callback. STATUS_INVALID: malformed; the alert is decode_error. */
enum status tls_hello_read(SSL *ssl, struct tls_hello *hello) MUST_USE;
struct str tls_hello_name(const struct tls_hello *hello);
bool tls_hello_offers(const struct tls_hello *hello, struct str protocol);

/* The bodies of the two extensions, as the wire has them. STATUS_INVALID. */
enum status tls_hello_parse_name(const uint8_t *bytes, size_t len,
                                 struct tls_hello *hello) MUST_USE;
enum status tls_hello_parse_protocols(const uint8_t *bytes, size_t len,
                                      struct tls_hello *hello) MUST_USE;

#endif
