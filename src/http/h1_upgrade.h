/* h1_upgrade.h: what an HTTP/1 head says about switching protocols (RFC 9110 §7.8, RFC 6455 §4.2.1, §4.2.2).
 *
 * Only a WebSocket can be switched to: by a GET of HTTP/1.1 with Connection: upgrade and Upgrade: websocket, alone. Whatever
 * else asks for an upgrade, or leaves a choice, is an ordinary request. Fed by h1_parse.h, field by field.
 */
#ifndef HTTP_H1_UPGRADE_H
#define HTTP_H1_UPGRADE_H

#include "http/http_message.h"

struct h1_upgrade {
    bool is_nominated;  /* Connection: upgrade */
    bool has_websocket; /* one of Upgrade's protocols */
    bool has_other;     /* another of them */
    unsigned key_count;
    unsigned accept_count;
    unsigned version_count;
    struct str key;
    struct str accept;
    struct str version;
};

/* Upgrade, Sec-WebSocket-Key, -Accept and -Version (lower-case names); others are not looked at. */
void h1_upgrade_take(struct h1_upgrade *upgrade, struct str name, struct str value);
/* Sets head->protocol if the request asks for a WebSocket. Returns 0, or the status to refuse it with, and why: 400 with a
 * body or a bad key, 426 with another version. */
unsigned h1_upgrade_judge_request(const struct h1_upgrade *upgrade, struct http_head *head,
                                  bool has_body, struct why *why);
/* True if a 101 switches to the WebSocket that was asked for, whose Sec-WebSocket-Accept must be `accept`. */
bool h1_upgrade_is_switch(const struct h1_upgrade *upgrade, struct str accept);

#endif
