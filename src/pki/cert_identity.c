#include "pki/cert_identity.h"

#include <stdio.h>
#include <time.h>

#include "base/text.h"
#include "pki/key.h"
#include "pki/ossl.h"

static const struct cert_role_rule rules[CERT_ROLE_COUNT] = {
    [CERT_WARPGATE] = {.name = "warpgate",
                       .issuer_name = "Mezusphere warpgate CA",
                       .is_client = true,
                       .has_uri = true,
                       .subject = ID_WARPGATE},
    [CERT_EDGE] = {.name = "edge",
                   .issuer_name = "Mezusphere edge CA",
                   .is_server = true,
                   .is_client = true,
                   .has_uri = true,
                   .may_have_dns = true,
                   .subject = ID_EDGE},
    [CERT_CONTROL] = {.name = "control",
                      .issuer_name = "Mezusphere control CA",
                      .is_server = true,
                      .is_client = true,
                      .has_uri = true,
                      .may_have_dns = true,
                      .subject = ID_CONTROL},
    [CERT_SERVICE] = {.name = "service",
                      .issuer_name = "Mezusphere service CA",
                      .is_server = true,
                      .may_have_dns = true},
};

const struct cert_role_rule *cert_role_rule(enum cert_role role) {
    return &rules[role];
}

const char *cert_role_name(enum cert_role role) {
    return rules[role].name;
}

bool cert_identity_is_trust_domain(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_plain && c != '.' && c != '-' && c != '_') {
            return false;
        }
    }
    return text.len > 0 && text.len < CERT_TRUST_DOMAIN_SIZE;
}

enum status cert_identity_uri(const struct cert_identity *identity, char out[CERT_URI_SIZE]) {
    const struct cert_role_rule *rule = &rules[identity->role];
    struct id id;
    bool has_environment = identity->role == CERT_WARPGATE;
    if (!rule->has_uri || !cert_identity_is_trust_domain(str_from(identity->trust_domain)) ||
        id_parse(rule->subject, id_str(&identity->subject), &id) != STATUS_OK ||
        has_environment == id_is_none(&identity->environment)) {
        return STATUS_INVALID;
    }
    if (!has_environment) {
        snprintf(out, CERT_URI_SIZE, "spiffe://%s/%s/%s", identity->trust_domain, rule->name,
                 identity->subject.text);
        return STATUS_OK;
    }
    if (id_parse(ID_ENVIRONMENT, id_str(&identity->environment), &id) != STATUS_OK) {
        return STATUS_INVALID;
    }
    snprintf(out, CERT_URI_SIZE, "spiffe://%s/environment/%s/%s/%s", identity->trust_domain,
             identity->environment.text, rule->name, identity->subject.text);
    return STATUS_OK;
}

/* Takes the next segment off a path; the last one leaves an empty rest. */
static struct str take_segment(struct str *path) {
    struct str segment;
    (void)str_cut(*path, '/', &segment, path);
    return segment;
}

static enum status parse_uri(struct str uri, struct cert_identity *identity) {
    struct str scheme = STR("spiffe://");
    char again[CERT_URI_SIZE];
    if (!str_starts_with(uri, scheme)) {
        return STATUS_INVALID;
    }
    struct str path = str_sub(uri, scheme.len, uri.len);
    struct str domain = take_segment(&path);
    struct str word = take_segment(&path);
    if (str_to_cstr(domain, identity->trust_domain, CERT_TRUST_DOMAIN_SIZE) != STATUS_OK) {
        return STATUS_INVALID;
    }
    if (str_eq(word, STR("environment"))) {
        if (id_parse(ID_ENVIRONMENT, take_segment(&path), &identity->environment) != STATUS_OK) {
            return STATUS_INVALID;
        }
        word = take_segment(&path);
    }
    for (int role = 0; role < CERT_ROLE_COUNT; role++) {
        if (rules[role].has_uri && str_eq(word, str_from(rules[role].name))) {
            identity->role = (enum cert_role)role;
            /* The grammar is what the writer writes: anything over, missing or in the wrong place shows in the comparison. */
            return id_parse(rules[role].subject, path, &identity->subject) == STATUS_OK &&
                           cert_identity_uri(identity, again) == STATUS_OK &&
                           str_eq(uri, str_from(again))
                       ? STATUS_OK
                       : STATUS_INVALID;
        }
    }
    return STATUS_INVALID;
}

/* The subject alternative names of a leaf. */
struct names {
    size_t uri_count;
    size_t dns_count;
    size_t other_count;
    struct str uri; /* the last one; borrowed from the parsed extension */
};

static void sort_names(const GENERAL_NAMES *list, struct names *names) {
    *names = (struct names){0};
    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
        int kind;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &kind);
        if (kind == GEN_URI) {
            names->uri_count++;
            names->uri = str_make(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
        } else if (kind == GEN_DNS) {
            names->dns_count++;
        } else {
            names->other_count++;
        }
    }
}

/* Exactly these usages, each once. */
static bool has_usages(X509 *cert, const struct cert_role_rule *rule) {
    OSSL_AUTO(EXTENDED_KEY_USAGE_free)
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    int server_count = 0;
    int client_count = 0;
    int count = usages == NULL ? 0 : sk_ASN1_OBJECT_num(usages);
    for (int i = 0; i < count; i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i));
        server_count += nid == NID_server_auth;
        client_count += nid == NID_client_auth;
    }
    return server_count == rule->is_server && client_count == rule->is_client &&
           count == server_count + client_count;
}

static bool is_named(X509 *cert, const char *common_name) {
    const X509_NAME *name = X509_get_subject_name(cert);
    if (X509_NAME_entry_count(name) != 1) {
        return false;
    }
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, 0);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    return OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_commonName &&
           ASN1_STRING_type(value) == V_ASN1_UTF8STRING &&
           str_eq(str_make(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)),
                  str_from(common_name));
}

#define FLAGS_BAD ((uint32_t)(EXFLAG_INVALID | EXFLAG_CRITICAL | EXFLAG_V1))

bool cert_identity_is_issuer(X509 *issuer, enum cert_role role) {
    uint32_t flags = X509_get_extension_flags(issuer);
    bool is_issuer = (flags & FLAGS_BAD) == 0 && (flags & EXFLAG_CA) != 0 &&
                     X509_get_pathlen(issuer) == 0 && is_named(issuer, rules[role].issuer_name) &&
                     has_usages(issuer, &rules[role]);
    ERR_clear_error();
    return is_issuer;
}

/* An end entity with a P-256 key in its one encoding. */
static bool is_end_entity(X509 *leaf) {
    uint8_t spki[KEY_SPKI_BYTES];
    uint8_t *at = spki;
    uint32_t flags = X509_get_extension_flags(leaf);
    EVP_PKEY *key = X509_get0_pubkey(leaf);
    uint8_t canonical[KEY_SPKI_BYTES];
    return (flags & FLAGS_BAD) == 0 && (flags & EXFLAG_CA) == 0 && key != NULL &&
           key_spki(key, canonical) == STATUS_OK &&
           i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), NULL) == KEY_SPKI_BYTES &&
           i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &at) == KEY_SPKI_BYTES &&
           str_eq(str_make(spki, sizeof(spki)), str_make(canonical, sizeof(canonical)));
}

static bool read_serial(X509 *leaf, char out[CERT_SERIAL_SIZE]) {
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    int len = ASN1_STRING_length(serial);
    if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || len < 1 || len > (CERT_SERIAL_SIZE - 1) / 2) {
        return false;
    }
    text_hex(ASN1_STRING_get0_data(serial), (size_t)len, out);
    return true;
}

static bool read_end(X509 *leaf, int64_t *not_after_ms) {
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1) {
        return false;
    }
    *not_after_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

static enum status deny(struct why *why, const char *slug, const char *text) {
    return why_set(why, STATUS_DENIED, slug, "%s", text);
}

/* Steps of the check, in order; each fills its part of `found`. */

static enum status check_names(X509 *leaf, enum cert_role expected, struct str trust_domain,
                               struct cert_identity *found, struct why *why) {
    const struct cert_role_rule *rule = &rules[expected];
    struct names names;
    int critical; /* -1: none, -2: several */
    OSSL_AUTO(GENERAL_NAMES_free)
    GENERAL_NAMES *list = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
    if (list == NULL && critical == -1) {
        return deny(why, "role_missing", "the certificate has no alternative names");
    }
    if (list == NULL) {
        return deny(why, "role_malformed", "the alternative names cannot be read");
    }
    sort_names(list, &names);
    if (names.uri_count > 1 || names.other_count > 0) {
        return deny(why, "role_malformed",
                    "the certificate has several URIs or names of other kinds");
    }
    if ((names.uri_count == 1) != rule->has_uri || (!rule->has_uri && names.dns_count == 0)) {
        return deny(why, "role_missing", "the certificate does not name the role that is expected");
    }
    if (!rule->has_uri) {
        found->role = expected;
        return STATUS_OK;
    }
    if (parse_uri(names.uri, found) != STATUS_OK) {
        return deny(why, "role_malformed", "the certificate's URI is not an identity");
    }
    if (found->role != expected) {
        return deny(why, "role_missing", "the certificate is for another role");
    }
    if (!str_eq(str_from(found->trust_domain), trust_domain)) {
        return deny(why, "role_trust_domain", "the certificate is from another trust domain");
    }
    if (names.dns_count > 0 && !rule->may_have_dns) {
        return deny(why, "role_malformed", "the certificate has names that its role never has");
    }
    return STATUS_OK;
}

static enum status check_leaf(X509 *leaf, enum cert_role expected, struct str trust_domain,
                              struct cert_identity *found, struct why *why) {
    if (!is_end_entity(leaf)) {
        return deny(why, "role_malformed", "not an end entity with a P-256 key");
    }
    enum status status = check_names(leaf, expected, trust_domain, found, why);
    if (status != STATUS_OK) {
        return status;
    }
    if (!has_usages(leaf, &rules[expected])) {
        return deny(why, "role_eku", "the extended key usage is not that of the role");
    }
    if (!read_serial(leaf, found->serial) || !read_end(leaf, &found->not_after_ms)) {
        return deny(why, "role_malformed", "serial or end of validity cannot be read");
    }
    return STATUS_OK;
}

enum status cert_identity_check(STACK_OF(X509) * chain, enum cert_role expected,
                                struct str trust_domain, struct cert_identity *identity,
                                struct why *why) {
    struct cert_identity found = {0};
    *identity = found;
    if (chain == NULL || sk_X509_num(chain) == 0) {
        return deny(why, "role_missing", "there is no certificate");
    }
    X509 *leaf = sk_X509_value(chain, 0);
    X509 *issuer = sk_X509_value(chain, 1); /* NULL if there is none */
    enum status status = check_leaf(leaf, expected, trust_domain, &found, why);
    /* That the issuer signed the leaf is known from the verified chain; the names are compared all the same. */
    if (status == STATUS_OK && (issuer == NULL || X509_check_issued(issuer, leaf) != X509_V_OK ||
                                !cert_identity_is_issuer(issuer, expected))) {
        status = deny(why, "role_issuer", "the issuer is not the intermediate of the role");
    }
    ERR_clear_error();
    if (status == STATUS_OK) {
        *identity = found;
    }
    return status;
}
