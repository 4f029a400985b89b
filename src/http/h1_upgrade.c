#include "http/h1_upgrade.h"

#include "http/websocket_handshake.h"

static void take_protocols(struct h1_upgrade *upgrade, struct str value) {
    struct str protocol;
    while (value.len > 0) {
        (void)str_cut(value, ',', &protocol, &value);
        protocol = str_trim(protocol);
        bool is_websocket = str_eq_nocase(protocol, STR("websocket"));
        upgrade->has_websocket = upgrade->has_websocket || is_websocket;
        upgrade->has_other = upgrade->has_other || (!is_websocket && protocol.len > 0);
    }
}

void h1_upgrade_take(struct h1_upgrade *upgrade, struct str name, struct str value) {
    if (str_eq(name, STR("upgrade"))) {
        take_protocols(upgrade, value);
    } else if (str_eq(name, STR("sec-websocket-key"))) {
        upgrade->key = value;
        upgrade->key_count++;
    } else if (str_eq(name, STR("sec-websocket-accept"))) {
        upgrade->accept = value;
        upgrade->accept_count++;
    } else if (str_eq(name, STR("sec-websocket-version"))) {
        upgrade->version = value;
        upgrade->version_count++;
    }
}

static unsigned refuse(struct why *why, unsigned answer, const char *slug, const char *text) {
    (void)!why_set(why, STATUS_INVALID, slug, "%s", text);
    return answer;
}

unsigned h1_upgrade_judge_request(const struct h1_upgrade *upgrade, struct http_head *head,
                                  bool has_body, struct why *why) {
    if (!upgrade->is_nominated || !upgrade->has_websocket || upgrade->has_other ||
        head->version != HTTP_VERSION_11 || !str_eq(head->method, STR("GET"))) {
        return 0;
    }
    if (has_body) {
        return refuse(why, 400, "upgrade_body", "a request for an upgrade has a body");
    }
    if (upgrade->version_count != 1 || !str_eq(upgrade->version, STR("13"))) {
        return refuse(why, 426, "websocket_version", "the WebSocket version is not 13");
    }
    if (upgrade->key_count != 1 || !websocket_handshake_is_key(upgrade->key)) {
        return refuse(why, 400, "websocket_key", "the WebSocket key is malformed");
    }
    head->protocol = STR("websocket");
    return 0;
}

bool h1_upgrade_is_switch(const struct h1_upgrade *upgrade, struct str accept) {
    return accept.len > 0 && upgrade->is_nominated && upgrade->has_websocket &&
           !upgrade->has_other && upgrade->accept_count == 1 && str_eq(upgrade->accept, accept);
}
