#include "policy/canonical_host.h"

#include <arpa/inet.h>

#define HOST_BYTES_MAX 253
#define LABEL_BYTES_MAX 63

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_label_char(char lower) {
    return (lower >= 'a' && lower <= 'z') || is_digit(lower) || lower == '-' || lower == '_';
}

/* ":443" or nothing. */
static enum status check_port(struct str rest, struct why *why) {
    if (rest.len == 0) {
        return STATUS_OK;
    }
    uint64_t port = 0;
    struct str digits = str_sub(rest, 1, rest.len);
    if (rest.at[0] != ':' || digits.len < 1 || digits.len > 5 ||
        str_to_u64(digits, 65535, &port) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "host_port", "the port is not a number up to 65535");
    }
    return STATUS_OK;
}

/* "[…]", copied with its brackets. */
static enum status read_ipv6(struct str authority, char out[CANONICAL_HOST_SIZE], struct why *why) {
    size_t close = str_find(authority, ']');
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr address;
    if (close == authority.len ||
        str_to_cstr(str_sub(authority, 1, close - 1), text, sizeof text) != STATUS_OK ||
        inet_pton(AF_INET6, text, &address) != 1) {
        return why_set(why, STATUS_INVALID, "host_address", "the host is not an IPv6 address");
    }
    str_lower(str_sub(authority, 0, close + 1), out);
    out[close + 1] = '\0';
    return check_port(str_sub(authority, close + 1, authority.len), why);
}

/* Other software reads names that end in a number as addresses, in a dozen spellings; only the plain one passes. */
static bool ends_in_number(struct str host) {
    size_t start = host.len;
    while (start > 0 && host.at[start - 1] != '.') {
        start--;
    }
    struct str last = str_sub(host, start, host.len);
    if (last.len >= 2 && last.at[0] == '0' && last.at[1] == 'x') {
        last = str_sub(last, 2, last.len);
        for (size_t i = 0; i < last.len; i++) {
            if (!is_digit(last.at[i]) && (last.at[i] < 'a' || last.at[i] > 'f')) {
                return false;
            }
        }
        return true;
    }
    for (size_t i = 0; i < last.len; i++) {
        if (!is_digit(last.at[i])) {
            return false;
        }
    }
    return true;
}

/* Copies lower-case labels up to a ":" or the end; *end is where it stopped. */
static enum status read_labels(struct str authority, char out[CANONICAL_HOST_SIZE], size_t *len,
                               size_t *end, struct why *why) {
    size_t label = 0;
    size_t at = 0;
    for (; at < authority.len && authority.at[at] != ':'; at++) {
        if (at > HOST_BYTES_MAX) {
            return why_set(why, STATUS_INVALID, "host_too_long", "the host is over 253 bytes");
        }
        char c = str_lower_char(authority.at[at]);
        out[at] = c;
        if (c == '.') {
            if (label == 0) {
                return why_set(why, STATUS_INVALID, "host_label", "the host has an empty label");
            }
            label = 0;
        } else if (!is_label_char(c) || ++label > LABEL_BYTES_MAX) {
            return why_set(why, STATUS_INVALID, "host_label",
                           "the host has a label over 63 bytes or with a forbidden byte");
        }
    }
    *end = at;
    *len = at > 0 && out[at - 1] == '.' ? at - 1 : at;
    if (*len == 0) {
        return why_set(why, STATUS_INVALID, "host_empty", "the host is empty");
    }
    if (*len > HOST_BYTES_MAX) {
        return why_set(why, STATUS_INVALID, "host_too_long", "the host is over 253 bytes");
    }
    out[*len] = '\0';
    return STATUS_OK;
}

enum status canonical_host(struct str authority, char out[CANONICAL_HOST_SIZE], struct why *why) {
    if (authority.len > 0 && authority.at[0] == '[') {
        return read_ipv6(authority, out, why);
    }
    size_t len = 0;
    size_t end = 0;
    enum status status = read_labels(authority, out, &len, &end, why);
    if (status != STATUS_OK) {
        return status;
    }
    struct in_addr address;
    if (ends_in_number(str_make(out, len)) && inet_pton(AF_INET, out, &address) != 1) {
        return why_set(why, STATUS_INVALID, "host_address",
                       "the host ends in a number and is not an IPv4 address");
    }
    return check_port(str_sub(authority, end, authority.len), why);
}

enum status canonical_host_check_name(struct str name, struct why *why) {
    char host[CANONICAL_HOST_SIZE];
    enum status status = canonical_host(name, host, why);
    if (status != STATUS_OK) {
        return status;
    }
    struct str canonical = str_from(host);
    if (!str_eq(canonical, name)) {
        return why_set(why, STATUS_INVALID, "host_not_canonical",
                       "the name must be in lower case, without a port and without a final dot");
    }
    if (host[0] == '[' || ends_in_number(canonical)) {
        return why_set(why, STATUS_INVALID, "host_is_address", "an address is not a name");
    }
    return STATUS_OK;
}
