#include "edge/edge_feed.h"

#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/notice.h"
#include "edge/edge_load.h"
#include "edge/edge_roster_report.h"
#include "edge/edge_trust.h"
#include "edge/edge_usage.h"
#include "http/h1_client.h"
#include "net/conn.h"
#include "pki/cert_identity.h"
#include "tunnel/tunnel_channel.h"

#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 5000
#define DOUBLED_MS 30000 /* between two tries to be believed, while a younger process is */

enum feed_state {
    FEED_IDLE,       /* between two attempts: the retry timer runs */
    FEED_RESOLVING,  /* looking the control plane's name up */
    FEED_CONNECTING, /* TCP and TLS */
    FEED_SYNCING,    /* the stream is open, the whole state is on its way */
    FEED_LIVE,       /* synced: what arrives is a change */
};

struct edge_feed {
    struct edge *edge;
    enum feed_state state;
    int (*connect_control)(void *context); /* may be NULL */
    void *connect_context;
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    char server_name[256];
    struct address_lookup *lookup;
    struct conn *conn;
    struct h1_client *client;
    struct tunnel_channel *channel;
    struct loop_timer retry_timer;
    struct loop_timer ping_timer;
    unsigned attempts; /* since the last sync: which address is next */
    struct backoff backoff;
    struct notice notice;
    struct edge_hearing hearing;
    bool is_doubled; /* a younger process has our certificate, and the feed with it */
    bool is_ending;
    unsigned open_timers;
};

static void start_attempt(struct edge_feed *feed);

static void retry_later(struct edge_feed *feed) {
    if (feed->is_ending) {
        return;
    }
    int64_t delay_ms = backoff_next(&feed->backoff, loop_random(feed->edge->loop));
    feed->attempts++;
    feed->state = FEED_IDLE;
    loop_timer_set(&feed->retry_timer, feed->is_doubled ? DOUBLED_MS : delay_ms);
    feed->is_doubled = false;
}

static void say_trouble(struct edge_feed *feed, const struct why *why) {
    struct edge *edge = feed->edge;
    if (edge->phase != EDGE_RUNNING ||
        !notice_is_due(&feed->notice, why->slug, loop_now_ms(edge->loop))) {
        return; /* said before; or of no interest: the control plane stops as we do */
    }
    log_warn("edge.feed_down", "control=%s:%u code=%s detail=%s", feed->host, feed->port, why->slug,
             why->text);
}

/* What arrives */

static void tell_refused(struct edge_feed *feed, const struct why *why) {
    log_error("edge.bundle_refused", "code=%s detail=%s", why->slug, why->text);
    const struct feed_message refused = {
        .type = FEED_MESSAGE_REFUSED,
        .code = str_from(why->slug),
        .detail = str_from(why->text),
    };
    edge_feed_report(feed, &refused);
}

static void take_synced(struct edge_feed *feed, const struct feed_message *message) {
    struct edge *edge = feed->edge;
    const struct edge_worker *first = edge->workers[0];
    (void)message;
    feed->state = FEED_LIVE;
    feed->attempts = 0;
    backoff_reset(&feed->backoff);
    notice_forget(&feed->notice);
    log_info("edge.synced", "environments=%zu hosts=%zu control=%s:%u", first->environments.count,
             first->hosts.count, feed->host, feed->port);
    edge_note_feed(edge);
    edge_roster_report_all(edge->roster);
    edge_report_due(edge);
    edge_usage_feed_live(edge->usage, feed);
    edge_trust_report(edge);
    edge_note_synced(edge);
}

static void take_certificate(struct edge_feed *feed, const struct feed_message *message) {
    edge_take_certificate(feed->edge, message->chain);
}

static void take_usage_taken(struct edge_feed *feed, const struct feed_message *message) {
    edge_usage_taken(feed->edge->usage, message);
}

static void take_pace(struct edge_feed *feed, const struct feed_message *message) {
    edge_usage_pace(feed->edge->usage, message);
}

/* What is for the feed itself, after it has been heard. */
static const struct {
    enum feed_message_type type;
    void (*take)(struct edge_feed *feed, const struct feed_message *message);
} takers[] = {
    {FEED_MESSAGE_CERTIFICATE, take_certificate},
    {FEED_MESSAGE_SYNCED, take_synced},
    {FEED_MESSAGE_USAGE_TAKEN, take_usage_taken},
    {FEED_MESSAGE_PACE, take_pace},
};

static void on_record(void *owner, const json_t *object) {
    struct edge_feed *feed = owner;
    struct feed_message message;
    struct why why = {0};
    if (feed_message_read(object, &message, &why) != STATUS_OK) {
        say_trouble(feed, &why);
        conn_abort(feed->conn);
        return;
    }
    if (edge_hear(feed->edge, &feed->hearing, &message, object, &why) != STATUS_OK) {
        tell_refused(feed, &why);
    }
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (takers[i].type == message.type) {
            takers[i].take(feed, &message);
            return;
        }
    }
}

static void on_head(void *owner, const struct http_head *head) {
    struct edge_feed *feed = owner;
    if (head->status != 200) {
        struct why why = {0};
        feed->is_doubled = head->status == 409;
        (void)why_set(&why, STATUS_DENIED, feed->is_doubled ? "edge_doubled" : "feed_refused",
                      "the control plane answered %u%s", head->status,
                      feed->is_doubled
                          ? ": a process that began later has this edge's certificate; "
                            "stop one of the two, and join it anew"
                          : "");
        say_trouble(feed, &why);
        conn_abort(feed->conn);
    }
}

static void on_channel_closed(void *owner, const struct why *why) {
    struct edge_feed *feed = owner;
    say_trouble(feed, why);
    tunnel_channel_free(&feed->channel);
    if (feed->conn != NULL) {
        conn_abort(feed->conn);
    }
}

static const struct tunnel_channel_events channel_events = {
    .on_head = on_head,
    .on_record = on_record,
    .on_closed = on_channel_closed,
};

/* The connection */

static enum status judge_control(struct edge_feed *feed, struct why *why) {
    struct cert_identity identity;
    return cert_identity_check(conn_peer_chain(feed->conn), CERT_CONTROL,
                               str_from(feed->edge->trust_domain), &identity, why);
}

static void on_established(void *owner, struct conn *conn) {
    struct edge_feed *feed = owner;
    struct why why = {0};
    if (judge_control(feed, &why) != STATUS_OK) {
        say_trouble(feed, &why);
        conn_abort(conn);
        return;
    }
    const struct h1_client_config config = {.pool = loop_block_pool(feed->edge->loop)};
    char instance[24];
    int len = snprintf(instance, sizeof instance, "%llu", (unsigned long long)feed->edge->instance);
    struct http_field field = {STR(FEED_INSTANCE_FIELD), str_make(instance, (size_t)len)};
    const struct http_head head = {
        .method = STR_INIT("POST"),
        .scheme = STR_INIT("https"),
        .authority = str_from(feed->server_name),
        .path = STR_INIT(FEED_PATH),
        .fields = {.at = &field, .count = 1, .cap = 1},
    };
    feed->state = FEED_SYNCING;
    edge_hear_begin(feed->edge, &feed->hearing);
    feed->client = h1_client_new(&config);
    conn_set_engine(conn, h1_client_engine(feed->client));
    feed->channel = tunnel_channel_new(&channel_events, feed);
    struct http_stream *stream =
        h1_client_open(feed->client, &head, false, tunnel_channel_stream_events(), feed->channel);
    if (stream == NULL) {
        conn_abort(conn);
        return;
    }
    tunnel_channel_attach(feed->channel, stream);
    const struct feed_message hello = {.type = FEED_MESSAGE_HELLO,
                                       .version = STR_INIT(MEZUSPHERE_VERSION)};
    edge_feed_report(feed, &hello);
    loop_timer_set(&feed->ping_timer, FEED_PING_MS);
}

static void on_conn_closed(void *owner, struct conn *conn, const struct why *why) {
    struct edge_feed *feed = owner;
    (void)conn;
    feed->conn = NULL;
    feed->client = NULL;
    loop_timer_clear(&feed->ping_timer);
    tunnel_channel_free(&feed->channel);
    if (feed->is_ending) { /* the edge may be gone already */
        edge_feed_free(&feed);
        return;
    }
    edge_note_feed(feed->edge);
    edge_usage_feed_lost(feed->edge->usage, feed);
    say_trouble(feed, why);
    retry_later(feed);
}

static const struct conn_events feed_conn_events = {.on_established = on_established,
                                                    .on_closed = on_conn_closed};

static void connect_to(struct edge_feed *feed, const struct address *address, int fd) {
    struct loop *loop = feed->edge->loop;
    struct conn_connect_config config = {
        .tls = feed->edge->control_tls,
        .server_name = feed->server_name,
        .timeouts = {.idle_ms = -1},
        .is_keepalive = fd < 0,
    };
    feed->state = FEED_CONNECTING;
    if (address != NULL) {
        config.address = *address;
    }
    feed->conn = fd < 0 ? conn_connect(loop, &config, &feed_conn_events, feed)
                        : conn_adopt(loop, fd, &config, &feed_conn_events, feed);
}

static void on_found(void *context, enum status status, const struct address *results, size_t count,
                     const struct why *why) {
    struct edge_feed *feed = context;
    feed->lookup = NULL;
    if (status != STATUS_OK || count == 0) {
        say_trouble(feed, why);
        retry_later(feed);
        return;
    }
    connect_to(feed, &results[feed->attempts % count], -1);
}

static void start_attempt(struct edge_feed *feed) {
    int fd = feed->connect_control != NULL ? feed->connect_control(feed->connect_context) : -1;
    if (fd >= 0) {
        connect_to(feed, NULL, fd);
        return;
    }
    feed->state = FEED_RESOLVING;
    feed->lookup = address_lookup_start(feed->edge->loop, feed->host, feed->port, on_found, feed);
}

static void on_retry(struct loop_timer *timer) {
    start_attempt(timer->context);
}

static void on_ping(struct loop_timer *timer) {
    struct edge_feed *feed = timer->context;
    if (feed->conn == NULL) {
        return;
    }
    if (loop_now_ms(feed->edge->loop) - conn_last_read_ms(feed->conn) > FEED_SILENCE_MS) {
        struct why why = {0};
        (void)why_set(&why, STATUS_TIMEOUT, "feed_silent", "nothing was heard for %d s",
                      FEED_SILENCE_MS / 1000);
        say_trouble(feed, &why);
        conn_abort(feed->conn);
        return;
    }
    const struct feed_message load = {.type = FEED_MESSAGE_LOAD,
                                      .load = *edge_load_measure(feed->edge)};
    const struct feed_message ping = {.type = FEED_MESSAGE_PING};
    edge_feed_report(feed, &ping);
    if (feed->state == FEED_LIVE) {
        edge_feed_report(feed, &load);
    }
    edge_check_certificate(feed->edge);
    loop_timer_set(&feed->ping_timer, FEED_PING_MS);
}

struct edge_feed *edge_feed_new(struct edge *edge, const struct edge_config *config) {
    struct edge_feed *feed = MEMORY_NEW(struct edge_feed);
    feed->edge = edge;
    backoff_init(&feed->backoff, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    feed->connect_control = config->connect_control;
    feed->connect_context = config->connect_context;
    if (address_split(str_from(config->control_address), 443, feed->host, &feed->port, NULL) !=
            STATUS_OK ||
        str_to_cstr(config->control_server_name, feed->server_name, sizeof feed->server_name) !=
            STATUS_OK) {
        memory_free(feed);
        return NULL;
    }
    loop_timer_init(&feed->retry_timer, edge->loop, on_retry, feed);
    loop_timer_init(&feed->ping_timer, edge->loop, on_ping, feed);
    feed->open_timers = 2;
    return feed;
}

void edge_feed_start(struct edge_feed *feed) {
    start_attempt(feed);
}

void edge_feed_report(struct edge_feed *feed, const struct feed_message *message) {
    if (feed == NULL || feed->channel == NULL) {
        return;
    }
    json_t *object = feed_message_write(message);
    tunnel_channel_send(feed->channel, object);
    json_decref(object);
}

bool edge_feed_is_at(const struct edge_feed *feed, const char *address, const char *server_name) {
    char host[ADDRESS_HOST_SIZE];
    uint16_t port;
    return address_split(str_from(address), 443, host, &port, NULL) == STATUS_OK &&
           port == feed->port && strcmp(host, feed->host) == 0 &&
           strcmp(server_name, feed->server_name) == 0;
}

bool edge_feed_is_connected(const struct edge_feed *feed) {
    return feed->channel != NULL;
}

bool edge_feed_is_live(const struct edge_feed *feed) {
    return feed->state == FEED_LIVE && feed->channel != NULL;
}

static void on_timer_closed(struct loop_timer *timer) {
    struct edge_feed *feed = timer->context;
    if (--feed->open_timers == 0) {
        memory_free(feed);
    }
}

void edge_feed_free(struct edge_feed **at) {
    struct edge_feed *feed = *at;
    *at = NULL;
    if (feed == NULL) {
        return;
    }
    if (!feed->is_ending) {
        edge_usage_feed_lost(feed->edge->usage, feed);
    }
    feed->is_ending = true;
    if (feed->lookup != NULL) {
        address_lookup_cancel(feed->lookup);
        feed->lookup = NULL;
    }
    if (feed->conn != NULL) {
        tunnel_channel_free(&feed->channel);
        conn_abort(feed->conn); /* on_conn_closed comes back here */
        return;
    }
    loop_timer_close(&feed->retry_timer, on_timer_closed);
    loop_timer_close(&feed->ping_timer, on_timer_closed);
}
