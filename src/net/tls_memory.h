/* tls_memory.h: where OpenSSL's memory comes from.
 *
 * A quiet connection holds no record buffers (SSL_MODE_RELEASE_BUFFERS), so each record allocates one and frees it again, and
 * libssl a few small pieces besides: with base/recycler.h a busy loop passes the same few warm pieces around.
 */
#ifndef NET_TLS_MEMORY_H
#define NET_TLS_MEMORY_H

/* First thing in main, before OpenSSL allocates: later it has no effect. */
void tls_memory_install(void);

#endif
