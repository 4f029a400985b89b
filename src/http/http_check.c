#include "http/http_check.h"

#include <string.h>

enum {
    IN_TOKEN = 1,    /* tchar, RFC 9110 §5.6.2 */
    IN_LOWER = 2,    /* tchar but A-Z */
    IN_TARGET = 4,   /* VCHAR but '#' */
    IN_REG_NAME = 8, /* unreserved and sub-delims, RFC 3986 §3.2.2; '%' is looked at apart */
    IN_IPV6 = 16,    /* hexadecimal digits, ':' and '.' */
};

#define DIGIT (IN_TOKEN | IN_LOWER | IN_TARGET | IN_REG_NAME | IN_IPV6)
#define UPPER (IN_TOKEN | IN_TARGET | IN_REG_NAME)
#define LOWER (IN_TOKEN | IN_LOWER | IN_TARGET | IN_REG_NAME)
#define NAME (IN_TOKEN | IN_LOWER | IN_TARGET) /* tchars that a host may not have */

static const uint8_t classes[256] = {
    ['!'] = LOWER,
    ['"'] = IN_TARGET,
    ['$'] = LOWER,
    ['%'] = NAME,
    ['&'] = LOWER,
    ['\''] = LOWER,
    ['('] = IN_TARGET | IN_REG_NAME,
    [')'] = IN_TARGET | IN_REG_NAME,
    ['*'] = LOWER,
    ['+'] = LOWER,
    [','] = IN_TARGET | IN_REG_NAME,
    ['-'] = LOWER,
    ['.'] = LOWER | IN_IPV6,
    ['/'] = IN_TARGET,
    ['0' ... '9'] = DIGIT,
    [':'] = IN_TARGET | IN_IPV6,
    [';'] = IN_TARGET | IN_REG_NAME,
    ['<'] = IN_TARGET,
    ['='] = IN_TARGET | IN_REG_NAME,
    ['>'] = IN_TARGET,
    ['?'] = IN_TARGET,
    ['@'] = IN_TARGET,
    ['A' ... 'F'] = UPPER | IN_IPV6,
    ['G' ... 'Z'] = UPPER,
    ['['] = IN_TARGET,
    ['\\'] = IN_TARGET,
    [']'] = IN_TARGET,
    ['^'] = NAME,
    ['_'] = LOWER,
    ['`'] = NAME,
    ['a' ... 'f'] = LOWER | IN_IPV6,
    ['g' ... 'z'] = LOWER,
    ['{'] = IN_TARGET,
    ['|'] = NAME,
    ['}'] = IN_TARGET,
    ['~'] = LOWER,
    ['#'] = IN_TOKEN | IN_LOWER,
};

/* Every name and value is looked at here where it comes in and again where it goes out. Sixteen bytes at once, in whatever
 * registers the processor has: byte by byte it was a seventh of what the warpgate does in user space. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

static bool is_any(bytes16 bytes) {
    words2 words = (words2)bytes;
    return (words[0] | words[1]) != 0;
}

static uint64_t load64(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t load32(const char *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* All of the last 1 to 16 bytes before `end`, some of them twice. */
static inline bytes16 gather(const char *end, size_t len) {
    if (len >= 8) {
        return (bytes16)(words2){load64(end - len), load64(end - 8)};
    }
    if (len >= 4) {
        uint64_t word = load32(end - len) | load32(end - 4) << 32;
        return (bytes16)(words2){word, word};
    }
    uint64_t word = 0x0101010101010101u * (uint8_t)end[-1];
    word = word << 16 | (uint64_t)(uint8_t)end[-(ptrdiff_t)len] << 8 |
           (uint8_t)end[-(ptrdiff_t)(len / 2) - 1];
    return (bytes16)(words2){word, word};
}

/* True if `is_bad` of any sixteen bytes. */
static inline __attribute__((always_inline)) bool has_any(struct str s,
                                                          bytes16 (*is_bad)(bytes16 bytes)) {
    bytes16 bad = {0};
    size_t i = 0;
    for (; s.len - i > sizeof(bytes16); i += sizeof(bytes16)) {
        bytes16 bytes;
        memcpy(&bytes, s.at + i, sizeof bytes);
        bad |= is_bad(bytes);
    }
    return is_any(bad | is_bad(gather(s.at + s.len, i > 0 ? sizeof(bytes16) : s.len)));
}

static inline bytes16 is_control(bytes16 bytes) {
    return (bytes16)((bytes < 0x20) | (bytes == 0x7f));
}

/* What names rarely have: another byte than a-z, 0-9 and "-". */
static inline bytes16 is_unusual(bytes16 bytes) {
    return (bytes16) ~((bytes16)(bytes - 'a' < 26) | (bytes16)(bytes - '0' < 10) |
                       (bytes16)(bytes == '-'));
}

static bool is_made_of(struct str s, uint8_t class) {
    uint8_t all = class;
    for (size_t i = 0; i < s.len; i++) {
        all &= classes[(uint8_t)s.at[i]];
    }
    return (all & class) != 0;
}

bool http_check_token(struct str s) {
    return s.len > 0 && is_made_of(s, IN_TOKEN);
}

bool http_check_lower_token(struct str s) {
    return s.len > 0 && (!has_any(s, is_unusual) || is_made_of(s, IN_LOWER));
}

static bool is_value_byte(uint8_t c) {
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static bool has_white_end(struct str s) {
    char first = s.at[0];
    char last = s.at[s.len - 1];
    return first == ' ' || first == '\t' || last == ' ' || last == '\t';
}

bool http_check_value(struct str s) {
    if (s.len == 0) {
        return true;
    }
    if (has_white_end(s)) {
        return false;
    }
    if (!has_any(s, is_control)) {
        return true;
    }
    for (size_t i = 0; i < s.len; i++) { /* perhaps they are only tabs */
        if (!is_value_byte((uint8_t)s.at[i])) {
            return false;
        }
    }
    return true;
}

bool http_check_target(struct str s) {
    if (str_eq(s, STR("*"))) {
        return true;
    }
    return s.len > 0 && s.at[0] == '/' && is_made_of(s, IN_TARGET);
}

static bool is_port(struct str s) {
    uint64_t port;
    return s.len <= 5 && str_to_u64(s, 65535, &port) == STATUS_OK;
}

static bool is_hex_digit(char c) {
    char lower = str_lower_char(c);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
}

static bool is_reg_name(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((classes[(uint8_t)s.at[i]] & IN_REG_NAME) != 0) {
            continue;
        }
        if (s.at[i] != '%' || s.len - i < 3 || !is_hex_digit(s.at[i + 1]) ||
            !is_hex_digit(s.at[i + 2])) {
            return false;
        }
        i += 2;
    }
    return s.len > 0;
}

bool http_check_authority(struct str s) {
    struct str host;
    struct str port;
    if (s.len == 0 || s.len > HTTP_AUTHORITY_BYTES_MAX) {
        return false;
    }
    if (s.at[0] != '[') {
        return str_cut(s, ':', &host, &port) ? is_reg_name(host) && is_port(port)
                                             : is_reg_name(host);
    }
    size_t end = str_find(s, ']');
    if (end == s.len) {
        return false;
    }
    host = str_sub(s, 1, end - 1);
    port = str_sub(s, end + 1, s.len);
    if (host.len < 2 || !is_made_of(host, IN_IPV6) || str_find(host, ':') == host.len) {
        return false;
    }
    return port.len == 0 || (port.at[0] == ':' && is_port(str_sub(port, 1, port.len)));
}

enum status http_check_length(struct str s, uint64_t *length) {
    return str_to_u64(s, INT64_MAX, length) == STATUS_OK ? STATUS_OK : STATUS_INVALID;
}

bool http_check_is_hop_by_hop(struct str name) {
    switch (name.len) {
    case 2:
        return str_eq(name, STR("te"));
    case 7:
        return str_eq(name, STR("upgrade"));
    case 10:
        return str_eq(name, STR("connection")) || str_eq(name, STR("keep-alive"));
    case 14:
        return str_eq(name, STR("http2-settings"));
    case 16:
        return str_eq(name, STR("proxy-connection"));
    case 17:
        return str_eq(name, STR("transfer-encoding"));
    default:
        return false;
    }
}

bool http_check_is_handshake(struct str name) {
    return (name.len == 17 && str_eq(name, STR("sec-websocket-key"))) ||
           (name.len == 20 && str_eq(name, STR("sec-websocket-accept")));
}

/* What changes how a message is framed, routed, authorised or read must be known before its body. */
static const struct str not_in_trailers[] = {
    STR_INIT("age"),
    STR_INIT("authorization"),
    STR_INIT("cache-control"),
    STR_INIT("content-encoding"),
    STR_INIT("content-length"),
    STR_INIT("content-range"),
    STR_INIT("content-type"),
    STR_INIT("cookie"),
    STR_INIT("date"),
    STR_INIT("expect"),
    STR_INIT("expires"),
    STR_INIT("forwarded"),
    STR_INIT("host"),
    STR_INIT("if-match"),
    STR_INIT("if-modified-since"),
    STR_INIT("if-none-match"),
    STR_INIT("if-range"),
    STR_INIT("if-unmodified-since"),
    STR_INIT("location"),
    STR_INIT("max-forwards"),
    STR_INIT("origin"),
    STR_INIT("pragma"),
    STR_INIT("proxy-authenticate"),
    STR_INIT("proxy-authorization"),
    STR_INIT("range"),
    STR_INIT("retry-after"),
    STR_INIT("set-cookie"),
    STR_INIT("trailer"),
    STR_INIT("vary"),
    STR_INIT("www-authenticate"),
};

bool http_check_may_be_trailer(struct str name) {
    if (http_check_is_hop_by_hop(name)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(not_in_trailers) / sizeof(not_in_trailers[0]); i++) {
        if (str_eq(name, not_in_trailers[i])) {
            return false;
        }
    }
    return true;
}

static enum status check_content_length(struct http_head *head, struct str value, struct why *why) {
    if (head->has_content_length) {
        return why_set(why, STATUS_INVALID, "content_length", "Content-Length is repeated");
    }
    if (http_check_length(value, &head->content_length) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "content_length", "Content-Length is not a length");
    }
    head->has_content_length = true;
    return STATUS_OK;
}

static enum status check_fields(struct http_head *head, struct why *why) {
    enum status status = STATUS_OK;
    head->has_content_length = false;
    for (size_t i = 0; i < head->fields.count && status == STATUS_OK; i++) {
        const struct http_field *field = &head->fields.at[i];
        if (!http_check_lower_token(field->name)) {
            return why_set(why, STATUS_INVALID, "field_name", "a field name is malformed");
        }
        if (!http_check_value(field->value)) {
            return why_set(why, STATUS_INVALID, "field_value", "a field value is malformed");
        }
        if (http_check_is_hop_by_hop(field->name)) {
            return why_set(why, STATUS_INVALID, "connection_field",
                           "a connection-level field is not allowed in HTTP/2");
        }
        if (field->name.len == 14 && str_eq(field->name, STR("content-length"))) {
            status = check_content_length(head, field->value, why);
        }
    }
    return status;
}

/* Host may stand in for :authority, or say the same (RFC 9113 §8.3.1); it never stays among the fields. */
static enum status check_host(struct http_head *head, struct why *why) {
    const struct http_field *host = http_fields_get(&head->fields, STR("host"));
    if (host == NULL) {
        return STATUS_OK;
    }
    struct str value = host->value;
    size_t count = head->fields.count;
    http_fields_remove(&head->fields, STR("host"));
    if (count - head->fields.count > 1) {
        return why_set(why, STATUS_INVALID, "host", "Host is repeated");
    }
    if (head->authority.len > 0 && !str_eq_nocase(head->authority, value)) {
        return why_set(why, STATUS_INVALID, "host", "Host and :authority differ");
    }
    if (head->authority.len == 0) {
        head->authority = value;
    }
    return STATUS_OK;
}

enum status http_check_request(struct http_head *head, struct why *why) {
    enum status status = check_fields(head, why);
    if (status != STATUS_OK || (status = check_host(head, why)) != STATUS_OK) {
        return status;
    }
    if (!http_check_token(head->method) || head->method.len > HTTP_METHOD_BYTES_MAX) {
        return why_set(why, STATUS_INVALID, "method", "the method is malformed");
    }
    if (!str_eq(head->scheme, STR("https")) && !str_eq(head->scheme, STR("http"))) {
        return why_set(why, STATUS_INVALID, "scheme", "the scheme is neither http nor https");
    }
    if (!http_check_authority(head->authority)) {
        return why_set(why, STATUS_INVALID, "host", "the authority is missing or malformed");
    }
    if (!http_check_target(head->path) || head->path.len > HTTP_TARGET_BYTES_MAX) {
        return why_set(why, STATUS_INVALID, "target", "the path is malformed");
    }
    if (str_eq(head->path, STR("*")) && !str_eq(head->method, STR("OPTIONS"))) {
        return why_set(why, STATUS_INVALID, "target", "only OPTIONS may ask for *");
    }
    return STATUS_OK;
}

enum status http_check_response(struct http_head *head, struct why *why) {
    if (head->status < 100 || head->status > 599 || head->status == 101) {
        return why_set(why, STATUS_INVALID, "status", "the status is not allowed in HTTP/2");
    }
    return check_fields(head, why);
}
