/* tls_system_trust.h: the system's own certificate authorities, read from its files once for all who verify by them.
 *
 * They are large (a megabyte): read when the first handshake needs them, shared, and let go of with the last user. Which files: as
 * OpenSSL's defaults say, and SSL_CERT_FILE and SSL_CERT_DIR. Any thread.
 */
#ifndef NET_TLS_SYSTEM_TRUST_H
#define NET_TLS_SYSTEM_TRUST_H

#include <openssl/x509.h>

/* Never NULL; without any files it trusts nobody. To be given back. */
X509_STORE *tls_system_trust_take(void);
/* NULLs the pointer; NULL is allowed. */
void tls_system_trust_give_back(X509_STORE **store);

#endif
