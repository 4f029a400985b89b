#include "warpgate/warpgate_target.h"

#include <stdio.h>

#include "http/http_check.h"

#define DEFAULT_NAME "default"

static const struct {
    struct str prefix;
    enum warpgate_target_kind kind;
    uint16_t port;
} schemes[] = {
    {STR_INIT("http://"), WARPGATE_TARGET_HTTP, 80},
    {STR_INIT("https://"), WARPGATE_TARGET_HTTPS, 443},
    {STR_INIT("h2c://"), WARPGATE_TARGET_H2C, 80},
};

/* Takes "name=" off, if it is there. A "=" behind a ":" or "/" belongs to the target. */
static enum status take_name(struct str *text, struct warpgate_target *target, struct why *why) {
    struct str name;
    struct str rest;
    bool has_name = str_cut(*text, '=', &name, &rest) && str_find(name, ':') == name.len &&
                    str_find(name, '/') == name.len;
    if (!has_name) {
        return str_to_cstr(STR(DEFAULT_NAME), target->name, sizeof(target->name));
    }
    if (!bundle_is_upstream_name(name) ||
        str_to_cstr(name, target->name, sizeof(target->name)) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "upstream_name",
                       "--upstream \"%.*s\": a name has 1 to %d characters of a-z, 0-9 and \"-\"",
                       STR_ARG(*text), BUNDLE_UPSTREAM_NAME_MAX);
    }
    *text = rest;
    return STATUS_OK;
}

static enum status parse_unix(struct str text, struct warpgate_target *target, struct why *why) {
    struct str path = str_sub(text, sizeof("unix:") - 1, text.len);
    target->kind = WARPGATE_TARGET_UNIX;
    if (!str_starts_with(path, STR("/")) ||
        str_to_cstr(path, target->path, sizeof(target->path)) != STATUS_OK) {
        return why_set(
            why, STATUS_INVALID, "upstream_target",
            "--upstream \"%.*s\": after unix: comes an absolute path of at most %d bytes",
            STR_ARG(text), WARPGATE_TARGET_PATH_SIZE - 1);
    }
    (void)snprintf(target->text, sizeof(target->text), "unix:%s", target->path);
    (void)snprintf(target->authority, sizeof(target->authority), "localhost");
    return STATUS_OK;
}

static enum status parse_authority(struct str text, struct str authority, uint16_t default_port,
                                   struct warpgate_target *target, struct why *why) {
    if (!http_check_authority(authority) ||
        address_split(authority, default_port, target->host, &target->port, NULL) != STATUS_OK ||
        target->port == 0) {
        return why_set(why, STATUS_INVALID, "upstream_target",
                       "--upstream \"%.*s\": a target is host:port, http://host:port, "
                       "https://host:port, h2c://host:port or unix:/path",
                       STR_ARG(text));
    }
    bool is_ipv6 = str_find(str_from(target->host), ':') < strlen(target->host);
    (void)snprintf(target->authority, sizeof(target->authority), "%s%s%s:%u", is_ipv6 ? "[" : "",
                   target->host, is_ipv6 ? "]" : "", target->port);
    return STATUS_OK;
}

static enum status parse_url(struct str text, size_t scheme, struct warpgate_target *target,
                             struct why *why) {
    struct str authority = str_sub(text, schemes[scheme].prefix.len, text.len);
    target->kind = schemes[scheme].kind;
    if (str_ends_with(authority, STR("/"))) {
        authority.len--;
    }
    if (str_find(authority, '/') < authority.len) {
        return why_set(why, STATUS_INVALID, "upstream_target",
                       "--upstream \"%.*s\": a target has no path; requests keep theirs",
                       STR_ARG(text));
    }
    enum status status = parse_authority(text, authority, schemes[scheme].port, target, why);
    bool is_plain = target->kind == WARPGATE_TARGET_HTTP;
    (void)snprintf(target->text, sizeof(target->text), "%s%s",
                   is_plain ? "" : schemes[scheme].prefix.at, target->authority);
    return status;
}

enum status warpgate_target_parse(struct str text, struct warpgate_target *target,
                                  struct why *why) {
    *target = (struct warpgate_target){.kind = WARPGATE_TARGET_HTTP};
    enum status status = take_name(&text, target, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (str_starts_with(text, STR("unix:"))) {
        return parse_unix(text, target, why);
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (str_starts_with(text, schemes[i].prefix)) {
            return parse_url(text, i, target, why);
        }
    }
    status = parse_authority(text, text, 0, target, why);
    (void)snprintf(target->text, sizeof(target->text), "%s", target->authority);
    return status;
}
