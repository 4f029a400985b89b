#include "warpgate/warpgate_check.h"

#include <string.h>

#include "base/memory.h"

#define FIRST_MS 1000
#define USER_AGENT "warpgate-health"

enum check_state {
    CHECK_WAITING, /* until the next one is due */
    CHECK_DIALLING,
    CHECK_ASKING, /* the request is out */
    CHECK_FREED,
};

struct warpgate_check {
    struct warpgate_check_config config;
    enum check_state state;
    struct str path; /* owned */
    uint32_t interval_ms;
    uint32_t timeout_ms;
    struct loop_timer timer; /* of the interval, or of the timeout */
    struct warpgate_link *link;
    struct http_stream *stream;
};

static void set_state(struct warpgate_check *check, enum check_state state) {
    check->state = state;
}

static int64_t vary(const struct warpgate_check *check, int64_t from_ms, int64_t to_ms) {
    const struct random *random = loop_random(check->config.parts->loop);
    return from_ms + (int64_t)random_below(random, (uint32_t)(to_ms - from_ms) + 1);
}

static void wait_for_next(struct warpgate_check *check) {
    int64_t tenth_ms = check->interval_ms / 10;
    set_state(check, CHECK_WAITING);
    loop_timer_set(&check->timer,
                   vary(check, check->interval_ms - tenth_ms, check->interval_ms + tenth_ms));
}

/* Lets go of the connection, however far it is. */
static void drop_link(struct warpgate_check *check) {
    struct warpgate_link *link = check->link;
    if (check->stream != NULL) {
        http_stream_release(check->stream);
        check->stream = NULL;
    }
    check->link = NULL;
    if (link == NULL) {
        return;
    }
    if (link->state == WARPGATE_LINK_OPEN) {
        link->events = NULL;
        warpgate_link_close(link);
    } else if (link->state < WARPGATE_LINK_OPEN) {
        warpgate_link_cancel(&link);
    }
}

static void conclude(struct warpgate_check *check, const struct why *why) {
    drop_link(check);
    wait_for_next(check);
    check->config.on_result(check->config.context, why);
}

static void fail(struct warpgate_check *check, const char *slug, const char *text) {
    struct why why;
    (void)why_set(&why, STATUS_FAILED, slug, "the health check %s", text);
    conclude(check, &why);
}

static void take_head(void *owner, const struct http_head *head, bool is_end) {
    struct warpgate_check *check = owner;
    (void)is_end;
    if (head->status < 200) {
        return;
    }
    if (head->status < 400) {
        conclude(check, NULL);
        return;
    }
    struct why why;
    (void)why_set(&why, STATUS_FAILED, "check_status", "the health check was answered %u",
                  head->status);
    conclude(check, &why);
}

static void take_closed(void *owner, enum http_close reason) {
    struct warpgate_check *check = owner;
    (void)reason;
    check->stream = NULL;
    fail(check, "check_closed", "got no answer that is HTTP");
}

static const struct http_stream_events stream_events = {.on_head = take_head,
                                                        .on_closed = take_closed};

static void ask(void *owner, struct warpgate_link *link) {
    struct warpgate_check *check = owner;
    const struct warpgate_target *target = check->config.target;
    struct http_field agent = {STR("user-agent"), STR(USER_AGENT)};
    const struct http_head head = {
        .method = STR("GET"),
        .scheme = target->kind == WARPGATE_TARGET_HTTPS ? STR("https") : STR("http"),
        .authority = str_from(target->authority),
        .path = check->path,
        .fields = {.at = &agent, .count = 1, .cap = 1},
    };
    set_state(check, CHECK_ASKING);
    check->stream = warpgate_link_open(link, &head, true, &stream_events, check);
    if (check->stream == NULL) {
        fail(check, "check_closed", "found the connection taken back");
    }
}

static void on_failed(void *owner, struct warpgate_link *link, const struct why *why) {
    struct warpgate_check *check = owner;
    (void)link;
    check->link = NULL;
    conclude(check, why);
}

/* The exchange has told before. */
static void on_closed(void *owner, struct warpgate_link *link, const struct why *why) {
    struct warpgate_check *check = owner;
    (void)why;
    if (check->link == link) {
        check->link = NULL;
    }
}

static const struct warpgate_link_events link_events = {
    .on_open = ask, .on_failed = on_failed, .on_closed = on_closed};

static void begin(struct warpgate_check *check) {
    const struct warpgate_link_config config = {
        .parts = check->config.parts,
        .target = check->config.target,
        .tls = check->config.tls,
        .connect_ms = check->timeout_ms,
        .events = &link_events,
        .owner = check,
    };
    set_state(check, CHECK_DIALLING);
    loop_timer_set(&check->timer, check->timeout_ms);
    check->link = warpgate_link_dial(&config);
}

static void fire(struct loop_timer *timer) {
    struct warpgate_check *check = timer->context;
    if (check->state == CHECK_WAITING) {
        begin(check);
    } else {
        fail(check, "check_timeout", "was not answered in time");
    }
}

struct warpgate_check *warpgate_check_new(const struct warpgate_check_config *config,
                                          const struct bundle_health_check *what) {
    struct warpgate_check *check = MEMORY_NEW(struct warpgate_check);
    check->config = *config;
    check->path = (struct str){memory_dup(what->path.at, what->path.len), what->path.len};
    check->interval_ms = what->interval_ms;
    check->timeout_ms = what->timeout_ms;
    set_state(check, CHECK_WAITING);
    loop_timer_init(&check->timer, config->parts->loop, fire, check);
    loop_timer_set(&check->timer, vary(check, 0, FIRST_MS));
    warpgate_parts_hold(config->parts);
    return check;
}

bool warpgate_check_is(const struct warpgate_check *check, const struct bundle_health_check *what) {
    return str_eq(check->path, what->path) && check->interval_ms == what->interval_ms &&
           check->timeout_ms == what->timeout_ms;
}

static void free_check(struct loop_timer *timer) {
    struct warpgate_check *check = timer->context;
    struct warpgate_parts *parts = check->config.parts;
    memory_free((char *)(uintptr_t)check->path.at);
    memory_free(check);
    warpgate_parts_drop(parts);
}

void warpgate_check_free(struct warpgate_check **at) {
    struct warpgate_check *check = *at;
    *at = NULL;
    if (check == NULL) {
        return;
    }
    drop_link(check);
    set_state(check, CHECK_FREED);
    loop_timer_close(&check->timer, free_check);
}
