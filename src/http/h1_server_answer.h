/* h1_server_answer.h: the answer to a request over HTTP/1: what http_stream.h lets the owner of the exchange call. */
#ifndef HTTP_H1_SERVER_ANSWER_H
#define HTTP_H1_SERVER_ANSWER_H

#include "http/h1_server_core.h"

extern const struct http_stream_ops h1_server_answer_ops;

/* http_stream_release. */
void h1_server_answer_release(struct http_stream *stream);

#endif
