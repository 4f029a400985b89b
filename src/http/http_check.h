/* http_check.h: the grammar of names and values (RFC 9110 §5, §7; RFC 9113 §8), one place for every engine.
 *
 * What these refuse is refused, never repaired. Pure functions over borrowed text, table-driven, linear time.
 */
#ifndef HTTP_HTTP_CHECK_H
#define HTTP_HTTP_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "http/http_message.h"

/* token (RFC 9110 §5.6.2), not empty. */
bool http_check_token(struct str s);
/* token without upper-case letters (RFC 9113 §8.2.1). */
bool http_check_lower_token(struct str s);
/* field-value: HTAB, SP, 0x21-0x7e, 0x80-0xff; no leading or trailing white space. */
bool http_check_value(struct str s);
/* "*" or a path that begins with one "/": 0x21-0x7e only, no '#', '"', '<', '>', '\\', '^', '`', '{', '|', '}' is NOT
 * judged here: only bytes that no version may carry. Routing's stricter rule is policy/canonical_path.h. */
bool http_check_target(struct str s);
/* host [":" port] (RFC 3986 §3.2): reg-name, IPv4 or [IPv6]; no userinfo, no spaces; not empty. */
bool http_check_authority(struct str s);
/* Content-Length (RFC 9110 §8.6): digits only, at most 2^63 - 1. STATUS_INVALID. */
enum status http_check_length(struct str s, uint64_t *length) MUST_USE;
/* True for connection-level fields: connection, keep-alive, proxy-connection, transfer-encoding, upgrade,
 * http2-settings, te (lower case). */
bool http_check_is_hop_by_hop(struct str name);
/* True for sec-websocket-key and sec-websocket-accept (lower case): the engines' own (websocket_handshake.h). */
bool http_check_is_handshake(struct str name);

/* Fields that must not be in trailers: framing, routing, authentication, content description (RFC 9110 §6.5.1). */
bool http_check_may_be_trailer(struct str name);

/* A whole head as it came from HTTP/2, pseudo-fields already taken out: lower-case names, values, no connection-level
 * field (TE: trailers alone is dropped by the engine before), Content-Length at most once. Fills has_content_length.
 * A Host field must agree with the authority, or stands in for an empty one; it is taken off the fields either way.
 * STATUS_INVALID with why. */
enum status http_check_request(struct http_head *head, struct why *why) MUST_USE;
enum status http_check_response(struct http_head *head, struct why *why) MUST_USE;

#endif
