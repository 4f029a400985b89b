/* websocket_handshake.h: what of the WebSocket handshake (RFC 6455 §4) belongs to the engines and to nobody else: the key, the
 * answer to it, and whether a workload answered only what it was asked.
 *
 * The key proves that the answer comes from a WebSocket server and is not a cached page; it protects nothing else.
 * Pure functions over borrowed text.
 */
#ifndef HTTP_WEBSOCKET_HANDSHAKE_H
#define HTTP_WEBSOCKET_HANDSHAKE_H

#include <stdbool.h>

#include "base/random.h"
#include "base/str.h"
#include "http/http_message.h"

#define WEBSOCKET_KEY_SIZE 25    /* 16 bytes in base64, terminated */
#define WEBSOCKET_ACCEPT_SIZE 29 /* 20 bytes in base64, terminated */

/* Sec-WebSocket-Key: base64 of 16 bytes. */
bool websocket_handshake_is_key(struct str key);
void websocket_handshake_make_key(const struct random *random, char out[WEBSOCKET_KEY_SIZE]);
/* Sec-WebSocket-Accept for this key (at most 64 bytes of it). */
void websocket_handshake_accept(struct str key, char out[WEBSOCKET_ACCEPT_SIZE]);
/* True if `answer` names no subprotocol and no extension that `asked` did not offer, and of subprotocols one at most. */
bool websocket_handshake_is_asked(const struct http_fields *asked,
                                  const struct http_fields *answer);

#endif
