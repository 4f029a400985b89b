/* h2_output.h: packing what the library wants to send into one 64 KiB block per session.
 *
 * The block is taken when there is something to write and given back when it is drained. It is filled only when empty,
 * frame after frame; DATA goes straight from the stream's queue behind its frame head, in frames of at most 16 KiB.
 */
#ifndef HTTP_H2_OUTPUT_H
#define HTTP_H2_OUTPUT_H

#include <nghttp2/nghttp2.h>
#include <stddef.h>
#include <stdint.h>

struct h2_session;
struct h2_stream;

/* engine peek and wrote. */
size_t h2_output_peek(struct h2_session *session, const uint8_t **bytes);
void h2_output_wrote(struct h2_session *session, size_t len);
/* Gives the block back. */
void h2_output_clear(struct h2_session *session);
/* The source of a stream's DATA. */
nghttp2_data_provider h2_output_provider(struct h2_stream *stream);
/* Registers the library's callbacks for sending. */
void h2_output_register(nghttp2_session_callbacks *callbacks);

#endif
