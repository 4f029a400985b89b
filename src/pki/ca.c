#include "pki/ca.h"

#include "base/json.h"
#include "base/memory.h"
#include "pki/cert_write.h"
#include "pki/key.h"
#include "pki/ossl.h"
#include "pki/pem.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define ROOT_LIFETIME_MS (3650 * DAY_MS)
#define INTERMEDIATE_LIFETIME_MS (730 * DAY_MS)
#define BACKDATE_MS ((int64_t)5 * 60 * 1000)

#define DNS_NAME_LEN_MAX 253
#define DNS_LABEL_LEN_MAX 63
#define ROOT_NAME "Mezusphere root CA"

struct authority {
    X509 *cert;
    EVP_PKEY *key;
    struct buf pem; /* of the certificate */
};

struct ca {
    char trust_domain[CERT_TRUST_DOMAIN_SIZE];
    struct authority root;
    struct authority intermediates[CA_ROLE_COUNT];
};

static void free_authority(struct authority *authority) {
    X509_free(authority->cert);
    EVP_PKEY_free(authority->key);
    buf_fini(&authority->pem);
}

void ca_free(struct ca **ca) {
    if (*ca == NULL) {
        return;
    }
    free_authority(&(*ca)->root);
    for (size_t i = 0; i < CA_ROLE_COUNT; i++) {
        free_authority(&(*ca)->intermediates[i]);
    }
    memory_free(*ca);
    *ca = NULL;
}

static struct ca *make_empty(void) {
    struct ca *ca = MEMORY_NEW(struct ca);
    buf_init(&ca->root.pem, PEM_BYTES_MAX);
    for (size_t i = 0; i < CA_ROLE_COUNT; i++) {
        buf_init(&ca->intermediates[i].pem, PEM_BYTES_MAX);
    }
    return ca;
}

static enum status set_trust_domain(struct ca *ca, struct str text, struct why *why) {
    if (!cert_identity_is_trust_domain(text) ||
        str_to_cstr(text, ca->trust_domain, sizeof(ca->trust_domain)) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "ca_trust_domain",
                       "a trust domain is 1 to %d lower-case letters, digits, '.', '-' and '_'",
                       CERT_TRUST_DOMAIN_SIZE - 1);
    }
    return STATUS_OK;
}

static enum status append_cert(X509 *cert, struct buf *pem) {
    uint8_t der[PEM_BYTES_MAX];
    uint8_t *at = der;
    int len = i2d_X509(cert, NULL);
    if (len <= 0 || len > PEM_BYTES_MAX) {
        return STATUS_FAILED;
    }
    len = i2d_X509(cert, &at);
    return pem_append(pem, PEM_CERTIFICATE, der, (size_t)len);
}

static enum status fail_openssl(struct why *why) {
    ERR_clear_error();
    return why_set(why, STATUS_FAILED, "ca_openssl", "the certificate could not be written");
}

/* `issuer` NULL: self-signed. */
static enum status make_authority(struct authority *authority, struct cert_write *record,
                                  int64_t lifetime_ms, const struct clock *clock,
                                  const struct authority *issuer, struct why *why) {
    int64_t now_ms = clock_wall_ms(clock);
    record->is_ca = true;
    record->not_before_ms = now_ms - BACKDATE_MS;
    record->not_after_ms = now_ms + lifetime_ms;
    authority->key = key_new();
    authority->cert = cert_write(record, authority->key, issuer == NULL ? NULL : issuer->cert,
                                 issuer == NULL ? authority->key : issuer->key);
    if (authority->cert == NULL || append_cert(authority->cert, &authority->pem) != STATUS_OK) {
        return fail_openssl(why);
    }
    return STATUS_OK;
}

static enum status make_intermediates(struct ca *ca, const struct clock *clock, struct why *why) {
    enum status status = STATUS_OK;
    for (int role = 0; status == STATUS_OK && role < CA_ROLE_COUNT; role++) {
        const struct cert_role_rule *rule = cert_role_rule((enum cert_role)role);
        struct cert_write record = {.common_name = rule->issuer_name,
                                    .is_server = rule->is_server,
                                    .is_client = rule->is_client};
        status = make_authority(&ca->intermediates[role], &record, INTERMEDIATE_LIFETIME_MS, clock,
                                &ca->root, why);
    }
    return status;
}

static enum status make_all(struct ca *ca, const struct clock *clock, struct why *why) {
    struct cert_write root = {.common_name = ROOT_NAME, .path_length = 1};
    enum status status = make_authority(&ca->root, &root, ROOT_LIFETIME_MS, clock, NULL, why);
    return status == STATUS_OK ? make_intermediates(ca, clock, why) : status;
}

enum status ca_renew_intermediates(struct ca *ca, const struct clock *clock, struct why *why) {
    for (size_t i = 0; i < CA_ROLE_COUNT; i++) {
        free_authority(&ca->intermediates[i]);
        ca->intermediates[i] = (struct authority){0};
        buf_init(&ca->intermediates[i].pem, PEM_BYTES_MAX);
    }
    return make_intermediates(ca, clock, why);
}

enum status ca_new(struct str trust_domain, const struct clock *clock, struct ca **ca,
                   struct why *why) {
    struct ca *made = make_empty();
    enum status status = set_trust_domain(made, trust_domain, why);
    if (status == STATUS_OK) {
        status = make_all(made, clock, why);
    }
    if (status != STATUS_OK) {
        ca_free(&made);
        return status;
    }
    *ca = made;
    return STATUS_OK;
}

struct str ca_root_pem(const struct ca *ca) {
    return buf_str(&ca->root.pem);
}

struct str ca_trust_domain(const struct ca *ca) {
    return str_from(ca->trust_domain);
}

static int64_t end_of(const struct authority *authority) {
    struct tm end;
    return ASN1_TIME_to_tm(X509_get0_notAfter(authority->cert), &end) == 1
               ? (int64_t)timegm(&end) * 1000
               : 0;
}

int64_t ca_root_until_ms(const struct ca *ca) {
    return end_of(&ca->root);
}

int64_t ca_intermediates_until_ms(const struct ca *ca) {
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < CA_ROLE_COUNT; i++) {
        int64_t end_ms = end_of(&ca->intermediates[i]);
        first_ms = end_ms < first_ms ? end_ms : first_ms;
    }
    return first_ms;
}

/* Export. The document is written by hand: jansson would leave unwiped copies of the keys, and PEM needs no escapes but
 * those of its newlines. */

static enum status append_pem_string(struct buf *out, struct str pem) {
    struct str line;
    enum status status = buf_append_str(out, STR("\""));
    while (status == STATUS_OK && str_cut(pem, '\n', &line, &pem)) {
        status = buf_append_str(out, line);
        if (status == STATUS_OK) {
            status = buf_append_str(out, STR("\\n"));
        }
    }
    return status != STATUS_OK ? status : buf_append_str(out, STR("\""));
}

/* The members "certificate" and "key". */
static enum status append_authority(struct buf *out, const struct authority *authority) {
    struct buf key;
    uint8_t *room;
    buf_init(&key, PEM_BYTES_MAX);
    enum status status = buf_reserve(&key, PEM_BYTES_MAX, &room);
    if (status == STATUS_OK) {
        status = key_private_pem(authority->key, &key);
    }
    if (status == STATUS_OK) {
        status = buf_append_str(out, STR("\"certificate\":"));
    }
    if (status == STATUS_OK) {
        status = append_pem_string(out, buf_str(&authority->pem));
    }
    if (status == STATUS_OK) {
        status = buf_append_str(out, STR(",\"key\":"));
    }
    if (status == STATUS_OK) {
        status = append_pem_string(out, buf_str(&key));
    }
    buf_fini_wiped(&key);
    return status;
}

static enum status write_document(const struct ca *ca, struct buf *out) {
    enum status status = buf_printf(out, "{\"trust_domain\":\"%s\",\"root\":{", ca->trust_domain);
    if (status == STATUS_OK) {
        status = append_authority(out, &ca->root);
    }
    if (status == STATUS_OK) {
        status = buf_append_str(out, STR("},\"intermediates\":["));
    }
    for (int role = 0; status == STATUS_OK && role < CA_ROLE_COUNT; role++) {
        status = buf_printf(out, "%s{\"role\":\"%s\",", role == 0 ? "" : ",",
                            cert_role_name((enum cert_role)role));
        if (status == STATUS_OK) {
            status = append_authority(out, &ca->intermediates[role]);
        }
        if (status == STATUS_OK) {
            status = buf_append_str(out, STR("}"));
        }
    }
    return status != STATUS_OK ? status : buf_append_str(out, STR("]}"));
}

enum status ca_export(const struct ca *ca, struct buf *out) {
    struct buf text;
    uint8_t *room;
    buf_init(&text, CA_TEXT_BYTES_MAX);
    enum status status = buf_reserve(out, CA_TEXT_BYTES_MAX, &room);
    if (status == STATUS_OK) {
        status = buf_reserve(&text, CA_TEXT_BYTES_MAX, &room);
    }
    if (status == STATUS_OK) {
        status = write_document(ca, &text);
    }
    if (status == STATUS_OK) {
        status = buf_append_str(out, buf_str(&text));
    }
    buf_fini_wiped(&text);
    return status;
}

static enum status refuse(struct why *why, const char *slug, const char *text) {
    ERR_clear_error();
    return why_set(why, STATUS_INVALID, slug, "%s", text);
}

static X509 *read_cert(struct str pem) {
    uint8_t der[PEM_BYTES_MAX];
    size_t len;
    const uint8_t *at = der;
    if (pem_read(pem, PEM_CERTIFICATE, der, &len) != STATUS_OK) {
        return NULL;
    }
    X509 *cert = d2i_X509(NULL, &at, (long)len);
    if (cert != NULL && at != der + len) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

/* Reads certificate and key, which have to belong together, and checks the issuer's signature (NULL: its own). */
static enum status import_authority(const json_t *object, struct authority *authority,
                                    const struct authority *issuer, struct why *why) {
    struct str cert;
    struct str key;
    enum status status = json_get_str(object, "certificate", &cert, why);
    if (status == STATUS_OK) {
        status = json_get_str(object, "key", &key, why);
    }
    if (status == STATUS_OK) {
        status = key_from_private_pem(key, &authority->key, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    authority->cert = read_cert(cert);
    if (authority->cert == NULL) {
        return refuse(why, "ca_malformed", "not one PEM block with a certificate");
    }
    if (issuer == NULL) {
        issuer = authority;
    }
    if (X509_check_private_key(authority->cert, authority->key) != 1 ||
        X509_check_issued(issuer->cert, authority->cert) != X509_V_OK ||
        X509_verify(authority->cert, issuer->key) != 1) {
        return refuse(why, "ca_mismatch", "a certificate does not fit its key or its issuer");
    }
    return append_cert(authority->cert, &authority->pem);
}

static enum status import_root(const json_t *tree, struct ca *ca, struct why *why) {
    static const char *const names[] = {"certificate", "key"};
    json_t *root;
    enum status status = json_get_object(tree, "root", &root, why);
    if (status == STATUS_OK) {
        status = json_object_check(root, names, 2, why);
    }
    return status != STATUS_OK ? status : import_authority(root, &ca->root, NULL, why);
}

static enum status import_intermediate(const json_t *object, struct ca *ca, struct why *why) {
    static const char *const names[] = {"role", "certificate", "key"};
    struct str name;
    int role = 0;
    enum status status = json_object_check(object, names, 3, why);
    if (status == STATUS_OK) {
        status = json_get_str(object, "role", &name, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    while (role < CA_ROLE_COUNT && !str_eq(name, str_from(cert_role_name((enum cert_role)role)))) {
        role++;
    }
    if (role == CA_ROLE_COUNT || ca->intermediates[role].cert != NULL) {
        return refuse(why, "ca_malformed", "a role is unknown or there twice");
    }
    status = import_authority(object, &ca->intermediates[role], &ca->root, why);
    if (status == STATUS_OK &&
        !cert_identity_is_issuer(ca->intermediates[role].cert, (enum cert_role)role)) {
        return refuse(why, "ca_mismatch", "an intermediate is not one of its role");
    }
    return status;
}

static enum status import_all(const json_t *tree, struct ca *ca, struct why *why) {
    static const char *const names[] = {"trust_domain", "root", "intermediates"};
    struct str domain;
    json_t *list;
    enum status status = json_object_check(tree, names, 3, why);
    if (status == STATUS_OK) {
        status = json_get_str(tree, "trust_domain", &domain, why);
    }
    if (status == STATUS_OK) {
        status = set_trust_domain(ca, domain, why);
    }
    if (status == STATUS_OK) {
        status = import_root(tree, ca, why);
    }
    if (status == STATUS_OK) {
        status = json_get_array(tree, "intermediates", &list, why);
    }
    if (status == STATUS_OK && json_array_size(list) != CA_ROLE_COUNT) {
        return refuse(why, "ca_malformed", "there has to be one intermediate for each role");
    }
    for (size_t i = 0; status == STATUS_OK && i < CA_ROLE_COUNT; i++) {
        status = import_intermediate(json_array_get(list, i), ca, why);
    }
    return status;
}

enum status ca_import(struct str text, struct ca **ca, struct why *why) {
    json_t *tree;
    if (text.len > CA_TEXT_BYTES_MAX) {
        return refuse(why, "ca_malformed", "the document is too large");
    }
    /* jansson's copies are not wiped; the keys stay in this process's memory anyway, for as long as it lives. */
    enum status status = json_parse(text, &tree, why);
    if (status != STATUS_OK) {
        return status;
    }
    struct ca *made = make_empty();
    status = import_all(tree, made, why);
    json_decref(tree);
    if (status != STATUS_OK) {
        ca_free(&made);
        return status;
    }
    *ca = made;
    return STATUS_OK;
}

/* Issuing. */

static bool is_label(struct str label) {
    for (size_t i = 0; i < label.len; i++) {
        char c = label.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_plain && (c != '-' || i == 0 || i == label.len - 1)) {
            return false;
        }
    }
    return label.len > 0 && label.len <= DNS_LABEL_LEN_MAX;
}

/* A host name in lower case whose last label is not a number, so that no address is one. */
static bool is_host_name(struct str name) {
    struct str label;
    bool has_more = true;
    bool has_letter = false;
    if (name.len > DNS_NAME_LEN_MAX) {
        return false;
    }
    while (has_more) {
        has_more = str_cut(name, '.', &label, &name);
        if (!is_label(label)) {
            return false;
        }
    }
    for (size_t i = 0; i < label.len; i++) {
        has_letter = has_letter || (label.at[i] >= 'a' && label.at[i] <= 'z');
    }
    return has_letter;
}

static bool is_certifiable(struct str name, enum cert_role role) {
    struct str wildcard = STR("*.");
    if (role == CERT_SERVICE && name.len <= DNS_NAME_LEN_MAX && str_starts_with(name, wildcard)) {
        name = str_sub(name, wildcard.len, name.len);
        return str_find(name, '.') < name.len &&
               is_host_name(name); /* not all of a top-level domain */
    }
    return is_host_name(name);
}

/* Fills the alternative names, which borrow from `leaf` and `uri`. */
static enum status set_names(const struct ca *ca, const struct ca_leaf *leaf,
                             struct cert_write *record, char uri[CERT_URI_SIZE], struct why *why) {
    const struct cert_role_rule *rule = cert_role_rule(leaf->role);
    struct cert_identity identity = {
        .role = leaf->role, .subject = leaf->subject, .environment = leaf->environment};
    memcpy(identity.trust_domain, ca->trust_domain, sizeof(identity.trust_domain));
    bool is_consistent = rule->has_uri
                             ? cert_identity_uri(&identity, uri) == STATUS_OK
                             : id_is_none(&leaf->subject) && id_is_none(&leaf->environment);
    if (!is_consistent) {
        return why_set(why, STATUS_INVALID, "leaf_subject", "the ids do not fit the role %s",
                       rule->name);
    }
    if (rule->has_uri) {
        record->names[record->name_count++] = (struct cert_write_name){GEN_URI, str_from(uri)};
    }
    if (leaf->dns_name_count > CA_DNS_NAMES_MAX ||
        (leaf->dns_name_count > 0 && !rule->may_have_dns) ||
        (leaf->dns_name_count == 0 && !rule->has_uri)) {
        return why_set(why, STATUS_INVALID, "leaf_name", "%zu names do not fit the role %s",
                       leaf->dns_name_count, rule->name);
    }
    for (size_t i = 0; i < leaf->dns_name_count; i++) {
        if (!is_certifiable(leaf->dns_names[i], leaf->role)) {
            return why_set(why, STATUS_INVALID, "leaf_name", "name %zu is not a host name", i + 1);
        }
        record->names[record->name_count++] = (struct cert_write_name){GEN_DNS, leaf->dns_names[i]};
    }
    return STATUS_OK;
}

static enum status set_lifetime(const struct authority *issuer, const struct ca_leaf *leaf,
                                const struct clock *clock, struct cert_write *record,
                                struct why *why) {
    int64_t now_ms = clock_wall_ms(clock);
    struct tm end;
    if (leaf->lifetime_seconds <= 0 || leaf->lifetime_seconds > CA_LIFETIME_SECONDS_MAX) {
        return why_set(why, STATUS_INVALID, "leaf_lifetime", "a lifetime is at most 398 days");
    }
    if (ASN1_TIME_to_tm(X509_get0_notAfter(issuer->cert), &end) != 1) {
        return fail_openssl(why);
    }
    int64_t end_ms = (int64_t)timegm(&end) * 1000;
    if (end_ms <= now_ms) {
        return why_set(why, STATUS_FAILED, "ca_expired", "the intermediate has expired");
    }
    record->not_before_ms = now_ms - BACKDATE_MS;
    record->not_after_ms = now_ms + leaf->lifetime_seconds * 1000;
    if (record->not_after_ms > end_ms) {
        record->not_after_ms = end_ms;
    }
    return STATUS_OK;
}

/* Judges a new leaf as its peers will: what they would refuse is not handed out. */
static enum status check_issued(const struct ca *ca, X509 *cert, enum cert_role role,
                                struct cert_identity *identity, struct why *why) {
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool is_made = chain != NULL && sk_X509_push(chain, cert) > 0 &&
                   sk_X509_push(chain, ca->intermediates[role].cert) > 0;
    enum status status = is_made
                             ? cert_identity_check(chain, role, ca_trust_domain(ca), identity, why)
                             : STATUS_FAILED;
    sk_X509_free(chain);
    return status == STATUS_OK ? STATUS_OK : fail_openssl(why);
}

/* All or nothing. */
static enum status append_chain(X509 *cert, const struct authority *issuer, struct buf *out) {
    struct buf both;
    buf_init(&both, PEM_BYTES_MAX * 2);
    enum status status = append_cert(cert, &both);
    if (status == STATUS_OK) {
        status = buf_append_str(&both, buf_str(&issuer->pem));
    }
    if (status == STATUS_OK) {
        status = buf_append_str(out, buf_str(&both));
    }
    buf_fini(&both);
    return status;
}

enum status ca_issue(const struct ca *ca, const struct ca_leaf *leaf, EVP_PKEY *key,
                     const struct clock *clock, struct buf *chain_pem,
                     struct cert_identity *identity, struct why *why) {
    const struct authority *issuer = &ca->intermediates[leaf->role];
    const struct cert_role_rule *rule = cert_role_rule(leaf->role);
    struct cert_write record = {.is_server = rule->is_server, .is_client = rule->is_client};
    struct cert_identity found;
    char uri[CERT_URI_SIZE];
    uint8_t spki[KEY_SPKI_BYTES];
    if (key_spki(key, spki) != STATUS_OK) {
        return why_set(why, STATUS_INVALID, "leaf_key", "the key is not on the curve P-256");
    }
    enum status status = set_names(ca, leaf, &record, uri, why);
    if (status == STATUS_OK) {
        status = set_lifetime(issuer, leaf, clock, &record, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    OSSL_AUTO(X509_free) X509 *cert = cert_write(&record, key, issuer->cert, issuer->key);
    if (cert == NULL) {
        return fail_openssl(why);
    }
    status = check_issued(ca, cert, leaf->role, &found, why);
    if (status == STATUS_OK) {
        status = append_chain(cert, issuer, chain_pem);
    }
    if (status == STATUS_OK && identity != NULL) {
        *identity = found;
    }
    return status;
}
