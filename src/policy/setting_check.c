#include "policy/setting_check.h"

#include <string.h>

#include "policy/canonical_host.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Each byte one of a-z, 0-9 or `others`. */
static bool is_made_of(struct str text, const char *others) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr(others, c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_visible(struct str text, const char *without) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c < 0x21 || c > 0x7e || strchr(without, c) != NULL) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_one_of(struct str text, const struct str *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* ---- hosts and addresses of pages ---- */

/* "host", "host:port"; canonical. */
static bool is_authority(struct str text) {
    char host[CANONICAL_HOST_SIZE];
    struct why why;
    struct str name;
    struct str port;
    if (canonical_host(text, host, &why) != STATUS_OK) {
        return false;
    }
    if (text.len > 0 && text.at[0] == '[') {
        return str_starts_with(text, str_from(host));
    }
    (void)str_cut(text, ':', &name, &port);
    return str_eq(name, str_from(host));
}

const char *setting_check_origin(struct str text) {
    static const char wrong[] = "has to be * or an origin like https://app.example.com or "
                                "https://*.example.com, in lower case and without a path";
    struct str rest = text;
    if (str_eq(text, STR("*"))) {
        return NULL;
    }
    if (str_starts_with(text, STR("https://"))) {
        rest = str_sub(text, 8, text.len);
    } else if (str_starts_with(text, STR("http://"))) {
        rest = str_sub(text, 7, text.len);
    } else {
        return wrong;
    }
    if (str_starts_with(rest, STR("*."))) {
        rest = str_sub(rest, 2, rest.len);
        struct str name;
        struct str port;
        (void)str_cut(rest, ':', &name, &port);
        if (str_find(name, '.') == name.len) {
            return "has a wildcard over a whole top-level domain";
        }
    }
    return is_authority(rest) ? NULL : wrong;
}

const char *setting_check_redirect(struct str text) {
    static const char wrong[] =
        "has to be a path that begins with one /, or a URL with http:// or https:// and a host";
    struct str authority;
    struct str rest;
    if (!is_visible(text, "\\\"<>^`{|}")) {
        return "has to be of printable ASCII without spaces, quotes, \\ and braces";
    }
    if (text.at[0] == '/') {
        return str_starts_with(text, STR("//")) ? wrong : NULL;
    }
    if (str_starts_with(text, STR("https://"))) {
        rest = str_sub(text, 8, text.len);
    } else if (str_starts_with(text, STR("http://"))) {
        rest = str_sub(text, 7, text.len);
    } else {
        return wrong;
    }
    size_t end = 0;
    while (end < rest.len && strchr("/?#", rest.at[end]) == NULL) {
        end++;
    }
    authority = str_sub(rest, 0, end);
    return is_authority(authority) ? NULL : wrong;
}

const char *setting_check_email_domain(struct str text) {
    struct why why;
    return canonical_host_check_name(text, &why) == STATUS_OK && str_find(text, '.') < text.len
               ? NULL
               : "has to be a domain like example.com, in lower case";
}

/* ---- fields and methods ---- */

const char *setting_check_method(struct str text) {
    static const char wrong[] = "has to be a request method in upper case, like GET";
    for (size_t i = 0; i < text.len; i++) {
        if (!(text.at[i] >= 'A' && text.at[i] <= 'Z') && text.at[i] != '-') {
            return wrong;
        }
    }
    return str_eq(text, STR("CONNECT")) || str_eq(text, STR("TRACE")) ? wrong : NULL;
}

const char *setting_check_field_name(struct str text) {
    return is_made_of(text, "!#$%&'*+-.^_`|~") ? NULL
                                               : "has to be a header field's name in lower case";
}

const char *setting_check_field_name_or_any(struct str text) {
    return str_eq(text, STR("*")) ? NULL : setting_check_field_name(text);
}

/* What frames messages, belongs to a connection, or says who the visitor is. */
static const struct str framing_names[] = {
    STR_INIT("connection"),
    STR_INIT("content-length"),
    STR_INIT("transfer-encoding"),
    STR_INIT("te"),
    STR_INIT("trailer"),
    STR_INIT("upgrade"),
    STR_INIT("host"),
    STR_INIT("keep-alive"),
    STR_INIT("proxy-connection"),
    STR_INIT("expect"),
    STR_INIT("forwarded"),
    STR_INIT("x-real-ip"),
    STR_INIT("date"),
    STR_INIT("http2-settings"),
    STR_INIT("proxy-authenticate"),
    STR_INIT("proxy-authorization"),
    STR_INIT("x-original-url"),
    STR_INIT("x-rewrite-url"),
    STR_INIT("x-original-host"),
};
static const struct str platform_prefixes[] = {
    STR_INIT("warpgate-"),
    STR_INIT("mezusphere-"),
    STR_INIT("x-forwarded-"),
};

const char *setting_check_own_field_name(struct str text) {
    const char *fault = setting_check_field_name(text);
    if (fault != NULL) {
        return fault;
    }
    if (!is_made_of(text, "-")) {
        return "may hold a-z, 0-9 and - only: what folds to another name is read as it by some";
    }
    if (is_one_of(text, framing_names, COUNT_OF(framing_names))) {
        return "is a field that the platform writes itself";
    }
    for (size_t i = 0; i < COUNT_OF(platform_prefixes); i++) {
        if (str_starts_with(text, platform_prefixes[i])) {
            return "is a name that belongs to the platform";
        }
    }
    return NULL;
}

const char *setting_check_field_value(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < 0x20 || text.at[i] > 0x7e) {
            return "has to be of printable ASCII";
        }
    }
    return text.len > 0 && (text.at[0] == ' ' || text.at[text.len - 1] == ' ')
               ? "must not begin or end with a space"
               : NULL;
}

/* ---- the rest ---- */

const char *setting_check_colour(struct str text) {
    bool is_one = text.len == 7 && text.at[0] == '#';
    for (size_t i = 1; i < text.len && is_one; i++) {
        char c = str_lower_char(text.at[i]);
        is_one = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    return is_one ? NULL : "has to be a colour like #1a2b3c";
}

const char *setting_check_key(struct str text) {
    return is_made_of(text, "-_.") ? NULL : "has to be of a-z, 0-9, -, _ and .";
}

const char *setting_check_permission(struct str text) {
    struct str noun;
    struct str verb;
    return str_cut(text, ':', &noun, &verb) && is_made_of(noun, "-_.") && is_made_of(verb, "-_.")
               ? NULL
               : "has to be a permission like orders:read";
}

const char *setting_check_media_type(struct str text) {
    struct str type;
    struct str subtype;
    return str_cut(text, '/', &type, &subtype) && is_made_of(type, "-+.") &&
                   (str_eq(subtype, STR("*")) || is_made_of(subtype, "-+."))
               ? NULL
               : "has to be a media type like text/html or text/*, in lower case";
}

const char *setting_check_query_name(struct str text) {
    return is_visible(text, "&=#%") ? NULL : "has to be the name of a query parameter";
}

const char *setting_check_name(struct str text) {
    return text.len > 0 && (text.at[0] == ' ' || text.at[text.len - 1] == ' ')
               ? "must not begin or end with a space"
               : NULL;
}
