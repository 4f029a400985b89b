#include "control/control_names.h"

#include <stdio.h>

#include "policy/canonical_host.h"

#define LABEL_MAX 63
#define DOMAIN_MAX (253 - LABEL_MAX - 1)

static const struct str reserved[] = {
    STR_INIT("api"),     STR_INIT("console"), STR_INIT("edge"),       STR_INIT("www"),
    STR_INIT("admin"),   STR_INIT("app"),     STR_INIT("auth"),       STR_INIT("login"),
    STR_INIT("account"), STR_INIT("status"),  STR_INIT("docs"),       STR_INIT("support"),
    STR_INIT("mail"),    STR_INIT("smtp"),    STR_INIT("imap"),       STR_INIT("pop"),
    STR_INIT("ns"),      STR_INIT("ns1"),     STR_INIT("ns2"),        STR_INIT("mx"),
    STR_INIT("ftp"),     STR_INIT("wpad"),    STR_INIT("autoconfig"), STR_INIT("autodiscover"),
    STR_INIT("control"), STR_INIT("system"),  STR_INIT("mezusphere"), STR_INIT("warpgate"),
    STR_INIT("tunnel"),  STR_INIT("feed"),    STR_INIT("localhost"),  STR_INIT("isatap"),
};

enum status control_names_check_domain(struct str domain, struct why *why) {
    struct why reason = {0};
    if (canonical_host_check_name(domain, &reason) != STATUS_OK || domain.len > DOMAIN_MAX ||
        str_find(domain, '.') == domain.len) {
        return why_set(why, STATUS_INVALID, "domain_invalid",
                       "\"%.*s\" cannot be the platform's domain: it needs at least two labels of "
                       "lower-case letters, digits and -, and at most %d bytes",
                       STR_ARG(str_sub(domain, 0, 80)), DOMAIN_MAX);
    }
    return STATUS_OK;
}

static bool is_reserved(struct str label) {
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (str_eq(label, reserved[i])) {
            return true;
        }
    }
    return str_starts_with(label, STR("xn--"));
}

enum status control_names_hostname(struct str domain, struct str project, struct str environment,
                                   bool is_first, char out[CONTROL_NAMES_HOST_SIZE],
                                   struct why *why) {
    size_t label_len = project.len + (is_first ? 0 : 1 + environment.len);
    if (label_len > LABEL_MAX || label_len + 1 + domain.len >= CONTROL_NAMES_HOST_SIZE) {
        return why_set(why, STATUS_INVALID, "name_invalid",
                       "the host name's label would be %zu characters long; at most %d are allowed",
                       label_len, LABEL_MAX);
    }
    int len = is_first ? snprintf(out, CONTROL_NAMES_HOST_SIZE, "%.*s.%.*s", STR_ARG(project),
                                  STR_ARG(domain))
                       : snprintf(out, CONTROL_NAMES_HOST_SIZE, "%.*s-%.*s.%.*s", STR_ARG(project),
                                  STR_ARG(environment), STR_ARG(domain));
    if (len < 0 || is_reserved(str_make(out, label_len))) {
        return why_set(why, STATUS_INVALID, "name_invalid", "the name %.*s is reserved",
                       (int)label_len, out);
    }
    return STATUS_OK;
}

static bool is_below(struct str name, struct str domain) {
    return name.len > domain.len + 1 && str_ends_with(name, domain) &&
           name.at[name.len - domain.len - 1] == '.';
}

/* The slug is kept by canonical_host.c for ever. */
static const char *judge_form(struct str name, char detail[CONTROL_NAMES_DETAIL_SIZE]) {
    char canonical[CANONICAL_HOST_SIZE];
    struct why why = {0};
    struct why ignored = {0};
    if (canonical_host_check_name(name, &why) == STATUS_OK) {
        return NULL;
    }
    if (canonical_host(name, canonical, &ignored) == STATUS_OK &&
        !str_eq(name, str_from(canonical))) {
        snprintf(detail, CONTROL_NAMES_DETAIL_SIZE, "has to be in canonical form: %s", canonical);
        return "host_not_canonical";
    }
    snprintf(detail, CONTROL_NAMES_DETAIL_SIZE, "is not a host name: %s", why.text);
    return str_find(name, '*') < name.len ? "hostname_wildcard" : "hostname_invalid";
}

static const char *judge_place(struct str domain, struct str name, bool is_first,
                               char detail[CONTROL_NAMES_DETAIL_SIZE]) {
    struct str label;
    struct str rest;
    (void)str_cut(name, '.', &label, &rest);
    if (str_eq(name, domain) || is_below(domain, name)) {
        snprintf(detail, CONTROL_NAMES_DETAIL_SIZE, "is the platform's own, or above it");
        return "hostname_reserved";
    }
    if (is_below(name, domain) && !str_eq(rest, domain)) {
        snprintf(detail, CONTROL_NAMES_DETAIL_SIZE, "has to be one label under %.*s",
                 STR_ARG(domain));
        return "hostname_reserved";
    }
    if (is_below(name, domain) && is_reserved(label)) {
        snprintf(detail, CONTROL_NAMES_DETAIL_SIZE, "is reserved: nobody gets %.*s",
                 STR_ARG(label));
        return "hostname_reserved";
    }
    if (is_first && !is_below(name, domain)) {
        snprintf(detail, CONTROL_NAMES_DETAIL_SIZE,
                 "has to be one label under %.*s; domains of your own belong into hostnames",
                 STR_ARG(domain));
        return "hostname_not_platform";
    }
    return NULL;
}

const char *control_names_judge(struct str domain, struct str name, bool is_first,
                                char detail[CONTROL_NAMES_DETAIL_SIZE]) {
    const char *code = judge_form(name, detail);
    if (code != NULL) {
        return code;
    }
    if (str_find(name, '.') == name.len) {
        snprintf(detail, CONTROL_NAMES_DETAIL_SIZE, "has to have a dot: a domain and a name in it");
        return "hostname_unqualified";
    }
    return judge_place(domain, name, is_first, detail);
}

void control_names_url(struct str hostname, uint16_t port, char out[CONTROL_NAMES_URL_SIZE]) {
    if (port == 443) {
        snprintf(out, CONTROL_NAMES_URL_SIZE, "https://%.*s", STR_ARG(hostname));
        return;
    }
    snprintf(out, CONTROL_NAMES_URL_SIZE, "https://%.*s:%u", STR_ARG(hostname), port);
}

bool control_names_is_covered(struct str domain, struct str hostname) {
    struct str label;
    struct str rest;
    return str_cut(hostname, '.', &label, &rest) && !str_is_empty(label) && str_eq(rest, domain);
}
