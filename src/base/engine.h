/* engine.h: a protocol engine as a connection sees it: bytes in, bytes out, no sockets.
 *
 * A connection (net/conn.h) owns the transport and one engine, and drives it: what was read is fed, what the engine has
 * to write is peeked and, when the transport took it, acknowledged with `wrote`. Engines (HTTP/1, HTTP/2, test doubles)
 * know nothing of sockets, TLS or loops, so each can be tested and fuzzed alone.
 *
 * An engine never calls the connection back except through `notify`, which only means "look at me again soon": output
 * has appeared, or wants_read or phase has changed, because of a call from elsewhere. `notify` may be called at any
 * time, also from inside feed. The connection looks once at the end of the loop iteration (cork).
 * One thread; an engine is never freed from inside one of its own callbacks.
 */
#ifndef BASE_ENGINE_H
#define BASE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

enum engine_phase {
    ENGINE_IDLE,     /* nothing begun: a connection kept alive */
    ENGINE_HEAD,     /* a request or response head has begun to arrive and is not complete */
    ENGINE_BUSY,     /* at least one exchange is open */
    ENGINE_DRAINING, /* no new exchanges; open ones are being finished */
    ENGINE_DONE,     /* close the transport once the output is written */
};

struct engine_ops {
    /* Takes all `len` bytes: what cannot be processed now is kept (at most one read, see wants_read). */
    void (*feed)(struct engine *engine, const uint8_t *bytes, size_t len);
    /* The peer closed its sending side in an orderly way. */
    void (*feed_end)(struct engine *engine);
    /* The transport is gone: every open stream is closed with HTTP_CLOSE_LOST. Nothing is fed or peeked after it. */
    void (*lost)(struct engine *engine);
    /* The next contiguous output, or 0. Valid until `wrote` or the next call. Peeking may produce output. */
    size_t (*peek)(struct engine *engine, const uint8_t **bytes);
    void (*wrote)(struct engine *engine, size_t len);
    /* False while reading on would pile up: back-pressure. */
    bool (*wants_read)(const struct engine *engine);
    enum engine_phase (*phase)(const struct engine *engine);
    void (*free)(struct engine *engine);
    /* After feed_end: true while there is still something to come for a peer that only closed its sending side. NULL: never. */
    bool (*outlasts_end)(const struct engine *engine);
};

struct engine {
    const struct engine_ops *ops;
    void (*notify)(void *context);
    void *notify_context;
};

static inline void engine_notify(struct engine *engine) {
    if (engine->notify != 0) {
        engine->notify(engine->notify_context);
    }
}

#endif
