#include "pki/cert_write.h"

#include "base/random.h"
#include "pki/digest.h"
#include "pki/key.h"
#include "pki/ossl.h"

#define SERIAL_BYTES 16
#define KEY_IDENTIFIER_BYTES 20
#define KEY_USAGE_SIGNATURE 0 /* bit numbers, RFC 5280 §4.2.1.3 */
#define KEY_USAGE_CERTIFICATES 5
#define KEY_USAGE_REVOCATIONS 6

static bool set_serial(X509 *cert) {
    uint8_t bytes[SERIAL_BYTES];
    random_fill(random_system(), bytes, sizeof(bytes));
    bytes[0] &= 0x7f; /* positive in 16 bytes */
    OSSL_AUTO(BN_free) BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    return number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
}

static bool set_validity(X509 *cert, const struct cert_write *record) {
    OSSL_AUTO(ASN1_TIME_free) ASN1_TIME *start = ASN1_TIME_set(NULL, record->not_before_ms / 1000);
    OSSL_AUTO(ASN1_TIME_free) ASN1_TIME *end = ASN1_TIME_set(NULL, record->not_after_ms / 1000);
    return start != NULL && end != NULL && X509_set1_notBefore(cert, start) == 1 &&
           X509_set1_notAfter(cert, end) == 1;
}

static bool set_subject(X509 *cert, const char *common_name) {
    return common_name == NULL ||
           X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, MBSTRING_UTF8,
                                      (const uint8_t *)common_name, -1, -1, 0) == 1;
}

static bool add_extension(X509 *cert, int nid, void *value, bool is_critical) {
    return X509_add1_ext_i2d(cert, nid, value, is_critical, X509V3_ADD_DEFAULT) == 1;
}

static bool add_constraints(X509 *cert, const struct cert_write *record) {
    OSSL_AUTO(BASIC_CONSTRAINTS_free) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    if (constraints == NULL) {
        return false;
    }
    constraints->ca = record->is_ca ? 0xff : 0;
    if (record->is_ca) {
        constraints->pathlen = ASN1_INTEGER_new();
        if (constraints->pathlen == NULL ||
            ASN1_INTEGER_set(constraints->pathlen, record->path_length) != 1) {
            return false;
        }
    }
    return add_extension(cert, NID_basic_constraints, constraints, true);
}

static bool add_key_usage(X509 *cert, bool is_ca) {
    OSSL_AUTO(ASN1_BIT_STRING_free) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    if (bits == NULL) {
        return false;
    }
    bool is_set = is_ca ? ASN1_BIT_STRING_set_bit(bits, KEY_USAGE_CERTIFICATES, 1) == 1 &&
                              ASN1_BIT_STRING_set_bit(bits, KEY_USAGE_REVOCATIONS, 1) == 1
                        : ASN1_BIT_STRING_set_bit(bits, KEY_USAGE_SIGNATURE, 1) == 1;
    return is_set && add_extension(cert, NID_key_usage, bits, true);
}

static bool add_usages(X509 *cert, const struct cert_write *record) {
    if (!record->is_server && !record->is_client) {
        return true;
    }
    OSSL_AUTO(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *usages = sk_ASN1_OBJECT_new_null();
    if (usages == NULL) {
        return false;
    }
    /* OBJ_nid2obj's objects are OpenSSL's own: freeing them with the stack does nothing. */
    return (!record->is_server || sk_ASN1_OBJECT_push(usages, OBJ_nid2obj(NID_server_auth)) > 0) &&
           (!record->is_client || sk_ASN1_OBJECT_push(usages, OBJ_nid2obj(NID_client_auth)) > 0) &&
           add_extension(cert, NID_ext_key_usage, usages, false);
}

static bool push_name(GENERAL_NAMES *list, const struct cert_write_name *from) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    bool is_made = name != NULL && text != NULL &&
                   ASN1_STRING_set(text, from->text.at, (int)from->text.len) == 1 &&
                   sk_GENERAL_NAME_push(list, name) > 0;
    if (!is_made) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(text);
        return false;
    }
    GENERAL_NAME_set0_value(name, from->kind, text);
    return true;
}

static bool add_names(X509 *cert, const struct cert_write *record) {
    if (record->name_count == 0) {
        return true;
    }
    OSSL_AUTO(GENERAL_NAMES_free) GENERAL_NAMES *list = GENERAL_NAMES_new();
    for (size_t i = 0; i < record->name_count; i++) {
        if (list == NULL || !push_name(list, &record->names[i])) {
            return false;
        }
    }
    return add_extension(cert, NID_subject_alt_name, list, record->common_name == NULL);
}

/* The leading 160 bits of SHA-256 over the point (RFC 7093 §2, method 1). */
static ASN1_OCTET_STRING *make_key_identifier(const EVP_PKEY *key) {
    uint8_t spki[KEY_SPKI_BYTES];
    uint8_t digest[DIGEST_BYTES];
    ASN1_OCTET_STRING *identifier = ASN1_OCTET_STRING_new();
    size_t point = KEY_SPKI_X - 1; /* with the byte that says "uncompressed" */
    if (identifier == NULL || key_spki(key, spki) != STATUS_OK) {
        ASN1_OCTET_STRING_free(identifier);
        return NULL;
    }
    digest_sha256(str_make(spki + point, sizeof(spki) - point), digest);
    if (ASN1_OCTET_STRING_set(identifier, digest, KEY_IDENTIFIER_BYTES) != 1) {
        ASN1_OCTET_STRING_free(identifier);
        return NULL;
    }
    return identifier;
}

static bool add_key_identifiers(X509 *cert, const EVP_PKEY *key, const EVP_PKEY *issuer_key) {
    OSSL_AUTO(ASN1_OCTET_STRING_free) ASN1_OCTET_STRING *own = make_key_identifier(key);
    OSSL_AUTO(AUTHORITY_KEYID_free) AUTHORITY_KEYID *issuer = AUTHORITY_KEYID_new();
    if (own == NULL || issuer == NULL) {
        return false;
    }
    issuer->keyid = make_key_identifier(issuer_key);
    return issuer->keyid != NULL && add_extension(cert, NID_subject_key_identifier, own, false) &&
           add_extension(cert, NID_authority_key_identifier, issuer, false);
}

static bool fill(X509 *cert, const struct cert_write *record, EVP_PKEY *key, const X509 *issuer,
                 EVP_PKEY *issuer_key) {
    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
           set_validity(cert, record) && set_subject(cert, record->common_name) &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer == NULL ? cert : issuer)) == 1 &&
           X509_set_pubkey(cert, key) == 1 && add_constraints(cert, record) &&
           add_key_usage(cert, record->is_ca) && add_usages(cert, record) &&
           add_names(cert, record) && add_key_identifiers(cert, key, issuer_key) &&
           X509_sign(cert, issuer_key, EVP_sha256()) > 0;
}

X509 *cert_write(const struct cert_write *record, EVP_PKEY *key, X509 *issuer,
                 EVP_PKEY *issuer_key) {
    OSSL_AUTO(X509_free) X509 *cert = X509_new();
    bool is_done = cert != NULL && fill(cert, record, key, issuer, issuer_key);
    ERR_clear_error();
    X509 *made = is_done ? cert : NULL;
    if (is_done) {
        cert = NULL;
    }
    return made;
}
