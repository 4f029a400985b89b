/* Why TLS failed, in words that tell an operator what to do. One table for each vocabulary: verification, alerts of the
 * peer, and our own findings. */
#include <string.h>

#include <openssl/err.h>

#include "net/tls_session.h"

struct phrase {
    int code;
    const char *slug;
    const char *text; /* after the peer's name */
};

/* X509_V_ERR_*: what is wrong with the peer's certificate. */
static const struct phrase verify_phrases[] = {
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, NULL,
     "is not trusted: pass the certificate of its authority with --ca-file"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, NULL,
     "is not trusted: pass the certificate of its authority with --ca-file"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, NULL,
     "is not trusted: pass the certificate of its authority with --ca-file"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, NULL,
     "is self-signed and not trusted: pass it with --ca-file if it is the right one"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, NULL,
     "is not trusted: pass the certificate of its authority with --ca-file"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, NULL,
     "is not trusted: its authority only has the name of the one that was given (--ca-file)"},
    {X509_V_ERR_CERT_HAS_EXPIRED, NULL, "has expired: renew it, or set this machine's clock right"},
    {X509_V_ERR_CERT_NOT_YET_VALID, NULL, "is not valid yet: set this machine's clock right"},
    {X509_V_ERR_HOSTNAME_MISMATCH, NULL, "is for another name: check the address that was given"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, NULL,
     "is not for this IP address: use the name that it is made for"},
    {X509_V_ERR_INVALID_PURPOSE, NULL, "is not made for this use (extended key usage)"},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, NULL, "has too many intermediate certificates"},
};

/* Alerts (RFC 8446 §6): what the peer says about us. */
static const struct phrase alert_phrases[] = {
    {SSL_AD_BAD_CERTIFICATE, "tls_verify", "refused our certificate (bad_certificate)"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "tls_verify",
     "refused our certificate (unsupported_certificate)"},
    {SSL_AD_CERTIFICATE_REVOKED, "tls_verify", "refused our certificate: it is revoked"},
    {SSL_AD_CERTIFICATE_EXPIRED, "tls_verify",
     "refused our certificate: it has expired; check this machine's clock"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "tls_verify", "refused our certificate (certificate_unknown)"},
    {SSL_AD_UNKNOWN_CA, "tls_verify",
     "refused our certificate: it does not trust the authority that issued it"},
    {SSL_AD_ACCESS_DENIED, "tls_verify", "refused our certificate (access_denied)"},
    {SSL_AD_CERTIFICATE_REQUIRED, "tls_verify", "wants a certificate, and we have none to show"},
    {SSL_AD_UNRECOGNIZED_NAME, "tls_handshake",
     "does not answer for this name (unrecognized_name): check the address that was given"},
    {SSL_AD_NO_APPLICATION_PROTOCOL, "tls_handshake",
     "does not speak our protocol (no_application_protocol): check the address that was given"},
    {SSL_AD_PROTOCOL_VERSION, "tls_handshake",
     "allows no TLS version that we do (protocol_version)"},
    {SSL_AD_HANDSHAKE_FAILURE, "tls_handshake",
     "found nothing in common with us (handshake_failure)"},
    {SSL_AD_INTERNAL_ERROR, "tls_handshake",
     "cannot serve us at the moment (internal_error): try again later"},
    {SSL_AD_DECODE_ERROR, "tls_handshake", "could not read our handshake (decode_error)"},
};

/* SSL_R_*: what we found ourselves. */
static const struct phrase reason_phrases[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "tls_verify", "showed no certificate"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "tls_handshake", "offers no TLS version that is allowed here"},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, "tls_handshake", "offers no TLS version that is allowed here"},
    {SSL_R_VERSION_TOO_LOW, "tls_handshake", "offers no TLS version that is allowed here"},
    {SSL_R_WRONG_VERSION_NUMBER, "tls_handshake", "does not speak TLS on this port"},
    {SSL_R_HTTP_REQUEST, "tls_handshake", "speaks plain HTTP on a TLS port"},
    {SSL_R_CALLBACK_FAILED, "tls_handshake",
     "asked for a name or protocol that is not served here"},
    {SSL_R_NO_SHARED_CIPHER, "tls_handshake", "offers no cipher that is allowed here"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "tls_handshake", "offers no protocol that is served here"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, "tls_handshake", "sent a handshake message that is too large"},
};

static const struct phrase *find_phrase(const struct phrase *phrases, size_t count, int code) {
    for (size_t i = 0; i < count; i++) {
        if (phrases[i].code == code) {
            return &phrases[i];
        }
    }
    return NULL;
}

#define FIND(table, code) find_phrase((table), sizeof(table) / sizeof((table)[0]), (code))

static void explain_verify(long result, const char *peer, struct why *why) {
    const struct phrase *phrase = FIND(verify_phrases, (int)result);
    if (phrase != NULL) {
        (void)why_set(why, STATUS_DENIED, "tls_verify", "the certificate of %.80s %s", peer,
                      phrase->text);
        return;
    }
    (void)why_set(why, STATUS_DENIED, "tls_verify", "the certificate of %.80s is not accepted: %s",
                  peer, X509_verify_cert_error_string(result));
}

static void explain_error(unsigned long error, const char *peer, struct why *why) {
    int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    bool is_alert = reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256;
    const struct phrase *phrase = is_alert ? FIND(alert_phrases, reason - SSL_AD_REASON_OFFSET)
                                           : FIND(reason_phrases, reason);
    if (phrase != NULL) {
        (void)why_set(why, STATUS_DENIED, phrase->slug, "%.80s %s", peer, phrase->text);
        return;
    }
    /* A program may run without OpenSSL's texts; "openssl errstr" tells what the number means. */
    const char *text = ERR_reason_error_string(error);
    (void)why_set(why, STATUS_FAILED, "tls_handshake", "TLS with %.80s failed: %s (error:%08lX)",
                  peer, text != NULL ? text : "OpenSSL", error);
}

void tls_session_why(const struct tls_session *session, const char *peer, struct why *why) {
    long verify = SSL_get_verify_result(session->ssl);
    if (session->lacks_alpn) {
        (void)why_set(
            why, STATUS_DENIED, "tls_handshake",
            "%.80s does not speak our protocol (no ALPN): check the address that was given", peer);
    } else if (session->refusal_alert != 0) {
        (void)why_set(why, STATUS_UNAVAILABLE, "shed",
                      "%.80s is not taken on: too many descriptors are open", peer);
    } else if (session->lacks_request) {
        (void)why_set(why, STATUS_DENIED, "tls_handshake",
                      "%.80s did not ask for our certificate: it is no edge", peer);
    } else if (!session->is_established && verify != X509_V_OK && session->error != 0) {
        explain_verify(verify, peer, why);
    } else if (session->error != 0 &&
               ERR_GET_REASON(session->error) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        explain_error(session->error, peer, why);
    } else if (session->system_error != 0) {
        (void)why_set(why, STATUS_CLOSED, "peer_reset", "%.80s cut the connection: %s", peer,
                      strerror(session->system_error));
    } else if (session->is_established) {
        (void)why_set(why, STATUS_CLOSED, "peer_reset",
                      "%.80s closed the connection without close_notify", peer);
    } else {
        (void)why_set(why, STATUS_CLOSED, "tls_handshake",
                      "%.80s closed the connection during the TLS handshake", peer);
    }
}
