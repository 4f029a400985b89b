/* edge_affinity.h: a visitor comes back to the same warpgate: a cookie of the edge's, for routes that are sticky.
 *
 * The value follows from environment and warpgate alone, so every edge knows it without being told; it proves nothing and opens
 * nothing: whoever invents one chooses, at most, among the warpgates of the environment that answers him anyway. It is taken out of
 * every request: the workload never sees it.
 */
#ifndef EDGE_EDGE_AFFINITY_H
#define EDGE_EDGE_AFFINITY_H

#include "base/arena.h"
#include "base/id.h"
#include "http/http_message.h"

#define EDGE_AFFINITY_COOKIE "__Host-warpgate-affinity"
#define EDGE_AFFINITY_SIZE 17 /* 64 bits of SHA-256 as hexadecimal text, terminated */

void edge_affinity_make(const struct id *environment, const struct id *warpgate,
                        char out[EDGE_AFFINITY_SIZE]);
/* Takes the cookie out of a request's fields; its value, or the empty string. */
struct str edge_affinity_take(struct http_fields *fields, struct arena *arena);
/* Adds Set-Cookie to an answer. */
void edge_affinity_give(struct http_fields *fields, struct arena *arena, const char *affinity);

#endif
