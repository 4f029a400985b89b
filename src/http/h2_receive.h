/* h2_receive.h: the library's callbacks for what the peer sent: heads, bodies, trailers, resets, session frames. */
#ifndef HTTP_H2_RECEIVE_H
#define HTTP_H2_RECEIVE_H

#include <nghttp2/nghttp2.h>

/* Their user data is the struct h2_session. */
void h2_receive_register(nghttp2_session_callbacks *callbacks);

#endif
