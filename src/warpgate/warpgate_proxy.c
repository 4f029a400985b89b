#include "warpgate/warpgate_proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"

#define HTTP_PORT 80
#define USERINFO_MAX 512
#define REASON_MAX 60

/* The URL */

static bool decode_hex_digit(char c, unsigned *value) {
    uint8_t byte;
    const char text[2] = {'0', c};
    if (text_hex_decode(str_make(text, 2), &byte, 1) != STATUS_OK) {
        return false;
    }
    *value = byte;
    return true;
}

/* "user:p%40ss" to "user:p@ss". Zero: malformed. */
static size_t decode_userinfo(struct str text, char out[USERINFO_MAX]) {
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned high;
        unsigned low;
        if (len == USERINFO_MAX) {
            return 0;
        }
        if (text.at[i] != '%') {
            out[len++] = text.at[i];
            continue;
        }
        if (text.len - i < 3 || !decode_hex_digit(text.at[i + 1], &high) ||
            !decode_hex_digit(text.at[i + 2], &low)) {
            return 0;
        }
        out[len++] = (char)(high << 4 | low);
        i += 2;
    }
    return len;
}

static enum status read_userinfo(struct str text, struct warpgate_proxy *proxy) {
    char plain[USERINFO_MAX];
    size_t len = decode_userinfo(text, plain);
    bool is_good = len > 0 && len < text.len + 1;
    for (size_t i = 0; i < len; i++) {
        is_good = is_good && (unsigned char)plain[i] >= ' ' && plain[i] != 0x7f;
    }
    if (is_good) {
        (void)text_base64(plain, len, proxy->authorization);
    }
    secret_wipe(plain, sizeof(plain));
    return is_good ? STATUS_OK : STATUS_INVALID;
}

_Static_assert(TEXT_BASE64_SIZE(USERINFO_MAX) <= WARPGATE_PROXY_AUTHORIZATION_SIZE,
               "every user and password has room");

/* The last '@' ends user and password: they may hold one themselves. */
static bool cut_userinfo(struct str text, struct str *userinfo, struct str *rest) {
    for (size_t at = text.len; at > 0; at--) {
        if (text.at[at - 1] == '@') {
            *userinfo = str_sub(text, 0, at - 1);
            *rest = str_sub(text, at, text.len);
            return true;
        }
    }
    *rest = text;
    return false;
}

enum status warpgate_proxy_parse(struct str url, struct warpgate_proxy *proxy, struct why *why) {
    struct str userinfo = STR_EMPTY;
    struct str authority;
    *proxy = (struct warpgate_proxy){.port = 0};
    enum status status = STATUS_INVALID;
    if (str_starts_with(url, STR("http://"))) {
        struct str rest = str_sub(url, 7, url.len);
        if (str_ends_with(rest, STR("/"))) {
            rest.len--;
        }
        bool has_userinfo = cut_userinfo(rest, &userinfo, &authority);
        status = address_split(authority, HTTP_PORT, proxy->host, &proxy->port, NULL);
        if (status == STATUS_OK && has_userinfo) {
            status = read_userinfo(userinfo, proxy);
        }
    }
    if (status != STATUS_OK || proxy->port == 0) {
        warpgate_proxy_fini(proxy);
        return why_set(why, STATUS_INVALID, "proxy_url",
                       "the proxy's URL is http://host:port or http://user:password@host:port");
    }
    return STATUS_OK;
}

static const char *find_variable(const char *upper, const char *lower) {
    const char *value = getenv(upper);
    value = value != NULL && value[0] != '\0' ? value : getenv(lower);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

enum status warpgate_proxy_from_environment(struct warpgate_proxy *proxy, struct why *why) {
    const char *url = find_variable("HTTPS_PROXY", "https_proxy");
    const char *bypass = find_variable("NO_PROXY", "no_proxy");
    struct why url_why;
    *proxy = (struct warpgate_proxy){.port = 0};
    if (url == NULL) {
        return STATUS_OK;
    }
    if (warpgate_proxy_parse(str_from(url), proxy, &url_why) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "proxy_url", "HTTPS_PROXY: %s", url_why.text);
    }
    proxy->is_ambient = true;
    if (bypass != NULL &&
        str_to_cstr(str_from(bypass), proxy->bypass, sizeof(proxy->bypass)) != STATUS_OK) {
        warpgate_proxy_fini(proxy);
        return why_set(why, STATUS_INVALID, "proxy_bypass", "NO_PROXY is longer than %d bytes",
                       WARPGATE_PROXY_BYPASS_SIZE - 1);
    }
    return STATUS_OK;
}

void warpgate_proxy_fini(struct warpgate_proxy *proxy) {
    secret_wipe(proxy, sizeof(*proxy));
}

/* Whom it serves */

static bool is_loopback(struct str host) {
    return str_eq_nocase(host, STR("localhost")) || str_ends_with(host, STR(".localhost")) ||
           str_starts_with(host, STR("127.")) || str_eq(host, STR("::1"));
}

/* "example.net" and ".example.net" name the host and everything below it. */
static bool is_excepted(struct str host, struct str name) {
    if (str_starts_with(name, STR("."))) {
        name = str_sub(name, 1, name.len);
    }
    if (str_is_empty(name) || name.len > host.len) {
        return false;
    }
    struct str tail = str_sub(host, host.len - name.len, name.len);
    return str_eq_nocase(tail, name) &&
           (host.len == name.len || host.at[host.len - name.len - 1] == '.');
}

bool warpgate_proxy_serves(const struct warpgate_proxy *proxy, const char *host) {
    if (proxy == NULL || proxy->host[0] == '\0') {
        return false;
    }
    if (!proxy->is_ambient) {
        return true;
    }
    struct str name = str_from(host);
    struct str left = str_from(proxy->bypass);
    if (is_loopback(name)) {
        return false;
    }
    while (!str_is_empty(left)) {
        struct str entry;
        (void)str_cut(left, ',', &entry, &left);
        entry = str_trim(entry);
        if (str_eq(entry, STR("*")) || is_excepted(name, entry)) {
            return false;
        }
    }
    return true;
}

/* What it answers */

static enum status fail_malformed(struct why *why) {
    return why_set(why, STATUS_INVALID, "proxy_malformed",
                   "what answers there is no HTTP proxy: CONNECT got no HTTP/1 response");
}

static size_t find_head_end(struct str answer) {
    for (size_t at = 0; at + 4 <= answer.len; at++) {
        if (str_eq(str_sub(answer, at, 4), STR("\r\n\r\n"))) {
            return at + 4;
        }
    }
    return 0;
}

/* Printable ASCII alone: it goes into a log. */
static void copy_reason(struct str reason, char out[REASON_MAX + 1]) {
    size_t len = reason.len < REASON_MAX ? reason.len : REASON_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = reason.at[i];
        out[i] = c >= ' ' && c < 0x7f && c != '"' ? c : '?';
    }
    out[len] = '\0';
}

static enum status judge_status(struct str line, struct why *why) {
    char reason[REASON_MAX + 1];
    uint64_t code;
    if (line.len < 12 || !str_starts_with(line, STR("HTTP/1.")) || line.at[8] != ' ' ||
        str_to_u64(str_sub(line, 9, 3), 999, &code) != STATUS_OK || code < 100 ||
        (line.len > 12 && line.at[12] != ' ')) {
        return fail_malformed(why);
    }
    if (code / 100 == 2 || code / 100 == 1) {
        return code / 100 == 2 ? STATUS_OK : STATUS_AGAIN;
    }
    copy_reason(str_sub(line, 13, line.len), reason);
    if (code == 407) {
        return why_set(why, STATUS_DENIED, "proxy_auth", "the proxy answered CONNECT with 407 %s",
                       reason);
    }
    return why_set(why, STATUS_DENIED, "proxy_refused", "the proxy answered CONNECT with %u %s",
                   (unsigned)code, reason);
}

/* Interim responses (1xx) may come before the answer. */
enum status warpgate_proxy_judge(struct str answer, size_t *head_len, struct why *why) {
    struct str left = answer;
    *head_len = 0;
    for (;;) {
        if (left.len >= 5 && !str_starts_with(left, STR("HTTP/"))) {
            return fail_malformed(why);
        }
        size_t len = find_head_end(left);
        if (len == 0) {
            return answer.len >= WARPGATE_PROXY_ANSWER_MAX ? fail_malformed(why) : STATUS_AGAIN;
        }
        *head_len += len;
        enum status status = judge_status(str_sub(left, 0, str_find(left, '\r')), why);
        if (status != STATUS_AGAIN) {
            return status;
        }
        left = str_sub(left, len, left.len);
    }
}
