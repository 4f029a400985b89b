/* h1_server_input.h: what an HTTP/1 server makes of its visitor's bytes. */
#ifndef HTTP_H1_SERVER_INPUT_H
#define HTTP_H1_SERVER_INPUT_H

#include "http/h1_server_core.h"

/* Returns how many bytes were taken: all, or those of one request. */
size_t h1_server_input_take(struct h1_server *server, const uint8_t *bytes, size_t len);
/* Keeps what was not taken, if a further request, or a WebSocket, may be read from it. */
void h1_server_input_keep(struct h1_server *server, const uint8_t *bytes, size_t len);
/* The request is complete without its last bytes having said so. */
void h1_server_input_tell_end(struct h1_server *server);

#endif
